"""What became of a notification, and how a channel stands: German sentences, with what to do.

Pure. The command line says the same sentences.
"""

from dataclasses import dataclass
from typing import Final

from verbundwacht_collector.i18n import N_, _, lookup
from verbundwacht_collector.store.channels import ChannelRow, Standing, TestRow
from verbundwacht_collector.store.views import DeliveryRow
from verbundwacht_collector.web.words import Word

CHANNELS: Final = {"mail": N_("E-Mail"), "webhook": N_("Webhook")}
STATES: Final = {
    "waiting": Word(N_("wartet"), "wait"),
    "sending": Word(N_("wird gerade zugestellt"), "wait"),
    "delivered": Word(N_("vom Empfangsserver angenommen"), "ok"),
    "failed": Word(N_("fehlgeschlagen"), "bad"),
    "superseded": Word(N_("entfällt, weil überholt"), "wait"),
    "expired": Word(N_("verfallen, wird nicht mehr versucht"), "bad"),
}
ABOUT: Final = {
    "opened": N_("neue Warnung"),
    "reopened": N_("wieder offen"),
    "raised": N_("höher eingestuft"),
    "cover_ended": N_("weiter offen"),
    "resolved": N_("behoben"),
    "closed": N_("geschlossen"),
}
STANDINGS: Final[dict[Standing, Word]] = {
    "ok": Word(N_("in Ordnung"), "pass"),
    "failing": Word(N_("letzter Versuch fehlgeschlagen"), "late"),
    "broken": Word(N_("gestört"), "fail"),
    "unused": Word(N_("noch nichts gesendet"), "none"),
    "gone": Word(N_("vom Empfänger abbestellt"), "fail"),
    "off": Word(N_("abgeschaltet"), "na"),
}
TEST_STATES: Final = {
    "waiting": Word(N_("Testnachricht ist unterwegs"), "late"),
    "sending": Word(N_("Testnachricht ist unterwegs"), "late"),
    "delivered": Word(N_("Testnachricht angenommen"), "pass"),
    "failed": Word(N_("Testnachricht fehlgeschlagen"), "fail"),
    "expired": Word(N_("Testnachricht nicht gesendet"), "error"),
}
UNDER_WAY_MS: Final = 10 * 60_000
"""Longer than that nobody waits for a test; then the collector is not sending at all."""


@dataclass(frozen=True)
class DeliveryLine:
    """One notification. at: when it ended, or was written; next_at: of the next try."""

    channel: str
    recipient: str
    about: str
    state: Word
    attempts: int
    at: int | None
    next_at: int | None
    tried_at: int | None
    bundled: bool
    answer: str
    advice: str


@dataclass(frozen=True)
class ChannelLine:
    """One channel, and its last test. polling: the test's result is still to come."""

    id: int
    channel: str
    recipient: str
    whose: str
    state: Word
    can_test: bool
    failures: int
    last_success_at: int | None
    last_error_at: int | None
    last_error: str
    advice: str
    test: Word | None
    test_at: int | None
    test_answer: str
    test_advice: str
    polling: bool


def delivery_line(row: DeliveryRow) -> DeliveryLine:
    """One notification as a line; without an address where it is not the reader's to know."""
    state = STATES.get(row.state, Word(row.state, "wait"))
    failed = row.state in ("failed", "expired")
    retried = row.state == "waiting" and row.attempts > 0
    return DeliveryLine(
        channel=lookup(CHANNELS.get(row.channel, row.channel)),
        recipient=row.recipient or _("andere im Verbund"),
        about=lookup(ABOUT.get(row.event, row.event)),
        state=Word(lookup(state.text), state.look),
        attempts=row.attempts,
        at=row.done_at or row.created_at,
        next_at=row.next_at,
        tried_at=row.tried_at,
        bundled=row.bundled,
        answer=row.response,
        advice=advice(row.channel, row.response) if failed or retried else "",
    )


def channel_line(row: ChannelRow, *, now: int) -> ChannelLine:
    """One channel as a line."""
    state, test = STANDINGS[row.standing], row.test
    word, polling = _test(test, now) if test else (None, False)
    in_trouble = row.standing in ("failing", "broken", "gone")
    return ChannelLine(
        id=row.id,
        channel=lookup(CHANNELS.get(row.kind, row.kind)),
        recipient=row.recipient,
        whose=row.whose,
        state=Word(lookup(state.text), state.look),
        can_test=row.standing not in ("gone", "off"),
        failures=row.failures,
        last_success_at=row.last_success_at,
        last_error_at=row.last_error_at,
        last_error=row.last_error,
        advice=advice(row.kind, row.last_error) if in_trouble else "",
        test=word,
        test_at=(test.done_at or test.created_at) if test else None,
        test_answer=test.response if test else "",
        test_advice=_test_advice(row, test, polling=polling) if test else "",
        polling=polling,
    )


def _test_advice(row: ChannelRow, test: TestRow, *, polling: bool) -> str:
    if test.state == "failed":
        return advice(row.kind, test.response)
    if test.state == "delivered" or polling:
        return ""
    return _("Läuft der Sammler? Prüfen Sie das, und senden Sie dann eine neue.")


def _test(test: TestRow, now: int) -> tuple[Word, bool]:
    code, waits = test.state, test.state in ("waiting", "sending")
    if waits and now - test.created_at > UNDER_WAY_MS:
        code, waits = "expired", False
    word = TEST_STATES.get(code, Word(code, "none"))
    return Word(lookup(word.text), word.look), waits


def advice(channel: str, answer: str) -> str:
    """What to do about a message that did not get through. answer: of the other side."""
    code = answer[:3] if answer[:3].isdigit() else ""
    if "not configured" in answer or "not set up" in answer:
        return _("Den Kanal in collector.toml eintragen, dann den Sammler neu starten.")
    if answer.startswith("internal:"):
        return _("Ein Fehler in Verbundwacht selbst. Das Protokoll des Sammlers nennt ihn.")
    if channel == "webhook":
        return _webhook_advice(code, answer)
    if code in ("530", "534", "535"):
        return _("Name und Passwort des Mailservers in collector.toml prüfen.")
    if code.startswith("5"):
        return _("Der Mailserver lehnt ab. Die Adresse und die Sperrlisten des Empfängers prüfen.")
    if code.startswith("4"):
        return _("Der Mailserver nimmt zurzeit nicht an. Hält das an, dort nachfragen.")
    return _("Mailserver und Netz prüfen: Name, Port und Verschlüsselung in collector.toml.")


def _webhook_advice(code: str, answer: str) -> str:
    if "private network" in answer:
        return _("Liegt das Ziel im eigenen Netz, allow_private = true setzen und neu starten.")
    if code == "410":
        return _("Der Empfänger will nichts mehr. Dort klären, dann den Sammler neu starten.")
    if code in ("401", "403"):
        return _("Das Geheimnis auf beiden Seiten vergleichen.")
    if code.startswith("3") or code == "404":
        return _("Die Adresse des Webhooks prüfen; Weiterleitungen werden nicht verfolgt.")
    if code:
        return _("Beim Betreiber des Ziels nachfragen, warum es nicht annimmt.")
    return _("Ziel und Netz prüfen: Läuft der Empfänger, stimmt sein Zertifikat?")
