"""Every golden message: what it is, and under which code it must be refused.

Pure. One case is one deviation; everything else about the message is right, its signature
included, so that a reader which overlooks the deviation accepts the message.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from tools import golden_torsion as torsion
from tools.golden_craft import (
    AGENT,
    AGENT_B,
    DOWNLINK,
    P256_ORDER,
    RFC6979,
    RFC8032,
    TENANT,
    TIME,
    KeyPair,
    bstr,
    fields,
    head,
    header,
    message,
    signed,
    stored_zlib,
    tbs,
    tstr,
    uint,
    zeros_zlib,
)

Stage = Literal["frame", "key", "registry", "signature", "content", "schema"]
"""Where the outcome is decided: by the frame alone, with the key, the registry, the payload."""

PAYLOAD = b'{"facts":[1]}'
V1 = signed(RFC8032, PAYLOAD)
V2 = signed(RFC6979, PAYLOAD)
_PARTS = fields(RFC6979, PAYLOAD)
_PROTECTED = header(_PARTS)
_SIGNATURE = V2[-64:]
_R, _S = int.from_bytes(_SIGNATURE[:32], "big"), int.from_bytes(_SIGNATURE[32:], "big")
_MAX_FRAME, _MAX_ULEN = 262_144, 2 * 1024 * 1024


class Case(NamedTuple):
    """One message and its outcome."""

    name: str
    says: str  # what is special about it, one sentence
    stage: Stage
    code: int  # 0: accepted
    raw: bytes
    key: KeyPair = RFC6979  # the key registered for its kid
    topic: str = f"vw/1/up/{TENANT}/{AGENT.hex()}"


def cases() -> list[Case]:
    """All of them, in a fixed order; names are unique."""
    return [
        *_vectors(),
        *_absences(),
        *_frames(),
        *_headers(),
        *_heads_of_headers(),
        *_algorithms(),
        *_signatures(),
        *_weak_keys(),
        *_lengths(),
        *_texts(),
        *_registry(),
    ]


def _vectors() -> Iterator[Case]:
    report = (
        b'{"manifest":{"os":{"hash":"","status":"denied","at":1790000000000,"reason":"no right"}},'
        b'"bodies":{},"agent":{"version":"0.1.0","facts":1,"interval_s":900,"python":"3.11.7"}}'
    )
    yield Case("v1", "Vector V1: Ed25519, seed of RFC 8032 test 1.", "content", 0, V1, RFC8032)
    yield Case("v2", "Vector V2: ESP256, key of RFC 6979 A.2.5.", "content", 0, V2)
    yield Case("report", "A whole report, plain.", "schema", 0, signed(RFC6979, report))
    packed = stored_zlib(report)
    yield Case(
        "report-zlib",
        "The same report in a zlib stream.",
        "schema",
        0,
        signed(RFC6979, packed, coding=uint(1), ulen=uint(len(report))),
    )
    yield Case("report-without-manifest", "JSON, but not a report.", "schema", 304, V2)


def _absences() -> Iterator[Case]:
    def case(name: str, says: str, end: int, reason: str, code: int = 304) -> Case:
        text = (
            '{"manifest":{},"bodies":{},"agent":{"version":"0.2.0","facts":1,"interval_s":900,'
            f'"python":"3.11.7","absence":{{"from":{TIME},"until":{TIME + end},'
            f'"reason":"{reason}"}}}}}}'
        )
        return Case(name, says, "schema", code, signed(RFC6979, text.encode()))

    most = 4 * 3600 * 1000
    yield case("absence", "Announces four hours of absence.", most, "Kernel-Update", 0)
    yield case("absence-too-long", "One millisecond more.", most + 1, "Kernel-Update")
    yield case("absence-over", "Ends as it begins.", 0, "Kernel-Update")
    yield case("absence-no-reason", "Without a reason.", most, "")
    yield case("absence-201", "A reason of 201 characters.", most, "x" * 201)
    yield case("absence-blank", "A reason of one space.", most, " ")
    yield case("absence-line-feed", "A line feed at the end of the reason.", most, "a\\n")
    yield case("absence-right-to-left", "U+202E turns the reason round.", most, "a\\u202eb")
    yield case("absence-242-bytes", "A reason of 121 umlauts, 242 bytes.", most, "ä" * 121)


def _frames() -> Iterator[Case]:
    tag, protected, payload = b"\xd2\x84", bstr(_PROTECTED), bstr(PAYLOAD)
    end = bstr(_SIGNATURE)

    def case(name: str, says: str, *parts: bytes, code: int = 102) -> Case:
        return Case(name, says, "frame", code, b"".join(parts))

    yield case("empty", "No byte at all.")
    yield case("cut", "The last byte is missing.", V2[:-1])
    yield case("trailing-byte", "One byte too many.", V2, b"\0")
    yield case("untagged", "The tag 18 is missing.", V2[1:])
    yield case("tag-other", "Tag 98, COSE_Sign.", b"\xd8\x62", V2[1:])
    yield case("tag-long", "Tag 18 in two bytes.", b"\xd8\x12", V2[1:])
    yield case("tag-on-payload", "A tag 24.", tag, protected, b"\xa0\xd8\x18", payload, end)
    array = b"\xd2\x9f"
    yield case("indefinite-frame", "Array open.", array, protected, b"\xa0", payload, end, b"\xff")
    opened = b"\x5f" + payload + b"\xff"
    yield case("indefinite-payload", "Payload in chunks.", tag, protected, b"\xa0", opened, end)
    opened = b"\x5f" + protected + b"\xff"
    yield case("indefinite-protected", "Header in chunks.", tag, opened, b"\xa0", payload, end)
    yield case("indefinite-map", "Open map.", tag, protected, b"\xbf\xff", payload, end)
    long = bstr(_PROTECTED, 2)
    yield case("long-head-protected", "Length in two bytes.", tag, long, b"\xa0", payload, end)
    long = bstr(PAYLOAD, 1)
    yield case("long-head-payload", "13 in two bytes.", tag, protected, b"\xa0", long, end)
    long = bstr(_SIGNATURE, 8)
    yield case("long-head-signature", "64 in eight bytes.", tag, protected, b"\xa0", payload, long)
    kid = b"\xa1\x04" + bstr(RFC6979.kid)
    yield case("unprotected-map", "kid beside the header.", tag, protected, kid, payload, end)
    yield case("payload-null", "The payload is elsewhere.", tag, protected, b"\xa0\xf6", end)
    yield case("payload-text", "Text.", tag, protected, b"\xa0", tstr(PAYLOAD.decode()), end)
    end = bstr(_SIGNATURE[:63])
    yield case("signature-63", "A signature of 63 bytes.", tag, protected, b"\xa0", payload, end)
    end = bstr(_SIGNATURE + b"\0")
    yield case("signature-65", "A signature of 65 bytes.", tag, protected, b"\xa0", payload, end)
    full = _MAX_FRAME - len(signed(RFC6979, b"")) - 8  # two longer heads
    yield case("oversized", "One byte over 262,144.", signed(RFC6979, bytes(full + 1)), code=101)
    yield Case("largest", "262,144 bytes, not JSON.", "content", 303, signed(RFC6979, bytes(full)))


def _headers() -> Iterator[Case]:
    def case(name: str, says: str, protected: bytes, code: int = 103) -> Case:
        return Case(name, says, "frame", code, signed(RFC6979, PAYLOAD, protected))

    order = "alg kid typ vw"
    body = _PROTECTED[1:]
    yield case("header-unsorted", "Label 4 before label 1.", header(_PARTS, "kid alg typ vw"))
    yield case("header-duplicate-label", "kid twice.", header(_PARTS, "alg kid kid typ vw"))
    extra = b"\xa5" + body[: body.index(b"\x10")] + b"\x05\x41\x00" + body[body.index(b"\x10") :]
    yield case("header-unknown-label", "Label 5 between 4 and 16.", extra)
    yield case(
        "header-last-label",
        "Label -70002 after the rest.",
        b"\xa5" + body + b"\x3a\x00\x01\x11\x71\x00",
    )
    yield case("header-missing-label", "No typ.", header(_PARTS, "alg kid vw"))
    yield case("header-text-label", 'A label "1".', b"\xa4\x61\x31" + body[1:])
    yield case("header-empty", "No header.", b"")
    yield case("header-map-empty", "An empty header.", b"\xa0")
    yield case("header-indefinite", "An open map.", b"\xbf" + body + b"\xff")
    yield case("header-trailing-byte", "One byte behind the map.", _PROTECTED + b"\0")
    yield case("header-cut", "The last byte is missing.", _PROTECTED[:-1])
    at = _PROTECTED.index(b"\x89")
    vw = _PROTECTED[at + 1 :]
    yield case("header-vw-open", "An open array.", _PROTECTED[:at] + b"\x9f" + vw + b"\xff")
    yield case("header-vw-ten", "Ten entries.", _PROTECTED[:at] + b"\x8a" + vw + b"\x00")
    yield case("header-vw-long-head", "Nine in two bytes.", _PROTECTED[:at] + b"\x98\x09" + vw)
    long = header(fields(RFC6979, PAYLOAD, typ=tstr("x" * 300)), order)
    yield case("header-513", "513 bytes of header.", long + bytes(513 - len(long)), code=102)


def _heads_of_headers() -> Iterator[Case]:
    def case(name: str, says: str, **parts: bytes) -> Case:
        return Case(name, says, "frame", 103, signed(RFC6979, PAYLOAD, **parts))

    yield case("long-head-epoch", "7 in two bytes.", epoch=uint(7, 1))
    yield case("long-head-seq", "4711 in eight bytes.", seq=uint(4711, 8))
    yield case("long-head-ulen", "13 in four bytes.", ulen=uint(13, 4))
    yield case("long-head-kid", "16 in two bytes.", kid=bstr(RFC6979.kid, 1))
    yield case("long-head-tenant", "13 in two bytes.", tenant=tstr(TENANT, 1))
    yield case("long-head-prev", "32 in three bytes.", prev=bstr(bytes(32), 2))
    yield case("indefinite-tenant", "In chunks.", tenant=b"\x7f" + tstr(TENANT) + b"\xff")
    yield case("float-time", "A double.", time=bytes.fromhex("fb427a0c4506c7b000"))
    yield case("float-epoch", "A half: 7.0.", epoch=bytes.fromhex("f94700"))
    yield case("tag-time", "Tag 1, a date.", time=b"\xc1" + uint(TIME))
    yield case("tag-seq", "Tag 2, a big number.", seq=b"\xc2\x42\x12\x67")
    yield case("negative-seq", "-4711.", seq=head(1, 4710))
    yield case("null-prev", "null.", prev=b"\xf6")
    yield case("reserved-head", "Additional information 28.", epoch=b"\x1c")
    yield case("kid-15", "15 bytes.", kid=bstr(RFC6979.kid[:15]))
    yield case("agent-17", "17 bytes.", agent=bstr(AGENT + b"\0"))
    yield case("prev-text", "Text of 32 characters.", prev=tstr("0" * 32))
    yield case("tenant-empty", "No character.", tenant=tstr(""))
    yield case("tenant-33", "33 characters.", tenant=tstr("a" * 33))
    yield case("tenant-upper-case", "A capital letter.", tenant=tstr("VG-musterland"))
    yield case("tenant-slash", "Would be two levels of a topic.", tenant=tstr("vg/musterland"))
    yield case("typ-line-feed", "Would be two lines of a log.", typ=tstr("vw-report/1\n"))
    yield case("typ-umlaut", "Not ASCII.", typ=tstr("vw-rückmeldung/1"))
    yield case("epoch-33-bit", "2^32.", epoch=uint(1 << 32))
    yield case("seq-64-bit", "2^63.", seq=uint(1 << 63))
    yield case("time-54-bit", "2^53.", time=uint(1 << 53))
    yield case("coding-zstd", "Coding 2 is reserved.", coding=uint(2))


def _algorithms() -> Iterator[Case]:
    for name, alg in (("es256", 7), ("eddsa", 8), ("es384", 35), ("es256k", 47), ("far", 65535)):
        says = f"alg -{alg}, which nobody here speaks."
        raw = signed(RFC6979, PAYLOAD, alg=head(1, alg - 1))
        yield Case(f"alg-{name}", says, "frame", 104, raw)
    raw = signed(RFC6979, PAYLOAD, alg=head(1, 18))
    yield Case("alg-ed25519-on-p256", "alg -19, but the key is P-256.", "signature", 104, raw)
    raw = signed(RFC8032, PAYLOAD, alg=head(1, 8))
    says = "alg -9, but the key is Ed25519."
    yield Case("alg-p256-on-ed25519", says, "signature", 104, raw, RFC8032)


def _signatures() -> Iterator[Case]:
    def case(name: str, says: str, r: int, s: int, code: int = 108) -> Case:
        signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        stage: Stage = "signature" if code else "content"
        return Case(name, says, stage, code, message(_PROTECTED, PAYLOAD, signature))

    yield case("other-s", "(r, n-s): accepted, and the same message as v2.", _R, P256_ORDER - _S, 0)
    yield case("s-zero", "s = 0.", _R, 0)
    yield case("r-zero", "r = 0.", 0, _S)
    yield case("both-zero", "r = s = 0, the signature of CVE-2022-21449.", 0, 0)
    yield case("s-order", "s = n.", _R, P256_ORDER)
    yield case("r-order", "r = n.", P256_ORDER, _S)
    yield case("r-over-order", "r = n + 1.", P256_ORDER + 1, _S)
    yield case("s-largest", "s = 2^256 - 1.", _R, (1 << 256) - 1)
    yield case("swapped", "s‖r.", _S, _R)
    signature = AGENT_B.sign(tbs(_PROTECTED, PAYLOAD))
    raw = message(_PROTECTED, PAYLOAD, signature)
    yield Case("other-key", "Signed by agent-b under the kid of agent-a.", "signature", 108, raw)
    raw = message(_PROTECTED, b'{"facts":[2]}', _SIGNATURE)
    yield Case("other-payload", "Changed after signing.", "signature", 108, raw)
    raw = message(header(_PARTS | {"seq": uint(4712)}), PAYLOAD, _SIGNATURE)
    yield Case("other-seq", "Numbered anew after signing.", "signature", 108, raw)


def _weak_keys() -> Iterator[Case]:
    for index, public in enumerate(torsion.torsion()):
        key = KeyPair(f"weak-{index}", -19, b"", torsion.spki(public), TENANT, AGENT)
        says = f"{index} times a point of order 8: forged without a private key."
        yield Case(f"weak-key-{index}", says, "key", 406, _forged(key, index), key)


def _forged(key: KeyPair, index: int) -> bytes:
    """A message that verifies under this key; the time is moved until a forgery fits."""
    for time in range(TIME, TIME + 1000):
        protected = header(fields(key, PAYLOAD, time=uint(time)))
        signature = torsion.forge(index, tbs(protected, PAYLOAD))
        if signature is not None:
            return message(protected, PAYLOAD, signature)
    raise AssertionError("eight of a thousand tries fit")


def _lengths() -> Iterator[Case]:
    def case(name: str, says: str, code: int, payload: bytes, ulen: int, coding: int = 1) -> Case:
        raw = signed(RFC6979, payload, coding=uint(coding), ulen=uint(ulen))
        return Case(name, says, "content", code, raw)

    bomb = zeros_zlib(8128)  # inflates to 2,097,025 bytes
    packed = stored_zlib(PAYLOAD)
    yield case("bomb-ratio", "2 MiB of zeros, 159:1, admitted.", 301, bomb, 1 + 258 * 8128)
    yield case("bomb-hidden", "The same, said to be 64:1.", 302, bomb, 64 * len(bomb))
    large = zeros_zlib(160_000)
    yield case("bomb-large", "39 MiB of zeros, said to be 2.", 302, large, _MAX_ULEN)
    large = zeros_zlib(20_500)  # enough payload for the ratio to allow more than the cap
    yield case("bomb-over-cap", "5 MiB, said to be 2 MiB + 1.", 301, large, _MAX_ULEN + 1)
    yield case("ulen-short", "ulen one too small.", 302, packed, len(PAYLOAD) - 1)
    yield case("ulen-long", "ulen one too large.", 302, packed, len(PAYLOAD) + 1)
    yield case("ulen-plain", "ulen wrong, payload plain.", 301, PAYLOAD, len(PAYLOAD) + 1, 0)
    yield case("zlib-tail", "A byte behind the stream.", 302, packed + b"\0", len(PAYLOAD))
    yield case("zlib-twice", "Two streams.", 302, packed + packed, len(PAYLOAD))
    yield case(
        "zlib-cut", "The last byte of the checksum is missing.", 302, packed[:-1], len(PAYLOAD)
    )
    wrong = packed[:-1] + bytes((packed[-1] ^ 1,))
    yield case("zlib-checksum", "A wrong checksum.", 302, wrong, len(PAYLOAD))
    yield case("zlib-raw", "Deflate without the zlib header.", 302, packed[2:-4], len(PAYLOAD))
    yield case("zlib-not", "JSON, said to be zlib.", 302, PAYLOAD, len(PAYLOAD))


def _texts() -> Iterator[Case]:
    def case(name: str, says: str, code: int, text: bytes) -> Case:
        return Case(name, says, "content", code, signed(RFC6979, text))

    yield case("json-nan", "NaN.", 303, b'{"facts":[NaN]}')
    yield case("json-infinity", "-Infinity.", 303, b'{"facts":[-Infinity]}')
    yield case("json-duplicate-key", "A key twice.", 303, b'{"facts":[1],"facts":[1]}')
    yield case("json-duplicate-deep", "A key twice, deep.", 303, b'{"facts":[{"a":{"b":1,"b":1}}]}')
    yield case("json-duplicate-escaped", "facts, escaped.", 303, b'{"facts":[1],"fact\\u0073":[1]}')
    yield case("json-trailing", "Two values.", 303, b'{"facts":[1]}{}')
    yield case("json-empty", "No byte.", 303, b"")
    yield case("json-cut", "The last byte is missing.", 303, PAYLOAD[:-1])
    yield case("json-not-utf-8", "Latin-1.", 303, '{"facts":["ä"]}'.encode("latin-1"))
    yield case("json-utf-16", "UTF-16.", 303, PAYLOAD.decode().encode("utf-16"))
    yield case("json-surrogate", "Half a character.", 303, b'{"facts":["\\ud800"]}')
    yield case("json-mark", "A byte order mark.", 303, b"\xef\xbb\xbf" + PAYLOAD)
    yield case(
        "json-depth-16", "16 levels: accepted.", 0, b'{"facts":' + b"[" * 15 + b"]" * 15 + b"}"
    )
    yield case("json-depth-17", "17 levels.", 305, b'{"facts":' + b"[" * 16 + b"]" * 16 + b"}")
    yield case("json-depth-5000", "5,000 levels.", 305, b"[" * 5000 + b"]" * 5000)
    yield case("json-integer", "2^53 + 1.", 305, b'{"facts":[9007199254740993]}')
    yield case("json-string", "8,193 characters.", 305, b'{"facts":["' + b"x" * 8193 + b'"]}')
    yield case("json-key", "A key of 8,193 characters.", 305, b'{"' + b"x" * 8193 + b'":[1]}')
    yield case("json-array", "20,001 entries.", 305, b'{"facts":[' + b"1," * 20_000 + b"1]}")
    yield case(
        "json-values",
        "Over 50,000 commas and brackets.",
        305,
        b"[" + (b"[" + b"[]," * 12_500 + b"1],") * 2 + b"1]",
    )


def _registry() -> Iterator[Case]:
    v2 = f"vw/1/up/{TENANT}/{AGENT.hex()}"
    raw = signed(RFC6979, PAYLOAD, agent=bstr(AGENT_B.agent))
    topic = f"vw/1/up/{TENANT}/{AGENT_B.agent.hex()}"
    says = "Signed by agent-a in the name of agent-b, on the topic of agent-b."
    yield Case("key-a-agent-b", says, "registry", 107, raw, topic=topic)
    raw = signed(RFC6979, PAYLOAD, tenant=tstr("vg-nachbarort"))
    topic = f"vw/1/up/vg-nachbarort/{AGENT.hex()}"
    says = "Signed by agent-a in the name of another municipality, on its topic."
    yield Case("key-a-other-tenant", says, "registry", 107, raw, topic=topic)
    topic = f"vw/1/up/{TENANT}/{AGENT_B.agent.hex()}"
    yield Case("wrong-topic", "v2 on the topic of agent-b.", "registry", 107, V2, topic=topic)
    raw = signed(DOWNLINK, PAYLOAD, agent=bstr(AGENT))
    says = "A report signed by the collector's key: no host has it."
    yield Case("report-by-downlink-key", says, "registry", 105, raw, DOWNLINK, v2)
    ack = b'{"upto":4711,"upto_hash":"","hi":4711,"head":""}'
    raw = signed(RFC6979, ack, typ=tstr("vw-ack/1"))
    says = "An acknowledgement signed by an agent: 103 at the collector, 602 at an agent."
    yield Case("ack-by-agent", says, "registry", 103, raw)
