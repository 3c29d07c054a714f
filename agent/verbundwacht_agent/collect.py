"""Runs the probes: four at a time, ten seconds each, a minute in all.

A probe that fails is a fact about the host, not a crash. One that hangs loses its place after
ten seconds and is left behind on its daemon thread, and its section says `timeout`: nobody waits
for it but those probes that still have time of their own. What it finds until then counts.
"""

import hashlib
import queue
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Final, NamedTuple

import msgspec

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import Host
from verbundwacht_agent.probes import PROBES, Probe, package_manager_busy, signature
from verbundwacht_wire.errors import PayloadError
from verbundwacht_wire.manifest import encode_body, section_hash
from verbundwacht_wire.messages import SectionEntry
from verbundwacht_wire.payload import check_json

AT_ONCE: Final = 4
ALL_S: Final = 60.0
COSTLY_AFTER_MS: Final = 6 * 3600 * 1000
OF_THE_PACKAGE_MANAGER: Final = ("packages", "updates")
BUSY_WAIT_S: Final = 30.0
EACH_S: Final = 10.0
MAX_BODY: Final = 1_500_000
MAX_PACKED: Final = 230 * 1024  # the frame may have 256 KB, manifest included
MAX_RATIO: Final = 60  # the collector inflates 64 times at most
_SMALL: Final = 8 * 1024  # below it nothing can reach a limit


class Section(NamedTuple):
    """One section as it will be reported. hint: German, for people on the host only."""

    entry: SectionEntry
    body: bytes | None = None
    hint: str = ""


class Kept(msgspec.Struct, frozen=True):
    """A section kept from an earlier run, with the signature of what it was read from."""

    entry: SectionEntry
    body: str | None
    signature: str

    def section(self) -> Section:
        """As it was reported then."""
        return Section(self.entry, self.body.encode() if self.body is not None else None)


def collect(
    host: Host,
    now_ms: Callable[[], int],
    *,
    kept: Mapping[str, Kept] | None = None,
    seen: Mapping[str, str] | None = None,
    names: Iterable[str] = tuple(PROBES),
    all_s: float = ALL_S,
    each_s: float = EACH_S,
) -> dict[str, Section]:
    """Every named section, collected or with the reason why not.

    kept: costly ones of earlier runs. seen: what their inputs look like now; without it nothing
    is used again.
    """
    kept, seen = kept or {}, seen or {}
    reused = {n: k.section() for n, k in kept.items() if _still_true(k, seen.get(n), now_ms())}
    wanted = [name for name in names if name not in reused]
    busy = _wait_for_package_manager(host, wanted)
    for name in busy:
        old = kept.get(name)
        reason = Unavailable("failed", "package_manager_busy", "Später erneut versuchen.")
        reused[name] = old.section() if old else _unavailable(reason, now_ms())
    found = _run(host, [n for n in wanted if n not in busy], now_ms, all_s, each_s)
    return {name: (reused | found)[name] for name in names}


def _still_true(kept: Kept, mark: str | None, now_ms: int) -> bool:
    fresh = 0 <= now_ms - kept.entry.at < COSTLY_AFTER_MS
    return fresh and kept.entry.status == "ok" and kept.signature != "" and kept.signature == mark


def inputs(probe: Probe, body: str | bytes | None) -> tuple[str, ...]:
    """The files from which a costly probe made this body, beside those that it always watches."""
    if body is None:
        return ()
    try:
        return probe.inputs(body.encode() if isinstance(body, str) else body)
    except msgspec.DecodeError:  # an older version wrote it
        return ()


def marks(host: Host, probe: Probe, body: str | None) -> str:
    """What the inputs of a costly probe look like now; "" if they may not be looked at.

    body: what it found the last time, which names some of them.
    """
    try:
        found = signature(host, (*probe.watches, *inputs(probe, body)))
    except Unavailable:
        return ""
    return hashlib.sha256(msgspec.json.encode(found)).hexdigest()


def _wait_for_package_manager(host: Host, names: list[str]) -> list[str]:
    """Sections whose source the package manager is just rewriting, after half a minute."""
    affected = [name for name in names if name in OF_THE_PACKAGE_MANAGER]
    if not affected:
        return []
    until = time.monotonic() + BUSY_WAIT_S
    while package_manager_busy(host):
        if time.monotonic() > until:
            return affected
        time.sleep(1.0)
    return []


class _Crew:
    """Probes on threads of their own, four at a time."""

    def __init__(self, host: Host, names: list[str], now_ms: Callable[[], int]) -> None:
        self._host, self._now_ms = host, now_ms
        self._waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.done: queue.SimpleQueue[tuple[str, Section]] = queue.SimpleQueue()
        self._begun: dict[str, float] = {}
        self.given_up: set[str] = set()
        for name in names:
            self._waiting.put(name)
        for _ in range(min(AT_ONCE, len(names))):
            self._hire()

    def _hire(self) -> None:
        threading.Thread(target=self._work, name="probe", daemon=True).start()

    def _work(self) -> None:
        replaced = False
        while not replaced:
            try:
                name = self._waiting.get_nowait()
            except queue.Empty:
                return
            self._begun[name] = time.monotonic()
            section = _one(self._host, PROBES[name], self._now_ms)
            replaced = self._begun.pop(name, None) is None
            self.done.put((name, section))

    def replace_the_slow(self, each_s: float) -> None:
        """Whoever hangs keeps no place: four hanging probes would stop all others."""
        for name, begun in tuple(self._begun.items()):
            if time.monotonic() - begun > each_s and self._begun.pop(name, None) is not None:
                self.given_up.add(name)
                self._hire()


def _run(
    host: Host, names: list[str], now_ms: Callable[[], int], all_s: float, each_s: float
) -> dict[str, Section]:
    crew = _Crew(host, names, now_ms)
    found: dict[str, Section] = {}
    until = time.monotonic() + all_s
    while set(names) - found.keys() - crew.given_up and (left := until - time.monotonic()) > 0:
        with suppress(queue.Empty):
            name, section = crew.done.get(timeout=min(left, each_s / 4))
            found[name] = section
        crew.replace_the_slow(each_s)
    with suppress(queue.Empty):
        while True:
            found.update([crew.done.get_nowait()])  # found at the last moment
    return {n: found.get(n) or _late(n in crew.given_up, now_ms()) for n in names}


def _late(hung: bool, at: int) -> Section:
    hint = "Der Server ist sehr langsam, oder ein Dateisystem oder Befehl hängt."
    return _unavailable(Unavailable("timeout", "probe_limit" if hung else "run_limit", hint), at)


def _one(host: Host, probe: Probe, now_ms: Callable[[], int]) -> Section:
    at = now_ms()
    try:
        body, reason = probe.probe(host)
        encoded = encode_body(body)
        if not sendable(encoded):
            raise Unavailable("failed", "too_large", "Bitte dem Hersteller melden.")
    except Unavailable as problem:
        return _unavailable(problem, at)
    except Exception as problem:
        kind = type(problem).__name__
        return _unavailable(
            Unavailable("failed", "internal_error", f"Fehler im Agenten: {kind}"), at
        )
    entry = SectionEntry(
        hash=section_hash(encoded),
        status="ok",
        at=at,
        reason=reason,
        reach="partial" if reason else "full",
    )
    return Section(entry, encoded)


def sendable(encoded: bytes) -> bool:
    """The collector will take a report with this body: what it refuses, it refuses whole."""
    if len(encoded) <= _SMALL:
        return True
    packed = len(zlib.compress(encoded, 6))
    if len(encoded) > min(MAX_BODY, MAX_RATIO * packed) or packed > MAX_PACKED:
        return False
    try:
        check_json(encoded)
    except PayloadError:
        return False
    return True


def _unavailable(problem: Unavailable, at: int) -> Section:
    entry = SectionEntry(hash="", status=problem.status, at=at, reason=problem.reason)
    return Section(entry, None, problem.hint)
