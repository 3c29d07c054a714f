"""The words that all messages share, in the language of the channel. Pure."""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import format_datetime

from verbundwacht_collector.i18n import N_, _, locale, lookup, pgettext
from verbundwacht_collector.store.digest import OpenAlert
from verbundwacht_collector.store.outbox import ENDINGS, BundledRecord
from verbundwacht_collector.store.records import DeliveryRecord

BERLIN: Final = ZoneInfo("Europe/Berlin")
SEVERITY: Final = {
    "critical": N_("kritisch"),
    "high": N_("hoch"),
    "medium": N_("mittel"),
    "low": N_("niedrig"),
}
ENDED: Final = {
    "two_attestations_pass": N_("Zwei Meldungen des Servers bestätigen: behoben."),
    "message_received": N_("Der Server meldet sich wieder."),
    "sees_again": N_("Die Regel hat wieder ein Ergebnis."),
    "no_longer_applicable": N_("Die Regel trifft auf diesen Server nicht mehr zu."),
    "rule_removed": N_("Die Regel gibt es nicht mehr."),
    "rule_wrong": N_("Von Hand geschlossen: Regel falsch."),
    "host_retired": N_("Von Hand geschlossen: Server außer Betrieb."),
    "duplicate": N_("Von Hand geschlossen: doppelt."),
}
OVER: Final = N_("Die Warnung ist beendet.")
AGAIN: Final = {
    "reopened": N_(", wieder"),
    "raised": N_(", verschärft"),
    "cover_ended": N_(", weiter offen"),
}
WHY_AGAIN: Final = {
    "raised": N_("Das Regelpaket stuft das Problem jetzt höher ein."),
    "cover_ended": N_(
        "Eine Pause, Wartung oder Abwesenheit ist zu Ende, das Problem besteht weiter."
    ),
}


About = DeliveryRecord | BundledRecord | OpenAlert
"""What a sentence about an alert is made from."""


def mark(one: About) -> str:
    """„kritisch“, „hoch, wieder“, „behoben“: what stands first in a list of mails."""
    if one.event_kind in ENDINGS:
        return _("behoben") if one.event_kind == "resolved" else _("geschlossen")
    return lookup(SEVERITY[one.severity]) + lookup(AGAIN.get(one.event_kind, ""))


def what(one: About) -> str:
    """„Ein Port ist offen tcp/23“, on one line whatever the pack wrote."""
    subject = f" {one.subject}" if one.subject else ""
    return " ".join(f"{one.title}{subject}".split())


def at(ms: int) -> str:
    """„20.11.2026, 13:32 Uhr“ in Berlin."""
    when = datetime.fromtimestamp(ms / 1000, BERLIN)
    pattern = pgettext("date pattern", "dd.MM.y, HH:mm 'Uhr'")
    return format_datetime(when, pattern, tzinfo=BERLIN, locale=locale())
