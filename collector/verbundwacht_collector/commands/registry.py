"""municipality, host, user: who belongs to the alliance, and who may look."""

import argparse
import getpass
import re
import sqlite3
import sys
from pathlib import Path

from verbundwacht_collector.commands.common import (
    EVERYTHING,
    folder_of,
    reading,
    say_json,
    say_table,
    when,
    writing,
)
from verbundwacht_collector.errors import NotFound, Refused

FRESHNESS = {"fresh": "aktuell", "late": "verspätet", "silent": "schweigt", "never": "noch nie"}
OUTCOMES = {
    "pass": "erfüllt",
    "fail": "nicht erfüllt",
    "error": "nicht messbar",
    "not_applicable": "trifft nicht zu",
    "stale": "veraltet",
}


def municipality_add(args: argparse.Namespace) -> int:
    """The municipality exists."""
    from verbundwacht_collector.admin import add_municipality

    with writing(args) as tx:
        add_municipality(
            tx, municipality_id=args.id, name=args.name or args.id, contact=args.contact
        )
    if args.json:
        say_json({"id": args.id, "name": args.name or args.id, "contact": args.contact})
    else:
        print(f"Kommune {args.name or args.id} ({args.id}) ist angelegt.")
        print(f"Server anmelden, dort: verbundwacht-agent prepare --municipality {args.id}")
    return 0


def municipality_list(args: argparse.Namespace) -> int:
    """All municipalities of the alliance are printed."""
    from verbundwacht_collector.store import read

    with reading(args) as db:
        rows = read.municipalities(db, scope=EVERYTHING)
    if args.json:
        say_json(rows)
    else:
        say_table(
            ("Kürzel", "Name", "Server", "offene Warnungen", "Kontakt"),
            [(r.id, r.name, r.hosts, r.open_alerts, r.contact or "–") for r in rows],
            "Noch keine Kommune. Anlegen: verbundwacht municipality add KÜRZEL --name NAME",
        )
    return 0


def host_add(args: argparse.Namespace) -> int:
    """The host is enrolled and its receipt lies in the file."""
    from verbundwacht_collector.app import now_ms
    from verbundwacht_collector.config import load
    from verbundwacht_collector.enrolment import Addresses, admit, read_request
    from verbundwacht_collector.equipment import load_signer
    from verbundwacht_collector.pki import PkiFiles, load_authority

    folder = folder_of(args)
    config = load(folder)
    try:
        raw = Path(args.request).read_bytes()
    except OSError as problem:
        raise NotFound(f"{args.request} ist nicht lesbar ({problem.strerror}).") from None
    request = read_request(raw)
    with writing(args) as tx:
        enrolled = admit(
            tx,
            request,
            municipality_id=args.municipality,
            authority=load_authority(PkiFiles(folder.keys)),
            signer=load_signer(folder),
            addresses=Addresses(config.public.mqtt, config.public.https, config.interval_s),
            now=now_ms(),
            simulated=args.simulated,
            separate=args.separate,
        )
        try:
            Path(args.receipt).write_bytes(enrolled.receipt)
        except OSError as problem:
            raise Refused(f"{args.receipt} ist nicht schreibbar ({problem.strerror}).") from None
    if args.json:
        say_json(
            {
                "id": enrolled.agent.hex(),
                "name": enrolled.name,
                "municipality_id": args.municipality,
                "fingerprint": enrolled.fingerprint,
                "receipt": args.receipt,
                "again": enrolled.again,
                "simulated": args.simulated,
            }
        )
        return 0
    known = " war schon angemeldet" if enrolled.again else " ist angemeldet"
    print(f"{enrolled.name}{known}: {enrolled.agent.hex()}")
    print(f"Fingerabdruck: {enrolled.fingerprint}   (mit dem auf dem Server vergleichen)")
    print(f"Quittung: {args.receipt}   Dort: verbundwacht-agent accept {Path(args.receipt).name}")
    return 0


def host_list(args: argparse.Namespace) -> int:
    """All hosts are printed."""
    from verbundwacht_collector.app import now_ms
    from verbundwacht_collector.store import read

    with reading(args) as db:
        rows = read.hosts(db, scope=EVERYTHING, now=now_ms())
    if args.json:
        say_json(rows)
        return 0
    say_table(
        ("Server", "Kommune", "Stand", "letzte Meldung", "offen", "Kennung"),
        [
            (
                f"{r.name} (simuliert)" if r.simulated else r.name,
                r.municipality,
                FRESHNESS[r.freshness],
                when(r.last_seen),
                r.open_alerts,
                r.id,
            )
            for r in rows
        ],
        "Noch kein Server. Auf dem Server: verbundwacht-agent prepare --municipality KÜRZEL",
    )
    return 0


def host_show(args: argparse.Namespace) -> int:
    """One host with its sections and findings is printed."""
    from verbundwacht_collector.app import now_ms
    from verbundwacht_collector.store import read

    with reading(args) as db:
        detail = read.host(db, find_host(db, args.host), scope=EVERYTHING, now=now_ms())
    if args.json:
        say_json(detail)
        return 0
    row = detail.row
    print(f"{row.name}, {row.municipality}: {FRESHNESS[row.freshness]}, {row.os}")
    print(f"Letzte Meldung {when(row.last_seen)}, Nr. {detail.chain.hi}, Kennung {row.id}\n")
    say_table(
        ("Abschnitt", "Stand", "Grund", "seit"),
        [(s.section, s.status, s.reason or "–", when(s.since)) for s in detail.sections],
        "Noch keine Fakten.",
    )
    print()
    say_table(
        ("Regel", "Gegenstand", "Ergebnis", "seit"),
        [
            (f.rule_id, f.subject or "–", OUTCOMES[f.outcome], when(f.since))
            for f in detail.findings
        ],
        "Noch keine Befunde.",
    )
    return 0


def check_municipality(db: sqlite3.Connection, text: str) -> str:
    """The same id, if there is such a municipality. Raises NotFound: a typo is no good news."""
    if not db.execute("SELECT 1 FROM municipality WHERE id = ?", (text,)).fetchone():
        raise NotFound(f"Keine Kommune {text}. Vorhandene zeigt: verbundwacht municipality list")
    return text


def find_host(db: sqlite3.Connection, text: str) -> str:
    """The id of the host with this id, unambiguous beginning of an id, or name. Raises NotFound."""
    start = text.lower() if re.fullmatch("[0-9A-Fa-f]{4,32}", text) else "\0"
    rows = db.execute(
        "SELECT lower(hex(agent)) FROM host WHERE name = :text OR lower(hex(agent)) LIKE :start",
        {"text": text, "start": f"{start}%"},
    ).fetchall()
    if len(rows) > 1:
        raise Refused(f"{text} ist nicht eindeutig ({len(rows)} Server). Kennung nennen: host list")
    if not rows:
        raise NotFound(f"Kein Server {text}. Vorhandene zeigt: verbundwacht host list")
    return str(rows[0][0])


def user_add(args: argparse.Namespace) -> int:
    """The person can log in."""
    from verbundwacht_collector.admin import add_user

    password = _password(args)
    with writing(args) as tx:
        role = add_user(
            tx,
            login=args.login,
            name=args.name or args.login,
            password=password,
            municipality_id=args.municipality,
        )
    if args.json:
        say_json({"login": args.login, "role": role, "municipality_id": args.municipality})
    else:
        where = args.municipality or "den ganzen Verbund"
        print(f"{args.login} kann sich anmelden und sieht {where}.")
    return 0


def _password(args: argparse.Namespace) -> str:
    if args.password_file:
        try:
            lines = Path(args.password_file).read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as problem:
            raise NotFound(
                f"--password-file {args.password_file} ist nicht lesbar ({problem}). "
                "Eine Textdatei mit dem Passwort in der ersten Zeile nennen."
            ) from None
        return lines[0] if lines else ""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass("Passwort (mindestens 12 Zeichen): ")
    if first != getpass.getpass("Noch einmal: "):
        raise Refused("Die beiden Eingaben sind verschieden. Bitte wiederholen.")
    return first
