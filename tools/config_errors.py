"""Writes deploy/README.md: every configuration problem with message, occasion and cure.

Run from the root: `python -m tools.config_errors`, or `make docs`. Texts come from the catalogue
that the errors are made from; when each comes up is read from the code that names it. What stands
above the marker is written by hand and kept.
"""

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Final, NamedTuple

from verbundwacht_agent import config_problems as agent_problems
from verbundwacht_agent import errors as agent_errors
from verbundwacht_collector import config_problems, machine_problems
from verbundwacht_collector.errors import ConfigProblem, Lang

ROOT = Path(__file__).parent.parent
README = ROOT / "deploy" / "README.md"
MARK: Final = "<!-- From here on written by `make docs`; above, by hand. -->"


class Text(NamedTuple):
    """The same in both languages."""

    de: str
    en: str


class Program(NamedTuple):
    """One of the two. names: constant -> entry. when: module -> what the user does meanwhile."""

    name: Text
    package: Path
    names: Mapping[str, ConfigProblem]
    when: Mapping[str, Text]


def _named(*catalogues: ModuleType) -> dict[str, ConfigProblem]:
    """The entries by the names that code calls them by."""
    found = {}
    for catalogue in catalogues:
        for name, one in vars(catalogue).items():
            if isinstance(one, ConfigProblem):
                found[name] = one
            elif isinstance(one, agent_errors.ConfigProblem):
                found[name] = ConfigProblem(*one)
    return found


_SETTINGS: Final = Text("Lesen der Einstellungen", "settings are read")
_START: Final = Text("Start von `serve`, `check-config`", "start of `serve`, `check-config`")
_CHECK: Final = Text("`check-config`", "`check-config`")
_EVERY: Final = Text("jeder Befehl", "every command")
_INIT: Final = Text("`init`", "`init`")

COLLECTOR: Final = Program(
    Text("Sammler: `verbundwacht`", "Collector: `verbundwacht`"),
    ROOT / "collector" / "verbundwacht_collector",
    _named(config_problems, machine_problems),
    {
        "config": _SETTINGS,
        "config_reading": _SETTINGS,
        "equipment": _START,
        "app": _START,
        "pki_files": Text("Lesen der Schlüssel", "keys are read"),
        "packs": Text("Laden der Regelpakete", "rule packs are loaded"),
        "store.sqlite": Text("Öffnen der Datenbank", "the database is opened"),
        "broker_files": Text("`broker prepare`", "`broker prepare`"),
        "checkup": _CHECK,
        "checkup.keys": Text(
            "`check-config`, Start von `serve`", "`check-config`, start of `serve`"
        ),
        "checkup.machine": _CHECK,
        "checkup.store": _CHECK,
        "admin": Text("`init` und andere Befehle", "`init` and other commands"),
        "commands.setup": _INIT,
        "commands.common": _EVERY,
        "cli": _EVERY,
    },
)

_DOCTOR: Final = ", `doctor`"
_SEND: Final = Text(f"`send`, `once`{_DOCTOR}", f"`send`, `once`{_DOCTOR}")
_KEYS: Final = Text("Lesen der Schlüssel, `doctor`", "keys are read, `doctor`")
AGENT: Final = Program(
    Text("Agent: `verbundwacht-agent`", "Agent: `verbundwacht-agent`"),
    ROOT / "agent" / "verbundwacht_agent",
    _named(agent_problems),
    {
        "config": Text("Lesen der Einstellungen, `doctor`", "settings are read, `doctor`"),
        "files": _KEYS,
        "keys": _KEYS,
        "peer": _SEND,
        "post": _SEND,
    },
)

GROUPS: Final = {
    "C1": Text("Die Datei collector.toml", "The file collector.toml"),
    "C2": Text("Werte", "Values"),
    "C3": Text("Mail und Webhooks", "Mail and webhooks"),
    "C4": Text("Geheimnisse, Schlüssel, Zertifikate", "Secrets, keys, certificates"),
    "C5": Text("Datenbank und Regelpakete", "Database and rule packs"),
    "C6": Text("Adressen dieses Rechners", "Addresses of this machine"),
    "C7": Text("Der Rechner", "The machine"),
    "A1": Text("Die Datei agent.toml", "The file agent.toml"),
    "A2": Text("Was die Quittung gebracht hat", "What the receipt brought"),
    "A3": Text("Schlüssel dieses Servers", "Keys of this server"),
}
"""Heading by the beginning of the code."""


Occasions = Mapping[str, Sequence[Text]]
"""Code -> when it comes up."""


class Use(NamedTuple):
    """One place in the code that names a problem. module: dotted, inside the package."""

    name: str
    module: str


def uses(program: Program) -> Iterator[Use]:
    """Every place outside the catalogue that names one of its entries."""
    for path in sorted(program.package.rglob("*.py")):
        module = ".".join(path.relative_to(program.package).with_suffix("").parts)
        module = module.removesuffix(".__init__")
        if module.endswith("_problems"):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)):
                continue
            if node.value.id.endswith("problems") and node.attr in program.names:
                yield Use(node.attr, module)


def occasions(program: Program) -> dict[str, list[Text]]:
    """Code -> when it comes up. KeyError for a module whose occasion nobody has worded."""
    found: dict[str, list[Text]] = {problem.code: [] for problem in program.names.values()}
    for use in uses(program):
        text = program.when[use.module]
        known = found[program.names[use.name].code]
        if text not in known:
            known.append(text)
    return found


_GERMAN: Final = {
    "certificate": "Zertifikat",
    "day": "Tag",
    "file": "Datei",
    "folder": "Ordner",
    "found": "Schema",
    "free": "Platz",
    "high": "größter Wert",
    "host": "Rechner",
    "key": "Name",
    "least": "Grenze",
    "low": "kleinster Wert",
    "mode": "Rechte",
    "near": "ähnlicher Name",
    "newest": "das neueste",
    "now": "jetzt",
    "other": "anderer Name",
    "pack": "Paket",
    "path": "Datei",
    "place": "Stelle",
    "possible": "Namen",
    "reason": "Grund",
    "seconds": "Sekunden",
    "today": "heute",
    "value": "Wert",
    "wanted": "Art des Werts",
}


def _cell(text: str, lang: Lang) -> str:
    def word(hole: re.Match[str]) -> str:
        return f"‹{_GERMAN.get(hole[1], hole[1].title()) if lang == 'de' else hole[1]}›"

    return re.sub(r"\{(\w+)\}", word, text).replace("|", "\\|")


_HEADS: Final = {
    "de": ("Nummer", "Meldung", "wann", "Abhilfe"),
    "en": ("code", "message", "when", "cure"),
}
_NOTE: Final = Text("Hinweis: ", "Note: ")


def _table(problems: Iterable[ConfigProblem], when: Occasions, lang: Lang) -> Iterator[str]:
    yield _line(_HEADS[lang])
    yield _line(("---",) * len(_HEADS[lang]))
    for one in problems:
        message, cure = (one.de, one.cure_de) if lang == "de" else (one.en, one.cure_en)
        note = getattr(_NOTE, lang) if one.warning else ""
        times = ", ".join(getattr(text, lang) for text in when[one.code])
        yield _line((one.code, note + _cell(message, lang), times, _cell(cure, lang)))


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _language(programs: Sequence[Program], lang: Lang) -> Iterator[str]:
    for program in programs:
        when = occasions(program)
        problems = sorted(program.names.values())
        yield f"### {getattr(program.name, lang)}\n"
        for begin, title in GROUPS.items():
            group = [one for one in problems if one.code.startswith(begin)]
            if group:
                yield f"#### {getattr(title, lang)}\n"
                yield "\n".join(_table(group, when, lang)) + "\n"


PROGRAMS: Final = (COLLECTOR, AGENT)


def document(kept: str) -> str:
    """The whole file. kept: what is written by hand."""
    parts = [
        kept.rstrip() + f"\n\n{MARK}\n",
        "## Fehlermeldungen\n\nIn ‹ › steht, was von Fall zu Fall anders ist. Ein *Hinweis* hält "
        "nichts auf.\n",
        *_language(PROGRAMS, "de"),
        "## Messages in English\n\nFrom the collector with `--lang en` or `VERBUNDWACHT_LANG=en`; "
        "the agent speaks German, its messages are here to be read. What differs from case to case "
        "stands in ‹ ›. A *note* stops nothing.\n",
        *_language(PROGRAMS, "en"),
    ]
    return "\n".join(parts)


def written_by_hand(text: str) -> str:
    """What stands above the marker. Raises ValueError without one: it would be overwritten."""
    kept, mark, _ = text.partition(MARK)
    if not mark:
        raise ValueError(f"{README} has no line {MARK}")
    return kept


def main() -> int:
    """deploy/README.md is up to date; exit code 0."""
    README.write_text(document(written_by_hand(README.read_text("utf-8"))), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
