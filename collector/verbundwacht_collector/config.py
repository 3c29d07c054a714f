"""collector.toml: every key checked, an unknown one refused; nothing is guessed.

The file is small on purpose. What people change at run time lives in the store.
"""

import difflib
import re
from pathlib import Path
from typing import Final, Literal, NamedTuple, get_args, get_origin, get_type_hints

import msgspec

from verbundwacht_collector.errors import ConfigError


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Listen(_Part, frozen=True, kw_only=True):
    """Where the collector listens, each as address:port."""

    mqtt: str = "0.0.0.0:8883"
    https: str = "0.0.0.0:8884"
    web: str = "127.0.0.1:8443"


class Public(_Part, frozen=True, kw_only=True):
    """How agents and people reach it from outside, each as name:port."""

    mqtt: str
    https: str
    web: str = ""


class AlertConfig(_Part, frozen=True, kw_only=True):
    """plan: what fails from the beginning is planned work. alert: it alerts like the rest."""

    baseline: Literal["plan", "alert"] = "plan"


class Mail(_Part, frozen=True, kw_only=True):
    """The mail server that takes our messages, and who of the SOC gets them."""

    host: str
    port: int = 587
    sender: str
    recipients: list[str]
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password_file: str = ""


class Webhook(_Part, frozen=True, kw_only=True):
    """One address that gets every alert as a signed message (Standard Webhooks)."""

    name: str
    url: str
    secret_file: str
    allow_private: bool = False  # the address may lie inside one's own network


class Web(_Part, frozen=True, kw_only=True):
    """The pages. certificate and key default to the collector's own."""

    certificate: str = ""
    key: str = ""
    insecure_loopback: bool = False  # plain HTTP, allowed on 127.0.0.1 only


class Config(_Part, frozen=True, kw_only=True):
    """The whole file."""

    alliance: str
    public: Public
    listen: Listen = Listen()
    alerts: AlertConfig = AlertConfig()
    mail: Mail | None = None
    webhook: list[Webhook] = []
    web: Web = Web()
    interval_s: int = 900


class Folder(NamedTuple):
    """The collector's folder; nothing here touches the disk."""

    root: Path

    @property
    def config(self) -> Path:
        """TOML."""
        return self.root / "collector.toml"

    @property
    def database(self) -> Path:
        """SQLite."""
        return self.root / "collector.db"

    @property
    def keys(self) -> Path:
        """Certificates and their keys, 0700."""
        return self.root / "keys"

    @property
    def downlink(self) -> Path:
        """PEM, 0600: signs acknowledgements and receipts."""
        return self.keys / "downlink-key.pem"


def load(folder: Folder) -> Config:
    """The checked configuration. Raises ConfigError naming file, key, value and next step."""
    path = folder.config
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(
            f"{path} fehlt. Neuen Sammler anlegen: verbundwacht init --dir {folder.root}"
        ) from None
    except OSError as problem:
        raise ConfigError(f"{path} ist nicht lesbar: {problem.strerror}. Rechte prüfen.") from None
    try:
        config = msgspec.toml.decode(raw, type=Config)
    except msgspec.ValidationError as problem:
        raise ConfigError(_explain(path, raw, str(problem))) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise ConfigError(f"{path} ist kein TOML: {problem}. Zeile berichtigen.") from None
    _check(path, config)
    return config


_MAIL: Final = re.compile(r"(?:[^\x00-\x1f@<>]+ <[^\s@<>]+@[^\s@<>]+>)|(?:[^\s@<>]+@[^\s@<>]+)")
_AT: Final = r"(?: - at `\$\.?(?P<at>[^`]*)`)?$"
_UNKNOWN: Final = re.compile(r"unknown field `(?P<key>.+?)`" + _AT)
_MISSING: Final = re.compile(r"missing required field `(?P<key>.+?)`" + _AT)
_WRONG: Final = re.compile(r"^(?P<what>.*?)" + _AT)
_PARTS: Final[dict[str, type[_Part]]] = {
    "": Config,
    "public": Public,
    "listen": Listen,
    "alerts": AlertConfig,
    "mail": Mail,
    "webhook": Webhook,
    "web": Web,
}
_KINDS: Final = {
    "str": "ein Text in Anführungszeichen",
    "int": "eine ganze Zahl",
    "bool": "true oder false",
    "array": "eine Liste in eckigen Klammern",
    "object": "ein Abschnitt",
}


def _explain(path: Path, raw: bytes, problem: str) -> str:
    """The library's sentence as ours: file, key, value, next step."""
    if found := _UNKNOWN.search(problem):
        part = _part_name(found["at"])
        keys = _PARTS[part].__struct_fields__ if part in _PARTS else ()
        near = difflib.get_close_matches(found["key"], keys, 1)
        hint = f"Meinten Sie {near[0]}?" if near else f"Möglich sind: {', '.join(keys)}."
        return f"{path}: unbekannter Schlüssel {_dotted(part, found['key'])}. {hint}"
    if found := _MISSING.search(problem):
        key = _dotted(_part_name(found["at"]), found["key"])
        return f"{path}: Schlüssel {key} fehlt. Bitte ergänzen."
    found = _WRONG.search(problem)
    key = found["at"] if found and found["at"] else "?"
    value, wanted = _value_at(raw, key), _wanted(key, problem)
    return f"{path}: {key} = {value!r} passt nicht. Erwartet wird {wanted}."


def _part_name(at: str | None) -> str:
    return re.sub(r"\[.*?\]", "", at or "")


def _dotted(part: str, key: str) -> str:
    return f"{part}.{key}" if part else key


def _value_at(raw: bytes, key: str) -> object:
    value = msgspec.toml.decode(raw)
    for name in _part_name(key).split("."):
        if isinstance(value, list):  # which of several the library does not say
            value = value[0]
        value = value.get(name) if isinstance(value, dict) else value
    return value


def _wanted(key: str, problem: str) -> str:
    part, _, name = _part_name(key).rpartition(".")
    kind = get_type_hints(_PARTS[part]).get(name) if part in _PARTS else None
    if get_origin(kind) is Literal:
        return " oder ".join(f'"{one}"' for one in get_args(kind))
    expected = re.search(r"Expected `(\w+)", problem)
    return _KINDS.get(expected[1], expected[1]) if expected else "ein anderer Wert"


def _check(path: Path, config: Config) -> None:
    for key in ("mqtt", "https", "web"):
        address(getattr(config.listen, key), f"{path}: listen.{key}")
    for key in ("mqtt", "https"):
        address(getattr(config.public, key), f"{path}: public.{key}")
    if not 60 <= config.interval_s <= 86_400:
        raise ConfigError(
            f"{path}: interval_s = {config.interval_s}. Erlaubt sind 60 bis 86400 Sekunden."
        )
    host, _ = address(config.listen.web, f"{path}: listen.web")
    if config.web.insecure_loopback and host not in ("127.0.0.1", "::1", "localhost"):
        raise ConfigError(
            f"{path}: web.insecure_loopback gilt nur auf 127.0.0.1, listen.web ist "
            f"{config.listen.web}. Eines von beiden ändern."
        )
    _check_webhooks(path, config.webhook)
    if config.mail is not None:
        _check_mail(path, config.mail)


def _check_mail(path: Path, mail: Mail) -> None:
    if not mail.recipients:
        raise ConfigError(f"{path}: mail.recipients ist leer. Mindestens eine Adresse nennen.")
    if not 1 <= mail.port <= 65_535:
        raise ConfigError(f"{path}: mail.port = {mail.port}. Erlaubt sind 1 bis 65535.")
    named = [("recipients", one) for one in mail.recipients]
    for key, one in [("sender", mail.sender), *named]:
        if not _MAIL.fullmatch(one):
            raise ConfigError(
                f"{path}: mail.{key} = {one!r} ist keine E-Mail-Adresse. Form: soc@example.org"
            )


def _check_webhooks(path: Path, webhooks: list[Webhook]) -> None:
    for one in webhooks:
        if not one.url.startswith(("https://", "http://")):
            raise ConfigError(f"{path}: webhook.url = {one.url!r} ist keine https-Adresse.")
        if one.url.startswith("http://") and not one.allow_private:
            raise ConfigError(
                f"{path}: webhook.url = {one.url!r} ist unverschlüsselt. https:// nehmen, oder "
                "im eigenen Netz allow_private = true setzen."
            )


def address(text: str, where: str) -> tuple[str, int]:
    """(host, port) of `host:port`; brackets around IPv6. Raises ConfigError naming `where`."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise ConfigError(
            f'{where} = "{text}" ist keine Adresse. Form: name:port, etwa "[::]:8883"'
        )
    return host, int(port)


def secret(path: str, where: str) -> str:
    """The first line of a file that only its owner may read. Raises ConfigError."""
    file = Path(path)
    try:
        if file.stat().st_mode & 0o077:
            raise ConfigError(f"{where}: {path} ist für andere lesbar. Rechte: chmod 600 {path}")
        return file.read_text("utf-8").splitlines()[0]
    except OSError as problem:
        raise ConfigError(
            f"{where}: {path} ist nicht lesbar ({problem.strerror}). Pfad und Rechte prüfen."
        ) from None
    except (IndexError, UnicodeDecodeError):
        raise ConfigError(
            f"{where}: {path} ist leer oder kein Text. Das Geheimnis in die erste Zeile schreiben."
        ) from None
