"""Modes and owners of what cron runs."""

import msgspec
import pytest
from deploy.demo.recorded_host import RecordedHost

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import FileStat
from verbundwacht_agent.probes.cron import is_loose, probe
from verbundwacht_wire.facts import Cron
from verbundwacht_wire.facts.hardening import CronPath


def cron(host: RecordedHost) -> dict[str, CronPath]:
    body = probe(host).body
    assert isinstance(body, Cron)
    return {found.path: found for found in body.paths}


def test_mode_and_owner_of_every_place_are_found() -> None:
    found = cron(RecordedHost.named("debian12"))

    assert found["/etc/crontab"].mode == "0666"
    assert found["/etc/cron.d"] == CronPath(
        path="/etc/cron.d", mode="0777", root_owned=True, entries=2, loose=1
    )
    assert found["/var/spool/cron/crontabs"] == CronPath(
        path="/var/spool/cron/crontabs", mode="1730", root_owned=True, entries=2
    )
    assert found["/etc/cron.daily"].loose == 0


def test_users_are_only_allowed_where_a_list_names_them() -> None:
    lists = {}
    for name in ("debian12", "debian13"):
        body = probe(RecordedHost.named(name)).body
        assert isinstance(body, Cron)
        lists[name] = body.allow_list

    assert lists == {"debian12": False, "debian13": True}


def test_no_content_and_no_name_of_a_file_leaves_the_host() -> None:
    host = RecordedHost.named("debian12")
    host = host.with_file("/etc/cron.d/geheim", "* * * * * root mysql -pGEHEIM\n")
    host = host.with_file("/var/spool/cron/crontabs/karla", "PASS=GEHEIM\n")

    body = msgspec.json.encode(probe(host).body)

    assert b"GEHEIM" not in body
    assert b"geheim" not in body
    assert b"karla" not in body


@pytest.mark.parametrize(
    ("mode", "uid", "gid", "loose"),
    [(0o644, 0, 0, False), (0o664, 0, 0, False), (0o664, 0, 50, True), (0o646, 0, 0, True),
     (0o600, 1000, 0, True)],
)  # fmt: skip
def test_an_entry_is_loose_if_somebody_else_than_root_may_write_it(
    mode: int, uid: int, gid: int, loose: bool
) -> None:
    assert is_loose(FileStat(0.0, mode, uid, gid, 1, 1, False)) is loose


def test_a_spool_that_may_not_be_listed_makes_the_answer_partial() -> None:
    host = RecordedHost.named("debian12").denying("/var/spool/cron/crontabs")

    found = probe(host)

    assert found.reason == "spool_denied"
    assert isinstance(found.body, Cron)
    assert found.body.paths


def test_a_folder_of_the_system_that_may_not_be_listed_is_no_answer() -> None:
    with pytest.raises(Unavailable) as error:
        probe(RecordedHost.named("debian12").denying("/etc/cron.d"))

    assert error.value.status == "denied"


def test_absent_is_only_said_where_no_program_is_there() -> None:
    host = RecordedHost.named("debian13")
    with pytest.raises(Unavailable) as without_program:
        probe(host.without("/usr/sbin/cron"))
    with pytest.raises(Unavailable) as without_folders:
        probe(host.without("/etc/cron").without("/var/spool"))

    assert (without_program.value.status, without_program.value.reason) == ("absent", "no_cron")
    assert without_folders.value.reason == "no_cron_folders"
