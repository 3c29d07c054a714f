"""A real package archive and a real apt state in a folder of its own: no network, no root.

Written as a Debian archive writes it (Release, Packages), fetched by `apt-get update` over
`file:`, with a dpkg status of its own. So apt's own answers are tested, not our idea of them.
"""

import gzip
import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import LIMIT, TIMEOUT_S, Completed, FileStat, LocalHost, Missing
from verbundwacht_agent.probes.apt.pending import CHILD

ARCHITECTURE = "amd64"
DATE = "Sat, 11 Jul 2026 10:05:53 UTC"
_MOVED = {
    "/var/lib/apt/lists": "lists",
    "/var/lib/dpkg/status": "dpkg/status",
    "/etc/apt": "etc",
}


@dataclass(frozen=True)
class Offer:
    """One version of a package in a suite."""

    name: str
    version: str
    fields: dict[str, str] = field(default_factory=dict)

    def stanza(self, **more: str) -> str:
        """The package's entry in a Packages file, or with `Status` in that of dpkg."""
        lines = {
            "Package": self.name,
            "Version": self.version,
            "Architecture": ARCHITECTURE,
            "Maintainer": "Nobody <nobody@example.org>",
            "Description": "test",
            "Filename": f"pool/{self.name}_{self.version}.deb",
            "Size": "1000",
            "SHA256": hashlib.sha256(f"{self.name}{self.version}".encode()).hexdigest(),
            **self.fields,
            **more,
        }
        return "".join(f"{name}: {value}\n" for name, value in lines.items()) + "\n"


class AptHost(LocalHost):
    """This machine, with apt's and dpkg's folders replaced by those below `root`."""

    def __init__(self, root: Path, settings: str = "", *, has_apt_pkg: bool = True) -> None:
        self.root = root
        self.lists = root / "lists"
        self.status = root / "dpkg/status"
        self.config = root / "apt.conf"
        self.denied: set[str] = set()
        self._has_apt_pkg = has_apt_pkg
        for folder in ("sources.list.d", "apt.conf.d", "preferences.d", "auth.conf.d"):
            (root / "etc" / folder).mkdir(parents=True)
        for folder in ("lists/partial", "cache/archives/partial", "dpkg"):
            (root / folder).mkdir(parents=True)
        self.config.write_text(
            f'Dir::State "{root}"; Dir::State::lists "{root}/lists"; Dir::Cache "{root}/cache";\n'
            f'Dir::State::status "{self.status}"; Dir::Etc "{root}/etc";\n'
            f'APT::Architecture "{ARCHITECTURE}"; APT::Architectures {{ "{ARCHITECTURE}"; }};\n'
            'Acquire::Languages "none"; APT::Sandbox::User "root";\n' + settings
        )

    def install(self, *offers: Offer, hold: tuple[str, ...] = ()) -> None:
        """The dpkg status then names exactly these packages."""
        self.status.write_text(
            "".join(
                offer.stanza(Status=f"{'hold' if offer.name in hold else 'install'} ok installed")
                for offer in offers
            )
        )

    def publish(self, suite: str, *offers: Offer, label: str = "Test") -> None:
        """The suite stands in the archive and in the sources; `fetch` makes it known."""
        packages = "".join(offer.stanza() for offer in offers).encode()
        folder = self.root / "archive/dists" / suite
        index = folder / f"main/binary-{ARCHITECTURE}/Packages"
        index.parent.mkdir(parents=True)
        index.write_bytes(packages)
        (folder / "Release").write_text(
            f"Origin: Test\nLabel: {label}\nSuite: {suite}\nCodename: {suite}\nDate: {DATE}\n"
            f"Architectures: {ARCHITECTURE}\nComponents: main\nSHA256:\n"
            f" {hashlib.sha256(packages).hexdigest()} {len(packages)}"
            f" main/binary-{ARCHITECTURE}/Packages\n"
        )
        self.add_source(suite)

    def add_source(self, suite: str) -> None:
        """The suite stands in the sources, whether the archive has it or not."""
        with (self.root / "etc/sources.list").open("a") as sources:
            sources.write(f"deb [trusted=yes] file:{self.root}/archive {suite} main\n")

    def fetch(self) -> None:
        """Run `apt-get update`."""
        done = self.run(("apt-get", "update"))
        assert (done.code, done.stderr) == (0, b""), done.message

    def list_file(self, suite: str, name: str = f"main_binary-{ARCHITECTURE}_Packages") -> Path:
        """One of the files that `fetch` has brought."""
        (found,) = self.lists.glob(f"*_dists_{suite}_{name}")
        return found

    def _path(self, path: str) -> str:
        for theirs, ours in _MOVED.items():
            if path.startswith(theirs):
                return f"{self.root}/{ours}{path.removeprefix(theirs)}"
        return path

    def read_bytes(self, path: str, limit: int = LIMIT) -> bytes:
        if path in self.denied:
            raise Unavailable("denied", "read_denied")
        return super().read_bytes(self._path(path), limit)

    def list_dir(self, path: str) -> tuple[str, ...]:
        return super().list_dir(self._path(path))

    def stat(self, path: str) -> FileStat:
        return super().stat(self._path(path))

    def run(
        self, argv: tuple[str, ...], *, timeout_s: float = TIMEOUT_S, limit: int = LIMIT
    ) -> Completed:
        if argv == CHILD and not self._has_apt_pkg:
            raise Missing("program_missing")
        configured = ("env", f"APT_CONFIG={self.config}", *argv)
        return super().run(configured, timeout_s=timeout_s, limit=limit)


def compress(path: Path) -> Path:
    """The list as apt keeps it with Acquire::GzipIndexes."""
    compressed = path.with_name(f"{path.name}.gz")
    compressed.write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    return compressed
