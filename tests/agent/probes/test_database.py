"""Database servers."""

import shutil
import subprocess
from pathlib import Path

import pytest
from deploy.demo.recorded_host import RecordedHost
from hypothesis import given
from hypothesis import strategies as st

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.probes.database import (
    is_loopback,
    mysql,
    parse_hba,
    parse_settings,
    postgresql,
    probe,
)
from verbundwacht_wire.facts import Database
from verbundwacht_wire.facts.servers import Authentication, DatabaseServer

HBA = "/etc/postgresql/15/main/pg_hba.conf"
CLUSTER = "/etc/postgresql/15/main"


def servers(host: RecordedHost) -> tuple[DatabaseServer, ...]:
    body = probe(host).body
    assert isinstance(body, Database)
    return body.servers


def postgres(host: RecordedHost) -> DatabaseServer:
    (found,) = [server for server in servers(host) if server.engine == "postgresql"]
    return found


def test_both_servers_of_one_host_are_told_apart() -> None:
    found = servers(RecordedHost.named("debian12"))

    assert [(s.engine, s.cluster, s.exposed, s.tls) for s in found] == [
        ("postgresql", "15/main", False, True),
        ("mariadb", "", False, None),
    ]


def test_entries_are_counted_by_method_and_origin() -> None:
    assert postgres(RecordedHost.named("debian12")).authentication == (
        Authentication(method="ldap", origin="network", entries=1),
        Authentication(method="md5", origin="network", entries=1),
        Authentication(method="peer", origin="local", entries=3),
        Authentication(method="scram-sha-256", origin="loopback", entries=2),
    )


def test_what_alter_system_wrote_wins_over_the_file() -> None:
    auto = "/var/lib/postgresql/15/main/postgresql.auto.conf"
    host = RecordedHost.named("debian12")

    opened = host.with_file(auto, "listen_addresses = '*'\n")

    assert (postgres(host).listen, postgres(host.without(auto)).listen) == (
        ("127.0.0.1",),
        ("localhost",),
    )
    assert (postgres(opened).listen, postgres(opened).exposed) == (("*",), True)


def test_a_data_folder_that_may_not_be_read_denies_the_section() -> None:
    """Without it nobody knows whether the server is open."""
    host = RecordedHost.named("debian12").denying("/var/lib/postgresql/15/main")

    with pytest.raises(Unavailable) as error:
        probe(host)

    assert error.value.status == "denied"


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        ("host all all samehost trust", ("trust", "loopback")),
        ("host all all samenet trust", ("trust", "network")),
        ("host all all all TRUST", ("trust", "network")),
        ("host all all 127.0.0.1 255.255.255.255 md5", ("md5", "loopback")),
        ("host all all fe80::1 ffff:: md5", ("md5", "network")),
        ("hostnossl a,b,c all ::1/128 reject", ("reject", "loopback")),
        ("host a, b all 10.0.0.1/8 gss include_realm=0", ("gss", "network")),
        ('local "a b","c#d" "x y" peer map=m # trust', ("peer", "local")),
        ("\tlocal\tall\tall\ttrust", ("trust", "local")),
    ],
)
def test_an_entry_is_read_as_the_server_reads_it(line: str, entry: tuple[str, str]) -> None:
    (found,) = parse_hba([line, "", "# comment", "   "])

    assert (found.method, found.origin, found.entries) == (*entry, 1)


@pytest.mark.parametrize("line", ["local all all", "host all all 1.1.1.1/32 geheim", "x", '"'])
def test_an_entry_that_is_not_understood_is_a_failure_and_names_nothing(line: str) -> None:
    with pytest.raises(Unavailable) as error:
        parse_hba([line])

    assert error.value.reason == "bad_config"
    assert "geheim" not in str(error.value)


def test_included_entries_of_version_16_count() -> None:
    host = (
        RecordedHost.named("debian12")
        .with_file(HBA, 'include "mehr.conf"\ninclude_dir hba.d\ninclude_if_exists nichts\n')
        .with_file(f"{CLUSTER}/mehr.conf", "local all all trust\n")
        .with_file(f"{CLUSTER}/hba.d/a.conf", "local all all peer\n")
    )

    assert [a.method for a in postgres(host).authentication] == ["peer", "trust"]


@pytest.mark.parametrize(
    ("path", "text", "reason"),
    [
        (HBA, f"include {HBA}", "too_many_includes"),
        (f"{CLUSTER}/postgresql.conf", "include 'postgresql.conf'", "too_many_includes"),
        (f"{CLUSTER}/postgresql.conf", "include 'nirgends'", "config_missing"),
        ("/etc/mysql/my.cnf", "!include /etc/mysql/my.cnf", "too_many_includes"),
    ],
)
def test_includes_that_cannot_be_followed_have_a_reason(path: str, text: str, reason: str) -> None:
    with pytest.raises(Unavailable) as error:
        probe(RecordedHost.named("debian12").with_file(path, text))

    assert error.value.reason == reason


def test_settings_are_read_with_quotes_comments_and_without_equal_sign() -> None:
    text = "a 1\nb = 'it''s'  # c\n#c = 3\nD = on# x\na = 2\nlisten_addresses = ''\n"

    assert parse_settings(text) == {"a": "2", "b": "it's", "d": "on", "listen_addresses": ""}


def test_a_server_on_a_local_socket_alone_listens_nowhere() -> None:
    found = postgresql({"listen_addresses": ""}, (), "15/main")

    assert (found.listen, found.exposed) == ((), False)


@pytest.mark.parametrize(
    ("options", "listen", "exposed"),
    [
        ({}, ("*",), True),
        ({"bind-address": "127.0.0.1,::1"}, ("127.0.0.1", "::1"), False),
        ({"bind-address": "10.0.0.5"}, ("10.0.0.5",), True),
        ({"bind-address": "ä ö"}, ("other",), True),
        ({"skip-networking": ""}, (), False),
        ({"skip-networking": "0"}, ("*",), True),
    ],
)
def test_a_server_without_a_bind_address_listens_everywhere(
    options: dict[str, str], listen: tuple[str, ...], exposed: bool
) -> None:
    found = mysql(options, "mariadb")

    assert (found.listen, found.exposed) == (listen, exposed)


def test_a_server_that_skips_its_grants_is_told() -> None:
    host = RecordedHost.named("debian12").with_file(
        "/etc/mysql/conf.d/x.cnf", "[mysqld]\nskip_grant_tables\n"
    )

    assert servers(host)[-1].skips_grants


def test_no_program_is_absent_and_a_program_without_its_file_a_failure() -> None:
    with pytest.raises(Unavailable) as absent:
        probe(RecordedHost.named("debian13"))
    with pytest.raises(Unavailable) as failed:
        probe(RecordedHost.named("debian12").without("/etc/mysql"))

    assert (absent.value.status, absent.value.reason) == ("absent", "no_database_server")
    assert (failed.value.status, failed.value.reason) == ("failed", "config_missing")


@pytest.mark.parametrize(
    ("address", "loopback"),
    [("127.1.2.3/8", True), ("::1/128", True), ("LocalHost", True), ("localhost.evil", False),
     ("::11", False), ("0.0.0.0/0", False), ("*", False), ("", False)],
)  # fmt: skip
def test_loopback_is_what_never_leaves_the_host(address: str, loopback: bool) -> None:
    assert is_loopback(address) is loopback


@given(st.lists(st.sampled_from(["host", "local", " ", ",", '"', "#", "all", "::1", "md5", "é"])))
def test_any_line_is_an_entry_or_a_failure(words: list[str]) -> None:
    try:
        found = parse_hba(["".join(words)])
    except Unavailable as error:
        assert error.reason == "bad_config"
    else:
        assert sum(entry.entries for entry in found) <= 1


def test_the_real_mariadb_reads_the_same_options(tmp_path: Path) -> None:
    """`my_print_defaults` says what the server takes out of a tree of option files."""
    assert shutil.which("my_print_defaults"), "install mariadb-client-core first"
    folder = tmp_path / "conf.d"
    folder.mkdir()
    text = f"[mysqld]\nbind_address = 10.0.0.1 # old\n!includedir {folder}/\n[client]\nport=1\n"
    (folder / "b.cnf").write_text("[mariadb]\nbind-address='127.0.0.1'\n[mysqldump]\nquick\n")
    (folder / "a.cnf").write_text("[server]\nskip-grant-tables\nbind-address=::\n")
    (folder / "c.txt").write_text("[mysqld]\nbind-address=1.2.3.4\n")
    (tmp_path / "my.cnf").write_text(text)
    host = RecordedHost.named("debian12").without("/etc/mysql").with_file("/etc/mysql/my.cnf", text)
    for file in folder.iterdir():
        host = host.with_file(str(file), file.read_text())
    groups = ("mysqld", "server", "mariadb")
    done = subprocess.run(
        ["my_print_defaults", f"--defaults-file={tmp_path}/my.cnf", *groups],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    theirs = [line[2:].partition("=") for line in done.stdout.splitlines()]
    options = {name.replace("_", "-"): value for name, _, value in theirs}

    found = servers(host)[-1]

    assert found == mysql(options, "mariadb")
    assert (found.listen, found.skips_grants) == (("127.0.0.1",), True)
