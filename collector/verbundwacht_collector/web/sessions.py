"""Sessions: tokens, their lifetime, the cookie and the CSRF token that hangs on them.

Pure but for the random token. The store keeps only the token's SHA-256, so a copy of the
database opens no session. The CSRF token is derived, not stored: it dies with the session.
"""

import hashlib
import hmac
import secrets
from typing import Final

IDLE_MS: Final = 60 * 60 * 1000
ABSOLUTE_MS: Final = 10 * 60 * 60 * 1000
TOUCH_MS: Final = 60 * 1000
"""A session's last use is written at most this often: reading pages must not cost a write."""


def new_token() -> str:
    """A fresh session token: 256 random bits, URL-safe text."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """What the store keeps of a token: 32 bytes."""
    return hashlib.sha256(token.encode()).digest()


def csrf_token(token: str) -> str:
    """The form token of the session `token`: hex, useless for finding the session token."""
    # Keyed by the token itself: whoever reads the form cannot compute back.
    return hmac.new(token.encode(), b"vw-csrf/1", hashlib.sha256).hexdigest()


def csrf_matches(token: str, presented: str) -> bool:
    """Whether `presented` is this session's form token, compared in constant time."""
    return hmac.compare_digest(csrf_token(token).encode(), presented.encode())


def is_alive(*, opened_at: int, seen_at: int, now: int) -> bool:
    """Neither idle for an hour nor older than ten hours. Times in Unix ms."""
    return now - seen_at < IDLE_MS and now - opened_at < ABSOLUTE_MS


def touch_due(*, seen_at: int, now: int) -> bool:
    """Whether this use of the session should be written down."""
    return now - seen_at >= TOUCH_MS


def cookie_name(*, insecure_loopback: bool) -> str:
    """`__Host-vw`; the demo on plain HTTP uses `vw`, since browsers refuse the prefix there."""
    return "vw" if insecure_loopback else "__Host-vw"
