"""The history of an alert in German sentences."""

from dataclasses import dataclass
from typing import Final

from verbundwacht_collector.store.views import EventRow
from verbundwacht_collector.web import dates

CLOSE_REASONS: Final = {
    "rule_wrong": "Die Regel ist hier falsch",
    "host_retired": "Der Server ist außer Betrieb",
    "duplicate": "Doppelt, wird unter einer anderen Warnung bearbeitet",
}
EVENTS: Final = {
    "opened": ("Warnung angelegt", "bell"),
    "reopened": ("Warnung ist wieder offen", "bell"),
    "taken": ("hat übernommen", "person"),
    "commented": ("", "note"),
    "fix_claimed": ("meldet: ist behoben", "check"),
    "fix_not_confirmed": ("Noch nicht behoben", "bell"),
    "resolved": ("Behoben", "check"),
    "paused": ("hat pausiert", "clock"),
    "cover_ended": ("Weiter offen, wieder gemeldet", "bell"),
    "raised": ("Schweregrad erhöht", "bell"),
    "lowered": ("Schweregrad gesenkt", "note"),
    "closed": ("hat geschlossen", "lock"),
}
CLOSED_BY_ITSELF: Final = ("Geschlossen", "lock")
REASONS: Final = {
    **CLOSE_REASONS,
    "first_value": "Schon bei der ersten Meldung nicht erfüllt.",
    "new_subject": "Neu hinzugekommen.",
    "regression": "Die Regel war vorher erfüllt.",
    "became_applicable": "Die Regel traf vorher nicht zu.",
    "readable_again": "War zwischenzeitlich nicht prüfbar.",
    "fails_again": "Das gab es hier schon einmal.",
    "fails_again_within_72_hours": "Nach weniger als 72 Stunden erneut nicht erfüllt.",
    "again": "Das gab es hier schon einmal.",
    "three_intervals_without_message": "Drei Melde-Abstände ohne eine Meldung.",
    "three_errors_in_a_row": "Die Regel hatte ein Ergebnis; seit drei Meldungen fehlen ihr Fakten.",
    "two_attestations_pass": "Zwei signierte Meldungen in Folge belegen es.",
    "message_received": "Der Server meldet wieder.",
    "sees_again": "Die Regel sieht ihre Fakten wieder.",
    "no_longer_applicable": "Die Regel trifft auf diesen Server nicht mehr zu.",
    "rule_removed": "Die Regel gibt es nicht mehr.",
    "still_failing_after_two_intervals": "Nach zwei Melde-Abständen weiter nicht erfüllt.",
    "half_of_the_hosts_silent": "Mindestens drei Server und die Hälfte der Kommune schweigen.",
    "hosts_report_again": "Genug Server der Kommune melden wieder.",
    "severity_of_rule_changed": "Das Regelpaket stuft die Regel jetzt anders ein.",
    "pause_ended": "Die Pause ist zu Ende.",
    "maintenance_ended": "Die Wartung ist zu Ende.",
    "absence_ended": "Die angekündigte Abwesenheit ist zu Ende.",
    "mass_silence_ended": "Die Leitung der Kommune steht wieder.",
    "cover_gone": "Nichts hält die Nachricht mehr zurück.",
    # These say nothing beyond the event itself.
    "paused_by_person": "",
    "taken_by_person": "",
    "claimed_by_person": "Jetzt zählen die nächsten Meldungen des Servers.",
    "comment": "",
}


@dataclass(frozen=True)
class EventLine:
    """One step of the history; `actor` leads the sentence if a person did it."""

    at: int
    clock: str
    new_day: bool
    actor: str | None
    what: str
    icon: str
    loud: bool
    text: str | None
    reason: str | None


def history(events: list[EventRow]) -> tuple[EventLine, ...]:
    """The events in order; the day is named where it changes."""
    days = [dates.day_key(event.at) for event in events]
    return tuple(
        event_line(event, new_day=index == 0 or days[index - 1] != days[index])
        for index, event in enumerate(events)
    )


def event_line(event: EventRow, *, new_day: bool) -> EventLine:
    """One event; what the collector did itself has no actor and its own wording."""
    what, icon = EVENTS.get(event.kind, (event.kind, "note"))
    # „hat geschlossen“ needs somebody who did.
    if event.kind == "closed" and event.actor is None:
        what, icon = CLOSED_BY_ITSELF
    return EventLine(
        at=event.at,
        clock=dates.clock(event.at),
        new_day=new_day,
        actor=event.actor,
        what=what,
        icon=icon,
        loud=icon == "bell",
        text=event.text or None,
        reason=REASONS.get(event.reason, event.reason) or None,
    )
