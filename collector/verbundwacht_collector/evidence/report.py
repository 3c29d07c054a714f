"""What a check of evidence says: one sentence for each thing that was looked at. Pure."""

from collections.abc import Mapping
from typing import Final

import msgspec

from verbundwacht_collector.i18n import N_, _, lookup, ngettext

MAX_FINDINGS: Final = 1000
"""A file that is wrong throughout is not listed line by line for ever."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that does not hold. line: in the file, from 1; seq: of the message it is about."""

    check: str
    line: int | None
    seq: int | None
    text: str

    def __str__(self) -> str:
        where = [
            *([_("Zeile %(line)s", line=self.line)] if self.line is not None else []),
            *([_("Nr. %(seq)s", seq=self.seq)] if self.seq is not None else []),
        ]
        return f"{', '.join(where)}: {self.text}" if where else self.text


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at. holds: nothing speaks against it."""

    check: str
    holds: bool
    text: str


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. first_bad: the lowest sequence number at which something is wrong."""

    holds: bool
    fingerprint: str
    host: str
    municipality_id: str
    alert: str
    messages: int
    first_bad: int | None
    checks: list[Check]
    findings: list[Finding]


class Findings:
    """Collects what does not hold."""

    def __init__(self) -> None:
        self.found: list[Finding] = []
        self.counts: dict[str, int] = {}
        self.first_bad: int | None = None

    def add(self, check: str, text: str, line: int | None = None, seq: int | None = None) -> None:
        """One thing more."""
        self.counts[check] = self.counts.get(check, 0) + 1
        if seq is not None and (self.first_bad is None or seq < self.first_bad):
            self.first_bad = seq
        if len(self.found) < MAX_FINDINGS:
            self.found.append(Finding(check=check, line=line, seq=seq, text=text))


CHECKS: Final = {
    "file": N_("Die Datei ist so, wie der Sammler sie ausgegeben hat."),
    "receipt": N_("Die Quittung ist echt und gilt diesem Server und seinem Schlüssel."),
    "signatures": N_("Jede Meldung hat der Schlüssel des Servers unterschrieben."),
    "chain": N_("Die Kette beginnt bei der Quittung und hat keine unerklärte Lücke."),
    "content": N_("Jeder Abschnitt hat die Prüfsumme, die sein Manifest nennt."),
    "cited": N_("Jede Meldung, auf die sich die Warnung beruft, liegt bei."),
    "verdicts": N_("Jedes Ergebnis folgt, neu berechnet, aus den Fakten der Meldungen."),
}
BROKEN: Final = {
    "file": N_("Die Datei ist nicht so, wie der Sammler sie ausgegeben hat"),
    "receipt": N_("Die Quittung trägt nicht"),
    "signatures": N_("Nicht jede Meldung hat der Schlüssel des Servers unterschrieben"),
    "chain": N_("Die Kette ist nicht lückenlos"),
    "content": N_("Nicht jeder Abschnitt ist der, den sein Manifest nennt"),
    "cited": N_("Nicht alles, worauf sich die Warnung beruft, liegt bei"),
    "verdicts": N_("Nicht jedes Ergebnis folgt aus den Fakten"),
}
UNCHECKED: Final = N_("Nicht geprüft, weil die Quittung nicht trägt.")


def checks(counts: Mapping[str, int], *, trusted: bool) -> list[Check]:
    """One sentence for each check. trusted: there was a key to check the rest with."""
    said = []
    for name, text in CHECKS.items():
        many = counts.get(name, 0)
        if many:
            sentence = ngettext(
                "%(what)s: eine Beanstandung.",
                "%(what)s: %(num)s Beanstandungen.",
                many,
                what=lookup(BROKEN[name]),
            )
        else:
            sentence = lookup(text if trusted or name in ("file", "receipt") else UNCHECKED)
        holds = not many and (trusted or name in ("file", "receipt"))
        said.append(Check(check=name, holds=holds, text=sentence))
    return said
