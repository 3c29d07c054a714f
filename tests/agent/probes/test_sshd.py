"""Effective settings of the SSH server."""

import pytest
from deploy.demo.recorded_host import RecordedHost

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import Completed
from verbundwacht_agent.probes.sshd import count_matches, includes, parse_effective, probe, refusal
from verbundwacht_wire.facts import Sshd

COMMAND = ("/usr/sbin/sshd", "-T")
NO_KEYS = Completed(1, b"", b"sshd: no hostkeys available -- exiting.\n")


def sshd(host: RecordedHost) -> Sshd:
    body = probe(host).body
    assert isinstance(body, Sshd)
    return body


def unavailable(host: RecordedHost) -> tuple[str, str]:
    with pytest.raises(Unavailable) as error:
        probe(host)
    return error.value.status, error.value.reason


def test_the_effective_settings_are_those_the_server_prints() -> None:
    found = sshd(RecordedHost.named("ubuntu2404"))

    assert found.port == (22, 2222)
    assert (found.permitrootlogin, found.passwordauthentication) == ("no", "no")
    assert (found.maxauthtries, found.logingracetime) == (4, 120)
    assert found.kexalgorithms[0] == "sntrup761x25519-sha512@openssh.com"
    assert len(found.ciphers) == 6


def test_the_old_spelling_of_prohibit_password_is_the_same_value() -> None:
    assert sshd(RecordedHost.named("debian12")).permitrootlogin == "prohibit-password"


def test_match_blocks_are_counted_through_includes() -> None:
    """One in sshd_config, one in an included file, none in a comment."""
    assert sshd(RecordedHost.named("debian12")).match_blocks == 2
    assert sshd(RecordedHost.named("ubuntu2404")).match_blocks == 0


def test_wildcards_and_nested_includes_are_followed_and_hidden_files_are_not() -> None:
    host = (
        RecordedHost.named("debian13")
        .with_file(
            "/etc/ssh/sshd_config", 'Include="more/*/x.conf" /etc/ssh/abs.conf gone/*.conf\n'
        )
        .with_file("/etc/ssh/more/a/x.conf", "Match User a\nMatch User b\nInclude deeper.conf\n")
        .with_file("/etc/ssh/more/.hidden/x.conf", "Match User c\n")
        .with_file("/etc/ssh/abs.conf", "  MATCH=all\n")
        .with_file("/etc/ssh/deeper.conf", "Match Group d\nMatchless yes\n")
    )

    assert sshd(host).match_blocks == 4


def test_a_file_that_includes_itself_ends() -> None:
    loop = "Match all\nInclude /etc/ssh/sshd_config\n"
    host = RecordedHost.named("debian13").with_file("/etc/ssh/sshd_config", loop)

    assert sshd(host).match_blocks == 17


def test_without_a_server_the_section_is_absent() -> None:
    host = RecordedHost.named("debian12").without("/usr/sbin/sshd")

    assert unavailable(host) == ("absent", "no_ssh_server")


def test_without_host_keys_there_is_a_reason_and_no_default() -> None:
    host = RecordedHost.named("debian12").answering(COMMAND, NO_KEYS)

    assert unavailable(host) == ("failed", "no_host_keys")


def test_host_keys_that_may_not_be_read_are_denied() -> None:
    host = RecordedHost.named("debian13").answering(COMMAND, NO_KEYS)

    assert unavailable(host) == ("denied", "host_keys_denied")
    assert unavailable(host.denying("/etc/ssh")) == ("denied", "host_keys_denied")


def test_without_the_run_folder_there_is_a_reason_and_no_default() -> None:
    message = b"Missing privilege separation directory: /run/sshd\n"
    host = RecordedHost.named("debian12").answering(COMMAND, Completed(255, b"", message))

    assert unavailable(host) == ("failed", "no_run_folder")


def test_without_the_run_folder_root_asks_again_as_nobody_who_may_read() -> None:
    message = b"Missing privilege separation directory: /run/sshd\n"
    asked = RecordedHost.named("debian12")
    right = "-all,+dac_read_search"
    again = ("setpriv", "--reuid", "65534", "--inh-caps", right, "--ambient-caps", right, *COMMAND)
    host = asked.answering(COMMAND, Completed(255, b"", message))
    host = host.answering(again, asked.run(COMMAND))

    assert sshd(host) == sshd(asked)


@pytest.mark.parametrize(
    ("message", "status", "reason"),
    [
        ("/etc/ssh/sshd_config: Permission denied\n", "denied", "config_denied"),
        ("sshd_config: line 3: Bad configuration option: Prot\n"
         "sshd_config: terminating, 1 bad configuration options\n", "failed", "bad_config"),
        ("/etc/ssh/sshd_config line 9: unsupported option \"perhaps\".\n", "failed", "bad_config"),
        ("Privilege separation user sshd does not exist\n", "failed", "no_separation_user"),
        ("", "failed", "exit_code"),
        ("Segmentation fault\n", "failed", "exit_code"),
    ],
)  # fmt: skip
def test_every_refusal_of_the_server_has_a_name(message: str, status: str, reason: str) -> None:
    error = refusal(message, keys_hidden=False)

    assert (error.status, error.reason) == (status, reason)


def test_an_empty_answer_with_exit_0_fails() -> None:
    host = RecordedHost.named("debian12").answering(COMMAND, Completed(0, b"", b""))

    assert unavailable(host) == ("failed", "empty_output")


@pytest.mark.parametrize(
    "keyword", ["permitrootlogin", "port", "ciphers", "maxauthtries", "usepam", "logingracetime"]
)
def test_a_missing_keyword_fails_instead_of_becoming_a_default(keyword: str) -> None:
    output = RecordedHost.named("debian12").run(COMMAND).stdout.decode()
    lines = [line for line in output.splitlines() if not line.startswith(f"{keyword} ")]

    with pytest.raises(Unavailable) as error:
        parse_effective("\n".join(lines), 0)

    assert error.value.reason == "incomplete_output"


def test_keywords_are_told_from_what_only_begins_like_them() -> None:
    assert count_matches("#Match all\nMatchUser x\nmatch\tall\n Match  User=x\n") == 2
    assert (
        includes('Include a.conf "/b/c d.conf" # no\n#Include e\nincludes f\n')[0]
        == "/etc/ssh/a.conf"
    )
