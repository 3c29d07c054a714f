"""Recording and forwarding."""

import subprocess
from pathlib import Path

import msgspec
import pytest
from deploy.demo.recorded_host import RecordedHost
from hypothesis import given
from hypothesis import strategies as st

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.probes import rsyslog
from verbundwacht_agent.probes.audit import is_immutable, parse_rules, probe, syscalls, watched
from verbundwacht_wire.facts import Audit
from verbundwacht_wire.facts.records import Auditd, Forward, Journal


def audit(host: RecordedHost) -> Audit:
    body = probe(host).body
    assert isinstance(body, Audit)
    return body


def forward(protocol: str = "udp", *, encrypted: bool = False, everything: bool = True) -> Forward:
    return Forward(via="rsyslog", protocol=protocol, encrypted=encrypted, everything=everything)


def test_a_host_that_keeps_its_log_to_itself_and_one_that_does_not_are_told_apart() -> None:
    alone, watched_ = (audit(RecordedHost.named(name)) for name in ("debian12", "debian13"))

    assert (alone.forwards, alone.auditd, alone.syslog) == ((), None, "rsyslog")
    assert watched_.forwards == (forward("tcp", encrypted=True),)
    assert watched_.auditd == Auditd(
        enabled=True,
        running=True,
        rules=5,
        immutable=True,
        watched=("/etc/passwd", "/etc/shadow", "/etc/sudoers"),
        syscalls=("clock_settime", "init_module", "settimeofday"),
        max_log_file_action="keep_logs",
        disk_full_action="halt",
    )


def test_an_automatic_journal_lasts_only_if_its_folder_is_there() -> None:
    host = RecordedHost.named("debian12")

    assert audit(host).journal == Journal(persistent=False, storage="auto")
    kept = audit(host.with_folder("/var/log/journal")).journal
    assert kept is not None
    assert kept.persistent


def test_the_last_drop_in_by_name_wins_and_one_of_the_administrator_hides_its_twin() -> None:
    host = RecordedHost.named("debian12")
    host = host.with_file("/usr/lib/systemd/journald.conf.d/50.conf", "[Journal]\nStorage=none\n")
    host = host.with_file("/etc/systemd/journald.conf.d/10.conf", "Storage=persistent\n")
    host = host.with_file("/run/systemd/journald.conf.d/60.conf", "SystemMaxUse=2G\n")

    last = audit(host).journal
    hidden = audit(host.with_file("/etc/systemd/journald.conf.d/50.conf", "\n")).journal

    assert last == Journal(persistent=False, storage="none", max_use="2G")
    assert hidden == Journal(persistent=True, storage="persistent", max_use="2G")


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ("*.* @loghost", [forward()]),
        ("*.*\t@@loghost:6514", [forward("tcp")]),
        ("*.* @@(o)loghost:6514;RSYSLOG_SyslogProtocol23Format", [forward("tcp")]),
        ("auth,authpriv.* @loghost", [forward(everything=False)]),
        ("*.* /var/log/all\n& @loghost", [forward()]),
        ("mail.* /var/log/mail\n& @loghost", [forward(everything=False)]),
        ("*.* :omrelp:loghost:2514", [forward("relp")]),
        (
            "$DefaultNetstreamDriver gtls\n$ActionSendStreamDriverMode 1\n*.* @@loghost",
            [forward("tcp", encrypted=True)],
        ),
        ("$DefaultNetstreamDriver gtls\n*.* @@loghost", [forward("tcp")]),
        ('*.* action(type="omfwd" target="h" protocol="tcp")', [forward("tcp")]),
        ('action(type="omfwd" target="h")', [forward()]),
        ('if $x == 1 then action(type="omfwd" target="h")', [forward(everything=False)]),
        ('if $x == 1 then\n{\n action(type="omfwd" target="h")\n}', [forward(everything=False)]),
        (
            '*.* action(type="omfwd" target="h" protocol="tcp"\n  StreamDriver="gtls" '
            'StreamDriverMode="1" # (safe)\n  StreamDriverAuthMode="x509/name")',
            [forward("tcp", encrypted=True)],
        ),
        (
            'action(type="omfwd" target="h" protocol="tcp" StreamDriver="gtls" '
            'StreamDriverMode="0")',
            [forward("tcp")],
        ),
        ('action(type="omrelp" target="h" tls="on")', [forward("relp", encrypted=True)]),
        ('action(type="omfile" file="/var/log/@@x")', []),
        ("# *.* @loghost", []),
        ("*.emerg :omusrmsg:*\nmail.* -/var/log/mail", []),
        ('input(type="imtcp" port="514")', []),
    ],
)
def test_what_leaves_the_host_is_read_in_both_grammars(config: str, found: list[Forward]) -> None:
    assert rsyslog.forwards([f"{config}\n"]) == found


def test_an_include_is_followed_and_a_hidden_file_is_not() -> None:
    host = RecordedHost.named("debian12")
    host = host.with_file("/etc/rsyslog.d/10-zentral.conf", "*.* @@loghost\n")
    host = host.with_file("/etc/rsyslog.d/.old.conf", "*.* :omrelp:loghost\n")
    host = host.with_file("/etc/rsyslog.d/x.conf.bak", "*.* @loghost\n")

    assert audit(host).forwards == (forward("tcp"),)
    assert rsyslog.includes('include(file="/etc/a/*.conf" mode="optional")\n') == ["/etc/a/*.conf"]


def test_the_journal_and_the_audit_log_may_leave_as_well() -> None:
    host = RecordedHost.named("debian13").with_link(
        "/etc/systemd/system/multi-user.target.wants/systemd-journal-upload.service", "/lib"
    )
    host = host.with_file("/etc/systemd/journal-upload.conf", "[Upload]\nURL=http://h:19532\n")
    host = host.with_file("/etc/audit/plugins.d/au-remote.conf", "active = yes\n")

    found = [(one.via, one.protocol, one.encrypted) for one in audit(host).forwards]

    assert ("journal-upload", "http", False) in found
    assert ("audisp-remote", "tcp", False) in found


def test_neither_target_nor_user_nor_password_leaves_the_host() -> None:
    host = RecordedHost.named("debian12")
    host = host.with_file(
        "/etc/rsyslog.d/x.conf",
        'action(type="omelasticsearch" server="GEHEIM" uid="GEHEIM" pwd="GEHEIM")\n*.* @GEHEIM\n',
    )
    host = host.with_file("/etc/systemd/journald.conf", "SystemMaxUse=GEHEIM\nStorage=GE HEIM\n")

    assert b"GEHEIM" not in msgspec.json.encode(audit(host))


def test_rules_that_leave_something_out_are_no_rules() -> None:
    lines = [
        "-D", "-b 8192", "-f 1", "-a never,exit -S all", "-a exclude,always -F msgtype=CWD",
        "-w /etc/shadow -p wa -k x", "-a always,exit -F dir=/etc/sudoers.d/ -F perm=wa",
        "-a always,exit -F arch=b64 -S mount,secret -S chmod -F auid>=1000 -k GEHEIM",
    ]  # fmt: skip

    rules = parse_rules(lines)

    assert len(rules) == 3
    assert watched(rules) == ("/etc/shadow", "/etc/sudoers.d")
    assert syscalls(rules) == ("chmod", "mount")


def test_rules_are_immutable_if_that_is_the_last_word() -> None:
    assert is_immutable(["-e 1", " -e 2"])
    assert not is_immutable(["-e 2", "-e 1"])
    assert not is_immutable(["# -e 2", "-w /etc -k e 2"])


def test_another_syslog_service_makes_the_answer_partial() -> None:
    host = RecordedHost.named("debian12").without("/usr/sbin/rsyslogd")
    host = host.with_file("/usr/sbin/syslog-ng", "")

    found = probe(host)

    assert found.reason == "syslog_ng_not_read"


def test_settings_that_may_not_be_read_deny_the_section() -> None:
    with pytest.raises(Unavailable) as error:
        probe(RecordedHost.named("debian13").denying("/etc/audit"))

    assert (error.value.status, error.value.reason) == ("denied", "audit_denied")


def test_a_host_that_seems_to_record_nothing_is_no_answer() -> None:
    with pytest.raises(Unavailable) as error:
        probe(RecordedHost.named("debian13").without("/"))

    assert error.value.reason == "no_logging"


@given(st.text(alphabet='*.@&:#(){}"= \nactionomfwdtype$'))
def test_any_configuration_is_answered(config: str) -> None:
    assert all(one.via == "rsyslog" for one in rsyslog.forwards([config]))
    rsyslog.includes(config)


def test_rsyslog_itself_accepts_what_is_read_here(tmp_path: Path) -> None:
    """The real parser over both grammars; the test set-up installs rsyslog."""
    config = tmp_path / "rsyslog.conf"
    config.write_text(
        '*.* @127.0.0.1\n& @@(o)127.0.0.1:6514\nauth.* action(type="omfwd"\n  # (comment)\n'
        '  target="127.0.0.1" protocol="tcp")\n'
        'if $msg contains "x" then {\n  action(type="omfwd" target="127.0.0.1")\n}\n'
    )
    done = subprocess.run(
        ("rsyslogd", "-N1", "-f", str(config)), capture_output=True, check=False, text=True
    )

    assert done.returncode == 0, done.stderr
    assert rsyslog.forwards([config.read_text()]) == [
        forward("tcp", everything=False),
        forward(everything=False),
        forward(),
        forward("tcp"),
    ]
