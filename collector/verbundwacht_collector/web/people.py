"""Who asks: a person with one role and one scope, taken from the store at every request.

A grant that is withdrawn or an account that is disabled thus works at once, not at the next
login.
"""

import sqlite3
from typing import Literal, NamedTuple

from verbundwacht_collector.scope import Scope
from verbundwacht_collector.store import people
from verbundwacht_collector.store.protocol import Transaction
from verbundwacht_collector.web import sessions

Role = Literal["municipal", "soc"]


class Identity(NamedTuple):
    """A person in the role in which they see and act."""

    person_id: int
    login: str
    name: str
    role: Role
    scope: Scope
    language: str | None = None
    """What the person chose once; None while they follow their browser."""


class Account(NamedTuple):
    """What a password is checked against."""

    person_id: int
    password_hash: str


class Resumed(NamedTuple):
    """A session that was found, and whether its use is to be written down."""

    who: Identity
    touch: bool


def account(db: sqlite3.Connection, login: str) -> Account | None:
    """The account to check a password against; None for unknown, disabled or without a role."""
    found = people.person_by_login(db, login)
    # Without a role there is nothing to see, and no reason to say why.
    if found is None or found.disabled or not people.grants(db, found.id):
        return None
    return Account(found.id, found.password_hash)


def resume(db: sqlite3.Connection, token: str, now: int) -> Resumed | None:
    """The person behind a session token, as the store knows them now."""
    session = people.session(db, sessions.token_hash(token))
    if session is None or not sessions.is_alive(
        opened_at=session.created_at, seen_at=session.seen_at, now=now
    ):
        return None
    found = people.person_by_id(db, session.person_id)
    grants = people.grants(db, session.person_id)
    if found is None or found.disabled or not grants:
        return None
    # One role at a time; the store lists the wider one first.
    first = grants[0]
    who = Identity(
        found.id, found.login, found.name, first.role, people.scope_of(first), found.language
    )
    return Resumed(who, sessions.touch_due(seen_at=session.seen_at, now=now))


def open_session(tx: Transaction, person_id: int, token: str, *, replaces: str, now: int) -> None:
    """The session exists; the one that the browser brought along and all dead ones do not."""
    if replaces:
        people.end_session(tx, sessions.token_hash(replaces))
    # Dead rows are swept here: logins are rare and already write.
    people.end_old_sessions(
        tx, idle_before=now - sessions.IDLE_MS, created_before=now - sessions.ABSOLUTE_MS
    )
    people.add_session(
        tx,
        token_hash=sessions.token_hash(token),
        person_id=person_id,
        now=now,
    )
