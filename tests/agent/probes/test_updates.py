"""Pending updates on recordings, and what is known about automatic ones."""

from datetime import UTC, datetime

import pytest
from deploy.demo.recorded_host import NAMES, RecordedHost

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import Completed
from verbundwacht_agent.probes.apt.automatic import CONFIG, LOG, parse_enabled, parse_log
from verbundwacht_agent.probes.apt.commands import (
    NO_CACHE,
    SIMULATE,
    TARGETS,
    parse_policy,
    parse_simulation,
)
from verbundwacht_agent.probes.apt.lists import assess, is_security, parse_date
from verbundwacht_agent.probes.apt.pending import CHILD
from verbundwacht_agent.probes.updates import probe
from verbundwacht_wire.facts import Updates
from verbundwacht_wire.facts.software import PendingUpdate

SIMULATE_AS_ROOT = (*SIMULATE, *NO_CACHE)


def updates(host: RecordedHost) -> Updates:
    body = probe(host).body
    assert isinstance(body, Updates)
    return body


def waiting(name: str) -> dict[str, PendingUpdate]:
    return {update.name: update for update in updates(RecordedHost.named(name)).pending}


def unavailable(host: RecordedHost) -> tuple[str, str]:
    with pytest.raises(Unavailable) as error:
        probe(host)
    return error.value.status, error.value.reason


def test_security_updates_of_debian_are_seen() -> None:
    found = waiting("debian12")

    assert len(found) == 14
    assert all(update.security for update in found.values())
    assert found["perl"] == PendingUpdate(
        name="perl",
        installed="5.36.0-7+deb12u3",
        candidate="5.36.0-7+deb12u4",
        security=True,
        held=True,
        phased=False,
    )


def test_on_ubuntu_2204_phased_updates_hide_among_those_kept_back() -> None:
    found = waiting("ubuntu2204")

    assert [name for name, update in found.items() if update.phased] == [
        "cloud-init",
        "python3-update-manager",
    ]
    assert [name for name, update in found.items() if update.held] == ["linux-firmware"]
    assert [name for name, update in found.items() if update.security] == [
        "linux-firmware",
        "linux-image-generic",
        "openssl",
    ]


def test_on_ubuntu_2404_phased_updates_have_their_own_title() -> None:
    found = waiting("ubuntu2404")

    assert [name for name, update in found.items() if update.phased] == [
        "libgtk-3-0t64",
        "libgtk-3-bin",
        "ubuntu-drivers-common",
    ]
    assert not found["docker.io"].phased
    assert found["libxml2"].security


def test_what_ubuntu_pro_advertises_does_not_wait() -> None:
    """Its lines look like apt's own sections."""
    assert not {"ffmpeg", "libcjson1"} & waiting("ubuntu2404").keys()


def test_an_unknown_apt_pkg_is_replaced_by_the_commands() -> None:
    """On ubuntu2204 the child ends with a Python error, on ubuntu2404 there is no Python."""
    assert RecordedHost.named("ubuntu2204").run(CHILD).code == 1
    assert waiting("ubuntu2204")


def test_an_answer_of_apt_pkg_that_was_cut_fails() -> None:
    whole = RecordedHost.named("debian13").run(CHILD).stdout

    for cut in (whole[:-10], b"{}", b"[]", b"\xff", whole.replace(b', "end": true', b"")):
        host = RecordedHost.named("debian13").answering(CHILD, Completed(0, cut, b""))
        assert unavailable(host) == ("failed", "incomplete_output")


@pytest.mark.parametrize(
    "output",
    [
        b"Reading package lists...\n",
        b"3 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n",
    ],
)
def test_a_simulation_that_stops_early_or_miscounts_fails(output: bytes) -> None:
    answer = Completed(0, output, b"")
    host = RecordedHost.named("debian12").answering(SIMULATE_AS_ROOT, answer)

    assert unavailable(host) == ("failed", "incomplete_output")


def test_empty_output_with_exit_0_never_reads_as_no_pending_updates() -> None:
    empty = Completed(0, b"", b"")
    debian12, debian13 = RecordedHost.named("debian12"), RecordedHost.named("debian13")

    assert unavailable(debian12.answering(SIMULATE_AS_ROOT, empty)) == ("failed", "empty_output")
    assert unavailable(debian13.answering(CHILD, empty)) == ("failed", "empty_output")
    assert unavailable(debian12.answering((*TARGETS, *NO_CACHE), empty)) == ("failed", "no_sources")
    assert unavailable(debian12.answering(CONFIG, empty)) == ("failed", "empty_output")


@pytest.mark.parametrize(
    ("message", "status", "reason"),
    [
        ("The package cache file is corrupted", "failed", "lists_broken"),
        ("The package lists or status file could not be parsed", "failed", "lists_broken"),
        ("Malformed entry 1 in list file /etc/apt/sources.list (URI)", "failed", "sources_broken"),
        ("Unable to parse package file /var/lib/dpkg/status (1)", "failed", "status_broken"),
        ("Could not open file - open (13: Permission denied)", "denied", "apt_denied"),
        ("Unmet dependencies. Try 'apt --fix-broken install'", "failed", "dependencies_broken"),
        ("Something new", "failed", "apt_failed"),
    ],
)
def test_every_refusal_of_apt_has_a_name(message: str, status: str, reason: str) -> None:
    answer = Completed(100, b"Reading package lists...\n", f"E: {message}\n".encode())

    for name, command in (("debian12", SIMULATE_AS_ROOT), ("debian13", CHILD)):
        assert unavailable(RecordedHost.named(name).answering(command, answer)) == (status, reason)


@pytest.mark.parametrize("name", NAMES)
def test_without_lists_no_recorded_host_reads_as_up_to_date(name: str) -> None:
    host = RecordedHost.named(name)
    emptied = host
    for file in host.list_dir("/var/lib/apt/lists"):
        if file.endswith("_Packages"):
            emptied = emptied.without(f"/var/lib/apt/lists/{file}")

    assert unavailable(host.without("/var/lib/apt/lists")) == ("failed", "lists_missing")
    assert unavailable(emptied) == ("failed", "lists_missing")


def test_a_log_that_may_not_be_read_makes_the_answer_partial() -> None:
    collected = probe(RecordedHost.named("debian12").denying(LOG))

    assert isinstance(collected.body, Updates)
    assert (collected.reason, collected.body.automatic.last_error) == ("log_denied", None)


def test_automatic_updates_are_on_and_their_last_success_is_the_stamp() -> None:
    found = updates(RecordedHost.named("debian13")).automatic

    assert (found.enabled, found.last_error) == (True, None)
    assert found.last_success == datetime(2026, 11, 23, 2, 13, 20, tzinfo=UTC)


def test_an_error_after_the_last_success_is_named_by_kind_in_both_languages() -> None:
    assert updates(RecordedHost.named("debian12")).automatic.last_error == "lock_held"
    assert updates(RecordedHost.named("ubuntu2204")).automatic.last_error == "install_failed"


def test_switched_on_without_the_program_or_with_a_masked_timer_is_off() -> None:
    host = RecordedHost.named("debian12")
    masked = host.with_link("/etc/systemd/system/apt-daily-upgrade.timer", "/dev/null")

    assert not updates(host.without("/usr/bin/unattended-upgrade")).automatic.enabled
    assert not updates(masked).automatic.enabled


@pytest.mark.parametrize(
    ("settings", "enabled"),
    [
        ("", False),
        ('APT::Periodic::Unattended-Upgrade "0";', False),
        ('APT::Periodic::Unattended-Upgrade "1";', True),
        ('APT::Periodic::Unattended-Upgrade "always";', True),
        ('apt::periodic::unattended-upgrade "1";', False),  # apt prints its own spelling
        ('APT::Periodic::Unattended-Upgrade "1";\nAPT::Periodic::Enable "0";', False),
        ('APT::Periodic::Update-Package-Lists "1";', False),
    ],
)
def test_the_switch_is_read_as_the_daily_job_reads_it(settings: str, enabled: bool) -> None:
    assert parse_enabled(f'APT "";\n{settings}\n') == enabled


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Lock file is already taken, exiting", "lock_held"),
        ("Cache has broken packages, exiting", "dependencies_broken"),
        ("Zwischenspeicher enthält beschädigte Pakete. Programmende!", "dependencies_broken"),
        ("The URI http://x/y failed to download, aborting", "download_failed"),
        ("Herunterladen von der Adresse http://x ist fehlgeschlagen. Abbruch!", "download_failed"),
        ("GetArchives() failed: x", "download_failed"),
        ("Installing the upgrades failed!", "install_failed"),
        ("Auto-removing the packages failed!", "remove_failed"),
        ("Apt returned an error, exiting", "apt_failed"),
        ("No /usr/bin/mail or /usr/sbin/sendmail, can not send mail.", "mail_failed"),
        ("Etwas Neues", "other_error"),
    ],
)
def test_an_error_becomes_a_kind_and_never_its_wording(message: str, kind: str) -> None:
    assert parse_log(f"2026-11-23 06:21:40,012 ERROR {message}\n") == kind


def test_details_and_warnings_do_not_rename_an_error() -> None:
    log = (
        "2026-11-23 06:21:40,012 ERROR Apt returned an error, exiting\n"
        "2026-11-23 06:21:40,013 ERROR error message: E:Unable to fetch something\n"
        "Traceback (most recent call last):\n"
        "2026-11-23 06:21:41,000 WARNING something else\n"
    )

    assert parse_log(log) == "apt_failed"
    assert parse_log(f"{log}2026-11-24 06:00:00,000 INFO All upgrades installed\n") is None
    assert parse_log("") is None


def test_versions_between_the_installed_one_and_the_candidate_count_and_older_ones_do_not() -> None:
    policy = parse_policy(
        "a:\n  Installed: 2\n  Candidate: 4\n  Version table:\n"
        "     5 1\n          1 http://x sid-security/main amd64 Packages\n"
        "     4 500\n        500 http://x stable/main amd64 Packages\n"
        "     3 500\n        500 http://x stable-security/main amd64 Packages\n"
        " *** 2 100\n        100 /var/lib/dpkg/status\n"
        "     1 500\n        500 http://x old-security/main amd64 Packages\n"
        "gone:\n  Installed: (none)\n"
    )

    assert policy["a"].origins == ("stable", "stable-security")
    assert "gone" not in policy


def test_a_downgrade_is_not_an_update() -> None:
    simulation = parse_simulation(
        "The following packages will be DOWNGRADED:\n  pinned\n"
        "0 upgraded, 0 newly installed, 1 downgraded, 0 to remove and 0 not upgraded.\n"
        "Inst pinned [2] (1 Debian:12/stable [amd64])\n"
    )

    assert simulation.names == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bookworm-security", True),
        ("jammy-infra-security", True),
        ("Debian-Security", True),
        ("bookworm-updates", False),
        ("security", False),
        ("", False),
    ],
)
def test_security_archives_are_known_by_the_end_of_their_name(name: str, expected: bool) -> None:
    assert is_security(name) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Date: Sat, 11 Jul 2026 10:16:37 UTC", datetime(2026, 7, 11, 10, 16, 37, tzinfo=UTC)),
        ("Date: Thu,  1 Jan 2026 00:00:00 +0000", datetime(2026, 1, 1, tzinfo=UTC)),
        ("Date: Sat, 31 Feb 2026 10:16:37 UTC", None),
        ("Date: Sat, 11 Foo 2026 10:16:37 UTC", None),
        ("Date: 2026-07-11", None),
        ("Valid-Until: Sat, 11 Jul 2026 10:16:37 UTC", None),
    ],
)
def test_dates_of_archives_are_read_exactly_or_not_at_all(
    line: str, expected: datetime | None
) -> None:
    assert parse_date(f"Origin: Debian\n{line}\nComponents: main\n") == expected


def test_a_list_in_an_unknown_encoding_is_there_and_a_foreign_name_is_not() -> None:
    """`….lz4` and `….zst` are the same list; a longer name that starts alike is another one."""
    target = {"a_dists_s-security_main_binary-amd64_Packages": None}

    found = assess(target, {"a_dists_s-security_main_binary-amd64_Packages.zst": 5}, {})

    assert (found.complete, found.security, found.date) == (True, True, None)
    with pytest.raises(Unavailable):
        assess(target, {"a_dists_s-security_main_binary-amd64_Packages2": 5}, {})
