"""Messages that are wrong in one way, made by a known host: its certificate and its key hold."""

import os
import zlib
from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec
from tests.system.facts import section
from tests.system.fleet import INFO, Member

from verbundwacht_wire.codes import Code
from verbundwacht_wire.frame import MAX_FRAME, MAX_ULEN, PLAIN, ZLIB
from verbundwacht_wire.keys import seal
from verbundwacht_wire.messages import REPORT

MIB: Final = 1024 * 1024
OTHERS: Final = "bernstein"


class Crafted(NamedTuple):
    """One wrong message, and what must become of it."""

    name: str
    make: Callable[[Member], bytes]
    code: Code
    stored: bool = False  # it takes its number and is answered; else silence is the answer


def _signed(
    member: Member,
    payload: bytes,
    *,
    coding: int = PLAIN,
    ulen: int | None = None,
    typ: str = REPORT,
    tenant: str | None = None,
) -> bytes:
    """The next message of the chain with any payload; the chain does not move yet."""
    length = len(payload) if ulen is None else ulen
    header = member.header(typ, member.agent, member.seq + 1, coding, length)
    header = header._replace(tenant=tenant or header.tenant)
    return seal(header, payload, member.signer)


def _report(member: Member, **more: object) -> bytes:
    """The JSON of a report that says nothing new."""
    return msgspec.json.encode({"manifest": member.manifest, "bodies": {}, "agent": INFO, **more})


def _truncated(member: Member) -> bytes:
    return _signed(member, _report(member))[:-40]


def _oversized(member: Member) -> bytes:
    return _signed(member, _report(member)) + bytes(MAX_FRAME)


def _wrongly_signed(member: Member) -> bytes:
    raw = bytearray(_signed(member, _report(member)))
    raw[-70] ^= 1  # in the payload, which was signed otherwise
    return bytes(raw)


def _of_another_tenant(member: Member) -> bytes:
    return _signed(member, _report(member), tenant=OTHERS)


def _bomb(member: Member) -> bytes:
    """Two MiB of the letter a out of two KiB."""
    return _signed(member, zlib.compress(b"a" * MAX_ULEN, 9), coding=ZLIB, ulen=MAX_ULEN)


def _hidden_bomb(member: Member) -> bytes:
    """A hundred MiB in a stream whose header promises little."""
    return _signed(member, zlib.compress(bytes(100 * MIB), 9), coding=ZLIB, ulen=60 * 1024)


def _dense_bomb(member: Member) -> bytes:
    """As many empty objects as fit: each would cost 64 bytes of memory."""
    noise = os.urandom(40 * 1024).hex().encode()  # else the ratio alone would be refused
    values = b'{"x":"' + noise + b'","y":[' + b"{}," * 600_000 + b"{}]}"
    return _signed(member, zlib.compress(values, 9), coding=ZLIB, ulen=len(values))


def _malformed(member: Member) -> bytes:
    return _signed(member, _report(member)[:-1])


def _duplicate_keys(member: Member) -> bytes:
    return _signed(member, b'{"agent":{},' + _report(member)[1:])


def _wrong_body(member: Member) -> bytes:
    """A body that is not what its manifest names."""
    return _signed(member, _report(member, bodies={"sshd": msgspec.Raw(section("os"))}))


def _unknown_type(member: Member) -> bytes:
    return _signed(member, _report(member), typ="vw-future/9")


CRAFTED: Final = (
    Crafted("truncated", _truncated, Code.FRAME),
    Crafted("oversized", _oversized, Code.TOO_LARGE),
    Crafted("wrongly signed", _wrongly_signed, Code.SIGNATURE),
    Crafted("wrong tenant", _of_another_tenant, Code.IDENTITY),
    Crafted("bomb", _bomb, Code.ULEN, stored=True),
    Crafted("hidden bomb", _hidden_bomb, Code.INFLATE, stored=True),
    Crafted("dense bomb", _dense_bomb, Code.LIMITS, stored=True),
    Crafted("malformed JSON", _malformed, Code.JSON, stored=True),
    Crafted("duplicate keys", _duplicate_keys, Code.JSON, stored=True),
    Crafted("wrong body", _wrong_body, Code.SCHEMA, stored=True),
    Crafted("unknown type", _unknown_type, Code.SCHEMA, stored=True),
)


def with_unknown_section(member: Member) -> bytes:
    """A right report with a section of a future version."""
    body = b'{"moons":2}'
    return member.report({"orbit": body})
