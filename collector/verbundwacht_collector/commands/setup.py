"""init and serve."""

import argparse
import asyncio
import ipaddress
import json
import logging
import re
import sys
from pathlib import Path

import structlog

from verbundwacht_collector import config_problems
from verbundwacht_collector.commands.common import folder_of, note, say_json
from verbundwacht_collector.config import Folder, load
from verbundwacht_collector.errors import ConfigError
from verbundwacht_collector.i18n import _

TEMPLATE = """\
# Sammler von Verbundwacht. Unbekannte Schlüssel werden abgelehnt.
alliance = {alliance}
interval_s = 900                     # so oft melden sich die Server, in Sekunden
# broker_url = "mqtts://broker.example:8883"    # ein Broker davor; dann listen.mqtt löschen

[public]                             # unter diesen Adressen erreichen die Server den Sammler
mqtt = {mqtt}
https = {https}
web = {web}

[listen]
mqtt = {listen_mqtt}
https = {listen_https}
web = {listen_web}
# metrics = "127.0.0.1:9464"         # Zahlen für Prometheus, ohne Anmeldung: nur auf loopback

[alerts]
baseline = "plan"                    # "alert": auch was von Anfang an nicht stimmt, alarmiert

[web]
insecure_loopback = false

[notify]
per_hour = 10                        # einzelne Nachrichten je Empfänger, der Rest gesammelt
digest = "07:30"                     # was zu tun ist, jeden Morgen als Mail; "" für keine
digest_when_calm = false             # true: auch wenn nichts zu tun ist

# [limits]                           # Verbindungen zur selben Zeit; mehr werden abgewiesen
# connections = 2000                 # an jedem Eingang der Server
# unproven_per_address = 1000        # davon ohne geprüftes Zertifikat, von einer Adresse
# web_connections = 1000             # an den Seiten
# web_per_address = 256              # hinter einem Proxy kommen alle von einer Adresse

# [mail]
# host = "mail.example"
# port = 587
# security = "starttls"              # starttls, tls oder none
# sender = "verbundwacht@example.org"
# recipients = ["soc@example.org"]
# user = ""
# password_file = ""
# language = "de"                    # "en": die Nachrichten auf Englisch

# [[webhook]]                        # Standard Webhooks, unterschrieben mit HMAC-SHA256
# name = "tickets"
# url = "https://tickets.example/hook"
# secret_file = "tickets.secret"     # whsec_ und base64, Rechte 0600
# allow_private = false              # true: die Adresse darf im eigenen Netz liegen
"""


def init(args: argparse.Namespace) -> int:
    """The folder holds a collector that can be served."""
    from verbundwacht_collector import admin

    folder = folder_of(args)
    name = _public(args.public)
    toml = TEMPLATE.format(
        alliance=json.dumps(args.alliance, ensure_ascii=False),
        mqtt=json.dumps(f"{name}:8883"),
        https=json.dumps(f"{name}:8884"),
        web=json.dumps(f"{name}:8443"),
        listen_mqtt=json.dumps("0.0.0.0:8883"),
        listen_https=json.dumps("0.0.0.0:8884"),
        listen_web=json.dumps("0.0.0.0:8443"),
    )
    if folder.config.exists():
        config = load(folder)
    else:
        import msgspec

        from verbundwacht_collector.config import Config

        config = msgspec.toml.decode(toml, type=Config)
    names = list(dict.fromkeys([args.public, "localhost", "127.0.0.1"]))
    pack = admin.init(
        folder, toml, config, names, Path(args.pack) if args.pack else admin.bundled_pack()
    )
    if args.json:
        say_json({"dir": str(folder.root), "alliance": config.alliance, "pack": pack})
        return 0
    print(
        _(
            "Sammler für %(alliance)s liegt in %(root)s, Regelpaket %(pack)s.",
            alliance=config.alliance,
            root=folder.root,
            pack=pack,
        )
    )
    print(_("Einstellungen: %(config)s", config=folder.config))
    print(_("Nächste Schritte:"))
    print(_("  verbundwacht municipality add KÜRZEL --name NAME"))
    print("  verbundwacht user add ANMELDENAME")
    print(
        _(
            "  verbundwacht check-config --dir %(root)s    prüft alles, was serve braucht",
            root=folder.root,
        )
    )
    print("  verbundwacht serve")
    return 0


def _public(name: str) -> str:
    """The name as it stands before a port. Raises ConfigError for what no server is called."""
    try:
        found = ipaddress.ip_address(name)
    except ValueError:
        label = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
        if len(name) <= 253 and re.fullmatch(rf"{label}(?:\.{label})*", name):
            return name
        raise ConfigError(config_problems.BAD_PUBLIC_NAME, value=repr(name)) from None
    return f"[{found}]" if found.version == 6 else str(found)


def _refuse_open_keys(folder: Folder) -> None:
    """Whoever reads one of these can speak as this collector, or make agents of any name."""
    from verbundwacht_collector.equipment import refuse_open_key

    for path in sorted(folder.keys.glob("*-key.pem")):
        refuse_open_key(path)


def serve(args: argparse.Namespace) -> int:
    """Serves until it is told to stop."""
    from verbundwacht_collector import app
    from verbundwacht_collector.checkup.keys import dates

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    folder = folder_of(args)
    config = load(folder)
    _refuse_open_keys(folder)
    for problem in dates(folder, app.now_ms()):  # it starts all the same: the pages still help
        note(f"verbundwacht: {problem.text(args.lang)}")

    def ready() -> None:
        note(
            _(
                "Bereit. Seiten: %(page_address)s  Ende mit Strg-C.",
                page_address=app.page_address(config),
            )
        )

    try:
        import uvloop

        runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    except ImportError:
        runner = asyncio.Runner()
    with runner:
        runner.run(app.serve(folder, config, ready))
    return 0
