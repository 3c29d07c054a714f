"""What people do with an alert: take, comment, claim a fix, close. Nobody can make it green.

Each action names the version of the alert it saw; if somebody else was faster, it says who.
"""

from typing import NamedTuple

from msgspec.structs import replace

from verbundwacht_collector.alerts.apply import deliver
from verbundwacht_collector.alerts.model import OPEN
from verbundwacht_collector.errors import Conflict, NotFound, Refused
from verbundwacht_collector.i18n import _
from verbundwacht_collector.scope import AllianceScope, MunicipalityScope, Scope
from verbundwacht_collector.store.protocol import Transaction
from verbundwacht_collector.store.records import AlertRecord

CLOSE_REASONS = ("rule_wrong", "host_retired", "duplicate")
MAX_COMMENT = 4_000


class Actor(NamedTuple):
    """Who acts, as the audit log names them."""

    person_id: int
    login: str


def _visible(tx: Transaction, scope: Scope, number: str) -> AlertRecord:
    alert = tx.alert_by_number(number)
    if alert is not None and may_see(tx, scope, alert.municipality_id):
        return alert
    raise NotFound(
        _("Keine Warnung %(number)s. Vorhandene zeigt: verbundwacht alerts", number=number)
    )


def may_see(tx: Transaction, scope: Scope, municipality_id: str) -> bool:
    """Whether the municipality lies inside the scope."""
    if isinstance(scope, MunicipalityScope):
        return scope.municipality_id == municipality_id
    if isinstance(scope, AllianceScope):
        sql = "SELECT 1 FROM municipality WHERE id = :id AND alliance_id = :alliance"
        return bool(tx.execute(sql, {"id": municipality_id, "alliance": scope.alliance_id}))
    return True


def open_alert(tx: Transaction, scope: Scope, number: str, version: int | None) -> AlertRecord:
    """The open alert with this number. Raises NotFound, Conflict, Refused."""
    alert = _visible(tx, scope, number)
    if version is not None and alert.version != version:
        raise Conflict(_who_was_faster(tx, alert))
    if alert.state not in OPEN:
        raise Refused(
            _(
                "%(number)s ist schon beendet (%(state)s). Es ist nichts mehr zu tun.",
                number=number,
                state=alert.state,
            )
        )
    return alert


def _who_was_faster(tx: Transaction, alert: AlertRecord) -> str:
    rows = tx.execute(
        "SELECT e.kind, coalesce(p.name, 'Verbundwacht') FROM alert_event e"
        " LEFT JOIN person p ON p.id = e.actor_id WHERE e.alert_id = :id"
        " ORDER BY e.id DESC LIMIT 1",
        {"id": alert.id},
    )
    kind, name = rows[0]
    return _(
        "%(number)s hat sich inzwischen geändert: %(name)s (%(kind)s). Laden Sie die Seite neu "
        "und entscheiden Sie dann.",
        number=alert.number,
        name=name,
        kind=kind,
    )


def take(
    tx: Transaction, *, scope: Scope, number: str, actor: Actor, now: int, version: int | None
) -> AlertRecord:
    """The alert is the actor's. Raises NotFound, Conflict, Refused."""
    alert = open_alert(tx, scope, number, version)
    if alert.assignee_id == actor.person_id and alert.state == "taken":
        return alert
    return _set(
        tx,
        replace(alert, state="taken", assignee_id=actor.person_id, claimed_at=None),
        kind="taken",
        reason="taken_by_person",
        actor=actor,
        now=now,
    )


def claim_fix(
    tx: Transaction, *, scope: Scope, number: str, actor: Actor, now: int, version: int | None
) -> AlertRecord:
    """The actor says it is fixed; only the host's next messages can confirm that."""
    alert = open_alert(tx, scope, number, version)
    claimed = replace(alert, state="fix_claimed", assignee_id=actor.person_id, claimed_at=now)
    alert = _set(tx, claimed, kind="fix_claimed", reason="claimed_by_person", actor=actor, now=now)
    tx.execute("UPDATE host SET awaiting = 1 WHERE id = :id", {"id": alert.host_id})
    return alert


def comment(
    tx: Transaction, *, scope: Scope, number: str, actor: Actor, now: int, text: str
) -> AlertRecord:
    """The comment stands in the history, for ever. Ended alerts may be commented too."""
    text = text.strip()
    if not 1 <= len(text) <= MAX_COMMENT:
        raise Refused(f"Ein Kommentar hat 1 bis {MAX_COMMENT} Zeichen, dieser hat {len(text)}.")
    alert = _visible(tx, scope, number)
    tx.add_event(alert.id, at=now, kind="commented", reason="comment", text=text, actor=actor)
    tx.touch_alert(alert.id, now if alert.state in OPEN else alert.changed_at)
    return replace(alert, version=alert.version + 1)


def close(
    tx: Transaction,
    *,
    scope: Scope,
    number: str,
    actor: Actor,
    now: int,
    reason: str,
    text: str,
    version: int | None,
) -> AlertRecord:
    """The alert is closed with a reason; the finding stays what it is."""
    if reason not in CLOSE_REASONS:
        raise Refused(
            _(
                "Unbekannter Grund %(reason)s; möglich sind: %(known)s.",
                reason=repr(reason),
                known=", ".join(CLOSE_REASONS),
            )
        )
    alert = open_alert(tx, scope, number, version)
    closed = replace(alert, state="closed")
    return _set(tx, closed, kind="closed", reason=reason, actor=actor, now=now, text=text.strip())


def _set(
    tx: Transaction,
    alert: AlertRecord,
    *,
    kind: str,
    reason: str,
    actor: Actor,
    now: int,
    text: str = "",
) -> AlertRecord:
    alert = replace(alert, changed_at=now)
    if not tx.set_alert(alert):
        raise Conflict(_who_was_faster(tx, alert))
    event_id = tx.add_event(alert.id, at=now, kind=kind, reason=reason, text=text, actor=actor)
    deliver(tx, alert, kind, event_id, now)
    return replace(alert, version=alert.version + 1)
