"""The texts of messages about no single alert event: bundle, digest, test. Pure.

The digest's order is the order of urgency: open alerts, silent hosts, what ends soon, what was
not delivered. Every list is cut, and says how many more there are and where they stand.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from verbundwacht_collector.notify import words
from verbundwacht_collector.store.digest import Digest, EndingOverlay, OpenAlert
from verbundwacht_collector.store.outbox import ENDINGS, BundledRecord, NoticeRecord

LISTED: Final = 200
_STATES: Final = {"new": "neu", "taken": "in Bearbeitung", "fix_claimed": "Nachweis offen"}
_OVERLAYS: Final = {"pause": "Pause", "maintenance": "Wartung", "absence": "Abwesenheit"}
_WAYS: Final = {"mail": "E-Mail", "webhook": "Webhook"}
_DAY_MS: Final = 24 * 3600 * 1000
_PER_HOUR: Final = "Höchstens {} einzelne Nachrichten je Stunde, der Rest gesammelt: {}"


def written(notice: NoticeRecord, *, url: str) -> tuple[str, str]:
    """(subject, text) of the mail. url: of the pages, "" if they have none."""
    if notice.notice == "bundle":
        return _bundle(notice, url)
    if notice.notice == "digest":
        return _digest(msgspec.json.decode(notice.content, type=Digest), url)
    return _test(notice, url)


def data(notice: NoticeRecord, *, url: str) -> tuple[str, dict[str, object]]:
    """(type, data) of the webhook's body."""
    if notice.notice == "bundle":
        return "alert.bundle", {"events": [event(one, url) for one in notice.bundled]}
    if notice.notice == "digest":
        return "digest.daily", msgspec.json.decode(notice.content, type=dict[str, object])
    return "channel.test", {"requested_by": notice.actor, "url": url}


def event(one: BundledRecord, url: str) -> dict[str, object]:
    """One alert event as webhooks tell it."""
    return {
        "type": f"alert.{one.event_kind}",
        "alert": one.number,
        "severity": one.severity,
        "title": one.title,
        "rule_id": one.rule_id,
        "subject": one.subject,
        "host": one.host_name,
        "municipality": one.municipality,
        "simulated": bool(one.simulated),
        "reason": one.event_reason,
        "url": f"{url}/alerts/{one.number}" if url else "",
    }


def _joined(parts: Iterable[str]) -> str:
    return "\n\n".join(filter(None, parts)) + "\n"


def _link(url: str, path: str) -> str:
    return f"{url}{path}" if url else ""


def _bundle(notice: NoticeRecord, url: str) -> tuple[str, str]:
    opened = [one for one in notice.bundled if one.event_kind not in ENDINGS]
    ended = [one for one in notice.bundled if one.event_kind in ENDINGS]
    critical = sum(one.severity == "critical" for one in opened)
    worst = words.SEVERITY[opened[0].severity] if opened else "beendet"
    count = words.many(len(notice.bundled), "weitere Nachricht", "weitere Nachrichten")
    more = f", davon {critical} kritisch" if critical else ""
    cap = msgspec.json.decode(notice.content, type=dict[str, int]).get("per_hour", 0)
    parts = [
        f"Und {count}{more}. Einzeln kommen diese nicht mehr.",
        _listed("Neu oder wieder offen", [_bundled(one, url) for one in opened]),
        _listed("Beendet", [_bundled(one, url) for one in ended]),
        _all_alerts(url),
        _PER_HOUR.format(cap, "[notify] per_hour in collector.toml."),
    ]
    return f"[{worst}] Sammelnachricht: und {count}{more}", _joined(parts)


def _listed(title: str, lines: list[str], total: int | None = None) -> str:
    if not lines:
        return ""
    rest = (len(lines) if total is None else total) - len(lines[:LISTED])
    more = [f"- und {rest} weitere"] if rest > 0 else []
    return "\n".join([f"{title} ({total or len(lines)}):", *lines[:LISTED], *more])


def _bundled(one: BundledRecord, url: str) -> str:
    simulated = " [simuliert]" if one.simulated else ""
    where = f"{one.host_name}{simulated}, {one.municipality}" if one.host_name else one.municipality
    line = f"- [{words.mark(one)}] {one.number}: {words.what(one)} ({where})"
    return f"{line}\n  {url}/alerts/{one.number}" if url else line


def _all_alerts(url: str) -> str:
    link = _link(url, "/alerts")
    return f"Alle offenen Warnungen: {link}" if link else ""


def _digest(day: Digest, url: str) -> tuple[str, str]:
    if day.calm:
        text = "Keine offene Warnung, alle Server melden sich, alle Nachrichten sind zugestellt."
        return f"[Tageslage] {day.whose}: nichts zu tun", _joined([text, _why()])
    parts = [
        f"Stand {words.at(day.at)}. {_summary(day).capitalize()}.",
        _listed("Offene Warnungen", [_open(one, day.at, url) for one in day.alerts], day.open),
        _all_alerts(url) if day.alerts else "",
        _silent(day, url),
        _listed("Endet in den nächsten drei Tagen", [_ending(one) for one in day.ending]),
        _undelivered(day, url),
        _why(),
    ]
    return f"[Tageslage] {day.whose}: {_summary(day)}", _joined(parts)


def _why() -> str:
    return (
        "Sie erhalten diese Nachricht jeden Morgen, wenn etwas zu tun ist, weil Ihre Adresse für "
        "Warnungen eingetragen ist."
    )


def _summary(day: Digest) -> str:
    parts = []
    if day.open:
        parts.append(words.many(day.open, "offene Warnung", "offene Warnungen"))
        if critical := day.by_severity.get("critical", 0):
            parts.append(f"davon {critical} kritisch")
        if day.new:
            parts.append(f"{day.new} neu seit gestern")
    if day.silent_count:
        parts.append(words.many(day.silent_count, "Server schweigt", "Server schweigen"))
    if not parts and day.undelivered:
        parts.append("Nachrichten nicht zugestellt")
    return ", ".join(parts or ["etwas endet in den nächsten Tagen"])


def _open(one: OpenAlert, now: int, url: str) -> str:
    simulated = " [simuliert]" if one.simulated else ""
    where = f"{one.host}{simulated}, {one.municipality}" if one.host else one.municipality
    age = max(now - one.opened_at, 0) // _DAY_MS
    since = "seit heute" if not age else f"seit {words.many(age, 'Tag', 'Tagen')}"
    new = ", neu" if one.new else ""
    line = (
        f"- [{words.SEVERITY[one.severity]}{new}] {one.number}: {words.what(one)} ({where}; "
        f"{_STATES.get(one.state, one.state)}, {since})"
    )
    return f"{line}\n  {url}/alerts/{one.number}" if url else line


def _silent(day: Digest, url: str) -> str:
    lines = [
        f"- {one.name}{' [simuliert]' if one.simulated else ''}, {one.municipality}, "
        + (f"letzte Meldung {words.at(one.last_seen)}" if one.last_seen else "noch keine Meldung")
        for one in day.silent
    ]
    text = _listed("Server ohne Meldung", lines, day.silent_count)
    link = _link(url, "/hosts?freshness=silent,never")
    return f"{text}\n{link}" if text and link else text


def _ending(one: EndingOverlay) -> str:
    about = one.number or (f"{one.host}, {one.municipality}" if one.host else one.municipality)
    kind = _OVERLAYS.get(one.kind, one.kind)
    reason = f" ({' '.join(one.reason.split())})" if one.reason else ""
    return f"- {kind} für {about} endet {words.at(one.ends_at)}{reason}"


def _undelivered(day: Digest, url: str) -> str:
    lines = [
        f"- {_WAYS.get(one.kind, one.kind)} an {one.recipient}: "
        f"{words.many(one.count, 'Nachricht', 'Nachrichten')}, zuletzt: {one.response or '–'}"
        for one in day.undelivered
    ]
    text = _listed("Nicht zugestellt", lines)
    link = _link(url, "/channels")
    return f"{text}\nKanal prüfen: {link}" if text and link else text


def _test(notice: NoticeRecord, url: str) -> tuple[str, str]:
    by = f"{notice.actor} hat sie" if notice.actor else "Jemand hat sie"
    parts = [
        f"Dies ist eine Testnachricht. {by} am {words.at(notice.created_at)} angefordert, um zu "
        f"prüfen, ob Nachrichten an {notice.recipient} ankommen.",
        "Kommt sie an, ist nichts weiter zu tun.",
        f"Kanäle: {_link(url, '/channels')}" if url else "",
    ]
    return "[Test] Verbundwacht erreicht Sie", _joined(parts)
