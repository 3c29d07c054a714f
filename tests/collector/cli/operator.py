"""The operator at the collector's own machine: the real commands, in this process or another."""

import json
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, NamedTuple

import pytest
from tests.collector.fakes import ALERTING
from tests.collector.rulebook import RULES, pack_files
from tests.fakes import FakeAgent

from verbundwacht_collector.app import now_ms
from verbundwacht_collector.cli import main
from verbundwacht_collector.config import Folder
from verbundwacht_collector.packs import JudgeSource
from verbundwacht_collector.pipeline import Received, Taken, take_in
from verbundwacht_collector.store.sqlite import SqliteStore

BINARY = Path(sys.executable).with_name("verbundwacht")


class Ran(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.out)

    @property
    def sentence(self) -> str:
        """The one line on stderr: a known problem, no traceback, and a step to take."""
        assert self.out == ""
        (line,) = [one for one in self.err.splitlines() if not one.startswith("{")]
        found = re.fullmatch(r"verbundwacht: (.+\S[.?]?)", line)
        assert found, line
        return found[1]


def write_pack(folder: Path, *rules: str) -> Path:
    """The small pack as a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in pack_files(*(rules or RULES)).items():
        (folder / name).write_bytes(data)
    return folder


@cache
def _initialised() -> Path:
    """A folder that `init` has made; kept for the whole run, because making keys takes time."""
    root = Path(mkdtemp(prefix="vw-operator-"))
    pack = write_pack(root / "pack")
    code = main(
        ["init", "--dir", str(root / "sammler"), "--alliance", "Verbund", "--pack", str(pack)]
    )
    assert code == 0
    return root / "sammler"


class Operator:
    """One collector's folder and the commands on it."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = Folder(root), capsys
        shutil.copytree(_initialised(), root)
        capsys.readouterr()
        self._source = JudgeSource(ALERTING)

    def run(self, *words: str, with_dir: bool = True) -> Ran:
        """The command's end."""
        self._capsys.readouterr()
        where = ["--dir", str(self.folder.root)] if with_dir else []
        try:
            code = main([*where, *words])
        except SystemExit as end:  # argparse
            code = int(end.code or 0)
        out, err = self._capsys.readouterr()
        return Ran(code, out, err)

    def elsewhere(self, *words: str, timeout_s: float = 20) -> Ran:
        """The same in a process of its own."""
        done = subprocess.run(
            [BINARY, "--dir", self.folder.root, *words],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def settings(self, text: str) -> None:
        """What collector.toml says from now on."""
        self.folder.config.write_text(text, "utf-8")

    def change(self, old: str, new: str) -> None:
        """One line of collector.toml is another one."""
        text = self.folder.config.read_text("utf-8")
        assert text.count(old) == 1, old
        self.settings(text.replace(old, new))

    def listing(self) -> dict[str, bytes]:
        """All files in the folder, but for what an open database leaves beside itself."""
        return {
            str(path.relative_to(self.folder.root)): path.read_bytes()
            for path in sorted(self.folder.root.rglob("*"))
            if path.is_file() and not path.name.endswith(("-wal", "-shm"))
        }

    def host(self, name: str = "web01", municipality: str = "musterdorf") -> FakeAgent:
        """A host that the operator has added with the two files."""
        agent = FakeAgent(name, municipality)
        agent.clock.now = now_ms()
        request = self.folder.root.parent / f"{name}.vw"
        receipt = request.with_suffix(".quittung")
        request.write_bytes(agent.request())
        added = self.run(
            *("host", "add", "--municipality", municipality),
            *("--request", str(request), "--receipt", str(receipt)),
        )
        assert added.code == 0, added.err
        agent.accept(receipt.read_bytes())
        return agent

    def take(self, agent: FakeAgent, *raws: bytes) -> list[Taken]:
        """These messages are taken in."""
        store = SqliteStore(self.folder.database)
        try:
            with store.transaction() as tx:
                judge = self._source.current(tx, True)
                received = [Received(raw, agent.peer, agent.clock()) for raw in raws]
                return [take_in(tx, message, judge) for message in received]
        finally:
            store.close()
