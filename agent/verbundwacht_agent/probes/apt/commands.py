"""The way without apt_pkg: `apt-get -s` says what waits, `apt-cache policy` where it comes from.

`parse_simulation`, `parse_policy` and `combine` are pure. Hard-learned: `apt-get upgrade` only
*names* what it keeps back: every new kernel, whatever is held or phased. Ubuntu 22.04 puts phased
updates among them, where only `(phased N%)` in the policy tells them apart.
"""

import re
from typing import Final, NamedTuple

from verbundwacht_agent.host import Host, content, text
from verbundwacht_agent.probes.apt.answer import (
    Answer,
    Waiting,
    incomplete,
    parse_target,
    refusal,
)

TARGETS: Final = (
    "apt-get", "indextargets", "--no-release-info", "--format", "$(FILENAME)",
    "Created-By: Packages",
)  # fmt: skip
SIMULATE: Final = (
    "apt-get", "-s", "-o", "Debug::NoLocking=1", "-o", "APT::Get::Show-Versions=0",
    "--with-new-pkgs", "upgrade",
)  # fmt: skip
POLICY: Final = ("apt-cache", "policy")
NO_CACHE: Final = ("-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=")
"""For root, who alone could write apt's caches."""

_INSTALL: Final = re.compile(r"^Inst (\S+) \[[^\]\s]+\] \(\S+([^()]*)\)", re.MULTILINE)
_SUMMARY: Final = re.compile(r"^([0-9]{1,9}) upgraded, .*[0-9]+ not upgraded\.$", re.MULTILINE)
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9+.-]*(?::[a-z0-9-]+)?")
_KEPT: Final = "The following packages have been kept back:"
_PHASED: Final = "The following upgrades have been deferred due to phasing:"
_DOWN: Final = "The following packages will be DOWNGRADED:"
_VERSION: Final = re.compile(r"^( \*\*\*|    ) (\S+) -?[0-9]+(?: \(phased ([0-9]{1,3})%\))?$")
_SOURCE: Final = re.compile(r"^ +-?[0-9]+ \S+ (\S+) \S+ Packages$")


class Simulation(NamedTuple):
    """`apt-get -s upgrade`: what it would install, and what it names but leaves alone."""

    origins: dict[str, tuple[str, ...]]  # name of what would be upgraded -> its origins
    kept: frozenset[str]
    phased: frozenset[str]

    @property
    def names(self) -> list[str]:
        """Everything that waits, sorted."""
        return sorted({*self.origins, *self.kept, *self.phased})


class Policy(NamedTuple):
    """`apt-cache policy` about one package."""

    installed: str
    candidate: str
    origins: tuple[str, ...]  # suites of all versions above the installed one
    phased: bool  # the candidate is not for all machines yet


def ask_commands(host: Host, held: frozenset[str]) -> Answer:
    """The same answer as that of child.py. Raises Unavailable."""
    options = NO_CACHE if host.euid == 0 else ()
    targets = host.run((*TARGETS, *options))
    if targets.code != 0:
        raise refusal(targets.message)
    done = host.run((*SIMULATE, *options))
    if done.code != 0:
        raise refusal(done.message)
    simulation = parse_simulation(content(done))
    # Origins come from the policy: the simulation gives none for what it keeps back.
    names = simulation.names
    policy = parse_policy(content(host.run((*POLICY, *options, *names)))) if names else {}
    updates = combine(simulation, policy, held)
    names_of_lists = filter(None, map(parse_target, text(targets.stdout).split("\n")))
    return Answer(targets=dict.fromkeys(names_of_lists), updates=updates, end=True)


def parse_simulation(output: str) -> Simulation:
    """Sections and `Inst` lines of `apt-get -s upgrade` in English.

    Raises Unavailable if the closing summary is missing or counts otherwise than we do.
    Source: apt-get(8), "--simulate".
    """
    downgraded = _section(output, _DOWN)
    origins = {
        name: _inst_origins(source)
        for name, source in _INSTALL.findall(output)
        if name not in downgraded
    }
    summary = _SUMMARY.search(output)
    if summary is None or int(summary[1]) != len(origins):
        raise incomplete()
    return Simulation(origins, _section(output, _KEPT), _section(output, _PHASED))


def _section(output: str, title: str) -> frozenset[str]:
    """Package names in the indented lines below a title."""
    _, _, rest = output.partition(f"{title}\n")
    names: list[str] = []
    for line in rest.split("\n"):
        # Advertisements of Ubuntu Pro are indented too, but under titles of their own.
        if not line.startswith("  "):
            break
        names += line.split()
    return frozenset(filter(_NAME.fullmatch, names))


def _inst_origins(source: str) -> tuple[str, ...]:
    """Names out of ` Ubuntu:22.04/jammy-updates, Ubuntu:22.04/jammy-security [amd64]`."""
    origins: list[str] = []
    for part in source.partition("[")[0].split(","):
        label, _, release = part.strip().partition(":")
        origins += (label, release.rpartition("/")[2])
    return tuple(filter(None, origins))


def parse_policy(output: str) -> dict[str, Policy]:
    """Packages by name out of `apt-cache policy`; unknown ones are left out."""
    packages: dict[str, Policy] = {}
    for block in re.split(r"^(?=\S+:$)", output, flags=re.MULTILINE):
        title, *lines = block.split("\n")
        fields = dict(re.findall(r"^  (Installed|Candidate): (\S+)$", block, re.MULTILINE))
        if len(fields) == 2:
            origins, phased = _newer_versions(lines, fields["Candidate"])
            packages[title.removesuffix(":")] = Policy(
                fields["Installed"], fields["Candidate"], origins, phased
            )
    return packages


def _newer_versions(lines: list[str], candidate: str) -> tuple[tuple[str, ...], bool]:
    """Suites of all versions from the candidate down to the installed one; table is sorted."""
    origins: set[str] = set()
    phased = inside = False
    for line in lines:
        if found := _VERSION.match(line):
            mark, version, share = found.groups()
            if mark == " ***":
                break  # from here on the table lists what is already installed or older
            if version == candidate:
                inside, phased = True, share is not None and int(share) < 100
        elif inside and (found := _SOURCE.match(line)):
            origins.add(found[1].split("/")[0])
    return tuple(sorted(origins)), phased


def combine(
    simulation: Simulation, policy: dict[str, Policy], held: frozenset[str]
) -> tuple[Waiting, ...]:
    """Both outputs as one list, sorted by name. Raises Unavailable if they do not fit together."""
    if any(name not in policy for name in simulation.names):
        raise incomplete()
    return tuple(
        Waiting(
            name=name,
            installed=policy[name].installed,
            candidate=policy[name].candidate,
            origins=tuple(sorted({*simulation.origins.get(name, ()), *policy[name].origins})),
            held=name in held,
            phased=name in simulation.phased or (name in simulation.kept and policy[name].phased),
        )
        for name in simulation.names
    )
