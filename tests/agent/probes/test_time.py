"""Who sets the clock."""

import subprocess
from pathlib import Path

import pytest
from deploy.demo.recorded_host import RecordedHost

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import Completed
from verbundwacht_agent.probes.time import ASK, Source, parse_sources, probe
from verbundwacht_wire.facts import Time
from verbundwacht_wire.facts.records import TimeClient


def clock(host: RecordedHost) -> Time:
    body = probe(host).body
    assert isinstance(body, Time)
    return body


def test_sources_come_from_the_client_that_runs() -> None:
    """debian13 has timesyncd installed beside chrony, which alone runs."""
    found = clock(RecordedHost.named("debian13"))

    assert [client.name for client in found.clients if client.running] == ["chrony"]
    assert found.sources == ("ntp1.example.de", "ntp2.example.de", "ptbtime1.ptb.de")
    assert (found.authenticated, found.synchronised) == (2, True)
    assert (found.timezone, found.rtc_local) == ("Europe/Berlin", False)


def test_a_client_that_does_not_run_sets_no_clock() -> None:
    found = clock(RecordedHost.named("debian12"))

    assert found.clients == (TimeClient(name="timesyncd", enabled=False, running=False),)
    assert (found.sources, found.synchronised, found.rtc_local) == ((), False, True)


def test_timesyncd_leaves_a_mark_and_needs_no_command() -> None:
    host = RecordedHost.named("ubuntu2204").answering(ASK, Completed(0, b"no\n", b""))

    assert clock(host).synchronised is True
    assert clock(host.without("/run/systemd/timesync")).synchronised is False
    assert clock(host).sources == ("ntp.ubuntu.com",)


def test_a_drop_in_changes_the_sources_and_an_empty_one_takes_them_back() -> None:
    host = RecordedHost.named("ubuntu2204")
    folder = "/etc/systemd/timesyncd.conf.d"
    ours = host.with_file(f"{folder}/50-amt.conf", "[Time]\nNTP=a.example b.example\n")

    assert clock(ours).sources == ("a.example", "b.example")
    assert clock(ours.with_file(f"{folder}/60.conf", "[Time]\nNTP=\n")).sources == (
        "ntp.ubuntu.com",
    )


@pytest.mark.parametrize(
    "answer",
    [
        Completed(1, b"", b"Failed to connect to bus"),
        Completed(0, b"", b""),
        Completed(0, b"maybe\n", b""),
        Unavailable("timeout", "command_timeout"),
    ],
)
def test_an_answer_that_says_nothing_is_neither_yes_nor_no(
    answer: Completed | Unavailable,
) -> None:
    found = probe(RecordedHost.named("debian13").answering(ASK, answer))

    assert found.reason == "sync_not_seen"
    assert isinstance(found.body, Time)
    assert found.body.synchronised is None
    assert found.body.sources


def test_without_systemd_the_configuration_is_still_told() -> None:
    host = RecordedHost.named("debian13").without("/run/systemd/system")

    found = probe(host)

    assert found.reason == "sync_not_seen"
    assert isinstance(found.body, Time)
    assert {client.running for client in found.body.clients} == {None}
    assert "ptbtime1.ptb.de" in found.body.sources


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("pool 2.debian.pool.ntp.org iburst", [Source("2.debian.pool.ntp.org", False)]),
        ("server a.example nts iburst", [Source("a.example", True)]),
        ("server 192.0.2.1 key 12", [Source("192.0.2.1", True)]),
        ("server a.example # key 1", [Source("a.example", False)]),
        ("refclock PHC /dev/ptp0 poll 3", [Source("refclock", True)]),
        ("servers pool.example", [Source("pool.example", False)]),
        ("#server a", []),
        ("! server a", []),
        ("server $(GEHEIM)", []),
    ],
)
def test_a_source_is_read_as_its_program_reads_it(line: str, found: list[Source]) -> None:
    assert list(parse_sources(f"{line}\n")) == found


def test_chronyd_itself_names_the_same_sources(tmp_path: Path) -> None:
    """The real parser over Debian's own configuration; the test set-up installs chrony."""
    config = tmp_path / "chrony.conf"
    config.write_text("pool 2.debian.pool.ntp.org iburst\nserver a.example key 1\nmakestep 1 3\n")
    done = subprocess.run(
        ("chronyd", "-p", "-f", str(config)), capture_output=True, check=True, text=True
    )

    assert list(parse_sources(done.stdout)) == list(parse_sources(config.read_text()))


def test_without_its_settings_there_is_no_answer() -> None:
    with pytest.raises(Unavailable) as error:
        probe(RecordedHost.named("debian13").without("/"))

    assert error.value.reason == "no_time_settings"
