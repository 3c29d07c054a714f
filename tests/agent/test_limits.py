"""What is too much: bodies, sections, and a spool that nobody empties."""

import hashlib
import os

import pytest
from tests.agent.fakes import Machine
from tests.collector.fakes import Collector

from verbundwacht_agent import gather as gathering
from verbundwacht_agent import spool as spooling
from verbundwacht_agent.collect import sendable
from verbundwacht_agent.gather import split
from verbundwacht_agent.probes import PROBES, Collected, Probe
from verbundwacht_wire.facts import Packages
from verbundwacht_wire.facts.software import Package


def test_bodies_that_do_not_fit_into_one_report_go_in_several_with_one_manifest(
    machine: Machine, sammler: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "FRAME_BUDGET", 1500)
    machine.gather()
    reports = [machine.report(seq) for seq in machine.spooled()]
    sent = [name for report in reports for name in report.bodies]

    assert len(reports) > 2
    assert all(report.manifest == reports[0].manifest for report in reports)
    assert len(sent) == len(set(sent)) == sum(
        entry.status == "ok" for entry in reports[0].manifest.values()
    )  # fmt: skip
    assert set(machine.codes(sammler)) == {"OK"}
    assert sammler.value("SELECT facts_unknown FROM host") == 0


def packages(count: int, text: str = "") -> Packages:
    """So many packages whose names nothing can compress."""

    def name(number: int) -> str:
        return text or hashlib.sha512(b"%d" % number).hexdigest()

    some = (Package(name=name(n), version="1", arch="all") for n in range(count))
    return Packages(manager="dpkg", installed=tuple(some))


@pytest.mark.parametrize(
    "body",
    [packages(4_000), packages(20_001, "x"), packages(1, "x" * 8_193), packages(900, "a" * 200)],
    ids=["packed", "many", "long", "ratio"],
)
def test_a_section_that_the_collector_would_refuse_is_too_large_at_home(
    machine: Machine, sammler: Collector, monkeypatch: pytest.MonkeyPatch, body: Packages
) -> None:
    probe = Probe("packages", lambda _: Collected(body), costly=True)
    monkeypatch.setitem(PROBES, "packages", probe)
    machine.gather()
    entry = machine.report().manifest["packages"]

    assert (entry.status, entry.reason) == ("failed", "too_large")
    assert machine.codes(sammler) == ["OK"]


def test_a_large_section_is_sent_while_the_collector_takes_it(
    machine: Machine, sammler: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = Collected(packages(2_500))
    monkeypatch.setitem(PROBES, "packages", Probe("packages", lambda _: large))
    machine.gather()
    frames = [p.stat().st_size for p in machine.paths.spool.iterdir()]

    assert max(frames) > 150_000
    assert set(machine.codes(sammler)) == {"OK"}


def test_small_bodies_are_sendable_without_a_look() -> None:
    assert sendable(b"{}")


def test_what_falls_out_of_the_spool_is_declared_once_with_first_and_last(
    machine: Machine, sammler: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    for line in "abcd":
        machine.change(line)
        machine.gather()
    size = (machine.paths.spool / f"{4:020d}.vw").stat().st_size
    monkeypatch.setattr(spooling, "MAX_BYTES", size)
    machine.gather()
    monkeypatch.undo()
    machine.change("e")
    machine.gather()

    assert machine.report(5).dropped == (1, 3)
    assert machine.report(6).dropped is None
    assert machine.codes(sammler)[-1] == "OK"
    assert sammler.rows("SELECT hi, upto FROM chain") == [(6, 6)]


def test_a_spool_that_overflows_for_days_leaves_no_gap_unexplained(
    machine: Machine, sammler: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.gather()
    machine.change("a")
    machine.gather()
    size = (machine.paths.spool / f"{2:020d}.vw").stat().st_size
    monkeypatch.setattr(spooling, "MAX_BYTES", 2 * size + 20)
    for line in "bcdefg":
        machine.change(line)
        machine.gather()
    codes = machine.codes(sammler)
    chain = sammler.rows("SELECT hi, upto FROM chain")
    done = [machine.round(sammler), machine.round(sammler)]

    assert set(codes) <= {"OK", "GAP"}
    assert chain == [(8, 8)]
    assert done == ["report", "beat"]  # the bodies that were lost, and then quiet


def test_what_is_older_than_a_week_falls_out_of_the_spool(machine: Machine) -> None:
    for line in "abc":
        machine.change(line)
        machine.gather()
    old = machine.clock.now / 1000 - spooling.MAX_AGE_S - 1
    for seq in (1, 2, 3):
        os.utime(machine.paths.spool / f"{seq:020d}.vw", (old, old))
    machine.gather()

    assert machine.spooled() == [3, 4]
    assert machine.report().dropped == (1, 2)


def test_an_acknowledged_frame_that_is_too_old_goes_with_the_next_beat(
    machine: Machine, sammler: Collector
) -> None:
    machine.round(sammler)
    machine.change()
    machine.gather()
    old = machine.clock.now / 1000 - spooling.MAX_AGE_S - 1
    os.utime(machine.paths.spool / f"{1:020d}.vw", (old, old))
    machine.paths.gather.joinpath("acked").write_text("1")
    done = machine.gather()

    assert (done, machine.spooled()) == ("beat", [2])


@pytest.mark.parametrize(
    ("body", "groups"),
    [
        (b"[" + b"1," * 29_999 + b"1]", 3),  # the collector counts values
        (os.urandom(120_000), 3),  # and bytes on the wire
        (bytes(900_000), 3),  # and bytes inflated
        (b"{}", 1),
    ],
)
def test_bodies_go_in_as_few_reports_as_the_collector_takes(body: bytes, groups: int) -> None:
    found = split({"a": body, "b": body, "c": body})

    assert len(found) == groups
    assert [name for group in found for name in group] == ["a", "b", "c"]


def test_no_body_is_one_report_with_the_manifest_alone() -> None:
    assert split({}) == [{}]
