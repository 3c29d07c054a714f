"""The German words that all messages share. Pure."""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from verbundwacht_collector.alerts.system_rules import SYSTEM_RULES
from verbundwacht_collector.store.digest import OpenAlert
from verbundwacht_collector.store.outbox import ENDINGS, BundledRecord
from verbundwacht_collector.store.records import DeliveryRecord

BERLIN: Final = ZoneInfo("Europe/Berlin")
SEVERITY: Final = {"critical": "kritisch", "high": "hoch", "medium": "mittel", "low": "niedrig"}
ENDED: Final = {
    "two_attestations_pass": "Zwei Meldungen des Servers bestätigen: behoben.",
    "message_received": "Der Server meldet sich wieder.",
    "sees_again": "Die Regel hat wieder ein Ergebnis.",
    "no_longer_applicable": "Die Regel trifft auf diesen Server nicht mehr zu.",
    "rule_removed": "Die Regel gibt es nicht mehr.",
    "rule_wrong": "Von Hand geschlossen: Regel falsch.",
    "host_retired": "Von Hand geschlossen: Server außer Betrieb.",
    "duplicate": "Von Hand geschlossen: doppelt.",
}
AGAIN: Final = {"reopened": ", wieder", "raised": ", verschärft", "cover_ended": ", weiter offen"}
WHY_AGAIN: Final = {
    "raised": "Das Regelpaket stuft das Problem jetzt höher ein.",
    "cover_ended": "Eine Pause, Wartung oder Abwesenheit ist zu Ende, das Problem besteht weiter.",
}


About = DeliveryRecord | BundledRecord | OpenAlert
"""What a sentence about an alert is made from."""


def mark(one: About) -> str:
    """„kritisch“, „hoch, wieder“, „behoben“: what stands first in a list of mails."""
    if one.event_kind in ENDINGS:
        return "behoben" if one.event_kind == "resolved" else "geschlossen"
    return SEVERITY[one.severity] + AGAIN.get(one.event_kind, "")


def relation(one: About) -> str:
    """A rule's title says what ought to be; alone it would read like good news."""
    ended = one.event_kind in ENDINGS
    return "" if ended or one.rule_id in SYSTEM_RULES else "nicht erfüllt: "


def what(one: About) -> str:
    """„nicht erfüllt: Kein offener Port tcp/23“, on one line whatever the pack wrote."""
    subject = f" {one.subject}" if one.subject else ""
    return " ".join(f"{relation(one)}{one.title}{subject}".split())


def at(ms: int) -> str:
    """„20.11.2026, 13:32 Uhr“ in Berlin."""
    return datetime.fromtimestamp(ms / 1000, BERLIN).strftime("%d.%m.%Y, %H:%M Uhr")


def many(count: int, one: str, several: str) -> str:
    """„1 Server“, „12 Warnungen“."""
    return f"{count} {one if count == 1 else several}"
