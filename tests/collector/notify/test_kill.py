"""kill -9 of a process that sends: what it had handed over is not lost, nor told twice over."""

import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from tests.collector.fakes import Collector
from tests.collector.notify.flood import Mailbox, alerts, drain, outbox, states
from tests.fakes import HOUR, FakeAgent

from verbundwacht_collector.notify.schedule import LEASE_MS

SENDER = """
import asyncio, os, signal, sys
from pathlib import Path
from verbundwacht_collector.notify.outbox import Outbox
from verbundwacht_collector.store.sqlite import SqliteStore

database, taken, now, dies_after = sys.argv[1:]
store = SqliteStore(Path(database))

class Writer:
    async def run(self, work):
        with store.transaction() as tx:
            return work(tx, None)

async def channel(message):
    with open(taken, "a") as file:
        file.write(message.id + "\\n")
    if len(Path(taken).read_text().splitlines()) == int(dies_after):
        os.kill(os.getpid(), signal.SIGKILL)
    return "250 taken"

async def main():
    outbox = Outbox(Writer(), {"mail": channel}, lambda: int(now))
    while await outbox.send_due():
        pass

asyncio.run(main())
store.close()
"""


def sends(collector: Collector, taken: Path, *, dies_after: int = 0) -> int:
    """A process of its own sends what is due; its exit code."""
    return subprocess.run(
        [sys.executable, "-c", SENDER, collector.path, taken, str(collector.clock()),
         str(dies_after)],
        timeout=60,
        check=False,
    ).returncode  # fmt: skip


@pytest.mark.parametrize("dies_after", [1, 4, 10])
def test_direct_messages_survive_it(
    collector: Collector, agent: FakeAgent, tmp_path: Path, dies_after: int
) -> None:
    alerts(collector, 10)
    taken = tmp_path / "taken"
    killed = sends(collector, taken, dies_after=dies_after)
    collector.clock.advance(LEASE_MS)
    after = sends(collector, taken)

    ids = [one for (one,) in collector.rows("SELECT id FROM delivery")]
    found = Counter(taken.read_text().splitlines())
    assert (killed, after) == (-signal.SIGKILL, 0)
    assert set(found) == set(ids)
    assert max(found.values()) <= 2
    assert states(collector) == {"delivered": 10}


async def test_a_bundle_survives_it_with_all_that_it_carries(
    collector: Collector, agent: FakeAgent, tmp_path: Path
) -> None:
    alerts(collector, 30)
    await drain(outbox(collector, Mailbox(collector.clock)))
    collector.clock.advance(HOUR)
    taken = tmp_path / "taken"
    killed = sends(collector, taken, dies_after=1)
    between = states(collector)
    collector.clock.advance(LEASE_MS)
    after = sends(collector, taken)

    (bundle,) = collector.rows("SELECT id, state FROM notice")
    assert (killed, after) == (-signal.SIGKILL, 0)
    assert between == {"delivered": 10, "sending": 20}
    assert taken.read_text().splitlines() == [bundle[0]] * 2
    assert (bundle[1], states(collector)) == ("delivered", {"delivered": 30})
