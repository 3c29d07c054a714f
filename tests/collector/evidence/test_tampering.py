"""Who changes a file is found: a stranger always, the collector itself wherever a host spoke."""

import base64
from collections.abc import Callable
from typing import Final

import msgspec
import pytest
from tests.collector.evidence.conftest import Past
from tests.collector.evidence.fakes import Row, checked, marked, rows_of, sealed

from verbundwacht_collector import pki
from verbundwacht_collector.evidence.errors import Unreadable
from verbundwacht_collector.evidence.verify import verify
from verbundwacht_wire.frame import Frame, read_frame
from verbundwacht_wire.keys import P256Signer, seal
from verbundwacht_wire.messages import BEAT, Receipt
from verbundwacht_wire.payload import decode, inflate

STEP: Final = 41  # every so many bytes one is changed; a prime, so that no column is left out


def found(data: bytes) -> bool:
    """The file is refused or something in it does not hold."""
    try:
        return not verify(data).holds
    except Unreadable:
        return True


def frame_of(row: Row) -> Frame:
    return read_frame(base64.b64decode(row["frame"]))


def frames(rows: list[Row]) -> list[int]:
    """Where the sequenced messages stand."""
    return [
        place
        for place, row in enumerate(rows)
        if row["row"] == "frame" and frame_of(row).header.typ != BEAT
    ]


def arranged(rows: list[Row]) -> list[Row]:
    """The arrivals count from 0 again: what a collector does that hides something."""
    came = sorted((row["arrived"], place) for place, row in enumerate(rows) if "arrived" in row)
    rows = [dict(row) for row in rows]
    for number, (_arrived, place) in enumerate(came):
        rows[place]["arrived"] = number
    return rows


def test_the_untouched_files_hold(past: Past) -> None:
    for data in (past.of_host, past.of_alert):
        result = verify(data)

        assert (result.holds, result.findings, result.first_bad) == (True, [], None)
        assert all(one.holds for one in result.checks)
        assert found(sealed(rows_of(data))) is False


def test_a_changed_byte_is_found_wherever_it_is(past: Past) -> None:
    for data in (past.of_host, past.of_alert):
        for place in range(0, len(data), STEP):
            changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]

            assert found(changed), data[max(0, place - 40) : place + 40]


def test_a_cut_file_is_found_wherever_it_ends(past: Past) -> None:
    data = past.of_alert
    for end in [*range(0, len(data), 97), len(data) - 1]:
        assert found(data[:end]), end


Change = Callable[[list[Row], int], list[Row]]
CHANGES: Final[dict[str, Change]] = {
    "deleted": lambda rows, at: rows[:at] + rows[at + 1 :],
    "doubled": lambda rows, at: rows[: at + 1] + rows[at:],
    "swapped": lambda rows, at: [*rows[:at], *reversed(rows[at : at + 2]), *rows[at + 2 :]],
    "moved": lambda rows, at: [*rows[:at], *rows[at + 1 :], rows[at]],
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("new_marks", [False, True])
def test_a_row_that_a_stranger_touched_is_found(past: Past, change: str, new_marks: bool) -> None:
    lines, rows = past.of_host.splitlines(keepends=True), rows_of(past.of_host)
    for place in range(len(rows)):
        if change in ("swapped", "moved") and place == len(rows) - 1:
            continue
        changed = CHANGES[change](rows, place)
        as_written = b"".join(lines[rows.index(row)] for row in changed)

        assert found(marked(changed) if new_marks else as_written), rows[place]


def test_a_message_that_the_collector_removes_is_named(past: Past) -> None:
    rows = rows_of(past.of_host)
    for place in frames(rows)[:-1]:
        seq = frame_of(rows[place]).header.seq

        result = verify(sealed(arranged(rows[:place] + rows[place + 1 :])))

        assert result.first_bad is not None and result.first_bad <= seq
        assert any(one.check == "chain" and one.seq == seq for one in result.findings), seq


def test_a_message_that_the_collector_edits_is_named(past: Past) -> None:
    rows = rows_of(past.of_host)
    for place in frames(rows):
        raw = bytearray(base64.b64decode(rows[place]["frame"]))
        raw[-100] ^= 1
        edited = rows[place] | {"frame": base64.b64encode(raw).decode()}

        result = verify(sealed([*rows[:place], edited, *rows[place + 1 :]]))

        named = {one.seq for one in result.findings if one.check == "signatures"}
        assert named == {frame_of(rows[place]).header.seq}


@pytest.mark.parametrize("change", ["doubled", "swapped"])
def test_messages_that_the_collector_doubles_or_swaps_are_found(past: Past, change: str) -> None:
    rows = rows_of(past.of_host)
    for place in frames(rows)[:-1]:
        assert "chain" in checked(sealed(arranged(CHANGES[change](rows, place))))


def test_a_message_of_another_host_is_found(past: Past) -> None:
    rows = rows_of(past.of_host)
    place = frames(rows)[-1]
    foreign = rows[place] | {"frame": base64.b64encode(past.foreign).decode()}

    result = verify(sealed([*rows[:place], foreign, *rows[place + 1 :]]))

    assert result.first_bad == read_frame(past.foreign).header.seq
    assert "signatures" in {one.check for one in result.findings}


def test_an_outcome_that_does_not_follow_from_the_facts_is_found(past: Past) -> None:
    rows = rows_of(past.of_host)
    for place, row in enumerate(rows):
        if row["row"] != "transition":
            continue
        other = row | {"new": "pass" if row["new"] == "fail" else "fail"}

        assert "verdicts" in checked(sealed([*rows[:place], other, *rows[place + 1 :]]))


def test_a_transition_taken_out_of_the_middle_is_found(past: Past) -> None:
    rows = rows_of(past.of_host)
    kinds = [(row.get("rule_id"), row.get("subject")) for row in rows]
    middle = [
        place
        for place, row in enumerate(rows)
        if row["row"] == "transition" and kinds[place] in kinds[place + 1 :]
    ]

    assert middle
    for place in middle:
        assert "verdicts" in checked(sealed(rows[:place] + rows[place + 1 :]))


def test_another_pack_under_the_same_digest_is_found(past: Past) -> None:
    rows = rows_of(past.of_alert)
    for row in rows:
        if row["row"] == "pack":
            text = base64.b64decode(row["files"]["pack.yaml"]).replace(b"!facts", b"facts", 1)
            row["files"]["pack.yaml"] = base64.b64encode(text).decode()

    assert "verdicts" in checked(sealed(rows))


def test_a_missing_pack_is_not_taken_for_good(past: Past) -> None:
    rows = [row for row in rows_of(past.of_alert) if row["row"] != "pack"]

    assert "verdicts" in checked(sealed(rows))


@pytest.mark.parametrize(
    "change",
    [{"number": "W-2026-0099"}, {"rule_id": "t.ports"}, {"state": "new"}, {"fingerprint": "00"}],
    ids=str,
)
def test_another_alert_is_found(past: Past, change: Row) -> None:
    rows = [row | change if row["row"] == "alert" else row for row in rows_of(past.of_alert)]

    assert "cited" in checked(sealed(rows))


def test_a_cited_message_that_is_not_there_is_found(past: Past) -> None:
    rows = rows_of(past.of_alert)
    for place, row in enumerate(rows):
        if row["row"] in ("event", "transition"):
            other = row | {"evidence": "ab" * 32}

            assert "cited" in checked(sealed([*rows[:place], other, *rows[place + 1 :]]))


def test_a_forged_receipt_begins_another_chain(past: Past) -> None:
    """Whoever makes up a collector can sign a receipt and a seal, but no message of the host."""
    forger, rows = P256Signer(pki.new_key()), rows_of(past.of_alert)
    real = frame_of(rows[1])
    receipt = decode(inflate(real.payload, real.header.coding, real.header.ulen), Receipt)
    own = base64.b64encode(forger.spki).decode()
    payload = msgspec.json.encode(msgspec.structs.replace(receipt, downlink_spki=own))
    header = real.header._replace(coding=0, ulen=len(payload))
    forged = base64.b64encode(seal(header, payload, forger)).decode()
    data = sealed([rows[0], {"row": "receipt", "frame": forged}, *rows[2:]], forger)
    true = verify(past.of_alert).fingerprint

    result, insisted = verify(data), verify(data, wanted=true)

    assert "receipt" not in {one.check for one in result.findings}
    assert ("chain", 1) in {(one.check, one.seq) for one in result.findings}
    assert "receipt" in {one.check for one in insisted.findings}
    assert verify(past.of_alert, wanted=f"{true[:2]}:{true[2:]}".upper()).holds


def test_a_receipt_that_nobody_signed_proves_nothing(past: Past) -> None:
    rows = rows_of(past.of_alert)
    raw = bytearray(base64.b64decode(rows[1]["frame"]))
    raw[-1] ^= 1
    rows[1] = {"row": "receipt", "frame": base64.b64encode(raw).decode()}

    result = verify(sealed(rows))

    assert [one.check for one in result.checks if one.holds] == ["file"]


def test_a_seal_of_another_file_is_found(past: Past) -> None:
    rows = [*rows_of(past.of_alert)[:-1], rows_of(past.of_host)[-1]]

    assert checked(marked(rows)) == {"file"}
