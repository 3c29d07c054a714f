"""Asks apt which updates wait; run by the system's own Python, never imported by the agent.

Prints one JSON object whose last key is `end`, so that a cut answer is recognised. Exit code 100:
apt could not work; any other but 0: this Python has no apt_pkg, or one that we do not know.
Nothing is decided here, `answer.py` judges.
Hard-learned: as root apt would write its cache files; everybody else cannot write and uses the
ones that are there, at a third of the cost. So root becomes apt's own user first, but only where
that user may read everything: of a source that it may not read apt says nothing.
"""

import json
import os
import pwd
import sys
from typing import Any, Iterator  # noqa: UP035 - this may be an older Python

try:
    import apt_pkg  # type: ignore[import-not-found]  # belongs to the system's Python
except ImportError:
    sys.exit(3)


def main() -> int:
    """Print what apt knows; 0 on success, 100 if apt refused."""
    try:
        answer = ask()
    except apt_pkg.Error as error:
        print(error, file=sys.stderr)
        return 100
    json.dump(answer, sys.stdout)
    return 0


def ask() -> dict[str, Any]:
    """Configured lists, and every installed package that has a newer candidate."""
    apt_pkg.init_config()
    apt_pkg.init_system()
    # Empty names mean: keep the caches in memory.
    if os.geteuid() == 0 and not step_down():
        apt_pkg.config.set("Dir::Cache::pkgcache", "")
        apt_pkg.config.set("Dir::Cache::srcpkgcache", "")
    sources = apt_pkg.SourceList()
    sources.read_main_list()
    indexes = [index for source in sources.list for index in source.index_files]
    targets = {index.describe: index.size if index.exists else None for index in indexes}
    cache = apt_pkg.Cache(None)
    plan = apt_pkg.DepCache(cache)
    records = apt_pkg.PackageRecords(cache)
    # Candidates are enough; planning the upgrade would cost a third more and hide what is held.
    waiting = []
    for package in cache.packages:
        candidate = plan.get_candidate_ver(package) if package.current_ver else None
        if candidate and newer(candidate, package.current_ver):
            waiting.append((package, candidate, percentage(records, candidate)))
    if any(share is not None for _, _, share in waiting):
        plan.upgrade(True)  # decides by the machine id who is in the phase
    updates = [
        describe(package, candidate, share, plan.marked_upgrade(package))
        for package, candidate, share in waiting
    ]
    return {"targets": targets, "updates": updates, "end": True}


def step_down() -> bool:
    """True: root is `_apt` from here on, and may read all that apt reads. False: still root."""
    needed = list(inputs())
    try:
        user = pwd.getpwnam("_apt")
        os.setgroups([])
        os.setegid(user.pw_gid)
        os.seteuid(user.pw_uid)
    except (KeyError, OSError):
        return False
    may = all(os.access(path, os.R_OK, effective_ids=True) for path in needed)
    os.seteuid(0)
    if may:
        os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
        os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    else:
        os.setegid(0)
    return may


def inputs() -> "Iterator[str]":
    """Every file that apt reads to know what waits; its locks and unfinished lists are none."""
    etc = ("main", "sourcelist", "preferences")
    files = [apt_pkg.config.find_file(f"Dir::Etc::{name}") for name in etc]
    yield from filter(os.path.isfile, [*files, apt_pkg.config.find_file("Dir::State::status")])
    folders = [apt_pkg.config.find_dir(f"Dir::Etc::{name}parts") for name in ("", "source")]
    folders += [apt_pkg.config.find_dir("Dir::Etc::preferencesparts")]
    for folder in filter(os.path.isdir, (*folders, apt_pkg.config.find_dir("Dir::State::lists"))):
        yield folder
        with os.scandir(folder) as entries:
            yield from (x.path for x in entries if x.is_file() and x.name != "lock")


def newer(version: Any, than: Any) -> bool:
    """Debian's own order."""
    return bool(apt_pkg.version_compare(version.ver_str, than.ver_str) > 0)


def percentage(records: Any, candidate: Any) -> "int | None":
    """Share of machines that should get a phased update now; None if it is for all.

    Only archives named …-updates phase, and looking into a compressed list is slow.
    """
    for file, index in candidate.file_list:
        if file.archive.endswith("-updates"):
            records.lookup((file, index))
            share = apt_pkg.TagSection(records.record).get("Phased-Update-Percentage", "")
            if share.isdigit() and int(share) < 100:
                return int(share)
    return None


def describe(package: Any, candidate: Any, share: "int | None", planned: bool) -> dict[str, Any]:
    """One waiting update; origins are those of all versions up to the candidate."""
    origins = {
        name
        for version in package.version_list
        if newer(version, package.current_ver) and not newer(version, candidate)
        for file, _ in version.file_list
        for name in (file.archive, file.codename, file.label)
        if name
    }
    return {
        "name": package.get_fullname(True),
        "installed": package.current_ver.ver_str,
        "candidate": candidate.ver_str,
        "origins": sorted(origins),
        "held": package.selected_state == apt_pkg.SELSTATE_HOLD,
        "phased": share is not None and not planned,
    }


if __name__ == "__main__":
    sys.exit(main())
