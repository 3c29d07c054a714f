"""Inputs that are almost right: changed, cut, spliced from two, or with a word put in.

Pure, and the same for the same generator of random numbers.
"""

import random
from collections.abc import Callable, Sequence
from typing import Final

Rng = random.Random
LONGEST: Final = 64 * 1024
_NUMBERS: Final = (0, 1, 16, 23, 24, 32, 64, 100, 127, 128, 255)
_LONG: Final = (0, 1, 255, 256, 65_535, 65_536, (1 << 31) - 1, 1 << 32, (1 << 53) + 1, 1 << 63)


def mutated(rng: Rng, seeds: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    """One of the seeds after one to eight changes; now and then bytes from nowhere."""
    if rng.random() < 0.02:
        return rng.randbytes(rng.randrange(200))
    raw = rng.choice(seeds)
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 5, 8))):
        raw = rng.choice(_CHANGES)(rng, raw, seeds, words)[:LONGEST]
    return raw


def _at(rng: Rng, raw: bytes) -> int:
    return rng.randrange(len(raw) + 1)


def _flip(rng: Rng, raw: bytes, _s: Sequence[bytes], _w: Sequence[bytes]) -> bytes:
    at = _at(rng, raw)
    return raw[:at] + bytes(b ^ 1 << rng.randrange(8) for b in raw[at : at + 1]) + raw[at + 1 :]


def _set(rng: Rng, raw: bytes, _s: Sequence[bytes], _w: Sequence[bytes]) -> bytes:
    at = _at(rng, raw)
    return raw[:at] + bytes([rng.choice(_NUMBERS)]) + raw[at + 1 :]


def _cut(rng: Rng, raw: bytes, _s: Sequence[bytes], _w: Sequence[bytes]) -> bytes:
    at = _at(rng, raw)
    return raw[:at] + raw[at + rng.randint(1, 40) :]


def _end(rng: Rng, raw: bytes, _s: Sequence[bytes], _w: Sequence[bytes]) -> bytes:
    return raw[: _at(rng, raw)]


def _repeat(rng: Rng, raw: bytes, _s: Sequence[bytes], _w: Sequence[bytes]) -> bytes:
    at, size = _at(rng, raw), rng.randint(1, 60)
    return raw[:at] + raw[at : at + size] * rng.choice((2, 2, 3, 20, 400)) + raw[at + size :]


def _splice(rng: Rng, raw: bytes, seeds: Sequence[bytes], _w: Sequence[bytes]) -> bytes:
    other = rng.choice(seeds)
    return raw[: _at(rng, raw)] + other[_at(rng, other) :]


def _word(rng: Rng, raw: bytes, _s: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    at = _at(rng, raw)
    return raw[:at] + rng.choice(words) + raw[at + rng.choice((0, 0, 1, 4)) :]


def _number(rng: Rng, raw: bytes, _s: Sequence[bytes], _w: Sequence[bytes]) -> bytes:
    at, value, size = _at(rng, raw), rng.choice(_LONG), rng.choice((1, 2, 4, 8))
    text = rng.random() < 0.5
    put = str(value).encode() if text else (value & (1 << 8 * size) - 1).to_bytes(size, "big")
    return raw[:at] + put + raw[at + (0 if text else size) :]


_CHANGES: Final[tuple[Callable[[Rng, bytes, Sequence[bytes], Sequence[bytes]], bytes], ...]] = (
    _flip,
    _flip,
    _set,
    _cut,
    _end,
    _repeat,
    _splice,
    _word,
    _word,
    _number,
)
