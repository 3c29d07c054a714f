"""What can be wrong with this agent's settings and keys: code, message and cure, in two languages.

Pure data. ConfigError and KeyFileError are made from an entry here and its values, never from free
text, so what a run logs, what `doctor` says and what the documentation lists cannot drift apart.
A code is never used again for something else: people search for it.
"""

from typing import Final

from verbundwacht_agent.errors import ConfigProblem

_AGAIN_DE: Final = "Die Quittung noch einmal einlesen: verbundwacht-agent accept DATEI"
_AGAIN_EN: Final = "Read the receipt once more: verbundwacht-agent accept FILE"

# A1: the file agent.toml

SETTINGS_UNREADABLE = ConfigProblem(
    "A101",
    "{file} ist nicht lesbar ({reason}).",
    "{file} cannot be read ({reason}).",
    "Rechte prüfen.",
    "Check its permissions.",
)
NOT_TOML = ConfigProblem(
    "A102",
    "{file} ist kein TOML: {reason}.",
    "{file} is not TOML: {reason}.",
    "Zeile berichtigen.",
    "Correct the line.",
)
UNKNOWN_KEY = ConfigProblem(
    "A103",
    "{file}: unbekannter Schlüssel {key}.",
    "{file}: unknown key {key}.",
    "Möglich ist: {possible}.",
    "Possible is: {possible}.",
)
MISSPELT_KEY = ConfigProblem(
    "A104",
    "{file}: unbekannter Schlüssel {key}.",
    "{file}: unknown key {key}.",
    "Meinten Sie {near}?",
    "Did you mean {near}?",
)
WRONG_VALUE = ConfigProblem(
    "A105",
    "{file}: {reason}.",
    "{file}: {reason}.",
    "Wert berichtigen.",
    "Correct the value.",
)
OUT_OF_RANGE = ConfigProblem(
    "A106",
    "{file}: {key} = {value}.",
    "{file}: {key} = {value}.",
    "Erlaubt sind {low} bis {high} Sekunden.",
    "Allowed are {low} to {high} seconds.",
)
NO_SWITCH = ConfigProblem(
    "A107",
    "{file}: {key} ist weder true noch false.",
    "{file}: {key} is neither true nor false.",
    "true oder false schreiben, ohne Anführungszeichen.",
    "Write true or false, without quotation marks.",
)

# A2: what the receipt brought

PEER_UNREADABLE = ConfigProblem(
    "A201",
    "{file} ist nicht lesbar ({reason}).",
    "{file} cannot be read ({reason}).",
    _AGAIN_DE,
    _AGAIN_EN,
)
PEER_DAMAGED = ConfigProblem(
    "A202",
    "{file} ist beschädigt ({reason}).",
    "{file} is damaged ({reason}).",
    _AGAIN_DE,
    _AGAIN_EN,
)
PEER_VALUE = ConfigProblem(
    "A203",
    "{file}: {key} = {value} ist unbrauchbar.",
    "{file}: {key} = {value} cannot be used.",
    _AGAIN_DE,
    _AGAIN_EN,
)
TLS_UNREADABLE = ConfigProblem(
    "A204",
    "{file} ist nicht lesbar ({reason}).",
    "{file} cannot be read ({reason}).",
    f"Als der Benutzer starten, dem die Datei gehört. Oder: {_AGAIN_DE}",
    f"Start as the user who owns the file. Or: {_AGAIN_EN}",
)
TLS_UNUSABLE = ConfigProblem(
    "A205",
    "{file} ist unbrauchbar ({reason}).",
    "{file} cannot be used ({reason}).",
    _AGAIN_DE,
    _AGAIN_EN,
)
SPOOL_UNREADABLE = ConfigProblem(
    "A206",
    "{file} ist nicht lesbar ({reason}).",
    "{file} cannot be read ({reason}).",
    "Den Benutzer von send in die Gruppe aufnehmen, der der Ordner gehört.",
    "Add the user of send to the group that owns the folder.",
)

# A3: the keys of this host

KEY_MISSING = ConfigProblem(
    "A301",
    "{file} fehlt.",
    "{file} is missing.",
    "Zuerst den Server vorbereiten: verbundwacht-agent prepare",
    "Prepare the server first: verbundwacht-agent prepare",
)
KEY_UNREADABLE = ConfigProblem(
    "A302",
    "{file} ist nicht lesbar ({reason}).",
    "{file} cannot be read ({reason}).",
    "Als root starten.",
    "Start as root.",
)
KEY_TOO_OPEN = ConfigProblem(
    "A303",
    "{file} ist für andere lesbar.",
    "{file} can be read by others.",
    "Rechte setzen: chmod 600 {file}",
    "Set its mode: chmod 600 {file}",
)
KEY_DAMAGED = ConfigProblem(
    "A304",
    "{file} ist beschädigt ({reason}).",
    "{file} is damaged ({reason}).",
    "Server neu anmelden.",
    "Enrol the server anew.",
)
KEY_OTHER_KIND = ConfigProblem(
    "A305",
    "{file} ist kein P-256-Schlüssel.",
    "{file} is no P-256 key.",
    "Server neu anmelden.",
    "Enrol the server anew.",
)

CONFIG_PROBLEMS: Final = tuple(
    sorted(entry for entry in globals().values() if isinstance(entry, ConfigProblem))
)
"""All of them, by code."""
