"""agent.toml: optional, and only what this host decides for itself. Unknown keys are refused."""

import re
from pathlib import Path
from typing import Final

import msgspec

from verbundwacht_agent import config_problems as problems
from verbundwacht_agent.errors import ConfigError
from verbundwacht_agent.paths import Paths

_LOW, _HIGH = 60, 86_400
_NO_SWITCH: Final = re.compile(r"Expected `bool`.* - at `\$\.(\w+)`")
_UNKNOWN: Final = re.compile(r"unknown field `(.+?)`")


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """interval_s: how often this host means to report, 60 to 86400; 0: as its receipt says.

    uplink_only: the collector's answers may empty the spool and have no other effect here.
    """

    interval_s: int = 0
    uplink_only: bool = False


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


def told_interval_s(config: Config, receipt_s: int) -> int:
    """How often this host means to report. What its receipt says is held to the same bounds.

    Otherwise whoever writes receipts could have a host that reports once a year, unnoticed.
    """
    return config.interval_s or min(max(receipt_s, _LOW), _HIGH)


def _invalid(path: Path, problem: str) -> ConfigError:
    switch = _NO_SWITCH.match(problem)
    if switch is not None:
        return ConfigError(problems.NO_SWITCH, file=path, key=switch[1])
    unknown = _UNKNOWN.search(problem)
    if unknown is None:
        return ConfigError(problems.WRONG_VALUE, file=path, reason=problem)
    import difflib  # only for whoever mistypes

    key, fields = unknown[1], Config.__struct_fields__
    near = difflib.get_close_matches(key, fields, 1)
    if near:
        return ConfigError(problems.MISSPELT_KEY, file=path, key=key, near=near[0])
    return ConfigError(problems.UNKNOWN_KEY, file=path, key=key, possible=", ".join(fields))
