"""The SNMP server."""

import pytest
from deploy.demo.recorded_host import RecordedHost
from hypothesis import given
from hypothesis import strategies as st

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.probes.snmp import CONFIG, judge, parse_lines, probe
from verbundwacht_wire.facts import Snmp


def judged(text: str) -> Snmp:
    return judge(parse_lines(text))


def test_communities_are_counted_and_compared_and_never_named() -> None:
    assert probe(RecordedHost.named("debian12")).body == Snmp(
        addresses=("127.0.0.1", "[::1]"),
        communities=4,
        default_communities=2,
        write_communities=2,
        open_communities=2,
        v3_users=1,
        v3_unprotected=0,
    )


@pytest.mark.parametrize(
    ("line", "counts"),
    [
        ("rocommunity geheim", (1, 0, 0, 1)),
        ("rocommunity PUBLIC 10.0.0.0/8", (1, 1, 0, 0)),
        ("rocommunity 'private' default .1.3", (1, 1, 0, 1)),
        ("rwcommunity6 geheim ::/0", (1, 0, 1, 1)),
        ("rocommunity geheim -V systemonly", (1, 0, 0, 1)),
        ("rocommunity", (0, 0, 0, 0)),
        ("com2sec local localhost geheim", (1, 0, 0, 0)),
        ("com2sec -Cn ctx all default public", (1, 1, 0, 1)),
        ("com2sec kaputt", (0, 0, 0, 0)),
        ("#rocommunity public", (0, 0, 0, 0)),
        ("ROCOMMUNITY public 10.0.0.1", (1, 1, 0, 0)),
    ],
)
def test_every_way_to_let_a_community_in_is_counted(
    line: str, counts: tuple[int, int, int, int]
) -> None:
    found = judged(line)

    assert counts == (
        found.communities,
        found.default_communities,
        found.write_communities,
        found.open_communities,
    )


@pytest.mark.parametrize(("view", "writes"), [("none", 0), ("all", 1)])
def test_the_old_way_writes_if_its_group_has_a_view_to_write(view: str, writes: int) -> None:
    text = (
        "com2sec alt 10.0.0.1 geheim\ngroup g v2c alt\ngroup g usm wer\n"
        f"access g '' any noauth exact all {view} none\n"
    )

    assert judged(text).write_communities == writes


def test_a_user_who_need_not_prove_anything_is_counted() -> None:
    text = (
        "rouser a priv\nrouser b\nrwuser c noauth\nrouser a auth\n"
        "group g usm d\naccess g x usm noauth exact all none none\n"
    )

    assert (judged(text).v3_users, judged(text).v3_unprotected) == (3, 2)


def test_the_last_line_about_addresses_counts_and_none_means_all() -> None:
    text = "agentaddress udp:161\nagentAddress udp:127.0.0.1:161, tcp:[::1]:161\n"

    assert judged(text).addresses == ("tcp:[::1]:161", "udp:127.0.0.1:161")
    assert judged("").addresses == ()


def test_only_files_that_the_server_would_read_are_included() -> None:
    host = (
        RecordedHost.named("debian12")
        .with_file(CONFIG, "includeDir /etc/snmp/snmpd.conf.d\nincludeFile mehr\nincludeFile /no\n")
        .with_file("/etc/snmp/snmpd.conf.d/x.conf.bak", "rocommunity a\n")
        .with_file("/etc/snmp/mehr", "rocommunity b 10.0.0.1\n")
    )
    body = probe(host).body

    assert isinstance(body, Snmp)
    assert body.communities == 2  # alt.conf and mehr


def test_a_file_that_includes_itself_has_a_reason() -> None:
    with pytest.raises(Unavailable) as error:
        probe(RecordedHost.named("debian12").with_file(CONFIG, f"includeFile {CONFIG}"))

    assert error.value.reason == "too_many_includes"


@pytest.mark.parametrize(
    ("host", "status", "reason"),
    [
        (RecordedHost.named("debian13"), "absent", "no_snmp_server"),
        (RecordedHost.named("debian12").without("/etc/snmp"), "failed", "config_missing"),
        (RecordedHost.named("debian12").denying("/etc/snmp"), "denied", "read_denied"),
    ],
)
def test_what_cannot_be_read_has_a_reason(host: RecordedHost, status: str, reason: str) -> None:
    with pytest.raises(Unavailable) as error:
        probe(host)

    assert (error.value.status, error.value.reason) == (status, reason)


WORDS = ["rocommunity", "com2sec", "-Cn", "group", "access", "usm", "rouser", " ", "\n", '"', "x"]


@given(st.lists(st.sampled_from(WORDS)).map("".join))
def test_any_text_can_be_counted(text: str) -> None:
    found = judged(text)

    assert found.default_communities + found.write_communities <= 2 * found.communities
