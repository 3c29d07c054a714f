"""An announced absence: bounded by the wire, and carried by every beat within its budget."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire.strategies import P256

from verbundwacht_wire.codes import Code
from verbundwacht_wire.errors import PayloadError
from verbundwacht_wire.frame import Header
from verbundwacht_wire.keys import seal
from verbundwacht_wire.messages import MAX_ABSENCE_MS, Absence, AgentInfo, Beat
from verbundwacht_wire.payload import decode, deflate

FROM = 1_790_000_000_123
LONG_REASON = (
    "Kernel-Update und Neustart, danach Tausch der Festplatten im Speicher; der Dienst Bürgerbüro "
    "ist bis etwa 16 Uhr nicht erreichbar. Rückfragen an die IT-Abteilung, Frau Müller, App. 4711."
)
BUDGET = 600


def beat(absence: Absence | None) -> Beat:
    """A beat whose numbers have grown as long as they will ever be."""
    info = AgentInfo(
        version="10.20.30", facts=1, interval_s=86_400, python="3.13.10", absence=absence
    )
    return Beat(manifest="5a" * 32, n=10_000_000, agent=info)


def sealed(message: Beat) -> bytes:
    """The signed frame of a host with the longest municipality id."""
    data = msgspec.json.encode(message)
    packed, coding = deflate(data)
    largest = Header(
        alg=P256.alg,
        kid=P256.kid,
        typ="vw-beat/1",
        tenant="k" * 32,
        agent=bytes(range(16)),
        epoch=(1 << 32) - 1,
        boot=bytes(range(8)),
        seq=1 << 40,
        prev=bytes(range(32)),
        time=FROM,
        coding=coding,
        ulen=len(data),
    )
    return seal(largest, packed, P256)


def encoded(**part: object) -> bytes:
    """A beat with an absence that this side would never write."""
    whole = msgspec.to_builtins(beat(None))
    return msgspec.json.encode(whole | {"agent": whole["agent"] | {"absence": part}})


def test_a_beat_with_the_longest_reason_keeps_its_budget() -> None:
    said = Absence(from_=FROM, until=FROM + MAX_ABSENCE_MS, reason=LONG_REASON.ljust(200, "."))

    assert len(sealed(beat(said))) <= BUDGET


@given(st.integers(0, 1 << 52), st.integers(1, MAX_ABSENCE_MS), st.sampled_from(["x", LONG_REASON]))
@settings(deadline=None)
def test_what_was_announced_is_what_is_read(start: int, lasts: int, reason: str) -> None:
    said = beat(Absence(from_=start, until=start + lasts, reason=reason))

    assert decode(msgspec.json.encode(said), Beat) == said


def test_the_start_is_called_from_on_the_wire() -> None:
    raw = encoded(**{"from": FROM, "until": FROM + 1, "reason": "Kernel-Update"})

    assert decode(raw, Beat).agent.absence == Absence(
        from_=FROM, until=FROM + 1, reason="Kernel-Update"
    )


def test_a_beat_without_an_absence_says_nothing_of_it() -> None:
    """Byte for byte what agents sent before there were absences."""
    assert b"absence" not in msgspec.json.encode(beat(None))


@pytest.mark.parametrize(
    "lasts", [-1, 0, MAX_ABSENCE_MS + 1, 1 << 52], ids=["backwards", "over", "too-long", "ever"]
)
def test_an_absence_out_of_bounds_is_refused_by_the_schema(lasts: int) -> None:
    raw = encoded(**{"from": FROM, "until": FROM + lasts, "reason": "Kernel-Update"})

    with pytest.raises(PayloadError) as refused:
        decode(raw, Beat)

    assert refused.value.code == Code.SCHEMA


@pytest.mark.parametrize("reason", ["", " ", "x" * 201, "ä" * 121, "a\n", "a\x00b", "a\u202eb"])
def test_a_reason_that_is_no_short_line_is_refused_by_the_schema(reason: str) -> None:
    raw = encoded(**{"from": FROM, "until": FROM + 1, "reason": reason})

    with pytest.raises(PayloadError) as refused:
        decode(raw, Beat)

    assert refused.value.code == Code.SCHEMA
