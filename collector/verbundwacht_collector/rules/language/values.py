"""What functions of the language compute on plain Python values. Pure.

An error raises EvaluationError without a position; the compiler adds it. Sources: CEL
language definition; deb-version(7) and rpm's version order through `univers`.
"""

import ipaddress
import math
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import re2

from verbundwacht_collector.rules.errors import EvaluationError
from verbundwacht_collector.rules.language.limits import (
    INT_MAX,
    INT_MIN,
    REGEX_BYTES,
    REGEX_CHARS,
    VERSION_CHARS,
)

VERSION_SCHEMES: Final = ("deb", "rpm")

_RFC3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})"
)
_INTEGER: Final = re.compile(r"-?[0-9]{1,19}")


def timestamp(text: str) -> datetime:
    """RFC 3339 text as a point in time (UTC); digits below the microsecond are cut off."""
    # fromisoformat alone would take dates without time, weeks and a blank for the T.
    if not _RFC3339.fullmatch(text):
        raise EvaluationError(f"{text[:40]!r} is not a date with time and zone (RFC 3339)")
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise EvaluationError(f"{text[:40]!r} is not a date that exists") from None


def timestamp_text(moment: datetime) -> str:
    """A point in time as RFC 3339 text in UTC, with three or six decimals where needed."""
    text = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
    if moment.microsecond % 1000:
        return f"{text}.{moment.microsecond:06}Z"
    return f"{text}.{moment.microsecond // 1000:03}Z" if moment.microsecond else f"{text}Z"


def int64(value: int) -> int:
    """The same number. Raises if it needs more than 64 bits: CEL has no larger ones."""
    if INT_MIN <= value <= INT_MAX:
        return value
    raise EvaluationError("integer overflow")


def integer(value: Any) -> int:
    """`int()`: of a string of digits, a double (cut towards zero) or a timestamp (seconds)."""
    if isinstance(value, str):
        # int() alone would take blanks, underscores and digits of other scripts.
        if not _INTEGER.fullmatch(value):
            raise EvaluationError(f"{value[:40]!r} is not a whole number")
        return int64(int(value))
    if isinstance(value, datetime):
        return (value - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
    try:
        return int64(int(value))
    except (ValueError, OverflowError):
        raise EvaluationError(f"{value} is not a whole number of 64 bits") from None


def text(value: Any) -> str:
    """`string()`: of a string, int, bool or timestamp."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return timestamp_text(value) if isinstance(value, datetime) else str(value)


def span(amount: int, unit: timedelta) -> timedelta:
    """`days()` and `hours()`: amount times the unit."""
    try:
        return duration(amount * unit)
    except OverflowError:
        raise EvaluationError("the duration is longer than 292 years") from None


def duration(length: timedelta) -> timedelta:
    """The same duration. Raises above 292 years: CEL counts nanoseconds in 64 bits."""
    if abs(length) <= _LONGEST:
        return length
    raise EvaluationError("the duration is longer than 292 years")


_LONGEST: Final = timedelta(microseconds=(2**63 - 1) // 1000)


def divide(left: int, right: int) -> int:
    """Division of whole numbers, cut towards zero as in CEL (Python rounds down)."""
    if right == 0:
        raise EvaluationError("division by zero")
    quotient = abs(left) // abs(right)
    return int64(quotient if (left < 0) == (right < 0) else -quotient)


def remainder(left: int, right: int) -> int:
    """Rest of that division; it has the sign of the dividend."""
    if right == 0:
        raise EvaluationError("division by zero")
    # Mathematically 0, but CEL's engines treat it like the division that overflows.
    if (left, right) == (INT_MIN, -1):
        raise EvaluationError("integer overflow")
    rest = abs(left) % abs(right)
    return -rest if left < 0 else rest


def divide_double(left: float, right: float) -> float:
    """Division as in IEEE 754: by zero it gives an infinity or not-a-number."""
    if right != 0:
        return left / right
    if left == 0 or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1, right)


def lower_ascii(value: str) -> str:
    """A to Z in small letters; other characters stay as they are."""
    return value.translate(_LOWER)


_LOWER: Final = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


def split(value: str, separator: str) -> list[str]:
    """The parts between the separators. An empty separator is an error: engines of CEL differ."""
    if not separator:
        raise EvaluationError("split needs a separator")
    return value.split(separator)


@lru_cache(maxsize=512)
def regex(pattern: str) -> Any:
    """A compiled RE2 pattern, linear in the text. Raises EvaluationError if it is no pattern."""
    # Before RE2 sees it; the pattern may come from a parameter.
    if len(pattern) > REGEX_CHARS:
        raise EvaluationError(f"pattern of {len(pattern)} characters; at most {REGEX_CHARS}")
    options = re2.Options()
    # RE2 would write to standard error, past our log.
    options.log_errors = False
    options.max_mem = REGEX_BYTES
    try:
        return re2.compile(pattern, options)
    except (re2.error, UnicodeError) as error:
        detail = error.args[0] if isinstance(error, re2.error) else str(error)
        detail = detail.decode(errors="replace") if isinstance(detail, bytes) else detail
        raise EvaluationError(f"not a regular expression of RE2: {detail}") from None


def matches(value: str, pattern: str) -> bool:
    """Whether the pattern is found anywhere in the text."""
    try:
        return regex(pattern).search(value) is not None
    except UnicodeError:
        raise EvaluationError("the text is not valid Unicode") from None


def version_lt(scheme: str, left: str, right: str) -> bool:
    """Whether version `left` is older than `right` by the order of dpkg or rpm."""
    return bool(_version(scheme, left) < _version(scheme, right))


@lru_cache(maxsize=4096)
def _version(scheme: str, version: str) -> Any:
    # Imported here: univers costs 70 ms, and most packs compare no versions.
    from univers.versions import DebianVersion, RpmVersion

    # The order of long digit strings costs quadratic time in the library.
    if len(version) > VERSION_CHARS or not version.strip():
        raise EvaluationError(f"{version[:40]!r} is not a version")
    try:
        return (DebianVersion if scheme == "deb" else RpmVersion)(version)
    except ValueError:
        raise EvaluationError(f"{version!r} is not a version of {scheme}") from None


def cidr_contains(network: str, address: str) -> bool:
    """Whether the address lies in the network; of the other IP version it never does."""
    try:
        # A zone such as %eth0 is kept by the address and ignored by the comparison.
        return _address(address) in parse_network(network)
    except ValueError as error:
        raise EvaluationError(str(error)[:120]) from None


@lru_cache(maxsize=512)
def parse_network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """The network that `10.0.0.0/8` names. Raises ValueError, also for set host bits."""
    return ipaddress.ip_network(text)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(text)
