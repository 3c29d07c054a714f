"""Installed rule packs: kept in the store byte for byte, so that old verdicts can be reproduced."""

import msgspec

from verbundwacht_collector import machine_problems
from verbundwacht_collector.alerts.model import Settings
from verbundwacht_collector.errors import ConfigError, Refused
from verbundwacht_collector.i18n import _
from verbundwacht_collector.judging import Judge
from verbundwacht_collector.rules.errors import PackError
from verbundwacht_collector.rules.load import load_pack_bytes
from verbundwacht_collector.rules.model import Pack
from verbundwacht_collector.store.protocol import Transaction


def install(tx: Transaction, files: dict[str, bytes], *, now: int) -> Pack:
    """The pack judges from the next message on. Raises PackError if it does not load.

    Raises Refused if another pack has a rule of the same name: one of them would silently
    disarm the other.
    """
    pack = load_pack_bytes(files)
    _refuse_doubles(tx, pack)
    tx.execute(
        "INSERT INTO pack (name, version, digest, files, installed_at)"
        " VALUES (:name, :version, :digest, :files, :now) ON CONFLICT (name) DO UPDATE SET"
        " version = excluded.version, digest = excluded.digest, files = excluded.files,"
        " installed_at = excluded.installed_at",
        {
            "name": pack.name,
            "version": pack.version,
            "digest": pack.digest,
            "files": msgspec.msgpack.encode(files),
            "now": now,
        },
    )
    detail = msgspec.json.encode({"version": pack.version, "digest": pack.digest}).decode()
    tx.audit(at=now, actor="operator", action="pack.installed", obj=pack.name, detail=detail)
    return pack


def _refuse_doubles(tx: Transaction, pack: Pack) -> None:
    names = {rule.id for rule in pack.rules}
    for other in load(tx):
        double = sorted(names.intersection(rule.id for rule in other.rules))
        if other.name != pack.name and double:
            raise Refused(
                _(
                    "Die Regel %(rule)s gibt es schon im Paket %(other)s. Sie braucht in "
                    "%(pack)s einen anderen Namen, oder das Paket ersetzt jenes unter seinem "
                    "Namen.",
                    rule=double[0],
                    other=other.name,
                    pack=pack.name,
                )
            )


def load(tx: Transaction) -> list[Pack]:
    """All installed packs, by name. Raises ConfigError for one that this program cannot load."""
    return [unpack(*row) for row in tx.execute("SELECT name, files FROM pack ORDER BY name", {})]


def unpack(name: str, files: bytes) -> Pack:
    """One pack as it lies in the store. Raises ConfigError."""
    try:
        return load_pack_bytes(msgspec.msgpack.decode(files, type=dict[str, bytes]))
    except PackError as refusal:
        reason = str(refusal.problems[0])
    except msgspec.MsgspecError as refusal:
        reason = str(refusal)
    raise ConfigError(machine_problems.PACK_UNUSABLE, pack=name, reason=reason)


class JudgeSource:
    """The judge for the packs now installed; made anew only when another process wrote."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._digests: tuple[str, ...] | None = None
        self.judge = Judge((), settings)
        self.packs: list[Pack] = []

    def current(self, tx: Transaction, changed: bool) -> Judge:
        """The judge to use in this transaction. changed: another process committed."""
        if changed or self._digests is None:
            digests = tuple(
                row[0] for row in tx.execute("SELECT digest FROM pack ORDER BY name", {})
            )
            if digests != self._digests:
                self.packs = load(tx)
                self.judge, self._digests = Judge(self.packs, self._settings), digests
        return self.judge
