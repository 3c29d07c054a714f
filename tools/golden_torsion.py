"""Ed25519 keys of small order, and signatures under them that anybody can make.

Pure. Plain curve arithmetic (RFC 8032 section 5.1), slow and only for vectors: it makes the
forgeries that a verifier without a check for such keys accepts.
"""

import hashlib
from typing import Final

_P: Final = 2**255 - 19
_L: Final = 2**252 + 27742317777372353535851937790883648493
_D: Final = -121665 * pow(121666, -1, _P) % _P
_SQRT_M1: Final = pow(2, (_P - 1) // 4, _P)
_SPKI: Final = bytes.fromhex("302a300506032b6570032100")

Point = tuple[int, int]


def add(a: Point, b: Point) -> Point:
    """The sum of two points of the curve."""
    (x1, y1), (x2, y2) = a, b
    product = _D * x1 * x2 * y1 * y2 % _P
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, _P)
    y = (y1 * y2 + x1 * x2) * pow(1 - product, -1, _P)
    return x % _P, y % _P


def encode(point: Point) -> bytes:
    """32 bytes: y, with the lowest bit of x on top."""
    x, y = point
    return (y | (x & 1) << 255).to_bytes(32, "little")


def decode(data: bytes) -> Point:
    """The point these bytes encode, y above the field's size included. Raises ValueError."""
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, (number & (1 << 255) - 1) % _P
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if x * x % _P != square:
        x = x * _SQRT_M1 % _P
    if x * x % _P != square:
        raise ValueError(f"{data.hex()} is not on the curve")
    return (x if x & 1 == sign else -x % _P), y


def torsion() -> list[bytes]:
    """The eight points of small order, as multiples 0 to 7 of one of order eight."""
    generator = decode(
        bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")
    )
    points = [(0, 1)]
    while len(points) < 8:
        points.append(add(points[-1], generator))
    return [encode(point) for point in points]


def spki(public: bytes) -> bytes:
    """The key as DER SubjectPublicKeyInfo (RFC 8410)."""
    return _SPKI + public


def forge(index: int, data: bytes) -> bytes | None:
    """A signature over data under `torsion()[index]`, made without a private key.

    With S = 0 the equation is R = -h·A. Both lie among eight points, so one R in eight or so
    fits; None if none does for these bytes.
    """
    points = torsion()
    for guess, r in enumerate(points):
        h = int.from_bytes(hashlib.sha512(r + points[index] + data).digest(), "little") % _L
        if (guess + h * index) % 8 == 0:
            return r + bytes(32)
    return None
