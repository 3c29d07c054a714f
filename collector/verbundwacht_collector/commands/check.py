"""check-config and certificate renew: what is wrong before anything starts, and one cure."""

import argparse
from datetime import UTC, datetime
from typing import Final

from verbundwacht_collector.commands.common import folder_of, say_json
from verbundwacht_collector.errors import CodedError, Lang, Words
from verbundwacht_collector.i18n import _, ngettext

_LEVEL: Final = {False: Words("Fehler", "Error"), True: Words("Hinweis", "Note")}
_FINE: Final = Words("{folder}: alles in Ordnung.", "{folder}: everything is fine.")
_SUM: Final = Words(
    "Fehler: {errors}, Hinweise: {notes}. Erklärung je Nummer: deploy/README.md",
    "Errors: {errors}, notes: {notes}. Each number is explained in deploy/README.md",
)

_UNSEEN: Final = Words(
    "Noch nicht geprüft: Adressen, Geheimnisse und das Zertifikat der Seiten. Zuerst die "
    "Einstellungen berichtigen, dann wiederholen.",
    "Not checked yet: addresses, secrets and the certificate of the pages. First correct the "
    "settings, then repeat.",
)


def check_config(args: argparse.Namespace) -> int:
    """Every problem is printed that `serve` would meet; 2 if there is any but notes."""
    from verbundwacht_collector.app import now_ms
    from verbundwacht_collector.checkup import everything

    folder, lang = folder_of(args), args.lang
    found, complete = everything(folder, now=now_ms())
    errors = sum(not one.problem.warning for one in found)
    if args.json:
        documents = [_document(one, lang) for one in found]
        say_json({"dir": str(folder.root), "complete": complete, "problems": documents})
        return 2 if errors else 0
    for one in found:
        print(f"{getattr(_LEVEL[one.problem.warning], lang)}: {one.text(lang)}")
    text = getattr(_SUM if found else _FINE, lang)
    print(text.format(folder=folder.root, errors=errors, notes=len(found) - errors))
    if not complete:
        print(getattr(_UNSEEN, lang))
    return 2 if errors else 0


def _document(found: CodedError, lang: Lang) -> dict[str, str]:
    return {
        "code": found.problem.code,
        "level": "warning" if found.problem.warning else "error",
        "message": found.problem.message(lang, found.values),
        "cure": found.problem.cure(lang, found.values),
    }


def certificate_renew(args: argparse.Namespace) -> int:
    """The server's certificate is a year younger; its key, and all agents, stay as they are."""
    from verbundwacht_collector.pki import names_of
    from verbundwacht_collector.pki_files import (
        PkiFiles,
        load_authority,
        read_certificates,
        renew_server,
    )

    files = PkiFiles(folder_of(args).keys)
    old = read_certificates(files.server)[0]
    names = list(dict.fromkeys([*(args.name or ()), *names_of(old)]))
    renew_server(files, load_authority(files), names)
    ends = read_certificates(files.server)[0].not_valid_after_utc
    left = (ends - datetime.now(UTC)).days
    if args.json:
        until_ms = int(ends.timestamp() * 1000)
        say_json({"certificate": str(files.server), "names": names, "until": until_ms})
    else:
        print(
            ngettext(
                "%(file)s gilt bis %(until)s (%(num)s Tag): %(names)s",
                "%(file)s gilt bis %(until)s (%(num)s Tage): %(names)s",
                left,
                file=files.server,
                until=f"{ends:%d.%m.%Y}",
                names=", ".join(names),
            )
        )
        print(_("Jetzt den Sammler neu starten: er liest es beim Start."))
    return 0
