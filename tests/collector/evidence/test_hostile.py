"""A file from anybody: a sentence, never a traceback, and no more memory than the file is large."""

import base64
import json
import tracemalloc
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.collector.evidence.conftest import Past
from tests.collector.evidence.fakes import marked, rows_of, sealed
from tests.fakes import FakeAgent

from verbundwacht_collector.evidence import links
from verbundwacht_collector.evidence import rows as form
from verbundwacht_collector.evidence.errors import Unreadable
from verbundwacht_collector.evidence.verify import verify
from verbundwacht_wire.frame import read_frame
from verbundwacht_wire.keys import seal


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"PK\x03\x04",
        b"\xff" * 100,
        b"[" * 100_000 + b"\n",
        b'["x",{"row":"head","format":"vw-evidence/2","alert":""}]\n',
        b'{"row":"head"}\n',
        b'["x",' + b'{"a":' * 50_000 + b"\n",
    ],
)
def test_what_is_no_evidence_file_is_refused_with_the_next_step(data: bytes) -> None:
    with pytest.raises(Unreadable, match="Die Datei neu holen"):
        verify(data)


def test_a_file_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(form, "MAX_FILE", 1 << 20)

    with pytest.raises(Unreadable, match="größer als 1 MiB"):
        verify(b" " * (1 << 20) + b"\n")


def test_more_sections_than_fit_into_memory_are_refused(
    past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "MAX_NAMED", 10)

    with pytest.raises(Unreadable, match="mehr als 10 Abschnitte"):
        verify(past.of_host)


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=20),
    st.just("A" * 50_000),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_value_anywhere_ends_in_a_result(past: Past, data: st.DataObject) -> None:
    """Even if the collector itself signed it."""
    rows = rows_of(past.of_alert)
    place = data.draw(st.integers(0, len(rows) - 2))
    key = data.draw(st.sampled_from(sorted(rows[place])))
    value: Any = data.draw(values)
    rows[place] = rows[place] | {key: value}

    try:
        result = verify(sealed(rows))
    except Unreadable:
        return

    assert isinstance(result.holds, bool)
    assert all(one.text for one in result.checks)


def test_file_names_in_a_pack_are_names_and_no_paths(past: Past) -> None:
    rows = rows_of(past.of_alert)
    pack = next(row for row in rows if row["row"] == "pack")
    pack["files"] = {"../../../etc/passwd": base64.b64encode(b"x").decode()}

    assert not verify(sealed(rows)).holds


def test_a_bomb_stays_packed(past: Past) -> None:
    agent = FakeAgent()
    packed = zlib.compress(b"0" * (64 << 20), 9)
    header = read_frame(agent.frame("vw-receipt/1", b"")).header
    raw = seal(header._replace(coding=1, ulen=1 << 30), packed, agent.signer)
    rows = rows_of(past.of_alert)
    rows[1] = {"row": "receipt", "frame": base64.b64encode(raw).decode()}
    data = marked(rows)
    tracemalloc.start()

    result = verify(data)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "receipt" in {one.check for one in result.findings}
    assert peak < 8 << 20


def test_thousands_of_bad_rows_are_not_listed_for_ever(past: Past) -> None:
    rows = rows_of(past.of_alert)
    frame = next(row for row in rows if row["row"] == "frame")
    junk = {"row": "frame", "arrived": 0, "received_at": 0, "frame": ""}
    place = rows.index(frame)

    result = verify(marked([*rows[:place], *[junk] * 3000, *rows[place:]]))

    assert len(result.findings) == 1000
    assert json.dumps([one.text for one in result.checks]).count("3.000") == 1
