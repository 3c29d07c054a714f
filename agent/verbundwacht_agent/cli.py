"""The commands of the agent. Each is a plain function that returns the exit code.

Imports sit inside the commands: a timer starts gather and send every quarter of an hour,
and neither needs what the other loads.
"""

import argparse
import errno
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from verbundwacht_agent import __version__
from verbundwacht_agent.errors import AgentError, Busy
from verbundwacht_agent.exits import explained
from verbundwacht_agent.paths import DEFAULT_DIR, Paths

if TYPE_CHECKING:
    from verbundwacht_agent.collect import Section
    from verbundwacht_wire.messages import Absence

EX_USAGE, EX_TEMPFAIL = 2, 75

EXAMPLES = """\
Beispiele:
  verbundwacht-agent prepare --municipality musterdorf   Server zur Anmeldung vorbereiten
  verbundwacht-agent accept musterdorf-web01.quittung    Quittung des Sammlers übernehmen
  verbundwacht-agent once                                Fakten sammeln und senden
  verbundwacht-agent show --section sshd                 genau das, was den Server verlässt
  verbundwacht-agent announce --for 2h --reason "Kernel-Update"   geplante Abwesenheit ankündigen
  verbundwacht-agent announce --end --now                sie zurücknehmen und das sofort senden
  verbundwacht-agent doctor                              was hier nicht stimmt, und was zu tun ist

The agent only reads. It opens no port and takes no commands from the network.
"""


def now_ms() -> int:
    """Unix milliseconds of this machine's clock."""
    return time.time_ns() // 1_000_000


def prepare(args: argparse.Namespace, paths: Paths) -> int:
    """Keys are made and a request is written, to be carried to the collector."""
    from verbundwacht_agent.enrol import prepare as make
    from verbundwacht_agent.host import LocalHost

    out = Path(args.out) if args.out else paths.root / "request.vw"
    ready = make(paths, LocalHost(), args.municipality, out, now_ms)
    if args.json:
        print(
            json.dumps(
                {
                    "file": str(ready.file),
                    "hostname": ready.hostname,
                    "fingerprint": ready.fingerprint,
                },
                ensure_ascii=False,
            )
        )
        return 0
    print(f"Anmeldung für {ready.hostname} liegt in {ready.file}")
    print(f"Fingerabdruck: {ready.fingerprint}")
    print("Nächster Schritt, am Sammler:")
    print(
        f"  verbundwacht host add --municipality {args.municipality} "
        f"--request {ready.file.name} --receipt {ready.hostname}.quittung"
    )
    print("Vergleichen Sie dort den Fingerabdruck. Danach hier: verbundwacht-agent accept DATEI")
    return 0


def accept(args: argparse.Namespace, paths: Paths) -> int:
    """The receipt is stored; the host is enrolled."""
    from verbundwacht_agent.enrol import accept as take
    from verbundwacht_agent.enrol import collector_fingerprint
    from verbundwacht_agent.errors import EnrolmentError

    try:
        raw = Path(args.file).read_bytes()
    except OSError as problem:
        raise EnrolmentError(f"{args.file} ist nicht lesbar ({problem.strerror}).") from None
    enrolment = take(paths, raw)
    print(f"Angemeldet bei {enrolment.receipt.municipality}, Sammler {enrolment.receipt.mqtt}")
    print(f"Schlüssel des Sammlers: {collector_fingerprint(enrolment)}")
    print("Nächster Schritt: verbundwacht-agent once")
    return 0


def gather(args: argparse.Namespace, paths: Paths) -> int:
    """A signed report or beat lies in the spool."""
    from verbundwacht_agent.gather import gather as run
    from verbundwacht_agent.host import LocalHost

    # Who types `once` waits for it; the timer and the watched files can wait themselves.
    run(paths, LocalHost(), now_ms, patient=args.command == "gather" and not args.now)
    return 0


def send(_args: argparse.Namespace, paths: Paths) -> int:
    """What lies in the spool is at the collector; 75 if something has to wait."""
    from verbundwacht_agent.send import run

    return run(paths)


def once(args: argparse.Namespace, paths: Paths) -> int:
    """gather, then send."""
    return gather(args, paths) or send(args, paths)


def announce(args: argparse.Namespace, paths: Paths) -> int:
    """The next message tells a planned absence, or none any more; sent at once only if asked."""
    from verbundwacht_agent.absence import announce as begin
    from verbundwacht_agent.absence import duration_ms, sentence, withdraw
    from verbundwacht_agent.errors import AbsenceError
    from verbundwacht_agent.receipt import load_enrolment

    load_enrolment(paths)
    absence = None
    if args.end:
        said = "Abwesenheit zurückgenommen." if withdraw(paths) else "Es war nichts angekündigt."
    elif args.reason is None:
        raise AbsenceError('Der Grund fehlt. Zum Beispiel: --for 2h --reason "Kernel-Update"')
    else:
        absence = begin(paths, now_ms(), duration_ms(args.duration), args.reason)
        said = sentence(absence)
    code = once(args, paths) if args.now else 0
    if args.json:
        print(json.dumps({"absence": _plain(absence), "sent": args.now and code == 0}))
        return code
    print(said)
    if code:
        print("Noch nicht gesendet. Grund: verbundwacht-agent doctor --network")
    elif args.now:
        print("Gesendet.")
    else:
        print("Wird mit der nächsten Meldung gesendet; sofort: noch einmal mit --now.")
    return code


def _plain(absence: "Absence | None") -> object:
    import msgspec

    return msgspec.to_builtins(absence)


def watched(args: argparse.Namespace, _paths: Paths) -> int:
    """The files and folders are printed whose change should start a run."""
    from verbundwacht_agent.watching import watched as found

    print(json.dumps(found()) if args.json else "\n".join(found()))
    return 0


def _collected(args: argparse.Namespace) -> "dict[str, Section]":
    from verbundwacht_agent.collect import collect
    from verbundwacht_agent.host import LocalHost
    from verbundwacht_agent.probes import PROBES

    wanted = [args.section] if getattr(args, "section", None) else list(PROBES)
    return collect(LocalHost(), now_ms, names=wanted)


def show(args: argparse.Namespace, paths: Paths) -> int:
    """Exactly what would leave this host is printed; nothing is sent or stored."""
    import msgspec

    from verbundwacht_agent.gather import agent_info
    from verbundwacht_agent.receipt import load_enrolment

    sections = _collected(args)
    enrolment = load_enrolment(paths) if paths.receipt.exists() else None
    document = {
        "manifest": {name: s.entry for name, s in sections.items()},
        "bodies": {n: msgspec.Raw(s.body) for n, s in sections.items() if s.body is not None},
        "agent": agent_info(paths, enrolment, now_ms()),
    }
    encoded = msgspec.json.encode(document)
    if args.json:
        print(encoded.decode())
        return 0
    for name, section in sections.items():
        entry = section.entry
        note = f" ({entry.reason})" if entry.reason else ""
        print(f"== {name}: {entry.status}{note}")
        if section.body is not None:
            print(msgspec.json.format(section.body, indent=2).decode())
    print(f"-- {len(encoded)} Byte, unkomprimiert. Mehr verlässt diesen Server nicht.")
    return 0


def status(args: argparse.Namespace, paths: Paths) -> int:
    """Where this host stands with its collector; 1 if it is not enrolled."""
    from verbundwacht_agent.status import read_status, status_lines

    found = read_status(paths, now_ms())
    if args.json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        print("\n".join(status_lines(found)))
    return 0 if found["enrolled"] else 1


def doctor(args: argparse.Namespace, paths: Paths) -> int:
    """What is wrong here, why, and what to do; 1 if anything must be done."""
    from verbundwacht_agent.doctor import diagnose

    findings = diagnose(paths, _collected(args), now_ms())
    if args.network:
        from verbundwacht_agent.reach import look_at_network

        findings += look_at_network(paths, now_ms())
    problems = sum(one.level == "problem" for one in findings)
    if args.json:
        print(json.dumps([one.plain() for one in findings], ensure_ascii=False))
        return 1 if problems else 0
    for one in findings:
        mark = f" [{one.code}]" if one.code else ""
        print(f"{one.where}: {one.what}{mark}\n    → {one.do}")
    if not problems:
        print("Geprüft: Einstellungen, Schlüssel, Ablage, Uhr und alle Abschnitte. Kein Problem.")
    return 1 if problems else 0


def _folder_option() -> argparse.ArgumentParser:
    folder = argparse.ArgumentParser(add_help=False)
    folder.add_argument(
        "--dir",
        metavar="ORDNER",
        default=argparse.SUPPRESS,
        help=f"Ordner des Agenten (sonst {DEFAULT_DIR})",
    )
    return folder


def build_parser() -> argparse.ArgumentParser:
    """All commands; --dir may stand before or after each."""
    folder = _folder_option()
    parser = argparse.ArgumentParser(
        prog="verbundwacht-agent",
        parents=[folder],
        description="Liest den Zustand dieses Servers und meldet ihn, unterschrieben, dem Sammler.",
        epilog=f"{EXAMPLES}\nExit-Codes je Befehl: verbundwacht-agent BEFEHL --help\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", metavar="BEFEHL", required=True)

    def add(name: str, run: object, text: str, *, machine: bool = False) -> argparse.ArgumentParser:
        command = commands.add_parser(
            name,
            parents=[folder],
            help=text,
            description=text,
            epilog=f"{EXAMPLES}\n{explained(name)}\n",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.set_defaults(run=run)
        if machine:
            command.add_argument("--json", action="store_true", help="Ausgabe für Programme")
        return command

    _add_prepare(add("prepare", prepare, "Schlüssel erzeugen, Anmeldung schreiben", machine=True))
    command = add("accept", accept, "Quittung des Sammlers übernehmen")
    command.add_argument("file", metavar="DATEI")
    command = add("gather", gather, "Fakten sammeln, unterschreiben, ablegen")
    command.add_argument(
        "--now",
        action="store_true",
        help="sofort, auch wenn in der letzten Minute schon drei Läufe waren",
    )
    add("send", send, "Abgelegtes senden")
    add("once", once, "sammeln und senden")
    command = add("show", show, "zeigen, was den Server verlassen würde", machine=True)
    command.add_argument(
        "--section", metavar="ABSCHNITT", help="nur diesen Abschnitt", type=_section
    )
    _add_announce(add("announce", announce, "geplante Abwesenheit ankündigen", machine=True))
    add("watched", watched, "Dateien, deren Änderung einen Lauf auslösen soll", machine=True)
    add("status", status, "Anmeldung, Warteschlange, letzte Antwort", machine=True)
    command = add("doctor", doctor, "was nicht stimmt, warum, was zu tun ist", machine=True)
    command.add_argument(
        "--network", action="store_true", help="auch die Adressen des Sammlers ansprechen"
    )
    return parser


def _add_prepare(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--municipality",
        required=True,
        metavar="KÜRZEL",
        help="Kürzel der Kommune, wie der Sammler sie kennt",
    )
    command.add_argument("--out", metavar="DATEI", help="wohin die Anmeldung geschrieben wird")


def _add_announce(command: argparse.ArgumentParser) -> None:
    either = command.add_mutually_exclusive_group(required=True)
    either.add_argument(
        "--for", dest="duration", metavar="DAUER", help="90m, 2h, 1h30m; höchstens 4 Stunden"
    )
    either.add_argument("--end", action="store_true", help="die Ankündigung zurücknehmen")
    command.add_argument(
        "--reason",
        metavar="TEXT",
        help="Grund für das SOC, höchstens 200 Zeichen, ohne Namen von Personen",
    )
    command.add_argument("--now", action="store_true", help="gleich sammeln und senden")


def _section(name: str) -> str:
    import difflib

    from verbundwacht_agent.probes import PROBES

    if name in PROBES:
        return name
    near = difflib.get_close_matches(name, PROBES, 1)
    hint = f"Meinten Sie {near[0]}?" if near else f"Es gibt: {', '.join(PROBES)}"
    raise argparse.ArgumentTypeError(f"Abschnitt {name!r} gibt es nicht. {hint}")


def main(argv: list[str] | None = None) -> int:
    """The exit code of the command; a known problem is one sentence on stderr."""
    args = build_parser().parse_args(argv)
    paths = Paths(Path(getattr(args, "dir", DEFAULT_DIR)))
    try:
        code: int = args.run(args, paths)
    except AgentError as problem:
        print(f"verbundwacht-agent: {problem}", file=sys.stderr)
        return EX_TEMPFAIL if isinstance(problem, Busy) else EX_USAGE
    except BrokenPipeError:
        # The reader of our output went away; there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as problem:
        step = "Als root starten oder mit --dir einen anderen Ordner nennen."
        if problem.errno in (errno.ENOSPC, errno.EDQUOT):
            step = "Platz schaffen; der nächste Lauf macht dort weiter."
        where = problem.filename or paths.root
        print(f"verbundwacht-agent: {where}: {problem.strerror}. {step}", file=sys.stderr)
        return EX_USAGE
    except KeyboardInterrupt:
        return 130
    return code


if __name__ == "__main__":
    sys.exit(main())
