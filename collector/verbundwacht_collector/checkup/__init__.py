"""Everything that `serve` needs, looked at without starting: all that is wrong, not only the first.

Nothing is written, no door opens, the database is not renewed. What `serve` would say comes from
the very functions that `serve` calls; beside that stand things that go wrong later (a certificate
that ends, a disk that fills).
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, ParamSpec

from verbundwacht_collector import config_problems, machine_problems
from verbundwacht_collector.checkup import keys, machine, ports, store
from verbundwacht_collector.config import LOOPBACK, Config, Folder, address, broker_address, look
from verbundwacht_collector.config_reading import shown
from verbundwacht_collector.equipment import mail_server, webhook_target
from verbundwacht_collector.errors import CodedError, ConfigError

P = ParamSpec("P")


class Found(NamedTuple):
    """What is wrong. complete: False if the settings are so wrong that parts went unseen."""

    problems: list[CodedError]
    complete: bool


def everything(folder: Folder, *, now: int) -> Found:
    """All problems, errors first, each once. now: Unix milliseconds."""
    config, wrong = look(folder)
    found: list[CodedError] = [*wrong]
    if folder.root.is_dir():
        found += _looked(keys.problems, folder, now)
        found += _looked(store.problems, folder, now)
        found += _looked(machine.problems, folder)
    usable = config is not None and not wrong
    if config is not None and usable:
        found += warnings(folder.config, config)
        found += secrets(folder, config)
        found += _looked(keys.page_problems, folder, config, now)
        found += _looked(keys.broker_problems, folder, config, now)
        found += ports.problems(folder, config)
    once = {one.text("en"): one for one in found}
    ordered = sorted(once.values(), key=lambda one: (one.problem.warning, one.problem.code))
    return Found(ordered, usable)


def _looked(
    look_for: Callable[P, Iterable[CodedError]], *args: P.args, **kwargs: P.kwargs
) -> list[CodedError]:
    """What was found, or why nobody could look: one closed folder must not hide the rest."""
    try:
        return list(look_for(*args, **kwargs))
    except OSError as refusal:
        path, reason = refusal.filename, refusal.strerror
        return [ConfigError(machine_problems.FILE_REFUSED, path=path, reason=reason)]


def warnings(path: Path, config: Config) -> Iterator[ConfigError]:
    """What serves, and is hardly meant."""
    metrics = config.listen.metrics
    if metrics and address(metrics, path, "listen.metrics")[0] not in LOOPBACK:
        yield ConfigError(config_problems.METRICS_FOR_ALL, file=path, value=shown(metrics))
    if config.broker_url and not config.mqtt_endpoint and _still_named(path, config):
        value = shown(config.public.mqtt)
        yield ConfigError(config_problems.NOT_THE_BROKER, file=path, value=value)
    if config.mail is not None and config.mail.user:
        if not config.mail.password_file:
            yield ConfigError(config_problems.USER_WITHOUT_PASSWORD, file=path)
        elif config.mail.security == "none":
            yield ConfigError(config_problems.PLAIN_PASSWORD, file=path)


def _still_named(path: Path, config: Config) -> bool:
    """Servers are sent to this collector, where only the broker takes MQTT."""
    own, _ = address(config.public.https, path, "public.https")
    told, _ = address(config.public.mqtt, path, "public.mqtt")
    return told == own != broker_address(config.broker_url, path)[0]


def secrets(folder: Folder, config: Config) -> list[ConfigError]:
    """What is wrong with the files that hold passwords."""
    found = []
    if config.mail is not None:
        try:
            mail_server(folder, config.mail)
        except ConfigError as refusal:
            found.append(refusal)
    for one in config.webhook:
        try:
            webhook_target(folder, one)
        except ConfigError as refusal:
            found.append(refusal)
    return found
