"""Pauses and maintenance that people plan: each with a reason and an end, each in the audit log.

Planned here, applied in `overlays`. Nothing in here changes the state of an alert.
"""

from typing import Final

from verbundwacht_collector.alerts.actions import Actor, may_see, open_alert
from verbundwacht_collector.alerts.overlays import (
    HOUR_MS,
    MAX_PAUSE_MS,
    MAX_WEEKLY_MS,
    MAX_WINDOW_MS,
    is_over,
)
from verbundwacht_collector.errors import NotFound, Refused
from verbundwacht_collector.i18n import _
from verbundwacht_collector.scope import Scope
from verbundwacht_collector.store.protocol import Transaction
from verbundwacht_collector.store.records import AlertRecord, OverlayRecord

MAX_REASON: Final = 500
MAX_AHEAD_MS: Final = 366 * 24 * HOUR_MS


def pause(
    tx: Transaction,
    *,
    scope: Scope,
    number: str,
    actor: Actor,
    now: int,
    for_ms: int,
    reason: str,
    version: int | None,
) -> AlertRecord:
    """Nobody is told of this problem until the pause ends, even if it resolves and comes back.

    A pause that is still running is replaced. Raises NotFound, Conflict, Refused.
    """
    if not HOUR_MS <= for_ms <= MAX_PAUSE_MS:
        raise Refused(_("Eine Pause dauert 1 bis 72 Stunden. Bitte eine kürzere Dauer wählen."))
    reason = _reason(reason)
    alert = open_alert(tx, scope, number, version)
    for old in tx.overlays(alert.municipality_id, now):
        if old.fingerprint == alert.fingerprint and old.ended_at is None:
            tx.end_overlay(old.id, now, actor.person_id)
            _audit(tx, "overlay.ended", old.id, actor, now, old.reason)
    overlay = OverlayRecord(
        kind="pause",
        municipality_id=alert.municipality_id,
        host_id=alert.host_id,
        fingerprint=alert.fingerprint,
        starts_at=now,
        ends_at=now + for_ms,
        reason=reason,
        created_at=now,
        created_by=actor.person_id,
    )
    _audit(tx, "overlay.created", tx.add_overlay(overlay), actor, now, reason)
    # What has not left yet stays here, and the end is told, whoever forgot it meanwhile.
    tx.supersede(alert.id, now)
    tx.set_held(alert.id, held=True)
    hours, rest = divmod(for_ms, HOUR_MS)
    minutes = f" {rest // 60_000} min" if rest else ""
    text = f"{hours} h{minutes}: {reason}"
    tx.add_event(alert.id, at=now, kind="paused", reason="paused_by_person", text=text, actor=actor)
    tx.touch_alert(alert.id, now)
    return alert


def plan_maintenance(
    tx: Transaction,
    *,
    scope: Scope,
    municipality_id: str,
    host_id: str,
    actor: Actor,
    now: int,
    starts_at: int,
    ends_at: int,
    weekly_until: int | None,
    reason: str,
) -> int:
    """Messages about the host, or the municipality if host_id is "", wait in that time; its id.

    host_id: agent id in hex. weekly_until: Unix ms, the window comes back each week until then.
    Raises NotFound for what is outside the scope, Refused for times that cannot be.
    """
    reason = _reason(reason)
    _check_times(now, starts_at, ends_at, weekly_until)
    if not may_see(tx, scope, municipality_id):
        raise NotFound(
            _(
                "Keine Kommune %(text)s. Vorhandene zeigt: verbundwacht municipality list",
                text=municipality_id,
            )
        )
    row_id = _host(tx, municipality_id, host_id) if host_id else None
    overlay = OverlayRecord(
        kind="maintenance",
        municipality_id=municipality_id,
        host_id=row_id,
        starts_at=starts_at,
        ends_at=ends_at,
        weekly_until=weekly_until,
        reason=reason,
        created_at=now,
        created_by=actor.person_id,
    )
    overlay_id = tx.add_overlay(overlay)
    _audit(tx, "overlay.created", overlay_id, actor, now, reason)
    return overlay_id


def end_overlay(
    tx: Transaction, *, scope: Scope, overlay_id: int, actor: Actor, now: int
) -> OverlayRecord:
    """The overlay ends now; what it held back and is still open is told within a minute.

    Raises NotFound, Refused if it is over already.
    """
    overlay = tx.overlay(overlay_id)
    if overlay is None or not may_see(tx, scope, overlay.municipality_id):
        raise NotFound(
            _(
                "Keine Pause oder Wartung %(number)s. Vorhandene zeigt: verbundwacht overlay list",
                number=overlay_id,
            )
        )
    if overlay.kind == "absence":
        raise Refused(
            _(
                "Diese Abwesenheit hat der Server selbst angekündigt; er nimmt sie auch zurück: "
                "verbundwacht-agent announce --end"
            )
        )
    if is_over(overlay, now):
        raise Refused(_("Das ist schon zu Ende. Es ist nichts mehr zu tun."))
    tx.end_overlay(overlay_id, now, actor.person_id)
    _audit(tx, "overlay.ended", overlay_id, actor, now, overlay.reason)
    return overlay


def _check_times(now: int, starts_at: int, ends_at: int, weekly_until: int | None) -> None:
    if ends_at <= starts_at:
        raise Refused(_("Das Ende liegt nicht nach dem Beginn. Bitte Datum und Uhrzeit prüfen."))
    if ends_at - starts_at > MAX_WINDOW_MS:
        raise Refused(
            _("Eine Wartung dauert höchstens 72 Stunden. Bitte ein früheres Ende wählen.")
        )
    if (weekly_until or ends_at) <= now:
        raise Refused(_("Diese Wartung läge in der Vergangenheit. Bitte Datum und Uhrzeit prüfen."))
    if starts_at > now + MAX_AHEAD_MS:
        raise Refused(_("Eine Wartung beginnt höchstens ein Jahr im Voraus."))
    if weekly_until is not None and weekly_until <= starts_at:
        raise Refused(_("Der letzte Tag liegt vor dem ersten Termin. Bitte das Datum prüfen."))
    if weekly_until is not None and weekly_until - starts_at > MAX_WEEKLY_MS:
        raise Refused(_("Eine wöchentliche Wartung gilt höchstens ein Jahr. Danach neu planen."))


def _reason(text: str) -> str:
    # What is no character (half a pair, an escape sequence) reaches neither store nor terminal.
    text = "".join(char for char in " ".join(text.split()) if char.isprintable()).strip()
    if not 1 <= len(text) <= MAX_REASON:
        raise Refused(
            _("Bitte einen Grund nennen, höchstens %(max_reason)s Zeichen.", max_reason=MAX_REASON)
        )
    return text


def _host(tx: Transaction, municipality_id: str, agent: str) -> int:
    try:
        wanted = bytes.fromhex(agent)
    except ValueError:
        wanted = b""
    sql = "SELECT id FROM host WHERE agent = :agent AND municipality_id = :municipality"
    rows = tx.execute(sql, {"agent": wanted, "municipality": municipality_id})
    if not rows:
        raise NotFound(
            _("Kein Server %(text)s. Vorhandene zeigt: verbundwacht host list", text=agent)
        )
    return int(rows[0][0])


def _audit(
    tx: Transaction, action: str, overlay_id: int, actor: Actor, now: int, reason: str
) -> None:
    tx.audit(at=now, actor=actor.login, action=action, obj=f"overlay {overlay_id}", detail=reason)
