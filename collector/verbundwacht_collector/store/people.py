"""People, their grants and their sessions. Who may see what begins here, before any scope."""

import sqlite3
from typing import Final

from verbundwacht_collector.scope import AllianceScope, MunicipalityScope
from verbundwacht_collector.store import views
from verbundwacht_collector.store.named import named
from verbundwacht_collector.store.protocol import Transaction

_Q: Final = named("read.sql")


def person_by_login(db: sqlite3.Connection, login: str) -> views.Person | None:
    """The person with this login, disabled ones included."""
    row = db.execute(_Q["person_by_login"], {"login": login}).fetchone()
    return None if row is None else views.Person(*row)


def person_by_id(db: sqlite3.Connection, person_id: int) -> views.Person | None:
    """The person with this id, disabled ones included."""
    row = db.execute(_Q["person_by_id"], {"id": person_id}).fetchone()
    return None if row is None else views.Person(*row)


def grants(db: sqlite3.Connection, person_id: int) -> list[views.Grant]:
    """What the person may do; SOC grants first."""
    rows = db.execute(_Q["grants"], {"person_id": person_id}).fetchall()
    return [views.Grant(*row) for row in rows]


def scope_of(grant: views.Grant) -> MunicipalityScope | AllianceScope:
    """What a grant lets its person see."""
    if grant.alliance_id is not None:
        return AllianceScope(grant.alliance_id)
    return MunicipalityScope(grant.municipality_id or "")


def session(db: sqlite3.Connection, token_hash: bytes) -> views.Session | None:
    """The session behind a token's hash."""
    row = db.execute(_Q["session"], {"token_hash": token_hash}).fetchone()
    return None if row is None else views.Session(*row)


def add_person(tx: Transaction, *, login: str, name: str, password_hash: str, now: int) -> int:
    """The person exists; returns the id. Raises sqlite3.IntegrityError for a taken login."""
    rows = tx.execute(
        "INSERT INTO person (login, name, password_hash, created_at)"
        " VALUES (:login, :name, :password_hash, :now) RETURNING id",
        {"login": login, "name": name, "password_hash": password_hash, "now": now},
    )
    tx.audit(at=now, actor="operator", action="person.added", obj=login, detail="{}")
    return int(rows[0][0])


def set_language(tx: Transaction, person_id: int, language: str) -> None:
    """The person reads the pages in this language, in every browser."""
    tx.execute(
        "UPDATE person SET language = :language WHERE id = :id",
        {"id": person_id, "language": language},
    )


def add_grant(tx: Transaction, person_id: int, grant: views.Grant) -> None:
    """The person may do what the grant says."""
    tx.execute(
        'INSERT INTO "grant" (person_id, role, municipality_id, alliance_id)'
        " VALUES (:person_id, :role, :municipality_id, :alliance_id)",
        {
            "person_id": person_id,
            "role": grant.role,
            "municipality_id": grant.municipality_id,
            "alliance_id": grant.alliance_id,
        },
    )


def add_session(tx: Transaction, *, token_hash: bytes, person_id: int, now: int) -> None:
    """The session is valid from now on."""
    tx.execute(
        "INSERT INTO session (token_hash, person_id, created_at, seen_at)"
        " VALUES (:token_hash, :person_id, :now, :now)",
        {"token_hash": token_hash, "person_id": person_id, "now": now},
    )


def touch_session(tx: Transaction, token_hash: bytes, now: int) -> None:
    """The session was used now."""
    tx.execute(
        "UPDATE session SET seen_at = :now WHERE token_hash = :token_hash",
        {"token_hash": token_hash, "now": now},
    )


def end_session(tx: Transaction, token_hash: bytes) -> None:
    """The session is no more."""
    tx.execute("DELETE FROM session WHERE token_hash = :token_hash", {"token_hash": token_hash})


def end_old_sessions(tx: Transaction, *, idle_before: int, created_before: int) -> None:
    """Sessions idle since, or older than, the given times are no more."""
    tx.execute(
        "DELETE FROM session WHERE seen_at < :idle OR created_at < :created",
        {"idle": idle_before, "created": created_before},
    )
