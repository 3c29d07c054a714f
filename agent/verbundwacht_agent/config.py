"""agent.toml: optional, and only what this host decides for itself. Unknown keys are refused."""

import difflib
import re

import msgspec

from verbundwacht_agent.errors import ConfigError
from verbundwacht_agent.paths import Paths


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """interval_s: how often this host means to report, 60 to 86400; 0: as its receipt says."""

    interval_s: int = 0


def load_config(paths: Paths) -> Config:
    """The checked settings. Raises ConfigError naming file, key, value and next step."""
    path = paths.root / "agent.toml"
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return Config()
    except OSError as problem:
        raise ConfigError(f"{path} ist nicht lesbar ({problem.strerror}). Rechte prüfen.") from None
    try:
        config = msgspec.toml.decode(raw, type=Config)
    except msgspec.ValidationError as problem:
        raise ConfigError(f"{path}: {_explain(str(problem))}") from None
    except (msgspec.DecodeError, ValueError) as problem:
        raise ConfigError(f"{path} ist kein TOML: {problem}. Zeile berichtigen.") from None
    if config.interval_s and not 60 <= config.interval_s <= 86_400:
        raise ConfigError(
            f"{path}: interval_s = {config.interval_s}. Erlaubt sind 60 bis 86400 Sekunden."
        )
    return config


def _explain(problem: str) -> str:
    unknown = re.search(r"unknown field `(.+?)`", problem)
    if unknown is None:
        return f"{problem}. Wert berichtigen."
    near = difflib.get_close_matches(unknown[1], Config.__struct_fields__, 1)
    hint = f"Meinten Sie {near[0]}?" if near else "Möglich ist: interval_s."
    return f"unbekannter Schlüssel {unknown[1]}. {hint}"
