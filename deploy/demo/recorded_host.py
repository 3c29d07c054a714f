"""A host out of a folder: files as they lay on a machine, commands as they answered there.

    files/<absolute path>    content of a file
    host.json                euid; commands [{argv, code, stdout, stderr}], output as lines;
                             texts {path: content} for tiny files; links {path: target};
                             times {path: Unix seconds}; folders [path] that are empty;
                             denied [path]: everything there and below may not be read;
                             modes {path: [octal, uid, gid]}, otherwise 0644 or 0755, root
    host.d/<section>.json    the same keys, added to those of host.json

A program that no command names is not installed; a recorded program with other arguments is an
error of the test. An argument that names a file of the agent is compared by its last part.
"""

import copy
import json
from pathlib import Path
from typing import Any, Self

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import LIMIT, TIMEOUT_S, Completed, FileStat, Host, Missing

RECORDINGS = Path(__file__).parent / "recordings"
NAMES = ("debian12", "debian13", "ubuntu2204", "ubuntu2404")


class RecordedHost(Host):
    """One recording; `with_…` and `without` give changed copies."""

    def __init__(self, folder: Path) -> None:
        recording = _merged(folder)
        root = folder / "files"
        self._euid: int = recording.get("euid", 0)
        self._files = {
            f"/{path.relative_to(root)}": path.read_bytes()
            for path in root.rglob("*")
            if path.is_file()
        }
        self._files |= {path: text.encode() for path, text in recording.get("texts", {}).items()}
        self._links: dict[str, str] = recording.get("links", {})
        self._times: dict[str, float] = recording.get("times", {})
        self._modes = {
            path: (int(mode, 8), uid, gid)
            for path, (mode, uid, gid) in recording.get("modes", {}).items()
        }
        self._denied: list[str] = recording.get("denied", [])
        self._folders: list[str] = recording.get("folders", [])
        self._commands: dict[tuple[str, ...], Completed | Unavailable] = {
            _by_name(tuple(command["argv"])): Completed(
                command.get("code", 0),
                "\n".join(command.get("stdout", [])).encode(),
                "\n".join(command.get("stderr", [])).encode(),
            )
            for command in recording["commands"]
        }

    @classmethod
    def named(cls, name: str) -> Self:
        """One of NAMES."""
        return cls(RECORDINGS / name)

    def with_file(self, path: str, content: bytes | str) -> Self:
        """The same host with another content of one file."""
        changed = copy.deepcopy(self)
        changed._files[path] = content.encode() if isinstance(content, str) else content
        return changed

    def with_folder(self, path: str) -> Self:
        """The same host with an empty folder."""
        changed = copy.deepcopy(self)
        changed._folders.append(path)
        return changed

    def with_mode(self, path: str, mode: int, uid: int = 0, gid: int = 0) -> Self:
        """The same host with other permission bits or another owner of one path."""
        changed = copy.deepcopy(self)
        changed._modes[path] = (mode, uid, gid)
        return changed

    def with_time(self, path: str, seconds: float) -> Self:
        """The same host with another time of change of one path."""
        changed = copy.deepcopy(self)
        changed._times[path] = seconds
        return changed

    def with_link(self, path: str, target: str) -> Self:
        """The same host with one more symbolic link."""
        changed = copy.deepcopy(self)
        changed._links[path] = target
        return changed

    def without(self, prefix: str) -> Self:
        """The same host without the files, links and folders whose path starts like this."""
        changed = copy.deepcopy(self)
        for paths in (changed._files, changed._links):
            for path in [path for path in paths if path.startswith(prefix)]:
                del paths[path]
        changed._folders = [path for path in changed._folders if not path.startswith(prefix)]
        return changed

    def denying(self, *paths: str) -> Self:
        """The same host, seen by somebody who may not read these."""
        changed = copy.deepcopy(self)
        changed._denied += paths
        return changed

    def as_user(self, euid: int) -> Self:
        """The same host with another effective user id."""
        changed = copy.deepcopy(self)
        changed._euid = euid
        return changed

    def answering(self, argv: tuple[str, ...], answer: Completed | Unavailable) -> Self:
        """The same host, on which one command ends otherwise."""
        changed = copy.deepcopy(self)
        changed._commands[_by_name(argv)] = answer
        return changed

    @property
    def paths(self) -> set[str]:
        """Every file of the recording."""
        return set(self._files)

    @property
    def times(self) -> tuple[str, ...]:
        """The paths whose time of change was recorded."""
        return tuple(self._times)

    @property
    def denied(self) -> tuple[str, ...]:
        """What may not be read."""
        return tuple(self._denied)

    def answers(self) -> list[tuple[tuple[str, ...], Completed]]:
        """All recorded commands that ended by themselves."""
        return [(a, c) for a, c in self._commands.items() if isinstance(c, Completed)]

    @property
    def euid(self) -> int:
        return self._euid

    def read_bytes(self, path: str, limit: int = LIMIT) -> bytes:
        self._check(path)
        if path not in self._files:
            if self._is_folder(path):
                raise Unavailable("failed", "not_a_file")
            raise Missing
        if len(self._files[path]) > limit:
            raise Unavailable("failed", "file_too_large")
        return self._files[path]

    def list_dir(self, path: str) -> tuple[str, ...]:
        self._check(path)
        if not self._is_folder(path):
            raise Missing
        prefix = path.rstrip("/") + "/"
        paths = (*self._files, *self._links, *self._folders)
        names = {p.removeprefix(prefix).split("/")[0] for p in paths if p.startswith(prefix)}
        return tuple(sorted(names))

    def stat(self, path: str) -> FileStat:
        self._check(path.rpartition("/")[0])
        if path not in self._files and path not in self._links and not self._is_folder(path):
            raise Missing
        size = len(self._files.get(path, b""))
        inode = sum(path.encode()) + 1000
        mtime = self._times.get(path, 1_780_000_000)
        is_dir = self._is_folder(path)
        mode, uid, gid = self._modes.get(path, (0o755 if is_dir else 0o644, 0, 0))
        return FileStat(mtime, mode, uid, gid, size, inode, is_dir)

    def read_link(self, path: str) -> str:
        self._check(path)
        if path not in self._links:
            raise Missing
        return self._links[path]

    def exists(self, path: str) -> bool:
        try:
            self.stat(path)
        except Missing:
            return False
        return True

    def run(
        self, argv: tuple[str, ...], *, timeout_s: float = TIMEOUT_S, limit: int = LIMIT
    ) -> Completed:
        argv = _by_name(argv)
        if argv not in self._commands:
            known = [command for command in self._commands if command[0] == argv[0]]
            if known:
                raise AssertionError(f"{argv} is not recorded; recorded: {known}")
            raise Missing("program_missing")
        answer = self._commands[argv]
        if isinstance(answer, Unavailable):
            raise answer
        return answer

    def _is_folder(self, path: str) -> bool:
        prefix = path.rstrip("/") + "/"
        paths = (*self._files, *self._links, *self._folders)
        return path in self._folders or any(p.startswith(prefix) for p in paths)

    def _check(self, path: str) -> None:
        if any(path == denied or path.startswith(f"{denied}/") for denied in self._denied):
            raise Unavailable("denied", "read_denied")


def _merged(folder: Path) -> dict[str, Any]:
    """host.json and every file of host.d as one; no key may be given twice."""
    recording: dict[str, Any] = json.loads((folder / "host.json").read_text())
    for path in sorted((folder / "host.d").glob("*.json")):
        for key, value in json.loads(path.read_text()).items():
            if isinstance(value, dict):
                known = recording.setdefault(key, {})
                assert not known.keys() & value.keys(), f"{path}: {known.keys() & value.keys()}"
                known.update(value)
            else:
                recording.setdefault(key, []).extend(value)
    return recording


def _by_name(argv: tuple[str, ...]) -> tuple[str, ...]:
    """The command with its own files by their last part, as they lie elsewhere elsewhere."""
    ours = str(Path(__file__).parents[2])
    return tuple(Path(word).name if word.startswith(ours) else word for word in argv)
