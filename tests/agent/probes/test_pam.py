"""The stacks of PAM, which join the accounts."""

import msgspec
import pytest
from deploy.demo.recorded_host import RecordedHost
from hypothesis import given
from hypothesis import strategies as st

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import LocalHost
from verbundwacht_agent.probes.accounts import probe
from verbundwacht_agent.probes.pam import parse, stack
from verbundwacht_wire.facts import Accounts
from verbundwacht_wire.facts.access import PamModule


def options(host: RecordedHost, kind: str, module: str) -> tuple[str, ...]:
    """The options of one module of a stack that names it once."""
    (found,) = (one for one in stack(host, kind) or () if one.module == module)
    return found.options


def test_both_stacks_are_told_in_their_order_with_what_is_in_effect() -> None:
    body = probe(RecordedHost.named("debian13")).body

    assert isinstance(body, Accounts)
    assert [one.module for one in body.pam_auth or ()] == [
        "pam_faillock", "pam_unix", "pam_faillock", "pam_deny", "pam_permit",
    ]  # fmt: skip
    assert (body.pam_password or ())[:3] == (
        PamModule(
            module="pam_pwquality",
            control="requisite",
            options=("enforce_for_root", "minclass=3", "minlen=14", "retry=3"),
        ),
        PamModule(
            module="pam_pwhistory", control="requisite", options=("remember=5", "use_authtok")
        ),
        PamModule(
            module="pam_unix",
            control="[success=1 default=ignore]",
            options=("obscure", "try_first_pass", "use_authtok", "yescrypt"),
        ),
    )


def test_an_argument_beats_the_file_and_the_main_file_its_drop_ins() -> None:
    host = RecordedHost.named("debian13")
    argument = host.with_file(
        "/etc/pam.d/common-password", "password requisite pam_pwquality.so minlen=9\n"
    )
    drop_in = host.with_file("/etc/security/pwquality.conf.d/99.conf", "minlen = 99\ndifok = 4\n")

    assert "minlen=9" in options(argument, "password", "pam_pwquality")
    assert {"minlen=14", "difok=4"} < set(options(drop_in, "password", "pam_pwquality"))


def test_a_stack_of_red_hat_is_found_with_its_includes() -> None:
    host = RecordedHost.named("debian13").without("/etc/pam.d/common")
    host = host.with_file("/etc/pam.d/system-auth", "auth include inner\nauth substack gone\n")
    host = host.with_file(
        "/etc/pam.d/inner",
        "@include more\n-auth [success=ok   default=bad] /lib/pam_sss.so use_first_pass\n"
        "password required pam_x.so\n",
    )
    host = host.with_file("/etc/pam.d/more", "auth required pam_env.so\n@include inner\n")

    found = stack(host, "auth") or ()

    assert found[0] == PamModule(module="pam_env", control="required", options=())
    assert found[-1] == PamModule(
        module="pam_sss", control="[success=ok default=bad]", options=("use_first_pass",)
    )


def test_a_host_without_stacks_leaves_them_out_and_a_closed_one_is_denied() -> None:
    host = RecordedHost.named("debian13")
    body = probe(host.without("/etc/pam.d")).body

    assert isinstance(body, Accounts)
    assert (body.pam_auth, body.pam_password) == (None, None)
    with pytest.raises(Unavailable) as error:
        probe(host.denying("/etc/pam.d"))
    assert error.value.status == "denied"


def test_no_option_that_may_name_people_hosts_or_secrets_leaves_the_host() -> None:
    line = (
        "auth required /opt/GEHEIM/pam_ldap.so binddn=GEHEIM bindpw=GEHEIM minlen=GEHEIM deny=5 "
        "nullok=GEHEIM user=GEHEIM file=/GEHEIM"
    )

    found = parse([line, "auth required pam_GEHEIM!.so"], {})

    assert found == (
        PamModule(module="pam_ldap", control="required", options=("deny=5",)),
        PamModule(module="other", control="required", options=()),
    )


@given(st.text(), st.text())
def test_any_line_and_any_file_is_answered(line: str, config: str) -> None:
    msgspec.json.encode(parse([line], {"pam_pwquality": config})).decode()


def test_the_stacks_of_this_machine_are_found() -> None:
    for kind in ("auth", "password"):
        assert "pam_unix" in [one.module for one in stack(LocalHost(), kind) or ()]
