"""The file server Samba."""

from pathlib import Path

import pytest
from deploy.demo.recorded_host import RecordedHost
from hypothesis import given
from hypothesis import strategies as st

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import LIMIT, TIMEOUT_S, Completed, LocalHost
from verbundwacht_agent.probes.samba import TESTPARM, parse_testparm, probe
from verbundwacht_wire.facts import Samba

OUTPUT = next(
    done.stdout.decode()
    for argv, done in RecordedHost.named("debian12").answers()
    if argv == TESTPARM
)


def test_the_effective_settings_are_told_and_shares_are_counted() -> None:
    body = probe(RecordedHost.named("debian12")).body

    assert body == Samba(
        server_min_protocol="NT1",
        server_signing="default",
        smb_encrypt="default",
        ntlm_auth="ntlmv1-permitted",
        map_to_guest="Bad User",
        restrict_anonymous=0,
        netbios=True,
        usershare_guests=True,
        server_role="standalone server",
        shares=2,
        guest_shares=1,
    )


def test_a_share_takes_over_what_global_says_about_guests() -> None:
    found = parse_testparm(OUTPUT.replace("\tguest ok = No\n", "\tguest ok = Yes\n", 1))

    assert (found.shares, found.guest_shares) == (2, 2)


@pytest.mark.parametrize("name", ["server min protocol", "guest ok", "map to guest", "ntlm auth"])
def test_a_missing_line_is_a_failure_and_never_a_default(name: str) -> None:
    with pytest.raises(Unavailable) as error:
        parse_testparm(OUTPUT.replace(f"\t{name} = ", "\tother = "))

    assert error.value.reason == "incomplete_output"


def test_a_setting_of_a_share_does_not_stand_in_for_a_global_one() -> None:
    with pytest.raises(Unavailable):
        parse_testparm(OUTPUT.replace("\tguest ok = No\n", "", 1))


def test_a_refusal_of_testparm_is_a_failure() -> None:
    host = RecordedHost.named("debian12").answering(TESTPARM, Completed(1, b"", b"Error"))

    with pytest.raises(Unavailable) as error:
        probe(host)

    assert error.value.reason == "exit_code"


def test_no_file_server_is_absent_by_proof_and_a_missing_testparm_is_not() -> None:
    with pytest.raises(Unavailable) as absent:
        probe(RecordedHost.named("debian13"))
    with pytest.raises(Unavailable) as failed:
        probe(RecordedHost.named("debian13").with_file("/usr/sbin/smbd", ""))

    assert (absent.value.status, absent.value.reason) == ("absent", "no_file_server")
    assert (failed.value.status, failed.value.reason) == ("failed", "program_missing")


@given(st.lists(st.sampled_from([*OUTPUT.splitlines(True), "[x]\n", "a=b\n", "\n"])).map("".join))
def test_any_output_is_whole_or_has_a_reason(output: str) -> None:
    try:
        found = parse_testparm(output)
    except Unavailable as error:
        assert error.reason in ("incomplete_output", "bad_value")
    else:
        assert 0 <= found.guest_shares <= found.shares


def test_the_real_testparm_fills_in_what_nobody_set(tmp_path: Path) -> None:
    """Debian's own program on a file with guests, a switched-off share and SMB 1."""
    assert Path("/usr/bin/testparm").exists(), "install samba-common-bin first"
    settings = tmp_path / "smb.conf"
    settings.write_text(
        "[global]\nserver min protocol = NT1\nguest ok = yes\ndisable netbios = yes\n"
        f"[eins]\npath = {tmp_path}\n[zwei]\npath = {tmp_path}\npublic = no\n"
        f"[drei]\npath = {tmp_path}\navailable = no\n"
    )

    class Configured(LocalHost):
        def exists(self, path: str) -> bool:
            return True

        def run(
            self, argv: tuple[str, ...], *, timeout_s: float = TIMEOUT_S, limit: int = LIMIT
        ) -> Completed:
            return super().run((*argv, str(settings)), timeout_s=timeout_s, limit=limit)

    found = probe(Configured()).body

    assert isinstance(found, Samba)
    assert (found.server_min_protocol, found.netbios) == ("NT1", False)
    assert (found.shares, found.guest_shares) == (2, 1)
    assert found.ntlm_auth == "ntlmv2-only"  # the default of Debian 12 and 13
