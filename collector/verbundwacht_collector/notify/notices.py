"""The texts of messages about no single alert event: bundle, digest, test. Pure.

The digest's order is the order of urgency: open alerts, silent hosts, what ends soon, what was
not delivered. Every list is cut, and says how many more there are and where they stand.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

import msgspec

from verbundwacht_collector.i18n import N_, _, lookup, ngettext, number
from verbundwacht_collector.notify import words
from verbundwacht_collector.store.digest import Digest, EndingOverlay, OpenAlert
from verbundwacht_collector.store.outbox import ENDINGS, BundledRecord, NoticeRecord

LISTED: Final = 200
Titles = Callable[[str], Mapping[str, str]]
_STATES: Final = {
    "new": N_("neu"),
    "taken": N_("in Bearbeitung"),
    "fix_claimed": N_("Nachweis offen"),
}
_OVERLAYS: Final = {
    "pause": N_("Pause"),
    "maintenance": N_("Wartung"),
    "absence": N_("Abwesenheit"),
}
_WAYS: Final = {"mail": N_("E-Mail"), "webhook": N_("Webhook")}
_DAY_MS: Final = 24 * 3600 * 1000


def written(notice: NoticeRecord, *, url: str) -> tuple[str, str]:
    """(subject, text) of the mail. url: of the pages, "" if they have none."""
    if notice.notice == "bundle":
        return _bundle(notice, url)
    if notice.notice == "digest":
        return _digest(msgspec.json.decode(notice.content, type=Digest), url)
    return _test(notice, url)


def no_titles(_rule_id: str) -> Mapping[str, str]:
    """Where nobody knows the packs."""
    return {}


def titled(titles: Titles, rule_id: str) -> dict[str, object]:
    """`titles` with the rule's titles by language; without it if the rule is not in force."""
    found = titles(rule_id)
    return {"titles": dict(found)} if found else {}


def data(
    notice: NoticeRecord, *, url: str, titles: Titles = no_titles
) -> tuple[str, dict[str, object]]:
    """(type, data) of the webhook's body."""
    if notice.notice == "bundle":
        events = [event(one, url) | titled(titles, one.rule_id) for one in notice.bundled]
        return "alert.bundle", {"events": events}
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
    worst = lookup(words.SEVERITY[opened[0].severity]) if opened else _("beendet")
    count = ngettext(
        "und %(num)s weitere Nachricht", "und %(num)s weitere Nachrichten", len(notice.bundled)
    )
    if critical:
        count += ", " + _critical(critical)
    cap = msgspec.json.decode(notice.content, type=dict[str, int]).get("per_hour", 0)
    parts = [
        f"{_begun(count)}. {_('Einzeln kommen diese nicht mehr.')}",
        _listed(_("Neu oder wieder offen"), [_bundled(one, url) for one in opened]),
        _listed(_("Beendet"), [_bundled(one, url) for one in ended]),
        _all_alerts(url),
        ngettext(
            "Höchstens %(num)s einzelne Nachricht je Stunde, der Rest gesammelt: [notify] "
            "per_hour in collector.toml.",
            "Höchstens %(num)s einzelne Nachrichten je Stunde, der Rest gesammelt: [notify] "
            "per_hour in collector.toml.",
            cap,
        ),
    ]
    return _("[%(worst)s] Sammelnachricht: %(count)s", worst=worst, count=count), _joined(parts)


def _critical(count: int) -> str:
    return ngettext("davon %(num)s kritisch", "davon %(num)s kritisch", count)


def _begun(text: str) -> str:
    # str.capitalize would make proper names in it small.
    return text[:1].upper() + text[1:]


def _listed(title: str, lines: list[str], total: int | None = None) -> str:
    if not lines:
        return ""
    rest = (len(lines) if total is None else total) - len(lines[:LISTED])
    more = ["- " + ngettext("und %(num)s weitere", "und %(num)s weitere", rest)] if rest > 0 else []
    return "\n".join([f"{title} ({number(total or len(lines))}):", *lines[:LISTED], *more])


def _bundled(one: BundledRecord, url: str) -> str:
    where = _where(one.host_name, one.municipality, simulated=bool(one.simulated))
    line = f"- [{words.mark(one)}] {one.number}: {words.what(one)} ({where})"
    return f"{line}\n  {url}/alerts/{one.number}" if url else line


def _all_alerts(url: str) -> str:
    link = _link(url, "/alerts")
    return _("Alle offenen Warnungen: %(link)s", link=link) if link else ""


def _where(host: str, place: str, *, simulated: bool) -> str:
    mark = f" [{_('simuliert')}]" if simulated else ""
    return f"{host}{mark}, {place}" if host else place


def _digest(day: Digest, url: str) -> tuple[str, str]:
    if day.calm:
        text = _("Keine offene Warnung, alle Server melden sich, alle Nachrichten sind zugestellt.")
        return _("[Tageslage] %(whose)s: nichts zu tun", whose=day.whose), _joined([text, _why()])
    parts = [
        f"{_('Stand %(time)s', time=words.at(day.at))}. {_begun(_summary(day))}.",
        _listed(_("Offene Warnungen"), [_open(one, day.at, url) for one in day.alerts], day.open),
        _all_alerts(url) if day.alerts else "",
        _silent(day, url),
        _listed(_("Endet in den nächsten drei Tagen"), [_ending(one) for one in day.ending]),
        _undelivered(day, url),
        _why(),
    ]
    subject = _("[Tageslage] %(whose)s: %(summary)s", whose=day.whose, summary=_summary(day))
    return subject, _joined(parts)


def _why() -> str:
    return _(
        "Sie erhalten diese Nachricht jeden Morgen, wenn etwas zu tun ist, weil Ihre Adresse für "
        "Warnungen eingetragen ist."
    )


def _summary(day: Digest) -> str:
    parts = []
    if day.open:
        parts.append(ngettext("%(num)s offene Warnung", "%(num)s offene Warnungen", day.open))
        if critical := day.by_severity.get("critical", 0):
            parts.append(_critical(critical))
        if day.new:
            parts.append(ngettext("%(num)s neu seit gestern", "%(num)s neu seit gestern", day.new))
    if silent := day.silent_count:
        parts.append(ngettext("%(num)s Server schweigt", "%(num)s Server schweigen", silent))
    if not parts and day.undelivered:
        parts.append(_("Nachrichten nicht zugestellt"))
    return ", ".join(parts or [_("etwas endet in den nächsten Tagen")])


def _open(one: OpenAlert, now: int, url: str) -> str:
    where = _where(one.host, one.municipality, simulated=one.simulated)
    age = max(now - one.opened_at, 0) // _DAY_MS
    since = ngettext("seit %(num)s Tag", "seit %(num)s Tagen", age) if age else _("seit heute")
    severity = lookup(words.SEVERITY[one.severity]) + (f", {_('neu')}" if one.new else "")
    line = (
        f"- [{severity}] {one.number}: {words.what(one)} ({where}; "
        f"{lookup(_STATES.get(one.state, one.state))}, {since})"
    )
    return f"{line}\n  {url}/alerts/{one.number}" if url else line


def _silent(day: Digest, url: str) -> str:
    lines = [
        f"- {_where(one.name, one.municipality, simulated=one.simulated)}, "
        + (
            _("letzte Meldung %(time)s", time=words.at(one.last_seen))
            if one.last_seen
            else _("noch keine Meldung")
        )
        for one in day.silent
    ]
    text = _listed(_("Server ohne Meldung"), lines, day.silent_count)
    link = _link(url, "/hosts?freshness=silent,never")
    return f"{text}\n{link}" if text and link else text


def _ending(one: EndingOverlay) -> str:
    about = one.number or (f"{one.host}, {one.municipality}" if one.host else one.municipality)
    kind = lookup(_OVERLAYS.get(one.kind, one.kind))
    reason = f" ({' '.join(one.reason.split())})" if one.reason else ""
    ends = _(
        "%(kind)s für %(about)s endet %(time)s", kind=kind, about=about, time=words.at(one.ends_at)
    )
    return f"- {ends}{reason}"


def _undelivered(day: Digest, url: str) -> str:
    lines = [
        "- "
        + ngettext(
            "%(channel)s an %(recipient)s: %(num)s Nachricht, zuletzt: %(answer)s",
            "%(channel)s an %(recipient)s: %(num)s Nachrichten, zuletzt: %(answer)s",
            one.count,
            channel=lookup(_WAYS.get(one.kind, one.kind)),
            recipient=one.recipient,
            answer=one.response or "–",
        )
        for one in day.undelivered
    ]
    text = _listed(_("Nicht zugestellt"), lines)
    link = _link(url, "/channels")
    return f"{text}\n{_('Kanal prüfen: %(link)s', link=link)}" if text and link else text


def _test(notice: NoticeRecord, url: str) -> tuple[str, str]:
    parts = [
        _(
            "Dies ist eine Testnachricht. %(person)s hat sie am %(time)s angefordert, um zu "
            "prüfen, ob Nachrichten an %(recipient)s ankommen.",
            person=notice.actor or _("Jemand"),
            time=words.at(notice.created_at),
            recipient=notice.recipient,
        ),
        _("Kommt sie an, ist nichts weiter zu tun."),
        _("Kanäle: %(link)s", link=_link(url, "/channels")) if url else "",
    ]
    return _("[Test] Verbundwacht erreicht Sie"), _joined(parts)
