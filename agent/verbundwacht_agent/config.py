"""agent.toml: optional, and only what this host decides for itself. Unknown keys are refused."""

import re
from pathlib import Path
from typing import Final

import msgspec

from verbundwacht_agent import config_problems as problems
from verbundwacht_agent.errors import ConfigError
from verbundwacht_agent.paths import Paths

_LOW, _HIGH = 60, 86_400
_UNKNOWN: Final = re.compile(r"unknown field `(.+?)`")


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
        raise ConfigError(
            problems.SETTINGS_UNREADABLE, file=path, reason=problem.strerror
        ) from None
    try:
        config = msgspec.toml.decode(raw, type=Config)
    except msgspec.ValidationError as problem:
        raise _invalid(path, str(problem)) from None
    except (msgspec.DecodeError, ValueError) as problem:
        raise ConfigError(problems.NOT_TOML, file=path, reason=problem) from None
    if config.interval_s and not _LOW <= config.interval_s <= _HIGH:
        raise ConfigError(
            problems.OUT_OF_RANGE,
            file=path,
            key="interval_s",
            value=config.interval_s,
            low=_LOW,
            high=_HIGH,
        )
    return config


def _invalid(path: Path, problem: str) -> ConfigError:
    unknown = _UNKNOWN.search(problem)
    if unknown is None:
        return ConfigError(problems.WRONG_VALUE, file=path, reason=problem)
    import difflib  # only for whoever mistypes

    key, fields = unknown[1], Config.__struct_fields__
    near = difflib.get_close_matches(key, fields, 1)
    if near:
        return ConfigError(problems.MISSPELT_KEY, file=path, key=key, near=near[0])
    return ConfigError(problems.UNKNOWN_KEY, file=path, key=key, possible=", ".join(fields))
