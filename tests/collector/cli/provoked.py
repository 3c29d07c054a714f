"""For each problem of the catalogue a way to meet it with a real command on a real folder.

An entry prepares the folder and returns the words of the command. A code that is missing here
fails the tests: a message that nobody has seen is a guess.
"""

import socket
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from tests.collector.cli.operator import BINARY, write_pack
from tests.collector.cli.scenes import CHECK, PROVOKED, Scene, Words, provokes, settings_of

from verbundwacht_collector import admin, pki, pki_files
from verbundwacht_collector.checkup import machine
from verbundwacht_collector.store import sqlite as store

GOOD: Final = """\
alliance = "Verbund"
interval_s = 900
[public]
mqtt = "localhost:8883"
https = "localhost:8884"
[listen]
mqtt = "127.0.0.1:0"
https = "127.0.0.1:0"
web = "127.0.0.1:0"
"""
MAIL: Final = (
    '[mail]\nhost = "mail.example"\nsender = "vw@example.org"\nrecipients = ["soc@example.org"]\n'
)
HOOK: Final = '[[webhook]]\nname = "x"\nurl = "https://x.example/geheim"\nsecret_file = "s"\n'
BROKER: Final = f'broker_url = "mqtts://broker.example:8883"\n{GOOD}'


TEXTS: Final = {
    "C103": "alliance = \n",
    "C105": f"xyz = 900\n{GOOD}",
    "C106": f"intervall_s = 900\n{GOOD}",
    "C107": f"{GOOD}interval_s = 900\n",
    "C108": 'alliance = "V"\n',
    "C109": GOOD.replace("900", '"900"'),
    "C201": GOOD.replace("900", "30"),
    "C202": GOOD.replace("127.0.0.1:0", "127.0.0.1", 1),
    "C203": GOOD.replace("127.0.0.1:0", "127.0.0.1:8883").replace("0.0.1:8883", "0.0.1:0", 1),
    "C204": GOOD.replace('web = "127.0.0.1:0"', 'web = "0.0.0.0:0"')
    + "[web]\ninsecure_loopback = true\n",
    "C205": f'{GOOD}[web]\ncertificate = "pages.pem"\n',
    "C208": GOOD.replace("[listen]\n", '[listen]\nmetrics = "0.0.0.0:0"\n'),
    "C211": BROKER.replace("mqtts:", "mqtt:"),
    "C212": f'{GOOD}[broker]\nclient_id = "sammler"\n',
    "C213": f'{BROKER}[broker]\nclient_id = "#"\n',
    "C301": GOOD + MAIL.replace('"soc@example.org"', ""),
    "C302": GOOD + MAIL.replace("soc@example.org", "soc"),
    "C303": GOOD + HOOK.replace("https://", "ftp://"),
    "C304": GOOD + HOOK.replace("https://", "http://"),
    "C305": GOOD + HOOK + HOOK,
    "C307": f'{GOOD}{MAIL}user = "vw"\n',
    "C402": f'{GOOD}{MAIL}password_file = "/nowhere/secret"\n',
    "C431": BROKER,
}
"""Settings that are wrong by themselves."""

PROVOKED.update({code: settings_of(text) for code, text in TEXTS.items()})


@provokes("C101")
def _(scene: Scene) -> Words:
    return ("--dir", str(scene.tmp / "leer"), *CHECK)


@provokes("C102")
def _(scene: Scene) -> Words:
    scene.operator.folder.config.unlink()
    scene.operator.folder.config.mkdir()
    return CHECK


@provokes("C104")
def _(scene: Scene) -> Words:
    scene.operator.folder.config.write_bytes('alliance = "Müller"\n'.encode("latin-1"))
    return CHECK


@provokes("C206")
def _(scene: Scene) -> Words:
    scene.patch.setenv("VERBUNDWACHT_LANG", "fr")
    return CHECK


@provokes("C207")
def _(scene: Scene) -> Words:
    return ("init", "--dir", str(scene.tmp / "neu"), "--public", "a b")


@provokes("C306")
def _(scene: Scene) -> Words:
    path = scene.secret("whsec_kurz")
    scene.operator.settings(GOOD + HOOK.replace('"s"', f'"{path}"'))
    return CHECK


@provokes("C308")
def _(scene: Scene) -> Words:
    path = scene.secret("x")
    extra = f'user = "vw"\npassword_file = "{path}"\nsecurity = "none"\n'
    scene.operator.settings(f"{GOOD}{MAIL}{extra}")
    return CHECK


@provokes("C401")
def _(scene: Scene) -> Words:
    path = scene.secret("x", 0o644)
    scene.operator.settings(f'{GOOD}{MAIL}password_file = "{path}"\n')
    return CHECK


@provokes("C403")
def _(scene: Scene) -> Words:
    scene.operator.settings(f'{GOOD}{MAIL}password_file = "{scene.secret("")}"\n')
    return CHECK


@provokes("C411")
def _(scene: Scene) -> Words:
    scene.files.server_key.chmod(0o644)
    return CHECK


@provokes("C412")
def _(scene: Scene) -> Words:
    scene.operator.folder.downlink.write_bytes(b"-----BEGIN PRIVATE KEY-----\nAAAA\n")
    return CHECK


@provokes("C413")
def _(scene: Scene) -> Words:
    scene.operator.folder.downlink.unlink()
    return ("init", "--pack", str(write_pack(scene.tmp / "pack")))


@provokes("C414")
def _(scene: Scene) -> Words:
    scene.files.issuing.unlink()
    return CHECK


@provokes("C415")
def _(scene: Scene) -> Words:
    scene.files.server_key.write_bytes(pki.key_pem(pki.new_key()))
    return CHECK


def own_pages(scene: Scene, bits: int, life: timedelta = timedelta(days=365)) -> tuple[Path, Path]:
    """The pages have a certificate of their own, of this strength."""
    key = rsa.generate_private_key(65_537, bits)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=400))
        .not_valid_after(now + life)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = scene.tmp / "pages.pem", scene.tmp / "pages-key.pem"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    files[1].chmod(0o640)
    scene.operator.settings(f'{GOOD}[web]\ncertificate = "{files[0]}"\nkey = "{files[1]}"\n')
    return files


@provokes("C416")
def _(scene: Scene) -> Words:
    own_pages(scene, 1024)
    return CHECK


def reissue(scene: Scene, days: int) -> Words:
    """The server's certificate was issued so many days from now."""
    authority = pki_files.load_authority(scene.files)
    key = pki_files.read_certificates(scene.files.server)[0].public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    at = datetime.now(UTC) + timedelta(days=days)
    fresh = pki.issue_server(authority, ["localhost"], key, at)
    scene.files.server.write_bytes(pki.pem(fresh) + authority.chain)
    return CHECK


@provokes("C417")
def _(scene: Scene) -> Words:
    return reissue(scene, -398)


@provokes("C418")
def _(scene: Scene) -> Words:
    return reissue(scene, 5)


@provokes("C419")
def _(scene: Scene) -> Words:
    return reissue(scene, -380)


@provokes("C420")
def _(scene: Scene) -> Words:
    scene.operator.settings(GOOD.replace("localhost:8884", "sammler.example:8884"))
    return CHECK


def new_authority(scene: Scene, days: int) -> Words:
    """The issuing authority was made so many days from now."""
    root_key = serialization.load_pem_private_key(scene.files.root_key.read_bytes(), None)
    assert isinstance(root_key, ec.EllipticCurvePrivateKey)
    root = pki_files.read_certificates(scene.files.root)[0]
    at = datetime.now(UTC) + timedelta(days=days)
    authority = pki.make_authority(root_key, root, at)
    scene.files.issuing.write_bytes(pki.pem(authority.certificate))
    scene.files.issuing_key.write_bytes(pki.key_pem(authority.key))
    return CHECK


@provokes("C421")
def _(scene: Scene) -> Words:
    return new_authority(scene, -731)


@provokes("C422")
def _(scene: Scene) -> Words:
    return new_authority(scene, -700)


def reader(scene: Scene, days: int) -> Words:
    """What the collector reads with at its broker was issued so many days from now."""
    authority = pki_files.load_authority(scene.files)
    key, at = pki.new_key(), datetime.now(UTC) + timedelta(days=days)
    certificate = pki.issue_server(authority, ["x"], key.public_key(), at)
    scene.files.reader.write_bytes(pki.pem(certificate) + authority.chain)
    pki_files.write_private(scene.files.reader_key, pki.key_pem(key))
    scene.operator.settings(BROKER.replace('[listen]\nmqtt = "127.0.0.1:0"', "[listen]"))
    return CHECK


@provokes("C432")
def _(scene: Scene) -> Words:
    return reader(scene, -398)


@provokes("C433")
def _(scene: Scene) -> Words:
    return reader(scene, -380)


@provokes("C214")
def _(scene: Scene) -> Words:
    return reader(scene, 0)


@provokes("C501")
def _(scene: Scene) -> Words:
    scene.operator.folder.database.unlink()
    return CHECK


@provokes("C502")
def _(scene: Scene) -> Words:
    scene.sql("UPDATE schema_version SET version = ?", store.NEWEST - 1)
    return CHECK


@provokes("C503")
def _(scene: Scene) -> Words:
    scene.sql("UPDATE schema_version SET version = ?", store.NEWEST + 1)
    return CHECK


@provokes("C504")
def _(scene: Scene) -> Words:
    scene.operator.folder.database.write_bytes(b"no database" * 1000)
    return CHECK


@provokes("C505")
def _(scene: Scene) -> Words:
    scene.patch.setattr(store, "_BUSY_MS", 50)
    db = scene.held.enter_context(closing(sqlite3.connect(scene.operator.folder.database)))
    db.execute("BEGIN IMMEDIATE")
    return ("municipality", "add", "nebenan")


@provokes("C506")
def _(scene: Scene) -> Words:
    # 40 KB are enough for the journal's index, not for this name in the journal.
    line = f'ulimit -f 40; {BINARY} --dir "$0" municipality add nebenan --name "$1"'
    return ("bash", "-c", line, str(scene.operator.folder.root), "x" * 100_000)


@provokes("C507")
def _(scene: Scene) -> Words:
    scene.sql("DELETE FROM alliance")
    return CHECK


@provokes("C511")
def _(scene: Scene) -> Words:
    scene.sql("UPDATE pack SET files = ?", b"\x81\xa9pack.yaml\xc4\x02{}")
    return CHECK


@provokes("C512")
def _(scene: Scene) -> Words:
    scene.sql("DELETE FROM pack")
    return CHECK


@provokes("C513")
def _(scene: Scene) -> Words:
    scene.patch.setattr(admin, "__file__", str(scene.tmp / "a" / "b" / "admin.py"))
    return ("init", "--dir", str(scene.tmp / "neu"))


@provokes("C601")
def _(scene: Scene) -> Words:
    taken = scene.held.enter_context(socket.create_server(("127.0.0.1", 0)))
    port = taken.getsockname()[1]
    scene.operator.settings(GOOD.replace("127.0.0.1:0", f"127.0.0.1:{port}", 1))
    return CHECK


@provokes("C701")
def _(scene: Scene) -> Words:
    (scene.tmp / "file").touch()
    pack = write_pack(scene.tmp / "pack")
    return ("init", "--pack", str(pack), "--dir", str(scene.tmp / "file" / "sammler"))


@provokes("C702")
def _(scene: Scene) -> Words:
    scene.patch.setattr(machine, "DISK_FULL", 1.0)
    return CHECK


@provokes("C703")
def _(scene: Scene) -> Words:
    scene.patch.setattr(machine, "DISK_LOW", 1.0)
    scene.patch.setattr(machine, "DISK_FULL", 0.0)
    scene.patch.setattr(machine, "DISK_FULL_BYTES", 0)
    return CHECK


@provokes("C704")
def _(scene: Scene) -> Words:
    scene.operator.host()
    later = datetime.now(UTC) + timedelta(days=3)
    scene.sql("UPDATE host SET last_seen = ?", int(later.timestamp() * 1000))
    return CHECK
