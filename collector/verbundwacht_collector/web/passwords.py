"""Passwords: one set of argon2id parameters for everything that makes or checks a hash.

Hashing takes 64 MiB and about a tenth of a second on purpose, so it runs in a thread and at
most two at a time: more would let a burst of logins exhaust the memory.
"""

import asyncio
from typing import Final

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from verbundwacht_collector.i18n import _

MIN_LENGTH: Final = 12
MAX_LENGTH: Final = 512
_HASHER: Final = PasswordHasher(
    memory_cost=64 * 1024, time_cost=3, parallelism=4, hash_len=32, salt_len=16, type=Type.ID
)
_NOBODY: Final = (
    "$argon2id$v=19$m=65536,t=3,p=4$c2FsdCBvZiBub2JvZHk$Zm9yIGFjY291bnRzIHRoYXQgZG8gbm90IGV4aXN0Lg"
)
"""Checked when there is no such account, so that the answer takes as long as for a real one."""


def hash_password(password: str) -> str:
    """The argon2id hash to store. ValueError with a German sentence if it is too short."""
    if len(password) < MIN_LENGTH:
        raise ValueError(f"Das Passwort braucht mindestens {MIN_LENGTH} Zeichen.")
    if len(password) > MAX_LENGTH:
        raise ValueError(
            _("Das Passwort darf höchstens %(max_length)s Zeichen haben.", max_length=MAX_LENGTH)
        )
    return _HASHER.hash(password)


def verify(stored: str | None, password: str) -> bool:
    """Whether `password` belongs to the stored hash; None takes the same time and says no."""
    try:
        return _HASHER.verify(stored or _NOBODY, password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


class Verifier:
    """Checks passwords off the event loop, two at a time."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(2)

    async def matches(self, stored: str | None, password: str) -> bool:
        """As `verify`, without blocking the loop; over-long passwords are not even hashed."""
        if len(password) > MAX_LENGTH:
            # Something is hashed all the same, so that length makes no difference in time.
            password = ""
        async with self._slots:
            return await asyncio.to_thread(verify, stored, password)
