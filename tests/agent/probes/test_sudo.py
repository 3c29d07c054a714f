"""Who may become root by sudo."""

import subprocess
from pathlib import Path

import pytest
from deploy.demo.recorded_host import RecordedHost
from hypothesis import given
from hypothesis import strategies as st

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.probes.sudo import parse, probe
from verbundwacht_agent.probes.sudoers import logical_lines
from verbundwacht_wire.facts import Sudo


def sudo(name: str) -> Sudo:
    body = probe(RecordedHost.named(name)).body
    assert isinstance(body, Sudo)
    return body


def parsed(text: str) -> Sudo:
    """The facts in one file, which is understood whole."""
    body, whole = parse(list(logical_lines(text)))
    assert whole
    return body


def test_who_may_do_everything_is_named_and_all_other_rules_are_counted() -> None:
    found = sudo("debian12")

    assert found.full == ("%backup", "%sudo", "otto", "root")
    assert found.full_nopasswd == ("otto",)
    assert (found.rules, found.nopasswd, found.negated) == (5, 2, 1)
    assert (found.use_pty, found.secure_path, found.logs) == (True, True, False)


def test_a_file_that_others_may_write_is_counted() -> None:
    host = RecordedHost.named("debian13")

    assert (sudo("debian12").loose_files, sudo("debian13").loose_files) == (1, 0)
    for mode, uid, gid in ((0o440, 1000, 0), (0o442, 0, 0), (0o460, 0, 27)):
        body = probe(host.with_mode("/etc/sudoers", mode, uid, gid)).body
        assert isinstance(body, Sudo)
        assert body.loose_files == 1


def test_a_file_whose_name_has_a_dot_does_not_count() -> None:
    """alt.conf on debian12 would make heinz root without a password."""
    assert "heinz" not in sudo("debian12").full


@pytest.mark.parametrize(
    ("rule", "full", "nopasswd"),
    [
        ("a ALL=(ALL) ALL", ("a",), ()),
        ("a ALL = ALL", ("a",), ()),
        ("a\tALL=(root) NOPASSWD:ALL", ("a",), ("a",)),
        ("a, %b ALL=(ALL : ALL) NOPASSWD : SETENV: ALL", ("%b", "a"), ("%b", "a")),
        ("a ALL=(ALL) NOPASSWD: /bin/x, PASSWD: ALL", ("a",), ()),
        ("a ALL=(ALL) NOPASSWD: /bin/x, ALL", ("a",), ("a",)),
        ("a ALL=(postgres) NOPASSWD: ALL", (), ()),
        ("a ALL=(ALL, !root) ALL", (), ()),
        ("a ALL=(:adm) ALL", (), ()),
        ("a ALL=(#0) ALL", ("a",), ()),
        ("#1000 ALL=(ALL) ALL", ("#1000",), ()),
        ("a web=/bin/x : db=(root) NOPASSWD: ALL", ("a",), ("a",)),
        ("a ALL=(root) sha224:0GomF8mNN3wlDt1HD9XldjJ3SNgpFdbjO1+NsQ== /bin/ls", (), ()),
        ("a ALL=(root) TIMEOUT=5m NOPASSWD: ALL", ("a",), ("a",)),
        ("a ALL=(root) /bin/x a\\=b\\:c", (), ()),
        ("Cmnd_Alias X = /bin/a, ALL\na ALL = X", ("a",), ()),
        ("User_Alias U = a, b : V = c\nU,V ALL = NOPASSWD: ALL", ("a", "b", "c"), ("a", "b", "c")),
        ("Runas_Alias DB = postgres\na ALL = (DB) ALL", (), ()),
        ('"%dom users" ALL=(ALL) ALL', ("%dom users",), ()),
        ("%dom\\ users ALL=(ALL) ALL", ("%dom users",), ()),
        ("Defaults:a !authenticate\na ALL=(ALL) ALL", ("a",), ("a",)),
        ("User_Alias U = a\nDefaults:U !authenticate\na ALL=(ALL) ALL", ("a",), ("a",)),
        ("Defaults>a !authenticate\na ALL=(ALL) ALL", ("a",), ()),
        ("Defaults !authenticate\na ALL=(ALL) ALL", ("a",), ("a",)),
        ("a ALL=(ALL) /bin/x # b ALL=(ALL) ALL", (), ()),
    ],
)
def test_a_rule_is_read_as_sudo_reads_it(
    rule: str, full: tuple[str, ...], nopasswd: tuple[str, ...]
) -> None:
    found = parsed(rule)

    assert (found.full, found.full_nopasswd) == (full, nopasswd)


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("Defaults use_pty, !env_reset", "env_reset", False),
        ("Defaults use_pty, !env_reset", "use_pty", True),
        ("Defaults targetpw", "other_password", True),
        ("Defaults !authenticate", "authenticate", False),
        ("Defaults timestamp_timeout=0.5", "timestamp_timeout", 30),
        ("Defaults timestamp_timeout = -1", "timestamp_timeout", -60),
        ("Defaults !timestamp_timeout", "timestamp_timeout", 0),
        ('Defaults secure_path="/a:/b"\nDefaults !secure_path', "secure_path", False),
        ("Defaults:anna use_pty", "use_pty", None),
        ('Defaults badpass_message="a, b # c", log_output', "logs", True),
    ],
)
def test_the_last_setting_for_everybody_is_in_effect(text: str, field: str, value: object) -> None:
    assert getattr(parsed(text), field) == value


def test_settings_count_in_the_order_of_the_includes() -> None:
    host = RecordedHost.named("debian13")
    host = host.with_file(
        "/etc/sudoers", "Defaults use_pty\n#includedir sudoers.d\nDefaults logfile\n"
    )
    host = host.with_file("/etc/sudoers.d/a", "Defaults !use_pty, !logfile\n")

    body = probe(host).body

    assert isinstance(body, Sudo)
    assert (body.use_pty, body.logs) == (False, True)


@pytest.mark.parametrize("line", ["hello", "a ALL", "Defaults", "User_Alias lower = a", "=ALL"])
def test_a_line_that_is_not_understood_makes_the_answer_partial(line: str) -> None:
    host = RecordedHost.named("debian13").with_file("/etc/sudoers.d/x", f"{line}\n")

    assert probe(host).reason == "sudoers_not_understood"


def test_rules_in_a_directory_make_the_answer_partial() -> None:
    host = RecordedHost.named("debian13").with_file("/etc/nsswitch.conf", "sudoers: files sss\n")

    assert probe(host).reason == "sudo_directory_not_seen"


def test_absent_is_only_said_where_the_program_is_not_there() -> None:
    host = RecordedHost.named("debian13")
    with pytest.raises(Unavailable) as without_program:
        probe(host.without("/usr/bin/sudo"))
    with pytest.raises(Unavailable) as without_rules:
        probe(host.without("/etc/sudoers"))
    with pytest.raises(Unavailable) as hidden:
        probe(host.denying("/etc/sudoers.d"))

    assert (without_program.value.status, without_program.value.reason) == ("absent", "no_sudo")
    assert (without_rules.value.status, without_rules.value.reason) == ("failed", "no_sudoers")
    assert (hidden.value.status, hidden.value.reason) == ("denied", "sudoers_denied")


@given(st.text(alphabet='aALL%#!=:,()"\\ \n\tNOPASSWD@'))
def test_any_text_is_answered_and_grants_nothing_without_the_word_for_it(text: str) -> None:
    body, _ = parse(list(logical_lines(text)))

    assert "ALL" in text or not body.full


def test_what_visudo_accepts_is_understood(tmp_path: Path) -> None:
    """The real parser's own opinion on the forms above; the test set-up installs sudo."""
    text = (
        "User_Alias U = a, b : V = %c\nRunas_Alias R = root, postgres\n"
        "Cmnd_Alias X = /bin/a, \\\n  sha224:0GomF8mNN3wlDt1HD9XldjJ3SNgpFdbjO1+NsQ== /bin/b\n"
        'Defaults:U !authenticate\nDefaults use_pty, secure_path="/a:/b", timestamp_timeout=0.5\n'
        "U ALL=(R) NOPASSWD: X : web = (ALL, !root) PASSWD: ALL\n"
        "#1000 ALL = (ALL : ALL) TIMEOUT=5m NOEXEC: NOPASSWD: /bin/x a\\=b, !/bin/y\n"
    )
    file = tmp_path / "sudoers"
    file.write_text(text)
    file.chmod(0o440)

    done = subprocess.run(("visudo", "-c", "-f", str(file)), capture_output=True, check=False)

    assert done.returncode == 0, done.stderr
    assert parsed(text).rules == 2
