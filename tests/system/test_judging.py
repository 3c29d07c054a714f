"""Judging only what a change can touch is a saving, never another verdict.

One host changes at random: sections get other values, cannot be read, come back. One collector
takes each report as it is; for its twin every report is the first one after a new rule pack, so
it judges everything. Both must say the same after each step.
"""

import contextlib
import random
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, get_args

import pytest
from tests.system.facts import basis, section, well_kept
from tests.system.fleet import Member, Names, enrol
from tests.system.running import new_stage, quiet_log

from verbundwacht_collector.alerts.model import Settings
from verbundwacht_collector.app import now_ms
from verbundwacht_collector.committer import Committer
from verbundwacht_collector.config import Folder
from verbundwacht_collector.equipment import load_signer
from verbundwacht_collector.ingest import Peer
from verbundwacht_collector.packs import JudgeSource
from verbundwacht_collector.pipeline import Received
from verbundwacht_collector.store.sqlite import SqliteStore
from verbundwacht_wire.messages import Status

STEPS: Final = 60
Rows = list[tuple[Any, ...]]


class Judging:
    """One of the two collectors, without its doors."""

    def __init__(self, folder: Folder, *, everything: bool) -> None:
        self._folder, self._everything = folder, everything
        self._store = SqliteStore(folder.database)
        source = JudgeSource(Settings("alert"))
        self._committer = Committer(self._store, source.current, load_signer(folder), now_ms)

    def take(self, member: Member, raw: bytes) -> None:
        """The report is applied and judged."""
        if self._everything:
            self._committer._work(lambda tx, _: tx.execute("UPDATE host SET judged_by = NULL", {}))
        peer = Peer(member.names.municipality, member.agent)
        (answer,) = self._committer._transact([Received(raw, peer, now_ms())])
        assert answer.code == 0

    def rows(self, question: str) -> Rows:
        """What the store says."""
        with contextlib.closing(sqlite3.connect(self._folder.database)) as db:
            return db.execute(question).fetchall()

    def close(self) -> None:
        self._store.close()


# A subject that is gone keeps its row until its rule is judged once more; until then it shares
# the rule's errors. So of rules with subjects only what fails can be compared.
_WITH_SUBJECTS: Final = ", ".join(f"'{rule.id}'" for rule in basis().rules if rule.each)
FINDINGS: Final = (
    "SELECT rule_id, subject, outcome, reason, readings, baseline, known FROM finding"
    f" WHERE outcome = 'fail' OR rule_id NOT IN ({_WITH_SUBJECTS}) ORDER BY rule_id, subject"
)
ALERTS: Final = (
    "SELECT a.rule_id, a.subject, a.state, a.repeated, e.kind, e.evidence"
    " FROM alert a JOIN alert_event e ON e.alert_id = a.id"
    " ORDER BY a.rule_id, a.subject, a.id, e.id"
)
TRANSITIONS: Final = (
    "SELECT rule_id, subject, new, reason, evidence FROM finding_transition"
    f" WHERE new = 'fail' OR rule_id NOT IN ({_WITH_SUBJECTS}) ORDER BY rule_id, subject, id"
)


@contextlib.contextmanager
def _both(tmp_path: Path) -> Iterator[tuple[Member, Judging, Judging]]:
    stage = new_stage(tmp_path / "collector")
    stage.add("aurach")
    (member,) = enrol(stage.folder, [Names("aurach", "server")], stage.addresses)
    twin = Folder(shutil.copytree(stage.folder.root, tmp_path / "twin"))
    sparing, thorough = Judging(stage.folder, everything=False), Judging(twin, everything=True)
    with quiet_log(), contextlib.closing(sparing), contextlib.closing(thorough):
        yield member, sparing, thorough


@pytest.mark.parametrize("seed", range(4))
def test_judging_what_a_change_touches_says_the_same_as_judging_everything(
    seed: int, tmp_path: Path
) -> None:
    chance = random.Random(seed)
    with _both(tmp_path) as (member, sparing, thorough):
        for step in range(STEPS):
            raw = _step(member, chance) if step else member.report(well_kept())
            for one in (sparing, thorough):
                one.take(member, raw)
            for question in (FINDINGS, ALERTS, TRANSITIONS):
                assert sparing.rows(question) == thorough.rows(question), f"step {step}"
        states = {state for _, _, state, *_ in thorough.rows(ALERTS)}
        assert {"new", "resolved"} <= states


def _step(member: Member, chance: random.Random) -> bytes:
    name = chance.choice(tuple(VALUES))
    if chance.random() < 0.1:
        return member.lose(name, chance.choice((*get_args(Status)[1:], None)))
    fields = {key: chance.choice(values) for key, values in VALUES[name].items()}
    chosen = dict(chance.sample(list(fields.items()), chance.randint(0, len(fields))))
    return member.report({name: section(name, **chosen)})


_TELNET: Final = {"proto": "tcp", "address": "0.0.0.0", "exposed": True, "port": 23}
_REDIS: Final = {**_TELNET, "port": 6379}
_BASH: Final = {"name": "bash", "installed": "1", "candidate": "2", "held": False, "phased": False}
_OLD: Final = "2020-01-01T00:00:00Z"
VALUES: Final[dict[str, dict[str, list[Any]]]] = {
    "sshd": {
        "permitrootlogin": ["yes", "no"],
        "passwordauthentication": ["yes", "no"],
        "x11forwarding": ["yes", "no"],
        "maxauthtries": [3, 6],
        "ciphers": [["3des-cbc"], ["aes256-gcm@openssh.com"]],
    },
    "listening": {"sockets": [[], [_TELNET], [_REDIS], [_TELNET, _REDIS]]},
    "accounts": {"empty_password": [0, 1], "weak_hash": [0, 2], "uid0": [["root"], ["root", "x"]]},
    "services": {"failed": [[], ["x.service"]], "network": [[], ["telnet.socket"]]},
    "updates": {
        "pending": [[], [{**_BASH, "security": True}], [{**_BASH, "security": False}]],
        "lists_date": [_OLD],
        "automatic": [{"enabled": False}],
    },
    "kernel": {"reboot_required": [True, False], "running": ["6.1.0-40-amd64", "6.1.0-41-amd64"]},
    "sysctl": {"fs_protected_hardlinks": [0, 1], "kernel_kptr_restrict": [0, 1]},
    "mounts": {"points": [[]]},
}
"""Section -> field -> values it may get."""
