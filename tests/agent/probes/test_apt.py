"""Pending updates, asked of the real apt about a real archive in both ways."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.agent.probes.archive import AptHost, Offer, compress

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import LIMIT, TIMEOUT_S, Completed, LocalHost
from verbundwacht_agent.probes.apt.answer import judge
from verbundwacht_agent.probes.apt.commands import SIMULATE, ask_commands
from verbundwacht_agent.probes.apt.pending import CHILD, ask, parse_child
from verbundwacht_agent.probes.collected import Collected
from verbundwacht_agent.probes.updates import probe
from verbundwacht_wire.facts import Updates
from verbundwacht_wire.facts.software import PendingUpdate

NOT_IN_PHASE = "APT::Get::Never-Include-Phased-Updates 1;\n"


class Patient(LocalHost):
    """This machine, whose whole archive takes apt longer than usual while tests keep it busy."""

    def run(
        self, argv: tuple[str, ...], *, timeout_s: float = TIMEOUT_S, limit: int = LIMIT
    ) -> Completed:
        return super().run(argv, timeout_s=12 * timeout_s, limit=limit)


@pytest.fixture(params=["apt_pkg", "commands"])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AptHost]:
    """A host whose archive is still empty, asked in one of the two ways."""
    yield AptHost(tmp_path / "apt", NOT_IN_PHASE, has_apt_pkg=request.param == "apt_pkg")


def fill(host: AptHost) -> None:
    """One package for every case that there is."""
    host.install(
        Offer("plain", "1"),
        Offer("fixed-later", "1"),
        Offer("held", "1"),
        Offer("phased", "1"),
        Offer("kernel", "1"),
        Offer("blocked", "1"),
        Offer("blocker", "1"),
        Offer("current", "2"),
        Offer("gone", "1"),
        hold=("held",),
    )
    host.publish(
        "stable",
        Offer("plain", "2"),
        Offer("fixed-later", "3"),
        Offer("kernel", "2", {"Depends": "kernel-image-2"}),
        Offer("kernel-image-2", "2"),
        Offer("blocked", "2", {"Conflicts": "blocker"}),
        Offer("current", "1"),
        Offer("never-installed", "1"),
    )
    host.publish("stable-updates", Offer("phased", "2", {"Phased-Update-Percentage": "10"}))
    host.publish(
        "stable-security", Offer("fixed-later", "2"), Offer("held", "2"), label="Test-Security"
    )
    host.fetch()


def waiting(host: LocalHost) -> dict[str, PendingUpdate]:
    return {update.name: update for update in updates(probe(host)).pending}


def updates(collected: Collected) -> Updates:
    assert isinstance(collected.body, Updates)
    return collected.body


def unavailable(host: AptHost) -> tuple[str, str]:
    with pytest.raises(Unavailable) as error:
        probe(host)
    assert error.value.hint
    return error.value.status, error.value.reason


def test_everything_that_has_a_newer_candidate_waits_and_nothing_else(host: AptHost) -> None:
    fill(host)

    found = waiting(host)

    assert sorted(found) == ["blocked", "fixed-later", "held", "kernel", "phased", "plain"]
    assert (found["fixed-later"].installed, found["fixed-later"].candidate) == ("1", "3")
    assert probe(host).reason is None


def test_a_security_fix_that_a_later_version_replaced_is_still_a_security_update(
    host: AptHost,
) -> None:
    fill(host)

    assert {name for name, update in waiting(host).items() if update.security} == {
        "fixed-later",
        "held",
    }


def test_a_new_kernel_that_is_kept_back_waits_like_any_other(host: AptHost) -> None:
    """`apt-get upgrade` keeps back whatever needs a package that is not installed yet."""
    fill(host)

    assert not waiting(host)["kernel"].held
    assert waiting(host)["blocked"].candidate == "2"


def test_held_and_phased_updates_are_told_apart(host: AptHost) -> None:
    fill(host)

    found = waiting(host)

    assert [name for name, update in found.items() if update.held] == ["held"]
    assert [name for name, update in found.items() if update.phased] == ["phased"]


def test_both_ways_of_asking_give_the_same_facts(tmp_path: Path) -> None:
    host = AptHost(tmp_path / "apt", NOT_IN_PHASE)
    fill(host)
    held = frozenset({"held"})

    child, commands = parse_child(host.run(CHILD)), ask_commands(host, held)

    assert judge(child.updates) == judge(commands.updates)
    assert child.targets.keys() == commands.targets.keys()


def test_both_ways_of_asking_agree_about_this_machine() -> None:
    """Needs Debian's python3-apt, as on every server with unattended-upgrades."""
    host = Patient()

    child, commands = parse_child(host.run(CHILD)), ask_commands(host, frozenset())

    assert judge(child.updates) == judge(commands.updates)
    assert child.targets.keys() == commands.targets.keys()


def test_the_date_of_the_lists_is_the_archives_and_that_of_fetching_is_ours(host: AptHost) -> None:
    fill(host)
    os.utime(host.lists / "partial", (1_790_000_000, 1_790_000_000))

    found = updates(probe(host))

    assert found.lists_date == datetime(2026, 7, 11, 10, 5, 53, tzinfo=UTC)
    assert found.lists_checked is not None
    assert found.lists_checked >= datetime.fromtimestamp(1_790_000_000, UTC)


def test_a_host_with_all_updates_says_so(host: AptHost) -> None:
    host.install(Offer("a", "2"))
    host.publish("stable", Offer("a", "1"))
    host.publish("stable-security", Offer("a", "2"))
    host.fetch()

    collected = probe(host)

    assert updates(collected).pending == ()
    assert collected.reason is None


def test_an_archive_that_announces_an_empty_list_is_complete(host: AptHost) -> None:
    host.install(Offer("a", "2"))
    host.publish("stable", Offer("a", "2"))
    host.publish("stable-updates")
    host.publish("stable-security", Offer("a", "1"))
    host.fetch()

    assert probe(host).reason is None


def test_a_security_archive_that_is_still_empty_is_known_to_be_empty(host: AptHost) -> None:
    """On the first day of a release."""
    host.install(Offer("a", "2"))
    host.publish("stable", Offer("a", "2"))
    host.publish("stable-security")
    host.fetch()

    assert updates(probe(host)).pending == ()


def test_missing_lists_never_read_as_no_pending_updates(host: AptHost) -> None:
    fill(host)
    for file in host.lists.glob("*_*"):
        file.unlink()

    assert unavailable(host) == ("failed", "lists_missing")


def test_lists_that_are_gone_while_their_release_files_stayed_are_missing(host: AptHost) -> None:
    fill(host)
    for file in host.lists.glob("*_Packages*"):
        file.unlink()

    assert unavailable(host) == ("failed", "lists_missing")


def test_a_missing_folder_of_lists_never_reads_as_no_pending_updates(host: AptHost) -> None:
    host.install(Offer("a", "1"))
    host.publish("stable", Offer("a", "2"))
    (host.lists / "partial").rmdir()
    host.lists.rmdir()

    assert unavailable(host) == ("failed", "lists_missing")


def test_lists_never_fetched_never_read_as_no_pending_updates(host: AptHost) -> None:
    host.install(Offer("a", "1"))
    host.publish("stable", Offer("a", "2"))

    assert unavailable(host) == ("failed", "lists_missing")


@pytest.mark.parametrize("garbage", [b"Package: foo\nVersio", b"garbage \x00\xff\n\n", b"\n"])
def test_a_broken_list_never_reads_as_no_pending_updates(host: AptHost, garbage: bytes) -> None:
    fill(host)
    host.list_file("stable").write_bytes(garbage)

    assert unavailable(host) == ("failed", "lists_broken")


def test_a_list_cut_between_two_packages_is_broken(host: AptHost) -> None:
    """apt itself reads it without complaint and finds fewer updates."""
    fill(host)
    whole = host.list_file("stable").read_bytes()
    host.list_file("stable").write_bytes(whole[: whole.index(b"Package: kernel")])

    assert host.run(SIMULATE).code == 0
    assert unavailable(host) == ("failed", "lists_broken")


def test_an_emptied_list_is_missing_and_not_empty(host: AptHost) -> None:
    fill(host)
    for suite in ("stable", "stable-updates", "stable-security"):
        host.list_file(suite).write_bytes(b"")

    assert unavailable(host) == ("failed", "lists_missing")


@pytest.mark.parametrize("keep", [100, 300])
def test_a_damaged_compressed_list_never_reads_as_no_pending_updates(
    tmp_path: Path, keep: int
) -> None:
    """apt reads as far as it can; only the size that it then reports tells."""
    host = AptHost(tmp_path / "apt")
    fill(host)
    whole = compress(host.list_file("stable"))
    assert len(waiting(host)) == 6
    whole.write_bytes(whole.read_bytes()[:keep])

    assert unavailable(host) == ("failed", "lists_broken")


def test_a_source_without_lists_makes_waiting_updates_partial(host: AptHost) -> None:
    fill(host)
    host.add_source("third-party")

    collected = probe(host)

    assert collected.reason == "lists_incomplete"
    assert len(updates(collected).pending) == 6


def test_a_source_without_lists_never_reads_as_no_pending_updates(host: AptHost) -> None:
    host.install(Offer("a", "2"))
    host.publish("stable-security", Offer("a", "2"))
    host.fetch()
    host.add_source("third-party")

    assert unavailable(host) == ("failed", "lists_incomplete")


def test_without_security_lists_nobody_says_that_no_security_update_waits(host: AptHost) -> None:
    host.install(Offer("a", "1"))
    host.publish("stable", Offer("a", "2"))
    host.fetch()
    assert unavailable(host) == ("failed", "security_lists_missing")

    host.add_source("stable-security")
    assert unavailable(host) == ("failed", "security_lists_missing")


def test_one_missing_security_list_of_two_is_not_made_up_for_by_the_other(host: AptHost) -> None:
    host.install(Offer("a", "1"))
    host.publish("stable", Offer("a", "2"))
    host.publish("stable-security", Offer("b", "1"))
    host.fetch()
    assert probe(host).reason is None
    host.add_source("stable-extra-security")

    assert unavailable(host) == ("failed", "security_lists_missing")


def test_a_host_without_sources_is_not_up_to_date(host: AptHost) -> None:
    host.install(Offer("a", "1"))

    assert unavailable(host) == ("failed", "no_sources")


def test_a_malformed_source_is_named(host: AptHost) -> None:
    fill(host)
    with (host.root / "etc/sources.list").open("a") as sources:
        sources.write("debb nonsense\n")

    assert unavailable(host) == ("failed", "sources_broken")


def test_broken_dependencies_do_not_hide_what_waits(tmp_path: Path) -> None:
    """apt-get refuses to plan anything then; apt_pkg still knows the candidates."""
    host = AptHost(tmp_path / "apt")
    host.install(Offer("a", "1", {"Depends": "nowhere"}))
    host.publish("stable-security", Offer("a", "2", {"Depends": "nowhere"}))
    host.fetch()

    assert list(waiting(host)) == ["a"]
    with pytest.raises(Unavailable) as error:
        ask_commands(host, frozenset())
    assert error.value.reason == "dependencies_broken"


def test_a_setting_of_apt_that_may_not_be_read_is_denied_and_not_skipped(host: AptHost) -> None:
    """apt only warns about it and leaves the source out."""
    fill(host)

    (host.root / "etc/sources.list.d/a.list").symlink_to("nowhere")
    assert probe(host).reason is None
    host.denied.add("/etc/apt/sources.list")

    assert unavailable(host) == ("denied", "apt_settings_denied")


def test_asking_writes_nothing(host: AptHost) -> None:
    """As root apt would write its caches; the last lines prove that this test would notice."""
    fill(host)
    cache = host.root / "cache"
    for file in cache.glob("*.bin"):
        file.unlink()  # what fetching the lists has left
    if os.geteuid() != 0:
        cache.chmod(0o555)  # root's folder, as others see it
    before = snapshot(host.root)

    ask(host, frozenset())

    assert snapshot(host.root) == before
    cache.chmod(0o755)
    assert host.run(SIMULATE).code == 0
    assert snapshot(host.root) != before


def test_asking_about_this_machine_writes_nothing() -> None:
    folders = [Path("/var/cache/apt"), Path("/var/lib/apt"), Path("/var/lib/dpkg")]
    host = Patient()
    before = [snapshot(folder) for folder in folders]

    parse_child(host.run(CHILD))
    ask_commands(host, frozenset())

    assert [snapshot(folder) for folder in folders] == before


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    """Path -> (mtime in ns, bytes) of everything in a folder."""
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.rglob("*")}
