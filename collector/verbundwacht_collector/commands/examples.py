"""The examples that stand under every `--help`."""

from typing import Final

from verbundwacht_collector.i18n import N_, _, lookup

EXAMPLES: Final = (
    ('verbundwacht init --dir sammler --alliance "Verbund Hochwald" --public sammler.example', ""),
    (
        "verbundwacht municipality add musterdorf --name Musterdorf"
        " --contact it@musterdorf.example",
        "",
    ),
    (
        "verbundwacht host add --municipality musterdorf --request web01.vw"
        " --receipt web01.quittung",
        "",
    ),
    ('verbundwacht user add jana --name "Jana Brenner"', N_("sieht den ganzen Verbund")),
    ("verbundwacht check-config --dir sammler", N_("alles, was serve stören würde")),
    ("verbundwacht serve --dir sammler", ""),
    ("verbundwacht broker prepare --name broker.example --out broker", ""),
    ("verbundwacht alerts --json", ""),
    ("verbundwacht alert take W-2026-0001 --by jana", ""),
    ("verbundwacht channel test soc@example.org --wait", ""),
    (
        "verbundwacht overlay maintenance --municipality musterdorf --for 2h"
        ' --reason "Neue Firewall"',
        "",
    ),
    ("verbundwacht pack test rules/linux-basis", ""),
    (
        "verbundwacht evidence export --alert W-2026-0001 --out w-2026-0001.nachweis",
        N_("prüft jeder, auch anderswo, mit evidence verify"),
    ),
)
"""Commands, each with what to know about it."""


def examples() -> str:
    """All of them, one a line, in the reader's language."""
    lines = (f"  {command:<55} {lookup(note)}".rstrip() for command, note in EXAMPLES)
    return "\n".join([_("Beispiele:"), *lines, ""])
