"""All probes on the machine that runs the tests (Debian 12 or 13)."""

import os
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import LIMIT, TIMEOUT_S, Completed, LocalHost, Missing
from verbundwacht_agent.probes import PROBES
from verbundwacht_wire.facts import SECTIONS

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="changes its user, needs root")

AS_NOBODY = Path(__file__).with_name("as_nobody.py")


def outcome(host: LocalHost, section: str) -> tuple[str, str | None, bytes]:
    """Status, reason and the body as it would be sent."""
    try:
        collected = PROBES[section].probe(host)
    except Unavailable as error:
        return error.status, error.reason, b""
    return "ok", collected.reason, msgspec.json.encode(collected.body, order="sorted")


@cache
def as_nobody(*capabilities: str) -> dict[str, list[Any]]:
    """[status, reason, body] per section as an ordinary user sees it, in a process of its own."""
    command = [sys.executable, str(AS_NOBODY)]
    if capabilities:
        wanted = ",".join(["-all", *(f"+{name}" for name in capabilities)])
        user = ["--reuid=65534", "--regid=65534", "--clear-groups"]
        command = ["setpriv", *user, f"--inh-caps={wanted}", f"--ambient-caps={wanted}", *command]
    done = subprocess.run(command, capture_output=True, check=True)
    decoded: dict[str, list[Any]] = msgspec.json.decode(done.stdout)
    return decoded


def find_sshd() -> str:
    """The real server; the test set-up installs Debian's openssh-server."""
    assert Path("/usr/sbin/sshd").exists(), "install openssh-server first"
    return "/usr/sbin/sshd"


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_of_this_machine_has_a_body_or_a_reason(section: str) -> None:
    status, reason, body = outcome(LocalHost(), section)

    if status == "ok":
        assert msgspec.json.decode(body, type=SECTIONS[section])
    else:
        assert reason


@pytest.mark.parametrize("section", SECTIONS)
def test_two_runs_on_an_idle_machine_give_the_same_bytes(section: str) -> None:
    """Other tests open and close ports meanwhile, so the machine gets a few chances to be idle."""
    runs = [outcome(LocalHost(), section)]
    while len(runs) < 10 and (len(runs) < 2 or runs[-1] != runs[-2]):
        runs.append(outcome(LocalHost(), section))

    assert runs[-1] == runs[-2]


@pytest.mark.parametrize("section", ["os", "kernel", "packages", "updates", "mounts"])
def test_what_every_debian_has_is_found(section: str) -> None:
    assert outcome(LocalHost(), section)[0] == "ok"


def test_an_ordinary_user_is_denied_what_is_secret() -> None:
    """Never a default, never an empty body: accounts wants shadow, sshd the host keys, …"""
    found = as_nobody()

    assert found["accounts"] == ["denied", "shadow_denied", None]
    assert find_sshd()
    assert found["sshd"] == ["denied", "host_keys_denied", None]
    assert found["sudo"] == ["denied", "sudoers_denied", None]
    assert found["audit"] == ["denied", "audit_denied", None]
    assert found["firewall"] == ["denied", "read_denied", None]
    assert found["cron"][:2] == ["ok", "spool_denied"]


@needs_root
def test_the_rights_of_the_gatherer_are_enough() -> None:
    """Three capabilities, another user: what the shipped unit has, and no run folder needed."""
    found = as_nobody("dac_read_search", "sys_ptrace", "net_admin")

    assert find_sshd()
    for section in ("os", "kernel", "packages", "updates", "sshd", "mounts", "accounts"):
        assert found[section][:2] == ["ok", None], section
    assert found["sshd"][2]["port"]
    for section in ("sudo", "cron", "mac", "audit", "modules"):
        assert found[section][:2] == ["ok", None], section
    assert found["firewall"][0] == "ok"
    assert found["time"][0] == "ok"
    assert found["sysctl"][:2] == ["ok", None]


@needs_root
def test_a_real_server_without_host_keys_gives_a_reason(tmp_path: Path) -> None:
    config = tmp_path / "sshd_config"
    config.write_text(f"HostKey {tmp_path}/none\n")

    class WithoutKeys(LocalHost):
        def run(
            self, argv: tuple[str, ...], *, timeout_s: float = TIMEOUT_S, limit: int = LIMIT
        ) -> Completed:
            assert argv == (find_sshd(), "-T")
            return super().run((*argv, "-f", str(config)))

    assert outcome(WithoutKeys(), "sshd") == ("failed", "no_host_keys", b"")


class WithoutRun(LocalHost):
    """In a mount table of its own, where /run is empty; the machine's /run stays as it is."""

    may_ask_again = True

    def run(
        self, argv: tuple[str, ...], *, timeout_s: float = TIMEOUT_S, limit: int = LIMIT
    ) -> Completed:
        if argv[0] == "setpriv" and not self.may_ask_again:
            raise Missing("program_missing")
        hide = f"mount -t tmpfs none /run && exec {shlex.join(argv)}"
        return super().run(("unshare", "--mount", "sh", "-c", hide))


class WithoutRunAndSetpriv(WithoutRun):
    may_ask_again = False


@needs_root
def test_a_real_server_without_its_run_folder_gives_a_reason() -> None:
    assert outcome(WithoutRunAndSetpriv(), "sshd") == ("failed", "no_run_folder", b"")


@needs_root
def test_a_real_server_without_its_run_folder_is_read_by_nobody_who_may_read() -> None:
    assert outcome(WithoutRun(), "sshd")[0] == "ok"


def test_an_ordinary_user_sees_whatever_everybody_may_see() -> None:
    found = as_nobody()

    for section in ("os", "packages", "mounts"):
        assert found[section][:2] == ["ok", None]
    assert found["sysctl"][0] == "ok"
    assert found["listening"][0] == "ok"


@needs_root
def test_an_ordinary_user_finds_the_same_updates_as_root() -> None:
    """The trap of package managers with a cache per user: exit 0 and nothing pending."""
    _, _, body = outcome(LocalHost(), "updates")

    assert as_nobody()["updates"][2]["pending"] == msgspec.json.decode(body)["pending"]


def test_a_program_that_an_ordinary_user_may_not_see_makes_the_answer_partial() -> None:
    _, reason, body = as_nobody()["listening"]

    unknown = [found for found in body["sockets"] if "program" not in found]
    assert (reason == "programs_denied") == bool(unknown)


def test_a_hanging_command_is_a_timeout_and_the_others_go_on() -> None:
    """Real processes: every command of this host is `sleep`, with a short limit."""

    class Hanging(LocalHost):
        def run(
            self, argv: tuple[str, ...], *, timeout_s: float = TIMEOUT_S, limit: int = LIMIT
        ) -> Completed:
            assert timeout_s == 10.0
            return super().run(("sleep", "60"), timeout_s=0.2, limit=limit)

    statuses = {section: outcome(Hanging(), section)[0] for section in PROBES}

    hanging = {section for section, status in statuses.items() if status == "timeout"}
    assert "updates" in hanging
    assert hanging <= {"updates", "sshd", "services", "firewall", "time", "samba"}
    assert all(statuses[section] == "ok" for section in ("os", "kernel", "packages", "mounts"))


def test_an_empty_answer_with_exit_0_is_never_a_body() -> None:
    class Silent(LocalHost):
        def run(
            self, argv: tuple[str, ...], *, timeout_s: float = TIMEOUT_S, limit: int = LIMIT
        ) -> Completed:
            return Completed(0, b"", b"")

    for section in ("updates", "sshd", "services", "firewall"):
        status, reason, body = outcome(Silent(), section)
        assert (status, body) != ("ok", b"")
        assert status == "absent" or reason == "empty_output"
