"""The search for packages: what was opened before changes no answer."""

import pytest
from tests.collector.alerts.story import Story
from tests.collector.fakes import Collector
from tests.fakes import HOME, NEIGHBOUR, body

from verbundwacht_collector.scope import MunicipalityScope, OperatorScope, Scope
from verbundwacht_collector.store import search


def _installed(*versions: str) -> bytes:
    one = [{"name": "openssl", "version": version, "arch": "amd64"} for version in versions]
    return body(manager="dpkg", installed=[*one, {"name": "bash", "version": "5", "arch": "amd64"}])


def _found(collector: Collector, text: str, scope: Scope) -> dict[tuple[str, str], int]:
    rows = search.packages(collector.store._db, text, scope=scope, now=collector.clock())
    return {(row.name, row.version): len(row.hosts) for row in rows}


@pytest.fixture(params=[8_192, 0], ids=["kept", "too many to keep"])
def kept(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "DOCUMENTS", request.param)


@pytest.mark.usefixtures("kept")
def test_a_document_that_was_opened_for_one_reader_is_not_told_to_another(
    collector: Collector,
) -> None:
    for town, version in ((HOME, "3.0.1"), (NEIGHBOUR, "3.0.2")):
        Story(collector, collector.host(municipality=town)).says(packages=_installed(version))

    everything = _found(collector, "SSL", OperatorScope())
    own = _found(collector, "ssl", MunicipalityScope(HOME))

    assert everything == {("openssl", "3.0.1"): 1, ("openssl", "3.0.2"): 1}
    assert own == {("openssl", "3.0.1"): 1}


@pytest.mark.usefixtures("kept")
def test_a_host_that_installs_another_version_is_found_with_that_one(collector: Collector) -> None:
    story = Story(collector, collector.host(municipality=HOME))
    story.says(packages=_installed("1", "2"))
    before = _found(collector, "openssl", OperatorScope())
    story.says(packages=_installed("3"))

    after = _found(collector, "openssl", OperatorScope())

    assert before == {("openssl", "1"): 1, ("openssl", "2"): 1}
    assert after == {("openssl", "3"): 1}


def test_what_is_kept_is_forgotten_when_it_becomes_too_much(collector: Collector) -> None:
    story, opened = Story(collector, collector.host(municipality=HOME)), search.Opened()
    for version in ("1", "2"):
        story.says(packages=_installed(version))
    rows = collector.rows("SELECT hash FROM body WHERE section = 'packages'")
    for (digest,) in rows:
        opened.list(collector.store._db, (HOME, digest))
    assert len(opened.matching("")) == 3

    opened.make_room(documents=0)

    assert opened.matching("") == {}
