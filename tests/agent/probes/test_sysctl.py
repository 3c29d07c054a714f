"""Kernel settings."""

import msgspec
import pytest
from deploy.demo.recorded_host import RecordedHost

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.probes.sysctl import KEYS, parse_value, probe
from verbundwacht_wire.facts import Sysctl


def test_the_table_covers_exactly_the_fields_of_the_section() -> None:
    fields = {field.name for field in msgspec.structs.fields(Sysctl)}

    assert fields == KEYS.keys()
    assert all(field == path.replace("/", "_") for field, path in KEYS.items())


def test_every_path_of_the_table_is_right_where_the_kernel_has_the_key() -> None:
    """On the recordings all keys exist, so a wrong path would leave a hole."""
    body = probe(RecordedHost.named("debian12")).body

    assert None not in msgspec.structs.astuple(body)


def test_a_key_the_kernel_lacks_is_left_out_and_does_not_count_as_insecure() -> None:
    collected = probe(RecordedHost.named("debian12").without("/proc/sys/kernel/yama"))

    assert isinstance(collected.body, Sysctl)
    assert collected.body.kernel_yama_ptrace_scope is None
    assert collected.reason is None
    assert b"yama" not in msgspec.json.encode(collected.body)


def test_a_key_that_may_not_be_read_makes_the_answer_partial() -> None:
    collected = probe(RecordedHost.named("debian12").denying("/proc/sys/kernel/sysrq"))

    assert isinstance(collected.body, Sysctl)
    assert collected.body.kernel_sysrq is None
    assert collected.reason == "keys_denied"


@pytest.mark.parametrize("raw", [b"", b"\n", b"yes\n", b"1 2\n", b"\xff", b"9" * 5000])
def test_a_key_without_one_number_fails(raw: bytes) -> None:
    with pytest.raises(Unavailable) as error:
        parse_value(raw)

    assert error.value.reason == "bad_value"


def test_numbers_may_be_negative() -> None:
    assert (parse_value(b"-1\n"), parse_value(b"438\n")) == (-1, 438)
