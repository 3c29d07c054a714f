"""broker: what an external broker needs, ready to copy."""

import argparse
import re
from pathlib import Path

from verbundwacht_collector.commands.common import folder_of, say_json
from verbundwacht_collector.i18n import _

_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*|[0-9A-Fa-f:.]+:[0-9A-Fa-f:.]*")


def host_name(text: str) -> str:
    """The text, if a host can be called so. Raises argparse.ArgumentTypeError."""
    if _NAME.fullmatch(text) is None:
        raise argparse.ArgumentTypeError(
            _(
                "%(text)s ist kein Rechnername. Ohne Port, etwa broker.example oder 10.0.0.7",
                text=repr(text),
            )
        )
    return text


def prepare(args: argparse.Namespace) -> int:
    """The folder can be copied to the broker, and the collector can log in there."""
    from verbundwacht_collector import broker_files
    from verbundwacht_collector.config import load

    folder = folder_of(args)
    load(folder)  # a folder without a collector says so first
    done = broker_files.prepare(folder, args.name, Path(args.out))
    if args.json:
        until_ms = int(done.until.timestamp() * 1000)
        say_json({"out": str(done.out), "certificate": str(done.reader), "until": until_ms})
        return 0
    name, place = args.name[0], "/etc/mosquitto/verbundwacht"
    print(
        _(
            "Für den Broker %(name)s liegt alles in %(out)s, gültig bis %(until)s.",
            name=name,
            out=done.out,
            until=format(done.until, "%d.%m.%Y"),
        )
    )
    print(_("Der Sammler meldet sich mit %(reader)s an.", reader=done.reader))
    print(_("Nächste Schritte:"))
    print(
        _("  1. %(out)s auf den Broker nach %(place)s kopieren, dort:", out=done.out, place=place)
    )
    print(f"       chown -R mosquitto: {place}")
    print(f"       cp {place}/mosquitto.conf /etc/mosquitto/conf.d/verbundwacht.conf")
    print("       systemctl restart mosquitto")
    print(f"  2. in {folder.config}:")
    print(_('       ganz oben       broker_url = "mqtts://%(name)s:8883"', name=name))
    print(f'       unter [public]  mqtt = "{name}:8883"')
    print(_("       unter [listen]  die Zeile mqtt löschen"))
    print(_("  3. verbundwacht serve neu starten"))
    return 0
