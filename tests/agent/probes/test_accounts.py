"""Local accounts."""

import pytest
from deploy.demo.recorded_host import RecordedHost

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.probes.accounts import parse_accounts, probe
from verbundwacht_wire.facts import Accounts
from verbundwacht_wire.facts.access import PrivilegedGroup

ROOT = "root:x:0:0:root:/root:/bin/bash\n"
SHA512 = "$6$salt$" + "a" * 86


def accounts(name: str) -> Accounts:
    body = probe(RecordedHost.named(name)).body
    assert isinstance(body, Accounts)
    return body


def with_shadow(hashed: str, maximum: str = "90") -> Accounts:
    """One account `a` beside a locked root."""
    return parse_accounts(
        passwd=ROOT + "a:x:1000:1000::/home/a:/bin/sh\n",
        group="root:x:0:\n",
        shadow=f"root:*:1:0:::::\na:{hashed}:1:0:{maximum}:7:::\n",
        login_defs="",
    )


def test_privileged_people_are_named_and_all_others_counted() -> None:
    found = accounts("debian12")

    assert found.privileged == (
        PrivilegedGroup(name="docker", members=("otto",)),
        PrivilegedGroup(name="sudo", members=("anna", "otto")),
    )
    assert found.uid0 == ("root",)
    assert (found.login_shells, found.with_password) == (4, 2)
    assert (found.weak_hash, found.no_max_age, found.empty_password) == (1, 1, 0)


def test_a_second_root_and_an_empty_password_are_seen() -> None:
    found = accounts("ubuntu2204")

    assert found.uid0 == ("root", "toor")
    assert (found.empty_password, found.root_password) == (1, True)


def test_a_primary_group_counts_like_a_membership() -> None:
    """admin1 has group 27 in passwd and is not listed in /etc/group."""
    assert accounts("ubuntu2404").privileged == (PrivilegedGroup(name="sudo", members=("admin1",)),)


@pytest.mark.parametrize("group", ["docker", "incus", "incus-admin", "lxd"])
def test_groups_that_run_containers_are_privileged(group: str) -> None:
    """Who may start a container with a folder of the host in it is root on the host."""
    found = parse_accounts(
        passwd=ROOT + "a:x:1000:1000::/home/a:/bin/sh\n",
        group=f"{group}:x:120:a\n",
        shadow="root:*:1:0:::::\na:*:1:0:::::\n",
        login_defs="",
    )

    assert found.privileged == (PrivilegedGroup(name=group, members=("a",)),)


def test_a_locked_hash_is_no_password() -> None:
    for locked in ("!", "*", "!!", f"!{SHA512}", "*LK*"):
        assert with_shadow(locked).with_password == 0


@pytest.mark.parametrize(
    ("hashed", "weak"),
    [
        (SHA512, 0),
        ("$y$j9T$salt$hash", 0),
        ("$2b$12$salthash", 0),
        ("$5$salt$hash", 0),
        ("$1$salt$hash", 1),
        ("$3$$hash", 1),
        ("ab01234567890", 1),
        ("_J9..rasmBYk8r9AiWNc", 1),
    ],
)
def test_des_md5_and_nt_hashes_are_weak(hashed: str, weak: int) -> None:
    found = with_shadow(hashed)

    assert (found.with_password, found.weak_hash) == (1, weak)


@pytest.mark.parametrize(("maximum", "never"), [("", 1), ("99999", 1), ("-1", 1), ("90", 0)])
def test_a_password_without_a_maximum_age_never_expires(maximum: str, never: int) -> None:
    assert with_shadow(SHA512, maximum).no_max_age == never


def test_a_hash_in_passwd_itself_counts() -> None:
    found = parse_accounts(
        passwd="root::0:0::/root:\nb:$1$a$b:5:5::/:/bin/false\n", group="", shadow="", login_defs=""
    )

    assert (found.empty_password, found.weak_hash, found.root_password) == (1, 1, False)
    assert found.login_shells == 1


def test_settings_for_new_passwords_are_the_last_ones_and_comments_do_not_count() -> None:
    assert (accounts("debian13").encrypt_method, accounts("debian13").umask) == ("YESCRYPT", "027")
    assert with_shadow("*").encrypt_method is None


def test_users_of_a_directory_make_the_answer_partial() -> None:
    assert probe(RecordedHost.named("ubuntu2204")).reason == "directory_not_seen"
    assert probe(RecordedHost.named("debian12")).reason is None


def test_without_the_right_to_read_shadow_the_section_is_denied() -> None:
    with pytest.raises(Unavailable) as error:
        probe(RecordedHost.named("debian12").denying("/etc/shadow"))

    assert (error.value.status, error.value.reason) == ("denied", "shadow_denied")
    assert "systemd-Unit" in error.value.hint


@pytest.mark.parametrize("shadow", ["", "\n"])
def test_a_missing_shadow_file_fails_instead_of_counting_nobody(shadow: str) -> None:
    with pytest.raises(Unavailable) as error:
        parse_accounts(passwd=ROOT, group="", shadow=shadow, login_defs="")

    assert error.value.reason == "shadow_missing"


@pytest.mark.parametrize("passwd", ["", "garbage\n", "a:b:c\n", "+::::::\n", "a:x:x:x:::\n"])
def test_a_file_that_names_nobody_fails(passwd: str) -> None:
    with pytest.raises(Unavailable) as error:
        parse_accounts(passwd=passwd, group="", shadow="", login_defs="")

    assert error.value.reason == "no_accounts"


def test_a_line_separator_in_a_name_makes_no_second_account() -> None:
    passwd = ROOT + "a:x:9:9:x\u2028evil:x:0:0:::/home/a:/bin/sh\n"

    found = parse_accounts(passwd=passwd, group="", shadow="root:*::::::\n", login_defs="")

    assert found.uid0 == ("root",)
