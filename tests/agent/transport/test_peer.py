"""Settings that cannot be used: one sentence that names file, value and next step; exit code 2."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.agent.transport.fakes import EnrolledHost

from verbundwacht_agent.peer import Address, address
from verbundwacht_agent.send import MISCONFIGURED, run


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("wacht.example:8883", Address("wacht.example", 8883)),
        ("192.0.2.1:1", Address("192.0.2.1", 1)),
        ("[2001:db8::1]:65535", Address("2001:db8::1", 65535)),
    ],
)
def test_an_address_is_a_host_and_a_port(text: str, found: Address) -> None:
    assert address(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "host",
        "host:",
        ":1",
        "host:0",
        "host:65536",
        "2001:db8::1:1",
        "a b:1",
        "host:1x",
        "x:-1",
    ],
)
def test_anything_else_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="is not host:port"):
        address(text)


@pytest.mark.parametrize(
    ("damage", "file", "words"),
    [
        (lambda p: p.peer.unlink(), "peer.json", "ist nicht lesbar"),
        (lambda p: p.peer.write_text("{"), "peer.json", "ist beschädigt"),
        (lambda p: _change(p.peer, mqtt="nowhere"), "peer.json", "mqtt = 'nowhere'"),
        (lambda p: _change(p.peer, https="a:70000"), "peer.json", "https = 'a:70000'"),
        (lambda p: _change(p.peer, agent="xyz"), "peer.json", "agent = 'xyz'"),
        (lambda p: _change(p.peer, municipality="A/B"), "peer.json", "municipality = 'A/B'"),
        (lambda p: _change(p.peer, extra="x"), "peer.json", "extra"),
        (lambda p: p.tls_key.unlink(), "tls-key.pem", "ist nicht lesbar"),
        (lambda p: p.tls_key.write_text("x"), "tls-key.pem", "ist unbrauchbar"),
        (lambda p: p.tls_cert.unlink(), "tls-cert.pem", "ist nicht lesbar"),
        (lambda p: p.ca.write_text("x"), "ca.pem", "ist unbrauchbar"),
    ],
)
def test_a_setting_that_cannot_be_used_is_one_sentence_and_exit_2(
    host: EnrolledHost,
    capsys: pytest.CaptureFixture[str],
    damage: Callable[[object], object],
    file: str,
    words: str,
) -> None:
    host.spool(1)
    damage(host.paths)
    code = run(host.paths)
    (line,) = capsys.readouterr().err.splitlines()
    event = json.loads(line)

    assert code == MISCONFIGURED
    assert event["event"] == "send.misconfigured"
    assert str(host.paths.send / file) in str(event["problem"])
    assert words in str(event["problem"])
    assert "verbundwacht-agent accept" in str(event["problem"])


def _change(path: Path, **values: str) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))
