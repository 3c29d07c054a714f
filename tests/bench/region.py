"""A region as large as the pages must bear: 3,700 hosts in 122 municipalities of 33 alliances.

Everything in the store came through the real pipeline: some hosts fail from the beginning, some
changed for the worse and have an open alert, some cannot be read, some never reported.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from deploy.load.collector import found
from deploy.load.facts import OFTEN, Variant
from deploy.load.fleet import Fleet
from deploy.load.host import Host, Message
from tests.bench.pipeline import open_committer
from tests.system.running import Ports, Stage, quiet_log

from verbundwacht_collector.app import now_ms
from verbundwacht_collector.committer import BATCH, Committer
from verbundwacht_collector.config import Folder
from verbundwacht_collector.ingest import Peer
from verbundwacht_collector.pipeline import Received
from verbundwacht_collector.store.sqlite import SqliteStore

ALLIANCES: Final = 33
BREAKABLE: Final = tuple(name for name in OFTEN if name not in ("os", "packages"))


class Size(NamedTuple):
    """How large the region is."""

    hosts: int = 3_700
    municipalities: int = 122
    alliances: int = ALLIANCES


def settle(root: Path, size: Size) -> Folder:
    """The region is in a collector's folder, some hundreds of alerts open."""
    folder, config = found(root)
    with quiet_log():
        fleet = Fleet(folder, config)
        fleet.enrol(size.hosts, size.municipalities)
        _alliances(folder, size)
        chance = Random(7)
        hosts = fleet.hosts(size.hosts)
        with open_committer(Stage(folder, Ports(0, 0, 0))) as committer:
            heard = [one for one in hosts if chance.randrange(50)]
            take_all(committer, _first(fleet, heard, chance))
            take_all(
                committer, _worse(fleet, [one for one in heard if not chance.randrange(9)], chance)
            )
    return folder


def one_alliance(folder: Folder) -> None:
    """All municipalities have moved into the first alliance, as they may at any time."""
    with closing(SqliteStore(folder.database)) as store, store.transaction() as tx:
        tx.execute("UPDATE municipality SET alliance_id = 'v-00'", {})


def _alliances(folder: Folder, size: Size) -> None:
    with closing(SqliteStore(folder.database)) as store, store.transaction() as tx:
        for i in range(size.alliances):
            values = {"id": f"v-{i:02}", "name": f"Verbund {i:02}"}
            tx.execute("INSERT INTO alliance (id, name, state) VALUES (:id, :name, '')", values)
        towns = [row[0] for row in tx.execute("SELECT id FROM municipality ORDER BY id", {})]
        for i, town in enumerate(towns):
            values = {"alliance": f"v-{i % size.alliances:02}", "town": town}
            tx.execute("UPDATE municipality SET alliance_id = :alliance WHERE id = :town", values)


def _first(fleet: Fleet, hosts: Sequence[Host], chance: Random) -> Iterator[Received]:
    """What each says at first: a quarter fails somewhere, one in thirty hides something."""
    with closing(fleet.open_keys()) as keys:
        for host in hosts:
            if not chance.randrange(4):
                section = chance.choice(BREAKABLE)
                host.changed = {section: Variant(chance.randrange(1_000), broken=True)}
            if not chance.randrange(30):
                host.denied = frozenset({chance.choice(fleet.facts.sections)})
            yield received(host, host.full(fleet.facts, keys.of(host).signer))


def _worse(fleet: Fleet, hosts: Sequence[Host], chance: Random) -> Iterator[Received]:
    """One section of each of these hosts has become bad: an alert each."""
    with closing(fleet.open_keys()) as keys:
        for host in hosts:
            section = chance.choice([one for one in BREAKABLE if one not in host.denied])
            variant = Variant(chance.randrange(1_000), broken=True)
            signer = keys.of(host).signer
            yield received(host, host.change(section, variant, fleet.facts, signer))


def received(host: Host, message: Message) -> Received:
    """The message as a door hands it on."""
    return Received(message.raw, Peer(host.municipality, host.agent), now_ms())


def take_all(committer: Committer, messages: Iterator[Received]) -> None:
    """All messages are committed, none refused; made one batch at a time."""
    batch: list[Received] = []
    for message in messages:
        batch.append(message)
        if len(batch) == BATCH:
            _commit(committer, batch)
            batch = []
    _commit(committer, batch)


def _commit(committer: Committer, batch: list[Received]) -> None:
    for answer in committer._transact(batch) if batch else ():
        assert answer.ack is not None and not answer.code, answer
