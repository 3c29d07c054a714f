"""The command `verbundwacht`: parser and exit codes; the work is in `commands`."""

import argparse
import os
import sqlite3
import sys
from collections.abc import Callable

from verbundwacht_collector import __version__, i18n, machine_problems
from verbundwacht_collector.alerts.actions import CLOSE_REASONS
from verbundwacht_collector.commands.common import DEFAULT_DIR, asked_language, folder_of, language
from verbundwacht_collector.commands.examples import examples
from verbundwacht_collector.commands.exits import explained
from verbundwacht_collector.commands.usage import speaking
from verbundwacht_collector.errors import (
    LANGUAGES,
    CollectorError,
    ConfigError,
    Lang,
    StoreError,
)
from verbundwacht_collector.i18n import _
from verbundwacht_collector.rules.errors import PackError

Run = Callable[[argparse.Namespace], int]


class _Commands:
    """Adds commands that all know --dir, --json, and the examples."""

    def __init__(
        self,
        parser: argparse.ArgumentParser,
        shared: list[argparse.ArgumentParser],
        before: str = "",
    ) -> None:
        self._shared, self._before = shared, before
        self._sub = parser.add_subparsers(metavar=_("BEFEHL"), required=True)

    def add(self, name: str, text: str, run: Run | None = None) -> argparse.ArgumentParser:
        """One command, or with `run` None a group of commands."""
        command: argparse.ArgumentParser = self._sub.add_parser(
            name,
            parents=self._shared,
            help=text,
            description=text,
            epilog=f"{examples()}\n{explained(self._before + name)}\n",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if run is not None:
            command.set_defaults(run=run)
        return command

    def group(self, name: str, text: str) -> "_Commands":
        """A command that has commands of its own."""
        return _Commands(self.add(name, text), self._shared, f"{name} ")


def _shared() -> list[argparse.ArgumentParser]:
    folder = argparse.ArgumentParser(add_help=False)
    folder.add_argument(
        "--dir",
        metavar=_("ORDNER"),
        default=argparse.SUPPRESS,
        help=_("Ordner des Sammlers (sonst %(default_dir)s)", default_dir=DEFAULT_DIR),
    )
    folder.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help=_("Ausgabe für Programme")
    )
    folder.add_argument(
        "--lang",
        choices=LANGUAGES,
        default=argparse.SUPPRESS,
        help=_("Sprache (sonst VERBUNDWACHT_LANG, sonst de)"),
    )
    return [folder]


def build_parser() -> argparse.ArgumentParser:
    """All commands; --dir and --json may stand before or after each."""
    shared = _shared()
    parser = argparse.ArgumentParser(
        prog="verbundwacht",
        parents=shared,
        description=_("Sammler von Verbundwacht: prüft Meldungen, wendet Regeln an, alarmiert."),
        epilog=f"{examples()}\n{explained('')}\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--version", action="version", version=__version__, help=_("die Version zeigen")
    )
    commands = _Commands(parser, shared)
    _add_setup(commands)
    _add_broker(commands.group("broker", _("ein externer MQTT-Broker vor dem Sammler")))
    _add_registry(commands)
    _add_alerts(commands)
    _add_overlays(commands.group("overlay", _("Pausen und Wartung")))
    _add_channels(commands.group("channel", _("Kanäle: wohin Nachrichten gehen")))
    _add_packs(commands.group("pack", _("Regelpakete")))
    _add_evidence(commands)
    return parser


def _add_setup(commands: _Commands) -> None:
    from verbundwacht_collector.commands import check, setup, status

    command = commands.add(
        "init", _("einen Sammler anlegen oder seine Datenbank erneuern"), setup.init
    )
    command.add_argument(
        "--alliance", default="Verbund", metavar=_("NAME"), help=_("Name des Verbunds")
    )
    command.add_argument(
        "--public",
        default="localhost",
        metavar=_("NAME"),
        help=_("Name, unter dem Server den Sammler erreichen (sonst localhost)"),
    )
    command.add_argument(
        "--pack", metavar=_("ORDNER"), help=_("Regelpaket (sonst das mitgelieferte)")
    )
    commands.add(
        "check-config", _("alles prüfen, was serve braucht, ohne zu starten"), check.check_config
    )
    commands.add("serve", _("Meldungen annehmen, bewerten, alarmieren"), setup.serve)
    commands.add(
        "status", _("zeigen, ob der Sammler läuft und die Anzeige verlässlich ist"), status.status
    )
    group = commands.group("certificate", _("das Zertifikat des Sammlers"))
    command = group.add(
        "renew",
        _("neu ausstellen, mit denselben Namen und demselben Schlüssel"),
        check.certificate_renew,
    )
    command.add_argument(
        "--name",
        action="append",
        metavar=_("NAME"),
        help=_("auch für diesen Namen (mehrfach möglich)"),
    )


def _add_broker(group: _Commands) -> None:
    from verbundwacht_collector.commands import broker

    command = group.add(
        "prepare", _("Zertifikate, Konfiguration und Zugriffsregeln ausstellen"), broker.prepare
    )
    command.add_argument(
        "--name",
        required=True,
        action="append",
        type=broker.host_name,
        metavar=_("NAME"),
        help=_("wie Server den Broker erreichen; mehrmals für mehrere Namen"),
    )
    command.add_argument("--out", required=True, metavar=_("ORDNER"), help=_("für die Dateien"))


def _add_registry(commands: _Commands) -> None:
    from verbundwacht_collector.commands import registry

    group = commands.group("municipality", _("Kommunen"))
    command = group.add("add", _("Kommune anlegen"), registry.municipality_add)
    command.add_argument("id", metavar=_("KÜRZEL"), help=_("a-z, 0-9 und -, höchstens 32 Zeichen"))
    command.add_argument("--name", metavar=_("NAME"))
    command.add_argument(
        "--contact", metavar=_("ADRESSE"), help=_("erhält Mail zu eigenen Warnungen")
    )
    group.add("list", _("Kommunen zeigen"), registry.municipality_list)

    group = commands.group("host", _("Server"))
    command = group.add(
        "add", _("Server anmelden: Anmeldung prüfen, Quittung ausstellen"), registry.host_add
    )
    command.add_argument("--municipality", required=True, metavar=_("KÜRZEL"))
    command.add_argument("--request", required=True, metavar=_("DATEI"), help=_("von prepare"))
    command.add_argument("--receipt", required=True, metavar=_("DATEI"), help=_("für accept"))
    command.add_argument("--simulated", action="store_true", help=_("als simuliert kennzeichnen"))
    command.add_argument(
        "--separate",
        action="store_true",
        help=_("auch wenn Name oder Maschine schon angemeldet ist"),
    )
    group.add("list", _("Server zeigen"), registry.host_list)
    command = group.add(
        "show", _("einen Server mit Abschnitten und Befunden zeigen"), registry.host_show
    )
    command.add_argument("host", metavar=_("SERVER"), help=_("Name, Kennung oder deren Anfang"))

    group = commands.group("user", _("Personen"))
    command = group.add(
        "add",
        _("Zugang anlegen; das Passwort wird gefragt oder von der Standardeingabe gelesen"),
        registry.user_add,
    )
    command.add_argument("login", metavar=_("ANMELDENAME"))
    command.add_argument("--name", metavar=_("NAME"))
    command.add_argument(
        "--municipality",
        metavar=_("KÜRZEL"),
        help=_("sieht nur diese Kommune (sonst den ganzen Verbund)"),
    )
    command.add_argument("--password-file", metavar=_("DATEI"))


def _add_alerts(commands: _Commands) -> None:
    from verbundwacht_collector.commands import alerts

    command = commands.add("findings", _("Befunde zeigen"), alerts.findings)
    command.add_argument("--host", metavar=_("SERVER"))
    command = commands.add("alerts", _("Warnungen zeigen"), alerts.alerts)
    command.add_argument("--all", action="store_true", help=_("auch beendete"))
    command.add_argument("--municipality", metavar=_("KÜRZEL"))
    command.add_argument("--host", metavar=_("SERVER"))
    command.add_argument("--limit", type=int, default=1000, metavar="N")

    group = commands.group("alert", _("eine Warnung"))
    for name, run, text in (
        ("show", alerts.show, _("Nachweis, Verlauf und Zustellung zeigen")),
        ("take", alerts.take, _("übernehmen")),
        ("comment", alerts.comment, _("kommentieren")),
        ("close", alerts.close, _("mit Grund schließen")),
    ):
        command = group.add(name, text, run)
        command.add_argument("number", metavar=_("NUMMER"), help=_("etwa W-2026-0001"))
        if name != "show":
            command.add_argument(
                "--by", metavar=_("ANMELDENAME"), help=_("wer das tut (sonst Betrieb)")
            )
        if name == "comment":
            command.add_argument("text", metavar=_("TEXT"))
        if name == "close":
            command.add_argument("--reason", required=True, choices=CLOSE_REASONS)
            command.add_argument("--text", default="", metavar=_("TEXT"))


def _add_overlays(group: _Commands) -> None:
    from verbundwacht_collector.commands import overlays

    command = group.add("list", _("zeigen, was stumm ist oder wird"), overlays.listing)
    command.add_argument("--all", action="store_true", help=_("auch im letzten Monat beendete"))
    command.add_argument("--municipality", metavar=_("KÜRZEL"))
    command = group.add("pause", _("eine Warnung pausieren, 1 bis 72 Stunden"), overlays.pause)
    command.add_argument("number", metavar=_("NUMMER"), help=_("etwa W-2026-0001"))
    planned = group.add("maintenance", _("eine Wartung planen"), overlays.maintenance)
    planned.add_argument("--municipality", required=True, metavar=_("KÜRZEL"))
    planned.add_argument(
        "--host", metavar=_("SERVER"), help=_("nur dieser (sonst alle der Kommune)")
    )
    planned.add_argument(
        "--from",
        dest="start",
        type=overlays.local_time,
        metavar="ZEIT",
        help=_("Ortszeit, etwa 2026-12-24T20:00 (sonst jetzt)"),
    )
    planned.add_argument(
        "--weekly-until",
        type=overlays.local_time,
        metavar="TAG",
        help=_("jede Woche zur selben Zeit, bis zu diesem Tag"),
    )
    for one in (command, planned):
        one.add_argument(
            "--for",
            dest="span",
            required=True,
            type=overlays.span,
            metavar="DAUER",
            help="90m, 4h, 2d",
        )
        one.add_argument("--reason", required=True, metavar=_("TEXT"))
    ending = group.add("end", _("sofort beenden"), overlays.end)
    ending.add_argument("id", type=int, metavar="NR", help=_("aus overlay list"))
    for one in (command, planned, ending):
        one.add_argument("--by", metavar=_("ANMELDENAME"), help=_("wer das tut (sonst Betrieb)"))


def _add_channels(group: _Commands) -> None:
    from verbundwacht_collector.commands import channels

    group.add(
        "list", _("Kanäle zeigen: wer benachrichtigt wird und ob es ankommt"), channels.listing
    )
    command = group.add("test", _("eine Testnachricht senden"), channels.test)
    command.add_argument("name", metavar=_("NAME"), help=_("Empfänger oder Nummer des Kanals"))
    command.add_argument("--wait", action="store_true", help=_("auf das Ergebnis warten"))
    command.add_argument("--by", metavar=_("ANMELDENAME"), help=_("wer das tut (sonst Betrieb)"))


def _add_packs(group: _Commands) -> None:
    from verbundwacht_collector.commands import packs

    for name, run, text in (
        ("lint", packs.lint, _("Regelpaket prüfen: Datei:Zeile:Spalte je Fehler")),
        ("test", packs.test, _("die Tests im Regelpaket ausführen")),
        ("install", packs.install, _("Regelpaket in Kraft setzen")),
    ):
        command = group.add(name, text, run)
        command.add_argument("pack", metavar=_("ORDNER"))
        if name == "lint":
            command.add_argument(
                "--catalogue",
                metavar=_("DATEI"),
                help=_("Grundschutz++-Kernel-Katalog (OSCAL), prüft UUID und Kennung"),
            )


def _add_evidence(commands: _Commands) -> None:
    from verbundwacht_collector.commands import evidence

    group = commands.group("evidence", _("Nachweise, die ohne den Sammler prüfbar sind"))
    command = group.add(
        "export",
        _("alles in eine Datei, worauf eine Warnung oder ein Server beruht"),
        evidence.export,
    )
    about = command.add_mutually_exclusive_group(required=True)
    about.add_argument("--alert", metavar=_("NUMMER"), help=_("etwa W-2026-0001"))
    about.add_argument(
        "--host", metavar=_("SERVER"), help=_("alles, was von diesem Server aufbewahrt ist")
    )
    command.add_argument("--out", required=True, metavar=_("DATEI"))
    command = group.add(
        "verify",
        _("eine solche Datei prüfen; braucht sonst nichts, auch kein Netz"),
        evidence.verify,
    )
    command.add_argument("file", metavar=_("DATEI"))
    command.add_argument(
        "--fingerprint",
        metavar="HEX",
        help=_("diesen Schlüssel des Sammlers verlangen (SHA-256, 64 Hex-Ziffern)"),
    )
    group = commands.group("audit", _("das Protokoll"))
    group.add(
        "verify",
        _("prüfen, dass nichts geändert oder entfernt wurde"),
        evidence.audit_verify,
    )


def main(argv: list[str] | None = None) -> int:
    """The exit code of the command; a known problem is one sentence on stderr."""
    asked = asked_language(sys.argv[1:] if argv is None else argv)
    with i18n.use(asked), speaking(asked):
        return _run(argv)


def _run(argv: list[str] | None) -> int:
    args = build_parser().parse_args(argv)
    args.json = getattr(args, "json", False)
    lang: Lang = "de"
    try:
        lang = args.lang = language(getattr(args, "lang", None), os.environ)
        code: int = args.run(args)
    except CollectorError as refusal:
        return _say(refusal, lang)
    except PackError as refusal:
        print(*refusal.problems, sep="\n", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader of our output went away; without this, the interpreter would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except sqlite3.DatabaseError as refusal:
        path = folder_of(args).database
        return _say(
            StoreError(machine_problems.DATABASE_UNREADABLE, path=path, reason=refusal), lang
        )
    except OSError as refusal:
        path, reason = refusal.filename or folder_of(args).root, refusal.strerror
        return _say(ConfigError(machine_problems.FILE_REFUSED, path=path, reason=reason), lang)
    except KeyboardInterrupt:
        return 130
    return code


def _say(refusal: CollectorError, lang: Lang) -> int:
    print(f"verbundwacht: {refusal.text(lang)}", file=sys.stderr)
    return refusal.exit_code


if __name__ == "__main__":
    sys.exit(main())
