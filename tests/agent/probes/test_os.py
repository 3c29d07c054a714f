"""The release file."""

import pytest
from deploy.demo.recorded_host import RecordedHost

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.probes.os import parse_os_release, probe
from verbundwacht_wire.facts import Os


@pytest.mark.parametrize(
    ("recording", "release"),
    [
        ("debian12", ("debian", "12", "Debian GNU/Linux 12 (bookworm)", "bookworm")),
        ("debian13", ("debian", "13", "Debian GNU/Linux 13 (trixie)", "trixie")),
        ("ubuntu2204", ("ubuntu", "22.04", "Ubuntu 22.04.5 LTS", "jammy")),
        ("ubuntu2404", ("ubuntu", "24.04", "Ubuntu 24.04.3 LTS", "noble")),
    ],
)
def test_a_release_is_named_by_id_and_version(recording: str, release: tuple[str, ...]) -> None:
    body = probe(RecordedHost.named(recording)).body

    assert isinstance(body, Os)
    assert (body.id, body.version, body.name, body.codename) == release


def test_quotes_and_escapes_are_resolved_as_a_shell_would() -> None:
    release = parse_os_release('ID=\'mine\'\nPRETTY_NAME="A \\"quoted\\" \\$name"\nVERSION_ID=1\n')

    assert (release.id, release.name, release.version) == ("mine", 'A "quoted" $name', "1")


def test_a_rolling_release_has_an_empty_version() -> None:
    release = parse_os_release("ID=debian\nPRETTY_NAME=sid\nVERSION_CODENAME=sid\n")

    assert (release.version, release.codename) == ("", "sid")


@pytest.mark.parametrize("text", ["", "PRETTY_NAME=x\n", "ID=\n", "#ID=debian\n"])
def test_a_release_without_id_fails_instead_of_becoming_linux(text: str) -> None:
    with pytest.raises(Unavailable) as error:
        parse_os_release(text)

    assert error.value.reason == "no_os_id"


def test_a_host_without_any_release_file_fails() -> None:
    host = RecordedHost.named("debian13").without("/usr/lib/os-release")

    with pytest.raises(Unavailable) as error:
        probe(host)

    assert (error.value.status, error.value.reason) == ("failed", "no_os_release")
