"""What the page Systemzustand says, for the operator's terminal and for monitoring."""

import argparse
from typing import Final

from verbundwacht_collector import __version__
from verbundwacht_collector.commands.common import folder_of, say_json, say_table, when
from verbundwacht_collector.i18n import _
from verbundwacht_collector.observe.socket_file import ask
from verbundwacht_collector.observe.status import Status, not_running

GOOD: Final = 0
LOOK: Final = 1
NOT_RUNNING: Final = 2


def status(args: argparse.Namespace) -> int:
    """0 all is well, 1 something is to be looked at or unknown, 2 nobody serves this folder."""
    from verbundwacht_collector.app import now_ms

    found = ask(folder_of(args).status_socket) or not_running(now_ms(), __version__)
    if args.json:
        say_json(found)
    else:
        _say(found)
    if not found.running:
        return NOT_RUNNING
    return GOOD if found.level == "good" else LOOK


def _say(found: Status) -> None:
    from verbundwacht_collector.web.views.status import status_view

    view = status_view(found)
    print(view.verdict)
    if not found.running:
        print(_("Starten: verbundwacht serve"))
        return
    print()
    for line in view.lines:
        print(f"{line.word.text:<11} {line.title}: {line.text}")
        if line.step:
            print(f"{'':<11} {line.step}")
    if view.codes:
        print()
        rows = [(c.code, c.count, c.since_start, when(c.last_at), c.meaning) for c in view.codes]
        say_table(
            (_("CODE"), _("INSGESAMT"), _("SEIT START"), _("ZULETZT"), _("BEDEUTUNG")), rows, ""
        )
    if view.odd:
        print()
        rows_odd = [(h.name, h.municipality, h.forks, h.gaps, h.clock_flags) for h, _ in view.odd]
        say_table((_("SERVER"), _("KOMMUNE"), _("DOPPELT"), _("LÜCKEN"), _("UHR")), rows_odd, "")
