"""The history of an alert in sentences."""

from dataclasses import dataclass
from typing import Final

from verbundwacht_collector.i18n import N_, lookup
from verbundwacht_collector.store.views import EventRow
from verbundwacht_collector.web import dates

CLOSE_REASONS: Final = {
    "rule_wrong": N_("Die Regel ist hier falsch"),
    "host_retired": N_("Der Server ist außer Betrieb"),
    "duplicate": N_("Doppelt, wird unter einer anderen Warnung bearbeitet"),
}
EVENTS: Final = {
    "opened": (N_("Warnung angelegt"), "bell"),
    "reopened": (N_("Warnung ist wieder offen"), "bell"),
    "taken": (N_("hat übernommen"), "person"),
    "commented": ("", "note"),
    "fix_claimed": (N_("meldet: ist behoben"), "check"),
    "fix_not_confirmed": (N_("Noch nicht behoben"), "bell"),
    "resolved": (N_("Behoben"), "check"),
    "paused": (N_("hat pausiert"), "clock"),
    "cover_ended": (N_("Weiter offen, wieder gemeldet"), "bell"),
    "raised": (N_("Schweregrad erhöht"), "bell"),
    "lowered": (N_("Schweregrad gesenkt"), "note"),
    "closed": (N_("hat geschlossen"), "lock"),
}
CLOSED_BY_ITSELF: Final = (N_("Geschlossen"), "lock")
REASONS: Final = {
    **CLOSE_REASONS,
    "first_value": N_("Schon bei der ersten Meldung nicht erfüllt."),
    "new_subject": N_("Neu hinzugekommen."),
    "regression": N_("Die Regel war vorher erfüllt."),
    "became_applicable": N_("Die Regel traf vorher nicht zu."),
    "readable_again": N_("War zwischenzeitlich nicht prüfbar."),
    "fails_again": N_("Das gab es hier schon einmal."),
    "fails_again_within_72_hours": N_("Nach weniger als 72 Stunden erneut nicht erfüllt."),
    "again": N_("Das gab es hier schon einmal."),
    "three_intervals_without_message": N_("Drei Melde-Abstände ohne eine Meldung."),
    "three_errors_in_a_row": N_(
        "Die Regel hatte ein Ergebnis; seit drei Meldungen fehlen ihr Fakten."
    ),
    "two_attestations_pass": N_("Zwei signierte Meldungen in Folge belegen es."),
    "message_received": N_("Der Server meldet wieder."),
    "sees_again": N_("Die Regel sieht ihre Fakten wieder."),
    "no_longer_applicable": N_("Die Regel trifft auf diesen Server nicht mehr zu."),
    "rule_removed": N_("Die Regel gibt es nicht mehr."),
    "still_failing_after_two_intervals": N_("Nach zwei Melde-Abständen weiter nicht erfüllt."),
    "half_of_the_hosts_silent": N_("Mindestens drei Server und die Hälfte der Kommune schweigen."),
    "hosts_report_again": N_("Genug Server der Kommune melden wieder."),
    "severity_of_rule_changed": N_("Das Regelpaket stuft die Regel jetzt anders ein."),
    "pause_ended": N_("Die Pause ist zu Ende."),
    "maintenance_ended": N_("Die Wartung ist zu Ende."),
    "absence_ended": N_("Die angekündigte Abwesenheit ist zu Ende."),
    "mass_silence_ended": N_("Die Leitung der Kommune steht wieder."),
    "cover_gone": N_("Nichts hält die Nachricht mehr zurück."),
    # These say nothing beyond the event itself.
    "paused_by_person": "",
    "taken_by_person": "",
    "claimed_by_person": N_("Jetzt zählen die nächsten Meldungen des Servers."),
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
        what=lookup(what),
        icon=icon,
        loud=icon == "bell",
        text=event.text or None,
        reason=lookup(REASONS.get(event.reason, event.reason)) or None,
    )
