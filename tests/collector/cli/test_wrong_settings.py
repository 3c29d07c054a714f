"""Every wrong setting is one sentence: file, key, value, next step. Exit code 2, no trace left."""

import os
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.collector.cli.operator import Operator

from verbundwacht_collector.store.sqlite import NEWEST

GOOD = """\
alliance = "Verbund"
interval_s = 900
[public]
mqtt = "sammler.example:8883"
https = "sammler.example:8884"
[listen]
mqtt = "127.0.0.1:0"
https = "127.0.0.1:0"
web = "127.0.0.1:0"
"""
MAIL = (
    '[mail]\nhost = "mail.example"\nsender = "vw@example.org"\nrecipients = ["soc@example.org"]\n'
)

TEXTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "unknown key": (f"intervall_s = 900\n{GOOD}", ("intervall_s", "Meinten Sie interval_s?")),
    "unknown key in a part": (
        GOOD.replace('web = "127', 'wep = "127'),
        ("listen.wep", "Meinten Sie web?"),
    ),
    "key of another part": (
        GOOD.replace("[listen]", "port = 1\n[listen]"),
        ("public.port", "Möglich sind: mqtt, https, web."),
    ),
    "unknown part": (f"{GOOD}[mial]\nhost = 1\n", ("mial", "Meinten Sie mail?")),
    "missing key": (GOOD.replace('https = "s', '# "s'), ("public.https", "fehlt", "ergänzen")),
    "missing part": ('alliance = "V"\n', ("public", "fehlt", "ergänzen")),
    "text for a number": (
        GOOD.replace("900", '"900"'),
        ("interval_s", "'900'", "eine ganze Zahl"),
    ),
    "number for a text": (GOOD.replace('"Verbund"', "7"), ("alliance", "7", "ein Text")),
    "text for a list": (
        GOOD + MAIL.replace('["soc@example.org"]', '"soc@example.org"'),
        ("mail.recipients", "'soc@example.org'", "eine Liste"),
    ),
    "number in a list": (
        GOOD + MAIL.replace('["soc@example.org"]', "[7]"),
        ("mail.recipients", "7", "ein Text"),
    ),
    "text for yes or no": (
        f'{GOOD}[web]\ninsecure_loopback = "ja"\n',
        ("web.insecure_loopback", "'ja'", "true oder false"),
    ),
    "value for a part": (f"mail = 3\n{GOOD}", ("mail", "3", "ein Abschnitt")),
    "one of two": (
        f'{GOOD}[alerts]\nbaseline = "alarm"\n',
        ("alerts.baseline", "'alarm'", '"plan" oder "alert"'),
    ),
    "interval too short": (GOOD.replace("900", "30"), ("interval_s", "30", "60 bis 86400")),
    "interval too long": (GOOD.replace("900", "86401"), ("interval_s", "86401", "60 bis 86400")),
    "no place for anybody": (
        f"{GOOD}[limits]\nconnections = 0\n",
        ("limits.connections", "0", "10 bis 60000"),
    ),
    "more pages than a process can open": (
        f"{GOOD}[limits]\nweb_per_address = 60001\n",
        ("limits.web_per_address", "60001", "10 bis 60000"),
    ),
    "address without a port": (
        GOOD.replace("127.0.0.1:0", "127.0.0.1", 1),
        ("listen.mqtt", "127.0.0.1", "Form: name:port"),
    ),
    "address without a name": (
        GOOD.replace("sammler.example:8883", ":8883"),
        ("public.mqtt", ":8883", "Form: name:port"),
    ),
    "port too high": (
        GOOD.replace("sammler.example:8884", "sammler.example:65536"),
        ("public.https", "65536", "Form: name:port"),
    ),
    "port that is none": (
        GOOD.replace("sammler.example:8884", "sammler.example:²"),
        ("public.https", "²", "Form: name:port"),
    ),
    "plain pages for all": (
        GOOD.replace('web = "127.0.0.1:0"', 'web = "0.0.0.0:0"')
        + "[web]\ninsecure_loopback = true\n",
        ("web.insecure_loopback", "0.0.0.0:0", "ändern"),
    ),
    "no recipient": (
        GOOD + MAIL.replace('"soc@example.org"', ""),
        ("mail.recipients", "leer", "nennen"),
    ),
    "recipient that is none": (
        GOOD + MAIL.replace("soc@example.org", "soc"),
        ("mail.recipients", "'soc'", "Form: soc@example.org"),
    ),
    "recipient with a second header": (
        GOOD + MAIL.replace("soc@example.org", "soc@example.org\\nBcc: x@example.org"),
        ("mail.recipients", "Bcc", "Form: soc@example.org"),
    ),
    "sender that is none": (
        GOOD + MAIL.replace("vw@example.org", "Verbundwacht"),
        ("mail.sender", "'Verbundwacht'", "Form: soc@example.org"),
    ),
    "mail port": (f"{GOOD}{MAIL}port = 0\n", ("mail.port", "0", "1 bis 65535")),
    "mail security": (
        f'{GOOD}{MAIL}security = "ssl"\n',
        ("mail.security", "'ssl'", '"starttls" oder "tls" oder "none"'),
    ),
    "password file that is not there": (
        f'{GOOD}{MAIL}password_file = "/nowhere/secret"\n',
        ("mail.password_file", "/nowhere/secret", "prüfen"),
    ),
    "webhook without TLS": (
        f'{GOOD}[[webhook]]\nname = "x"\nurl = "http://x.example"\nsecret_file = "s"\n',
        ("webhook.url", "http://x.example", "https://"),
    ),
    "no TOML": ("alliance = \n", ("kein TOML", "Zeile 1, Spalte 12", "berichtigen")),
    "the same key twice": (f"interval_s = 900\n{GOOD}", ("kein TOML", "berichtigen")),
    "another encoding": ('alliance = "M\udcfcller"\n', ("kein TOML", "berichtigen")),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_wrong_file_is_one_sentence(operator: Operator, name: str) -> None:
    text, fragments = TEXTS[name]
    operator.folder.config.write_bytes(text.encode("utf-8", "surrogateescape"))
    before = operator.listing()

    ran = operator.run("serve")

    assert ran.code == 2
    assert ran.sentence.startswith(str(operator.folder.config))
    for fragment in fragments:
        assert fragment in ran.sentence
    assert operator.listing() == before


@pytest.mark.parametrize("command", ["serve", "host add --municipality m --request r --receipt q"])
def test_a_folder_without_a_collector_names_the_command_that_makes_one(
    tmp_path: Path, operator: Operator, command: str
) -> None:
    empty = tmp_path / "leer"
    ran = operator.run("--dir", str(empty), *command.split(), with_dir=False)

    assert ran.code == 2
    assert f"verbundwacht init --dir {empty}" in ran.sentence
    assert not empty.exists()


def test_a_folder_in_place_of_the_file_is_one_sentence(operator: Operator) -> None:
    operator.folder.config.unlink()
    operator.folder.config.mkdir()

    ran = operator.run("serve")

    assert (ran.code, "collector.toml ist nicht lesbar" in ran.sentence) == (2, True)


def spoil_mode(path: Path) -> None:
    path.chmod(0o644)


def spoil_content(path: Path) -> None:
    path.write_bytes(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")


def spoil_away(path: Path) -> None:
    path.unlink()


def spoil_kind(path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric import ed25519
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    key = ed25519.Ed25519PrivateKey.generate()
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (spoil_mode, "chmod 600"),
        (spoil_content, "Sicherung"),
        (spoil_away, "Sicherung"),
        (spoil_kind, "P-256"),
    ],
)
def test_a_signing_key_that_cannot_be_used_is_one_sentence(
    operator: Operator, spoil: Callable[[Path], None], says: str
) -> None:
    spoil(operator.folder.downlink)
    before = operator.listing()

    ran = operator.run("serve")

    assert ran.code == 2
    assert str(operator.folder.downlink) in ran.sentence
    assert says in ran.sentence
    assert operator.listing() == before


@pytest.mark.parametrize("name", ["server.pem", "server-key.pem", "issuing.pem"])
@pytest.mark.parametrize("spoil", [spoil_content, spoil_away])
def test_a_certificate_that_cannot_be_used_is_one_sentence(
    operator: Operator, name: str, spoil: Callable[[Path], None]
) -> None:
    operator.settings(GOOD)
    path = next(operator.folder.keys.glob(name))
    spoil(path)

    ran = operator.run("serve")

    assert ran.code == 2
    assert str(operator.folder.keys) in ran.sentence
    assert "Sicherung" in ran.sentence


@pytest.mark.parametrize("key", ["mqtt", "https", "web"])
def test_a_port_that_is_taken_is_one_sentence_and_leaves_nothing_open_or_changed(
    operator: Operator, key: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        listen = f"[listen]\n{key} = "
        lines = [line for line in GOOD.splitlines() if not line.startswith("[listen]")]
        head = "\n".join(lines[:5])
        rest = {"mqtt", "https", "web"} - {key}
        operator.settings(
            f'{head}\n{listen}"{address}"\n'
            + "".join(f'{other} = "127.0.0.1:0"\n' for other in sorted(rest))
        )
        db = sqlite3.connect(operator.folder.database)
        before = db.execute("SELECT * FROM counter ORDER BY name").fetchall()

        ran = operator.run("serve")

        assert db.execute("SELECT * FROM counter ORDER BY name").fetchall() == before
        db.close()
    assert ran.code == 2
    for fragment in (f"listen.{key}", address, "andere Adresse"):
        assert fragment in ran.sentence


def test_an_address_of_another_machine_is_one_sentence(operator: Operator) -> None:
    operator.settings(GOOD.replace('mqtt = "127.0.0.1:0"', 'mqtt = "192.0.2.1:8883"'))

    ran = operator.run("serve")

    assert (ran.code, "listen.mqtt" in ran.sentence) == (2, True)


def test_a_password_that_others_may_read_is_one_sentence_before_any_door_opens(
    operator: Operator, tmp_path: Path
) -> None:
    secret = tmp_path / "geheim"
    secret.write_text("x")
    secret.chmod(0o644)
    operator.settings(f'{GOOD}{MAIL}password_file = "{secret}"\n')

    ran = operator.run("serve")

    assert ran.code == 2
    assert f"chmod 600 {secret}" in ran.sentence


def test_an_empty_password_is_one_sentence(operator: Operator, tmp_path: Path) -> None:
    secret = tmp_path / "geheim"
    secret.touch(mode=0o600)
    operator.settings(f'{GOOD}{MAIL}password_file = "{secret}"\n')

    ran = operator.run("serve")

    assert (ran.code, "leer" in ran.sentence) == (2, True)


READS = ["municipality list", "host list", "alerts", "findings", "alert show W-2026-0001"]
WRITES = ["municipality add x", "alert take W-2026-0001", "user add jana --password-file p"]


@pytest.fixture
def password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("p").write_text("lang genug und geheim\n")


@pytest.mark.parametrize("command", [*READS, *WRITES, "serve", "init"])
@pytest.mark.usefixtures("password")
def test_a_newer_database_is_one_sentence_for_every_command(
    operator: Operator, command: str
) -> None:
    db = sqlite3.connect(operator.folder.database)
    with db:
        db.execute("UPDATE schema_version SET version = ?", (NEWEST + 1,))
    db.close()
    before = operator.listing()

    ran = operator.run(*command.split())

    assert ran.code == 2
    assert str(operator.folder.database) in ran.sentence
    assert str(NEWEST + 1) in ran.sentence
    assert operator.listing() == before


@pytest.mark.parametrize("command", [*READS, *WRITES, "serve"])
@pytest.mark.usefixtures("password")
def test_a_database_that_is_none_is_one_sentence_for_every_command(
    operator: Operator, command: str
) -> None:
    operator.folder.database.write_bytes(b"no database" * 1000)

    ran = operator.run(*command.split())

    assert ran.code == 2
    assert str(operator.folder.database) in ran.sentence


@pytest.mark.parametrize("command", [*READS, *WRITES])
@pytest.mark.usefixtures("password")
def test_without_a_database_nothing_is_made(
    operator: Operator, tmp_path: Path, command: str
) -> None:
    empty = tmp_path / "leer"
    empty.mkdir()
    ran = operator.run("--dir", str(empty), *command.split(), with_dir=False)

    assert ran.code == 2
    assert "verbundwacht init" in ran.sentence
    assert os.listdir(empty) == []  # noqa: PTH208


def test_the_same_in_a_process_of_its_own(operator: Operator) -> None:
    operator.settings(GOOD.replace("interval_s", "intervall_s"))

    ran = operator.elsewhere("serve")

    assert ran.code == 2
    assert "Meinten Sie interval_s?" in ran.sentence
    assert "Traceback" not in ran.err
