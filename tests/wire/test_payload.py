"""What a signed message may do to the collector: nothing but be refused, and cheaply."""

import json
import random
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verbundwacht_wire import payload
from verbundwacht_wire.codes import Code
from verbundwacht_wire.errors import PayloadError
from verbundwacht_wire.frame import MAX_ULEN, PLAIN, ZLIB
from verbundwacht_wire.manifest import manifest_hash
from verbundwacht_wire.messages import Beat, Report
from verbundwacht_wire.payload import check_json, decode, deflate, inflate

MIB = 1024 * 1024
AGENT = {"version": "0.1.0", "facts": 1, "interval_s": 900, "python": "3.11.7"}


def refusal(act: Callable[[], object]) -> Code:
    """The code under which this is refused, OK if it is not; any other exception passes."""
    try:
        act()
    except PayloadError as refused:
        return refused.code
    return Code.OK


def peak(act: Callable[[], object]) -> int:
    """Bytes allocated at the highest point of this call."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def zeros_bomb(mib: int) -> bytes:
    """A zlib stream of so many MiB of zeros, from one block that refers to nothing before it."""
    packer = zlib.compressobj(9)
    start = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = (mib * MIB % 65521) << 16 | 1  # Adler-32 of zeros: RFC 1950 section 8.2
    return start + block * mib + b"\x03\x00" + checksum.to_bytes(4, "big")


@given(st.binary(max_size=4096))
@settings(deadline=None)
def test_what_is_deflated_is_inflated_again(data: bytes) -> None:
    packed, coding = deflate(data)

    assert inflate(packed, coding, len(data)) == data
    assert len(packed) <= len(data)


@pytest.mark.parametrize("by", [-1, 1])
def test_a_length_that_is_not_the_real_one_is_refused(by: int) -> None:
    text = b"verbundwacht" * 20
    packed, coding = deflate(text)

    assert refusal(lambda: inflate(packed, coding, len(text) + by)) == Code.INFLATE
    assert refusal(lambda: inflate(text, PLAIN, len(text) + by)) == Code.ULEN


def test_length_and_ratio_are_bounded_before_anything_is_inflated() -> None:
    garbage = bytes(range(256)) * 200

    assert refusal(lambda: inflate(garbage, ZLIB, MAX_ULEN + 1)) == Code.ULEN
    assert refusal(lambda: inflate(garbage[:1000], ZLIB, 64_001)) == Code.ULEN
    assert refusal(lambda: inflate(garbage[:1000], ZLIB, 64_000)) == Code.INFLATE
    assert refusal(lambda: inflate(b"", PLAIN, 1)) == Code.ULEN


def test_a_stream_is_read_to_its_end_and_no_further() -> None:
    packed = zlib.compress(b"x" * 100)

    assert refusal(lambda: inflate(packed[:-1], ZLIB, 100)) == Code.INFLATE
    assert refusal(lambda: inflate(packed + b"\0", ZLIB, 100)) == Code.INFLATE
    assert refusal(lambda: inflate(packed + packed, ZLIB, 100)) == Code.INFLATE
    assert refusal(lambda: inflate(packed[2:-4], ZLIB, 100)) == Code.INFLATE
    assert refusal(lambda: inflate(b"", ZLIB, 0)) == Code.INFLATE


def test_a_bomb_of_one_gib_costs_what_its_header_admits() -> None:
    bomb = zeros_bomb(1024)
    assert len(bomb) < 1_100_000

    cost = peak(lambda: refusal(lambda: inflate(bomb, ZLIB, MAX_ULEN)))

    assert refusal(lambda: inflate(bomb, ZLIB, MAX_ULEN)) == Code.INFLATE
    assert cost < 8 * MIB
    assert peak(lambda: refusal(lambda: inflate(bomb, ZLIB, 1000))) < len(bomb) + 128 * 1024


JSON_BOMBS = {
    "empty arrays": b"[" + b"[]," * 690_000 + b"1]",
    "empty objects": b"[" + b"{}," * 690_000 + b"1]",
    "small objects": b"[" + b'{"a":1},' * 250_000 + b"1]",
    "many keys": b"{" + b",".join(b'"%x":{}' % n for n in range(190_000)) + b"}",
    "many numbers": b"[" + b"1.5," * 500_000 + b"1]",
    "depth": b"[" * MAX_ULEN,
    "wide characters": ('["' + '","'.join(["😀" + "x" * 8000] * 250) + '"]').encode(),
    "wide characters, spaced": ('["' + '","'.join(["😀" + "x" * 8000] * 250) + '" ]').encode(),
    "wide keys": (
        '[{"' + '":1,"'.join("😀" * 24 + f"{n:05}" for n in range(19_000)) + '":1 }]'
    ).encode(),
    "as many values as are read": b"["
    + b'[{"a":1},{"a":2 }],' * 9_900
    + b'"'
    + b"x" * 8000
    + b'"]',
}


@pytest.mark.parametrize("name", JSON_BOMBS)
def test_no_json_of_two_mib_costs_more_than_sixteen(name: str) -> None:
    """Small values cost up to 24 times their text, so their number is bounded first."""
    data = JSON_BOMBS[name]
    assert len(data) <= MAX_ULEN

    cost = peak(lambda: refusal(lambda: check_json(data)))

    assert cost < 16 * MIB


def test_a_host_with_five_thousand_packages_is_read() -> None:
    package = {"name": "n", "version": "1", "arch": "a", "source": "s", "source_version": "1"}
    body = {"manager": "dpkg", "installed": [package | {"state": "x"}] * 5000}
    report = msgspec.json.encode({"manifest": {}, "bodies": {"packages": body}, "agent": AGENT})

    assert decode(report, Report).bodies.keys() == {"packages"}


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


VERDICTS = [
    (
        Code.OK,
        [b"{}", b' {"a" : [1, -1, 0.5, 1e5, true, false, null, "\\u00e4\\/"]}\n', nested(16)],
    ),
    (Code.OK, [b'"\\ud83d\\ude00"', b'{"a":{"a":1},"b":{"a":1}}', b'{"a":"\\"a\\":"}', b"1e308"]),
    (Code.OK, [b'{"a:":1,"a":"b:","b" :[":"]}', b'{"\\\\":1,"\\"":2}', b"9007199254740992"]),
    (Code.JSON, [b"", b" ", b"{", b"[1,]", b"01", b"+1", b"1.", b".5", b"'a'", b"{} {}", b"nul"]),
    (Code.JSON, [b"NaN", b"Infinity", b"-Infinity", b'{"a":NaN}', b"1e400", b"\xef\xbb\xbf1"]),
    (Code.JSON, [b'{"a":1,"a":1}', b'[{"b":{"a":1,"c":2,"a":1}}]', b'{"a":1,"\\u0061":2}']),
    (
        Code.JSON,
        [b'"\xff"', b'{"\xff":1}', b'"\xc0\x80"', b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"'],
    ),
    (Code.JSON, [b'"\\ud800"', b'"\\udc00"', b'"\\ud800a"', b'"\\ud800\\ud800"', b'"\\uZZZZ"']),
    (Code.JSON, [b'"\x00"', b'"\n"', b'"\\x"', b'"', b"9" * 5000]),
    (Code.LIMITS, [nested(5000), b'{"a":' * 5000 + b"1" + b"}" * 5000]),
    (Code.LIMITS, [nested(17), b'{"a":' * 17 + b"1" + b"}" * 17, b'"' + b"x" * 8193 + b'"']),
    (Code.LIMITS, [b'{"' + b"x" * 8193 + b'":1}', b"[" + b"0," * 20_000 + b"0]"]),
    (Code.LIMITS, [b"9007199254740993", b"-9007199254740993", b"1" + b"0" * 30, b"9" * 4000]),
    (Code.LIMITS, [b"{" + b",".join(b'"%d":0' % n for n in range(20_001)) + b"}"]),
    (Code.OK, [b"[" + (b"[" + b"[]," * 12_498 + b"1],") * 2 + b"1]"]),
    (Code.LIMITS, [b"[" + (b"[" + b"[]," * 12_499 + b"1],") * 2 + b"1]"]),
]


@pytest.mark.parametrize(
    ("code", "data"), [(code, data) for code, several in VERDICTS for data in several]
)
def test_each_text_has_its_verdict(code: Code, data: bytes) -> None:
    assert refusal(lambda: check_json(data)) == code


def stdlib_accepts(data: bytes) -> bool:
    """The same question put to the standard library, with every limit in plain words."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise ValueError("duplicate")
        return dict(pairs)

    def no(name: str) -> float:
        raise ValueError(name)

    try:
        text = data.decode("utf-8")
        value = json.loads(text, object_pairs_hook=unique, parse_constant=no)
    except (ValueError, RecursionError):
        return False
    return within_limits(value, 0)


def within_limits(value: Any, depth: int) -> bool:
    if isinstance(value, str):
        return len(value) <= 8192 and not any("\ud800" <= c <= "\udfff" for c in value)
    if isinstance(value, dict):
        children = [*value, *value.values()]
        fits = depth < 16 and len(value) <= 20_000
        return fits and all(within_limits(child, depth + 1) for child in children)
    if isinstance(value, list):
        fits = depth < 16 and len(value) <= 20_000
        return fits and all(within_limits(child, depth + 1) for child in value)
    if isinstance(value, float):
        return abs(value) != float("inf")
    return value is None or abs(value) <= 2**53


def check_against_stdlib(data: bytes) -> None:
    code = refusal(lambda: check_json(data))

    assert (code == Code.OK) == stdlib_accepts(data), (code, data)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) - 2, 2**53 + 2)
    | st.floats(allow_nan=True)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=20,
)


@given(
    values, st.booleans(), st.sampled_from([None, 0, 1]), st.sampled_from([",", " ,\t", ",\r\n"])
)
@settings(deadline=None, max_examples=300)
def test_values_however_written_are_judged_as_by_the_standard_library(
    value: Any, ascii_only: bool, indent: int | None, comma: str
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent, separators=(comma, ":"))

    check_against_stdlib(text.encode("utf-8", "surrogatepass"))


PIECES = (
    *(bytes((c,)) for c in b'{}[]":,\\ \n\t0123456789-+.eE'),
    *(b"true", b"null", b"NaN", b'"a"', b'"a":', b'{"a":1', b',"a":2}', b"\\ud800", b"\\udc00"),
    *(b"\\u0061", b"\\n", b"\xc3\xa4", b"\xff", b"\xed\xa0\x80", b"\x00", b"99999999999999999"),
)


def test_random_texts_are_judged_as_by_the_standard_library() -> None:
    rng = random.Random(4711)
    verdicts = {True: 0, False: 0}
    for _ in range(20_000):
        text = bytearray(b'{"a":[1,{"b":"c"},"\\u00e4"],"d":{"a":-1.5e3,"b":null}}')
        for _ in range(rng.randint(0, 4)):
            at = rng.randrange(len(text) + 1)
            text[at : at + rng.randint(0, 3)] = rng.choice(PIECES)
        check_against_stdlib(bytes(text))
        verdicts[stdlib_accepts(bytes(text))] += 1

    assert min(verdicts.values()) > 1000


@given(st.binary(max_size=64))
@settings(deadline=None, max_examples=300)
def test_any_bytes_are_judged_as_by_the_standard_library(data: bytes) -> None:
    check_against_stdlib(data)


def test_unknown_fields_are_ignored_and_wrong_types_are_not() -> None:
    beat = {"manifest": "ab" * 32, "n": 1, "agent": AGENT}

    assert decode(msgspec.json.encode(beat | {"new": [1]}), Beat).n == 1
    assert refusal(lambda: decode(msgspec.json.encode(beat | {"n": "1"}), Beat)) == Code.SCHEMA
    assert refusal(lambda: decode(msgspec.json.encode({"n": 1}), Beat)) == Code.SCHEMA
    assert refusal(lambda: decode(b'{"n":1,"n":1}', Beat)) == Code.JSON


def test_a_damaged_report_is_refused_with_a_code_or_read_whole() -> None:
    """Whatever stands in a signed message, the receiving task does not end."""
    entry = {"hash": "ab" * 32, "status": "ok", "at": 1_790_000_000_123, "reason": "ä", "new": None}
    whole = {"manifest": {"os": entry}, "bodies": {"os": {"id": "debian"}}, "agent": AGENT}
    text = msgspec.json.encode(whole | {"dropped": [3, 4]})
    rng = random.Random(3)

    def read_damaged() -> None:
        damaged = bytearray(text)
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(damaged))
            damaged[at : at + rng.randint(0, 2)] = rng.choice(PIECES)
        manifest_hash(decode(bytes(damaged), Report).manifest)

    codes = {refusal(read_damaged) for _ in range(5000)}

    assert codes == {Code.OK, Code.JSON, Code.SCHEMA, Code.LIMITS}


def test_a_body_is_handed_on_as_the_bytes_that_came() -> None:
    body = b'{"b" : 1.0, "a":"\\u00e4"}'
    text = b'{"manifest":{},"bodies":{"x":%s},"agent":%s}' % (body, msgspec.json.encode(AGENT))

    assert bytes(decode(text, Report).bodies["x"]) == body


def test_the_limits_are_those_of_the_specification() -> None:
    limits = (payload.MAX_RATIO, payload.MAX_DEPTH, payload.MAX_STRING, payload.MAX_ARRAY)

    assert (*limits, payload.MAX_INT, MAX_ULEN) == (64, 16, 8192, 20_000, 2**53, 2 * MIB)
