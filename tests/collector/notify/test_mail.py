"""Mail: the text to the letter, and every way in which a mail server can answer."""

import asyncio
import ssl
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.collector.notify.mailserver import Post, serving

from verbundwacht_collector import pki_files
from verbundwacht_collector.notify import mail as mail_module
from verbundwacht_collector.notify.errors import DeliveryError
from verbundwacht_collector.notify.mail import MailServer, compose, send
from verbundwacht_collector.store.records import DeliveryRecord

GOLDEN = Path(__file__).parent / "golden"
ROW = DeliveryRecord(
    id="5fcd160f-633a-81e8-a193-1930b924cf0f",
    kind="mail",
    recipient="soc@example.org",
    attempts=0,
    expires_at=0,
    created_at=1_795_181_520_000,
    event_kind="opened",
    event_reason="regression",
    event_at=1_795_181_520_000,
    alert_id=412,
    number="W-2026-0412",
    severity="critical",
    title="SSH: root kann sich mit Passwort anmelden",
    rule_id="linux.ssh.root-login",
    subject="",
    host_name="vg-al-dms01",
    municipality="Verbandsgemeinde Altenbach",
    simulated=0,
)
ENDED = {
    "resolved": ("resolved", "two_attestations_pass"),
    "heard-again": ("resolved", "message_received"),
    "sees-again": ("resolved", "sees_again"),
    "not-applicable": ("closed", "no_longer_applicable"),
    "rule-removed": ("closed", "rule_removed"),
    "rule-wrong": ("closed", "rule_wrong"),
    "host-retired": ("closed", "host_retired"),
    "duplicate": ("closed", "duplicate"),
}
ROWS = {
    "opened": ROW,
    "reopened": replace(ROW, event_kind="reopened", event_reason="fails_again_within_72_hours"),
    "subject": replace(ROW, subject="tcp/23", severity="high", title="Kein offener Port"),
    "simulated": replace(ROW, simulated=1, severity="low", host_name="büro-01"),
    "silent": replace(
        ROW,
        rule_id="system.host-silent",
        title="Server meldet sich nicht mehr",
        severity="medium",
        event_reason="three_intervals_without_message",
    ),
    "line-feed": replace(ROW, title="a\nBcc: x@evil.example", severity="medium"),
} | {
    name: replace(ROW, event_kind=kind, event_reason=reason)
    for name, (kind, reason) in ENDED.items()
}
FIRST = "1. Prüfen Sie, dass Sie sich mit einem eigenen Konto anmelden können.\n2. Dann weiter."


def written(row: DeliveryRecord, url: str = "https://sammler.example:8443") -> str:
    """Headers and text as a person reads them."""
    mail = compose(row, sender="Verbundwacht <vw@sammler.example>", first_step=FIRST, url=url)
    headers = "".join(
        f"{name}: {value}\n" for name, value in mail.items() if name != "MIME-Version"
    )
    return f"{headers}\n{mail.get_content()}"


@pytest.mark.parametrize("name", ROWS)
def test_the_mail_reads_as_agreed(name: str) -> None:
    assert written(ROWS[name]) == (GOLDEN / f"{name}.txt").read_text("utf-8")


def test_without_an_address_of_the_pages_the_number_stands_there() -> None:
    assert "Nummer: W-2026-0412" in written(ROW, url="")


def test_a_title_from_a_pack_adds_no_header() -> None:
    mail = compose(ROWS["line-feed"], sender="vw@sammler.example", first_step="", url="")

    assert mail["Bcc"] is None
    assert "Bcc: x@evil.example" in mail["Subject"]


async def test_a_mail_arrives_with_its_umlauts_and_one_id() -> None:
    post = Post()
    async with serving(post) as server:
        message = compose(ROWS["simulated"], sender=server.sender, first_step=FIRST, url="")
        response = await send(server, message)

    (mail,) = post.taken
    assert response == "taken"
    assert mail["Message-ID"] == f"<{ROW.id}@sammler.example>"
    assert mail["To"] == "soc@example.org"
    assert "büro-01 [simulierter Server]" in mail.get_content()


async def refusal(post: Post, **options: object) -> DeliveryError:
    """How a try ends that must fail."""
    async with serving(post, **options) as server:  # type: ignore[arg-type]
        with pytest.raises(DeliveryError) as failed:
            await send(server, compose(ROW, sender=server.sender, first_step="", url=""))
    return failed.value


@pytest.mark.parametrize("stage", ["mail_says", "rcpt_says", "data_says"])
@pytest.mark.parametrize(
    ("says", "permanent"),
    [
        ("421 shutting down", False),
        ("450 mailbox busy", False),
        ("452 disk full", False),
        ("550 no such user", True),
        ("554 rejected as spam", True),
    ],
)
async def test_a_refusal_is_final_if_the_server_says_so(
    stage: str, says: str, permanent: bool
) -> None:
    post = Post()
    setattr(post, stage, says)
    failed = await refusal(post)

    assert failed.permanent is permanent
    assert failed.response.startswith(says[:3])


async def test_a_server_that_dies_in_the_middle_is_tried_again() -> None:
    post = Post()
    post.dies = True

    assert not (await refusal(post)).permanent


async def test_a_server_that_is_not_there_is_tried_again() -> None:
    async with serving(Post()) as server:
        pass
    with pytest.raises(DeliveryError) as failed:
        await send(server, compose(ROW, sender=server.sender, first_step="", url=""))

    assert not failed.value.permanent
    assert f"localhost:{server.port}" in failed.value.response


async def test_a_server_that_stalls_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_module, "TIMEOUT_S", 0.3)
    post = Post()
    post.stalls_s = 1.0
    failed = await asyncio.wait_for(refusal(post), 3)

    assert not failed.permanent


async def test_a_server_that_is_slow_in_every_step_is_left_in_time_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mail_module, "TIMEOUT_S", 0.6)

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 slow\r\n")
        while await reader.readline():
            await asyncio.sleep(0.4)  # each answer within the limit of a command
            writer.write(b"250 OK\r\n")
        writer.close()

    listener = await asyncio.start_server(drip, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    server = MailServer("127.0.0.1", port, "vw@sammler.example", "none")
    began = asyncio.get_running_loop().time()
    with pytest.raises(DeliveryError) as failed:
        await send(server, compose(ROW, sender=server.sender, first_step="", url=""))
    took = asyncio.get_running_loop().time() - began
    listener.close()

    assert took < 1.2
    assert not failed.value.permanent
    assert failed.value.response


async def test_something_that_is_no_mail_server_is_tried_again() -> None:
    async def web(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    listener = await asyncio.start_server(web, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    server = MailServer("127.0.0.1", port, "vw@sammler.example", "none")
    with pytest.raises(DeliveryError) as failed:
        await send(server, compose(ROW, sender=server.sender, first_step="", url=""))
    listener.close()

    assert not failed.value.permanent


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> pki_files.PkiFiles:
    """A mail server's certificate from an authority of its own."""
    files = pki_files.PkiFiles(tmp_path_factory.mktemp("pki"))
    pki_files.create(files, ["localhost"])
    return files


def tls(files: pki_files.PkiFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.server, files.server_key)
    return context


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_over_tls_to_a_server_with_a_known_certificate(
    certificate: pki_files.PkiFiles, security: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.root))
    post = Post()
    async with serving(post, security=security, tls=tls(certificate)) as server:
        await send(server, compose(ROW, sender=server.sender, first_step="", url=""))

    assert post.over_tls == [True]


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_never_to_a_server_with_an_unknown_certificate(
    certificate: pki_files.PkiFiles, security: str
) -> None:
    post = Post()
    failed = await refusal(post, security=security, tls=tls(certificate))

    assert not failed.permanent
    assert post.taken == []


async def test_never_in_the_clear_where_tls_was_ordered() -> None:
    post = Post()
    async with serving(post) as server:
        ordered = server._replace(security="starttls")
        with pytest.raises(DeliveryError) as failed:
            await send(ordered, compose(ROW, sender=server.sender, first_step="", url=""))

    assert not failed.value.permanent
    assert post.tries == 0


async def test_with_name_and_password() -> None:
    post = Post()
    async with serving(post, auth=True) as server:
        known = server._replace(user="jana", password="geheim")
        await send(known, compose(ROW, sender=server.sender, first_step="", url=""))

    assert post.known == [True]


async def test_a_wrong_password_is_a_setting_that_may_be_put_right() -> None:
    post = Post()
    async with serving(post, auth=True) as server:
        wrong = server._replace(user="jana", password="falsch")
        with pytest.raises(DeliveryError) as failed:
            await send(wrong, compose(ROW, sender=server.sender, first_step="", url=""))

    assert not failed.value.permanent
    assert failed.value.response.startswith("535")
    assert "geheim" not in failed.value.response
    assert "falsch" not in failed.value.response
