"""Root asks apt as apt's own user, unless that user may not read everything."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from verbundwacht_agent.probes.apt.pending import CHILD

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to give up")

_ASK = f"""
import json, os, sys
sys.path.insert(0, {str(Path(CHILD[-1]).parent)!r})
import child
child.apt_pkg.init_config()
child.apt_pkg.init_system()
for name in sys.argv[1:]:
    key, _, value = name.partition("=")
    child.apt_pkg.config.set(key, value)
may = child.step_down()
print(json.dumps([may, os.getresuid(), os.getresgid(), os.getgroups(), list(child.inputs())]))
"""


def rights(*settings: str) -> tuple[bool, list[int], list[int], list[int], list[str]]:
    """Did it step down, who is it now (three ids each), and what apt would read."""
    done = subprocess.run(
        ["/usr/bin/python3", "-I", "-B", "-c", _ASK, *settings],
        check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    may, users, groups, others, inputs = json.loads(done.stdout)
    return may, users, groups, others, inputs


@needs_root
def test_root_is_the_user_of_apt_for_good_and_keeps_no_group() -> None:
    may, users, groups, others, inputs = rights()

    assert may
    assert len(set(users)) == 1 and users[0] != 0
    assert len(set(groups)) == 1 and groups[0] != 0
    assert others == []
    assert "/var/lib/dpkg/status" in inputs


@needs_root
@pytest.mark.parametrize("setting", ["Dir::Etc::sourcelist", "Dir::State::status"])
def test_root_stays_root_where_that_user_would_miss_a_file(tmp_path: Path, setting: str) -> None:
    """apt would say nothing, and find fewer updates."""
    secret = tmp_path / "only-for-root"
    secret.write_text("")
    secret.chmod(0o600)

    may, users, groups, _, inputs = rights(f"{setting}={secret}")

    assert (may, users, groups) == (False, [0, 0, 0], [0, 0, 0])
    assert str(secret) in inputs


@needs_root
@pytest.mark.parametrize("setting", ["Dir::Etc::sourceparts", "Dir::State::lists"])
def test_root_stays_root_where_that_user_would_miss_an_entry_of_a_folder(
    tmp_path: Path, setting: str
) -> None:
    tmp_path.joinpath("secret").write_text("")

    assert not rights(f"{setting}={tmp_path}/")[0]


def test_locks_and_unfinished_lists_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("")
    (tmp_path / "partial").mkdir()
    (tmp_path / "list").write_text("")
    inputs = rights(f"Dir::State::lists={tmp_path}/")[4]

    assert [path for path in inputs if path.startswith(f"{tmp_path}/")] == [
        f"{tmp_path}/",
        f"{tmp_path}/list",
    ]
