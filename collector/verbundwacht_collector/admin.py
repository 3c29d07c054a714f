"""What the operator's commands do to the store, besides serving. No printing here."""

import re
import sqlite3
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from verbundwacht_collector import machine_problems
from verbundwacht_collector.alerts.actions import Actor
from verbundwacht_collector.app import add_channel, now_ms
from verbundwacht_collector.config import Config, Folder
from verbundwacht_collector.errors import ConfigError, NotFound, Refused
from verbundwacht_collector.i18n import _
from verbundwacht_collector.packs import install
from verbundwacht_collector.pki import key_pem
from verbundwacht_collector.pki_files import PkiFiles, create, write_private
from verbundwacht_collector.rules.load import load_pack_bytes, read_files
from verbundwacht_collector.store import people
from verbundwacht_collector.store.protocol import Transaction
from verbundwacht_collector.store.sqlite import SqliteStore, migrate
from verbundwacht_collector.store.views import Grant
from verbundwacht_collector.web.passwords import hash_password

_ID: Final = re.compile(r"[a-z0-9-]{1,32}")
ALLIANCE_ID: Final = "verbund"


def bundled_pack() -> Path:
    """The rule pack that ships with the collector: in the wheel, or beside it in a checkout."""
    here = Path(__file__).parent
    for place in (here / "bundled" / "linux-basis", here.parent.parent / "rules" / "linux-basis"):
        if place.is_dir():
            return place
    raise ConfigError(machine_problems.PACK_NOT_BUNDLED)


def slug(text: str) -> str:
    """An id made from a name: a-z, 0-9 and -, at most 32 characters."""
    for umlaut, plain in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss")):
        text = text.lower().replace(umlaut, plain)
    return re.sub(r"[^a-z0-9]+", "-", text).strip("-")[:32] or ALLIANCE_ID


def init(folder: Folder, toml: str, config: Config, names: list[str], pack: Path) -> str:
    """The folder holds keys, database, rule pack and configuration; returns the pack's name.

    Run again it upgrades the database and changes nothing else. collector.toml is written
    last: without it nothing starts, so an interrupted init is simply repeated.
    """
    files_of_pack = read_files(pack)
    load_pack_bytes(files_of_pack)  # a pack that does not load stops before anything is written
    folder.root.mkdir(mode=0o750, parents=True, exist_ok=True)
    files = PkiFiles(folder.keys)
    if not files.server.exists():
        if folder.database.exists():  # these keys are in use; new ones would lock every agent out
            raise ConfigError(machine_problems.KEY_MISSING, path=files.server)
        for half_made in folder.keys.glob("*"):
            half_made.unlink()
        create(files, names)
    if not folder.downlink.exists():
        if folder.database.exists():  # agents believe this key alone
            raise ConfigError(machine_problems.KEY_MISSING, path=folder.downlink)
        fresh = folder.downlink.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        write_private(fresh, key_pem(ec.generate_private_key(ec.SECP256R1())))
        fresh.replace(folder.downlink)  # half a key would stay: nothing overwrites a key
    migrate(folder.database)
    folder.database.chmod(0o640)
    store = SqliteStore(folder.database)
    try:
        with store.transaction() as tx:
            _add_alliance(tx, config.alliance)
            name = install(tx, files_of_pack, now=now_ms()).name
    finally:
        store.close()
    if not folder.config.exists():
        fresh = folder.config.with_suffix(".new")
        fresh.write_text(toml, "utf-8")
        fresh.replace(folder.config)
    return name


def _add_alliance(tx: Transaction, name: str) -> None:
    if not tx.execute("SELECT 1 FROM alliance", {}):
        tx.execute(
            "INSERT INTO alliance (id, name, state) VALUES (:id, :name, '')",
            {"id": slug(name), "name": name},
        )


def _alliance(tx: Transaction) -> str:
    rows = tx.execute("SELECT id FROM alliance ORDER BY rowid LIMIT 1", {})
    if not rows:
        raise ConfigError(machine_problems.HALF_MADE)
    return str(rows[0][0])


def add_municipality(
    tx: Transaction, *, municipality_id: str, name: str, contact: str | None
) -> None:
    """The municipality exists in the alliance; its contact gets mail about its alerts."""
    if not _ID.fullmatch(municipality_id):
        raise Refused(
            _(
                "Kürzel %(municipality_id)s: nur a-z, 0-9 und -, höchstens 32 Zeichen, etwa "
                "%(slug)s",
                municipality_id=repr(municipality_id),
                slug=slug(municipality_id),
            )
        )
    if contact is not None and not re.fullmatch(r"[^@\s]+@[^@\s]+", contact):
        raise Refused(_("--contact %(contact)s ist keine E-Mail-Adresse.", contact=repr(contact)))
    alliance = _alliance(tx)
    try:
        tx.execute(
            "INSERT INTO municipality (id, name, alliance_id, contact, created_at)"
            " VALUES (:id, :name, :alliance, :contact, :now)",
            {
                "id": municipality_id,
                "name": name,
                "alliance": alliance,
                "contact": contact,
                "now": now_ms(),
            },
        )
    except sqlite3.IntegrityError:
        raise Refused(
            _("Die Kommune %(municipality_id)s gibt es schon.", municipality_id=municipality_id)
        ) from None
    if contact:
        add_channel(tx, "mail", contact, municipality_id=municipality_id)
    tx.audit(
        at=now_ms(), actor="operator", action="municipality.added", obj=municipality_id, detail="{}"
    )


def add_user(
    tx: Transaction, *, login: str, name: str, password: str, municipality_id: str | None
) -> str:
    """The person can log in; role municipal for a municipality, else soc. Returns the role."""
    if not re.fullmatch(r"[A-Za-z0-9._@-]{2,64}", login):
        raise Refused(
            _(
                "Anmeldename %(login)s: 2 bis 64 Zeichen aus A-Z, a-z, 0-9 und ._@-",
                login=repr(login),
            )
        )
    try:
        hashed = hash_password(password)
    except ValueError as refusal:
        raise Refused(str(refusal)) from None
    if municipality_id is not None:
        known = tx.execute("SELECT 1 FROM municipality WHERE id = :id", {"id": municipality_id})
        if not known:
            raise NotFound(
                _(
                    "Keine Kommune %(municipality_id)s. Vorhandene: municipality list",
                    municipality_id=municipality_id,
                )
            )
        grant = Grant("municipal", municipality_id, None)
    else:
        grant = Grant("soc", None, _alliance(tx))
    try:
        person = people.add_person(
            tx, login=login, name=name or login, password_hash=hashed, now=now_ms()
        )
    except sqlite3.IntegrityError:
        raise Refused(f"Den Anmeldenamen {login} gibt es schon.") from None
    people.add_grant(tx, person, grant)
    return grant.role


def operator(tx: Transaction, login: str | None) -> Actor:
    """Who acts on the command line: a named person, or the operator as one of their own."""
    wanted = login or "operator"
    rows = tx.execute("SELECT id, login FROM person WHERE login = :login", {"login": wanted})
    if rows:
        return Actor(*rows[0])
    if login is not None:
        raise NotFound(
            _(
                "Niemand heißt %(login)s. Anlegen: verbundwacht user add %(login)s",
                login=login,
            )
        )
    nobody = "!"  # no password hashes to this
    person = people.add_person(
        tx,
        login="operator",
        name="Betrieb",
        password_hash=nobody,
        now=now_ms(),
    )
    tx.execute("UPDATE person SET disabled = 1 WHERE id = :id", {"id": person})
    return Actor(person, "operator")
