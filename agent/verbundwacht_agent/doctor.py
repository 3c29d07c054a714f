"""What is wrong on this host, why, and what to do: settings, keys, spool, inbox, clock, sections.

Checked by the same code that a run uses, so a problem reads here as it does in the log. Nothing
is changed, and the network is asked only in `reach`.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple

import msgspec

from verbundwacht_agent.absence import current
from verbundwacht_agent.collect import Section
from verbundwacht_agent.config import load_config
from verbundwacht_agent.errors import AgentError, CodedError
from verbundwacht_agent.keys import load_private, load_signer
from verbundwacht_agent.paths import Paths
from verbundwacht_agent.peer import load_peer, tls_context
from verbundwacht_agent.reasons import sentence, step
from verbundwacht_agent.receipt import load_enrolment
from verbundwacht_agent.spool import Spool
from verbundwacht_agent.status import WORDS
from verbundwacht_wire.errors import WireError
from verbundwacht_wire.facts import Time
from verbundwacht_wire.frame import read_frame

Level = Literal["problem", "note", "ok"]

_INBOX_FULL: Final = 64
_LATE_MS: Final = 24 * 3600 * 1000
_SKEW_MS: Final = 5 * 60 * 1000
_ENDS_SOON_DAYS: Final = 14


class Finding(NamedTuple):
    """One thing to know. where, what, do: German. code: of a problem of the catalogue."""

    where: str
    what: str
    do: str
    level: Level = "problem"
    code: str | None = None

    def plain(self) -> dict[str, Any]:
        """For programs."""
        return {key: value for key, value in self._asdict().items() if value is not None}


def diagnose(paths: Paths, sections: Mapping[str, Section], now_ms: int) -> list[Finding]:
    """Everything found, problems of the agent first. Level `note`: nothing must be done."""
    found = [*_checked(paths, lambda: load_config(paths))]
    not_enrolled = [*_checked(paths, lambda: load_enrolment(paths))]
    found += not_enrolled
    if paths.receipt.exists():
        for check in (
            lambda: load_signer(paths),
            lambda: load_private(paths.tls_key),
            lambda: load_peer(paths.peer),
            lambda: tls_context(paths),
            lambda: Spool(paths).head(b""),
        ):
            found += _checked(paths, check)
    if paths.receipt.exists() and not found:  # what follows needs all of that
        found += [*_certificate(paths, now_ms), *_spool(paths, now_ms), *_inbox(paths)]
        found += [*_clock(paths, now_ms), *_absence(paths, now_ms)]
    return [*found, *_unsynchronised(sections), *_sections(sections)]


def _checked(paths: Paths, check: Callable[[], object]) -> Iterator[Finding]:
    try:
        check()
    except CodedError as problem:
        yield Finding(str(paths.root), problem.what, problem.do, code=problem.problem.code)
    except AgentError as problem:
        what, _, do = str(problem).partition(". ")
        yield Finding(str(paths.root), f"{what}.", do)
    except OSError as problem:
        what = f"{problem.filename or paths.root}: {problem.strerror}."
        yield Finding(str(paths.root), what, "Als root starten.")


def _certificate(paths: Paths, now_ms: int) -> Iterator[Finding]:
    from cryptography.x509 import load_pem_x509_certificates

    certificate = load_pem_x509_certificates(paths.tls_cert.read_bytes())[0]
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    left = certificate.not_valid_after_utc - now
    when = f"{certificate.not_valid_after_utc:%d.%m.%Y}"
    again = "Den Server neu anmelden: verbundwacht-agent prepare --municipality KÜRZEL"
    if certificate.not_valid_before_utc > now:
        what = "Das eigene Zertifikat gilt noch nicht: die Uhr geht nach."
        yield Finding("Uhr", what, "Uhrzeit prüfen: timedatectl")
    elif left.total_seconds() <= 0:
        yield Finding("Zertifikat", f"Das eigene Zertifikat ist seit {when} abgelaufen.", again)
    elif left.days < _ENDS_SOON_DAYS:
        yield Finding("Zertifikat", f"Das eigene Zertifikat gilt nur bis {when}.", again, "note")


def _spool(paths: Paths, now_ms: int) -> Iterator[Finding]:
    spool = Spool(paths)
    acked = spool.acked()
    waiting = [seq for seq in spool.seqs() if seq > acked]
    damaged = spool.unusable(load_signer(paths))
    if damaged:
        what = f"{len(damaged)} wartende Meldungen sind auf der Platte beschädigt."
        do = "Datenträger prüfen. Der nächste Lauf meldet sie als verloren und alles noch einmal."
        yield Finding(str(paths.spool), what, do)
    whole = [seq for seq in waiting if seq not in damaged]
    if whole and now_ms - spool.frame(whole[0]).header.time > _LATE_MS:
        since = datetime.fromtimestamp(spool.frame(whole[0]).header.time / 1000).astimezone()
        what = f"{len(waiting)} Meldungen warten, die älteste seit {since:%d.%m.%Y %H:%M}."
        yield Finding(
            str(paths.spool), what, "Verbindung prüfen: verbundwacht-agent doctor --network"
        )


def _inbox(paths: Paths) -> Iterator[Finding]:
    waiting = sum(1 for _ in paths.inbox.glob("[!.]*"))
    if waiting >= _INBOX_FULL:
        what = f"{waiting} Antworten warten auf gather; send nimmt keine mehr an."
        yield Finding(str(paths.inbox), what, "gather starten: verbundwacht-agent gather")


def _clock(paths: Paths, now_ms: int) -> Iterator[Finding]:
    times = [frame.header.time] if (frame := Spool(paths).head(b"").frame) else []
    try:
        times.append(read_frame(paths.beat.read_bytes()).header.time)
    except FileNotFoundError:
        pass
    except WireError:
        what = f"{paths.beat} ist beschädigt."
        yield Finding(str(paths.gather), what, f"Datenträger prüfen, dann: rm {paths.beat}")
    ahead = max(times, default=0) - now_ms
    if ahead > _SKEW_MS:
        what = f"Die letzte Meldung liegt {ahead // 60_000} Minuten in der Zukunft."
        yield Finding("Uhr", what, "Die Uhr wurde zurückgestellt: timedatectl")


def _unsynchronised(sections: Mapping[str, Section]) -> Iterator[Finding]:
    body = sections["time"].body if "time" in sections else None
    if body is not None and msgspec.json.decode(body, type=Time).synchronised is False:
        what = "Die Uhr ist nicht mit einer Zeitquelle abgeglichen."
        yield Finding("Uhr", what, "Zeitdienst einrichten: timedatectl set-ntp true", "note")


def _absence(paths: Paths, now_ms: int) -> Iterator[Finding]:
    if current(paths, now_ms) is None and paths.absence.exists():
        what = "Eine angekündigte Abwesenheit ist vorbei oder nicht lesbar; sie gilt nicht."
        do = "Aufräumen: verbundwacht-agent announce --end"
        yield Finding("Abwesenheit", what, do, "note")


def _sections(sections: Mapping[str, Section]) -> Iterator[Finding]:
    for name, (entry, _, hint) in sections.items():
        where, why = f"Abschnitt {name}", sentence(entry.reason)
        if entry.status == "absent":
            yield Finding(where, f"{WORDS[entry.status]}: {why}", "Nichts zu tun.", "note")
        elif entry.status != "ok":
            yield Finding(where, f"{WORDS[entry.status]}: {why}", hint or step(entry.reason))
        elif entry.reach == "partial":
            yield Finding(where, f"nur teilweise gelesen: {why}", step(entry.reason), "note")
