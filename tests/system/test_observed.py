"""A running collector is asked how it is, the way a supervisor, Prometheus and an operator ask.

The process is the real one, and so are the frames, the doors and a mail server that takes nothing.
"""

import json
import re
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiosmtpd.controller import Controller
from prometheus_client.parser import text_string_to_metric_families
from tests.collector.ingest.fakes import Identity
from tests.system.crafted import CRAFTED
from tests.system.doors import Gone, identity, line, post
from tests.system.enrolled import BINARIES
from tests.system.facts import section, well_kept
from tests.system.fleet import Member, Names, enrol
from tests.system.running import HOST, Serve, Stage, free_ports, new_stage, serving

from verbundwacht_wire.codes import Code

TOWN, SERVER = "aurach-an-der-weide", "geheimer-name-04"
PATIENCE_S = 30.0


class Refusing:
    """A mail server that is there and has no room for anything."""

    async def handle_RCPT(self, *_: object) -> str:  # noqa: N802 - aiosmtpd's name
        return "451 4.3.0 no room, try again"


@contextmanager
def refusing_mail() -> Iterator[int]:
    (port,) = free_ports(1)
    server = Controller(Refusing(), hostname=HOST, port=port)
    server.start()
    try:
        yield port
    finally:
        server.stop()


class Watched(NamedTuple):
    """A collector that serves, one host, and where Prometheus asks."""

    serve: Serve
    member: Member
    files: Identity
    metrics_port: int

    def scrape(self, accept: str = "text/plain") -> str:
        """What /metrics says."""
        return fetch(f"http://{HOST}:{self.metrics_port}/metrics", Accept=accept)[1]

    def samples(self) -> dict[tuple[str, ...], float]:
        """(name, label values in the order of label names) -> value."""
        return {
            (one.name, *(value for _, value in sorted(one.labels.items()))): one.value
            for family in text_string_to_metric_families(self.scrape())
            for one in family.samples
        }

    def wait(self, *sample: str, at_least: float) -> dict[tuple[str, ...], float]:
        """The samples, as soon as this one has risen so far: they are some seconds old."""
        until = time.monotonic() + PATIENCE_S
        while True:
            found = self.samples()
            if found.get(sample, 0) >= at_least:
                return found
            assert time.monotonic() < until, (sample, found.get(sample))
            time.sleep(0.2)

    def page(self, path: str) -> tuple[int, str]:
        """Status and text of a page without a login."""
        return fetch(f"http://{HOST}:{self.serve.stage.ports.web}{path}")

    def status(self) -> tuple[int, Any]:
        """Exit code and document of `verbundwacht status --json`."""
        return status(self.serve.stage)


def fetch(url: str, **headers: str) -> tuple[int, str]:
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as got:
            return got.status, got.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


def status(stage: Stage) -> tuple[int, Any]:
    folder = str(stage.folder.root)
    command = [str(BINARIES / "verbundwacht"), "--dir", folder, "status", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, json.loads(done.stdout)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    (port,) = free_ports(1)
    with refusing_mail() as mail_port:
        stage = new_stage(tmp_path / "collector", mail_port=mail_port)
        toml = stage.folder.config.read_text()
        where = f'[listen]\nmetrics = "{HOST}:{port}"\n'
        stage.folder.config.write_text(toml.replace("[listen]\n", where))
        stage.add(TOWN)
        (member,) = enrol(stage.folder, [Names(TOWN, SERVER)], stage.addresses)
        with serving(stage) as serve:
            yield Watched(serve, member, identity(member, tmp_path), port)


async def test_each_door_and_code_is_counted_and_nobody_is_named(watched: Watched) -> None:
    member, files, ports = watched.member, watched.files, watched.serve.stage.ports
    first = member.report(well_kept())
    async with line(member, files, ports.mqtt) as one:
        await one.publish(first, first)
        await one.acknowledged(2)
    for _ in range(3):
        await post(member, files, ports.https, member.beat())
    (forged,) = [one for one in CRAFTED if one.code == Code.SIGNATURE][:1]
    with pytest.raises(Gone):
        await post(member, files, ports.https, forged.make(member))
    found = watched.wait("verbundwacht_codes_total", "108", "signature", at_least=1)

    counted = {key[1:]: value for key, value in found.items() if "_messages_total" in key[0]}
    assert counted["0", "mqtt", "ok", "accepted"] == 1
    assert counted["201", "mqtt", "duplicate", "repeated"] == 1
    assert counted["0", "https", "ok", "accepted"] == 3
    assert counted["108", "https", "signature", "refused"] == 1
    assert found["verbundwacht_signature_failures_total",] == 1
    assert found["verbundwacht_receive_to_commit_seconds_count",] == 6
    assert found["verbundwacht_receive_to_commit_seconds_bucket", "+Inf"] == 6
    assert found["verbundwacht_hosts", "fresh"] == 1
    assert found["verbundwacht_disk_free_bytes",] > 0
    assert abs(found["verbundwacht_clock_offset_seconds",]) < 60
    text = watched.scrape() + watched.scrape("application/openmetrics-text;version=1.0.0")
    for private in (TOWN, SERVER, "Aurach", member.agent.hex(), "soc@example.org"):
        assert private not in text
    assert text.endswith("# EOF\n")


async def test_a_mail_server_that_takes_nothing_shows_as_the_age_of_the_outbox(
    watched: Watched,
) -> None:
    facts = {**well_kept(), "kernel": section("kernel", reboot_required=True)}
    report = watched.member.report(facts)
    await post(watched.member, watched.files, watched.serve.stage.ports.https, report)
    first = watched.wait("verbundwacht_outbox_deliveries", "waiting", at_least=1)
    age = first["verbundwacht_outbox_oldest_seconds",]
    later = watched.wait("verbundwacht_outbox_oldest_seconds", at_least=age + 3)

    assert later["verbundwacht_outbox_deliveries", "waiting"] >= 1
    assert sum(later["verbundwacht_alerts_open", s] for s in ("critical", "high", "medium")) >= 1
    code, document = watched.status()
    outbox = document["numbers"]["outbox"]
    assert (code, document["running"]) in ((0, True), (1, True))
    assert outbox["by_state"]["waiting"] >= 1
    assert document["numbers"]["at"] - outbox["oldest_waiting_at"] >= 3_000


def test_the_probes_are_public_and_the_status_is_not(watched: Watched) -> None:
    assert watched.page("/healthz") == (200, "ok\n")
    assert watched.page("/readyz") == (200, "ok\n")
    assert "Passwort" in watched.page("/status")[1]
    assert watched.page("/metrics")[0] == 404


def test_a_killed_collector_is_not_running_and_its_successor_answers(watched: Watched) -> None:
    stage = watched.serve.stage
    mode = stage.folder.status_socket.stat().st_mode & 0o777
    before = watched.status()
    watched.serve.kill()
    dead = status(stage)
    with serving(stage):
        again = status(stage)
    after = status(stage)

    assert mode == 0o600
    assert before[1]["running"] is True
    assert (dead[0], dead[1]["running"], dead[1]["level"]) == (2, False, "bad")
    assert again[1]["running"] is True
    assert after[0] == 2
    assert not stage.folder.status_socket.exists()


def test_people_read_the_same_as_on_the_page(watched: Watched) -> None:
    folder = str(watched.serve.stage.folder.root)
    command = [str(BINARIES / "verbundwacht"), "--dir", folder, "status"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 1  # nobody has reported yet
    assert done.stdout.startswith("Die Anzeige ist aktuell, soweit bekannt.")
    assert re.search(
        r"in Ordnung +Eingänge: Alle Eingänge sind offen: mqtt, https, web", done.stdout
    )
