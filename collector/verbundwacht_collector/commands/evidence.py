"""evidence export, evidence verify, audit verify: what happened, for people who trust nobody."""

import argparse
import os
from pathlib import Path

from verbundwacht_collector.alerts.model import RULE_BLIND
from verbundwacht_collector.commands.common import EVERYTHING, folder_of, plain, reading, say_json
from verbundwacht_collector.commands.registry import find_host
from verbundwacht_collector.i18n import _


def export(args: argparse.Namespace) -> int:
    """The evidence lies in the file, which only its owner can read."""
    from verbundwacht_collector.equipment import load_signer
    from verbundwacht_collector.evidence import export as making
    from verbundwacht_collector.store import evidence as stored

    signer = load_signer(folder_of(args)).repeating()
    with reading(args) as db:
        # One view of everything, also beside a collector that writes.
        db.execute("BEGIN")
        alert = stored.stored_alert(db, args.alert, scope=EVERYTHING) if args.alert else None
        if alert is None:
            host = stored.stored_host(db, find_host(db, args.host), scope=EVERYTHING)
        else:
            # That a rule is blind is about the rule that it names, with all its subjects.
            blind = alert.rule_id == RULE_BLIND
            rule = alert.subject if blind else alert.rule_id
            subject = None if blind else alert.subject
            agent = alert.agent.hex()
            host = stored.stored_host(db, agent, scope=EVERYTHING, rule_id=rule, subject=subject)
        town = host.municipality_id
        data = making.export(
            host,
            alert,
            lambda section, digest: stored.stored_body(db, town, section, digest, scope=EVERYTHING),
            signer,
        )
    _write(Path(args.out), data)
    if args.json:
        messages = data.count(b',{"row":"frame",')
        answer = {"out": args.out, "host": host.name, "alert": args.alert or ""}
        say_json({**answer, "messages": messages, "size": len(data)})
    else:
        print(
            _(
                "%(out)s enthält Fakten von %(host)s. Prüfen, auch auf einem anderen Rechner: "
                "verbundwacht evidence verify %(out)s",
                out=args.out,
                host=plain(host.name),
            )
        )
    return 0


def _write(path: Path, data: bytes) -> None:
    # What a server says about itself is nobody else's business on this machine.
    with open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(data)


def verify(args: argparse.Namespace) -> int:
    """What the file proves is printed; 1 if anything in it does not hold. Reads only the file."""
    from verbundwacht_collector.evidence.rows import MAX_FILE
    from verbundwacht_collector.evidence.verify import verify as check

    with Path(args.file).open("rb") as file:
        data = file.read(MAX_FILE + 1)
    result = check(data, wanted=args.fingerprint or "")
    if args.json:
        say_json(result)
        return 0 if result.holds else 1
    about = _("%(host)s in %(town)s", host=result.host or "–", town=result.municipality_id or "–")
    print(plain(f"{result.alert}, {about}" if result.alert else about))
    for one in result.checks:
        print(f"{'+' if one.holds else '!'} {plain(one.text)}")
        for finding in result.findings:
            if finding.check == one.check:
                print(f"    {plain(str(finding))}")
    if result.first_bad is not None:
        print(_("Erste falsche Nummer: %(seq)s", seq=result.first_bad))
    print(_("Meldungen: %(messages)s", messages=result.messages))
    print(_("Alles hängt am Schlüssel des Sammlers: %(hex)s", hex=result.fingerprint or "–"))
    if not args.fingerprint:
        print(
            _(
                "Diesen Fingerabdruck mit dem vergleichen, den der Sammler nennt, oder mit "
                "--fingerprint verlangen: wer eine Datei erfindet, erfindet auch den Schlüssel."
            )
        )
    return 0 if result.holds else 1


def audit_verify(args: argparse.Namespace) -> int:
    """The audit log's chain was followed from its first entry; 1 if it is broken."""
    from verbundwacht_collector.evidence.audit import check_log
    from verbundwacht_collector.store import evidence as stored

    with reading(args) as db:
        db.execute("BEGIN")
        result = check_log(
            stored.audit_log(db, scope=EVERYTHING), stored.audited_events(db, scope=EVERYTHING)
        )
    if args.json:
        say_json(result)
        return 0 if result.holds else 1
    for one in result.problems:
        print(_("Eintrag %(entry)s: %(text)s", entry=one.entry, text=one.text))
    if result.holds:
        print(
            _(
                "Das Protokoll ist unverändert: %(entries)s Einträge, und zu jedem der %(events)s "
                "Ereignisse von Warnungen gibt es einen.",
                entries=result.entries,
                events=result.events,
            )
        )
    else:
        print(
            _(
                "Das Protokoll ist ab Eintrag %(entry)s nicht mehr das geschriebene. Die Datenbank "
                "sichern und mit einer älteren Sicherung vergleichen.",
                entry=result.first_bad,
            )
        )
    print(_("Neuester Eintrag: %(head)s", head=result.head))
    return 0 if result.holds else 1
