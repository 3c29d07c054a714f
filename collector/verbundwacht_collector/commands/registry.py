"""municipality, host, user: who belongs to the alliance, and who may look."""

import argparse
import getpass
import re
import sqlite3
import sys
from pathlib import Path
from typing import TYPE_CHECKING

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
from verbundwacht_collector.i18n import N_, _, lookup, pgettext

if TYPE_CHECKING:
    from verbundwacht_collector.enrolment import Enrolled

FRESHNESS = {
    "fresh": N_("aktuell"),
    "late": N_("verspätet"),
    "silent": N_("schweigt"),
    "never": N_("noch nie"),
}
OUTCOMES = {
    "pass": N_("erfüllt"),
    "fail": N_("nicht erfüllt"),
    "error": N_("nicht messbar"),
    "not_applicable": N_("trifft nicht zu"),
    "stale": N_("veraltet"),
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
        print(_("Kommune %(value)s (%(id)s) ist angelegt.", value=args.name or args.id, id=args.id))
        print(
            _("Server anmelden, dort: verbundwacht-agent prepare --municipality %(id)s", id=args.id)
        )
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
            (_("Kürzel"), _("Name"), _("Server"), _("offene Warnungen"), _("Kontakt")),
            [(r.id, r.name, r.hosts, r.open_alerts, r.contact or "–") for r in rows],
            _("Noch keine Kommune. Anlegen: verbundwacht municipality add KÜRZEL --name NAME"),
        )
    return 0


def host_add(args: argparse.Namespace) -> int:
    """The host is enrolled and its receipt lies in the file."""
    from verbundwacht_collector.app import now_ms
    from verbundwacht_collector.config import load
    from verbundwacht_collector.enrolment import Addresses, admit, read_request
    from verbundwacht_collector.equipment import load_signer
    from verbundwacht_collector.pki_files import PkiFiles, load_authority

    folder = folder_of(args)
    config = load(folder)
    request = read_request(_read_file(args.request))
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
        # Inside: a host whose receipt could not be written is not enrolled.
        _write_file(args.receipt, enrolled.receipt)
    _say_enrolled(args, enrolled)
    return 0


def _read_file(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as problem:
        raise NotFound(
            _("%(file)s ist nicht lesbar (%(why)s).", file=path, why=problem.strerror)
        ) from None


def _write_file(path: str, data: bytes) -> None:
    try:
        Path(path).write_bytes(data)
    except OSError as problem:
        raise Refused(
            _("%(file)s ist nicht schreibbar (%(why)s).", file=path, why=problem.strerror)
        ) from None


def _say_enrolled(args: argparse.Namespace, enrolled: "Enrolled") -> None:
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
        return
    known = _(" war schon angemeldet") if enrolled.again else _(" ist angemeldet")
    print(f"{enrolled.name}{known}: {enrolled.agent.hex()}")
    mark, name = enrolled.fingerprint, Path(args.receipt).name
    print(_("Fingerabdruck: %(mark)s   (mit dem auf dem Server vergleichen)", mark=mark))
    print(
        _(
            "Quittung: %(file)s   Dort: verbundwacht-agent accept %(name)s",
            file=args.receipt,
            name=name,
        )
    )


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
        (
            pgettext("one of them", "Server"),
            _("Kommune"),
            _("Stand"),
            _("letzte Meldung"),
            _("offen"),
            _("Kennung"),
        ),
        [
            (
                _("%(name)s (simuliert)", name=r.name) if r.simulated else r.name,
                r.municipality,
                lookup(FRESHNESS[r.freshness]),
                when(r.last_seen),
                r.open_alerts,
                r.id,
            )
            for r in rows
        ],
        _("Noch kein Server. Auf dem Server: verbundwacht-agent prepare --municipality KÜRZEL"),
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
    print(f"{row.name}, {row.municipality}: {lookup(FRESHNESS[row.freshness])}, {row.os}")
    print(
        _(
            "Letzte Meldung %(when)s, Nr. %(hi)s, Kennung %(id)s\n",
            when=when(row.last_seen),
            hi=detail.chain.hi,
            id=row.id,
        )
    )
    say_table(
        (_("Abschnitt"), _("Stand"), _("Grund"), _("seit")),
        [(s.section, s.status, s.reason or "–", when(s.since)) for s in detail.sections],
        _("Noch keine Fakten."),
    )
    print()
    say_table(
        (_("Regel"), _("Gegenstand"), _("Ergebnis"), _("seit")),
        [
            (f.rule_id, f.subject or "–", lookup(OUTCOMES[f.outcome]), when(f.since))
            for f in detail.findings
        ],
        _("Noch keine Befunde."),
    )
    return 0


def check_municipality(db: sqlite3.Connection, text: str) -> str:
    """The same id, if there is such a municipality. Raises NotFound: a typo is no good news."""
    if not db.execute("SELECT 1 FROM municipality WHERE id = ?", (text,)).fetchone():
        raise NotFound(
            _("Keine Kommune %(text)s. Vorhandene zeigt: verbundwacht municipality list", text=text)
        )
    return text


def find_host(db: sqlite3.Connection, text: str) -> str:
    """The id of the host with this id, unambiguous beginning of an id, or name. Raises NotFound."""
    start = text.lower() if re.fullmatch("[0-9A-Fa-f]{4,32}", text) else "\0"
    rows = db.execute(
        "SELECT lower(hex(agent)) FROM host WHERE name = :text OR lower(hex(agent)) LIKE :start",
        {"text": text, "start": f"{start}%"},
    ).fetchall()
    if len(rows) > 1:
        raise Refused(
            _(
                "%(text)s ist nicht eindeutig (%(rows)s Server). Kennung nennen: host list",
                text=text,
                rows=len(rows),
            )
        )
    if not rows:
        raise NotFound(
            _("Kein Server %(text)s. Vorhandene zeigt: verbundwacht host list", text=text)
        )
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
        where = args.municipality or _("den ganzen Verbund")
        print(_("%(login)s kann sich anmelden und sieht %(where)s.", login=args.login, where=where))
    return 0


def _password(args: argparse.Namespace) -> str:
    if args.password_file:
        try:
            lines = Path(args.password_file).read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as problem:
            raise NotFound(
                _(
                    "--password-file %(password_file)s ist nicht lesbar (%(problem)s). Eine "
                    "Textdatei mit dem Passwort in der ersten Zeile nennen.",
                    password_file=args.password_file,
                    problem=problem,
                )
            ) from None
        return lines[0] if lines else ""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass(_("Passwort (mindestens 12 Zeichen): "))
    if first != getpass.getpass(_("Noch einmal: ")):
        raise Refused(_("Die beiden Eingaben sind verschieden. Bitte wiederholen."))
    return first
