"""What the tests of the pages share: vendor files, a seeded store per test, one browser server."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from tests.collector.web.browser import browser
from tests.collector.web.stage import ROOT, Served, Stage, stage

CHROMIUM = Path("/usr/bin/chromium")
AXE = ROOT / "build" / "test-assets"


@pytest.fixture(scope="session", autouse=True)
def vendor_files() -> None:
    """KERN, htmx, fonts, axe-core and html-validate are where the lock file wants them."""
    command = [sys.executable, str(ROOT / "tools" / "vendor.py"), "--tests"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Stage]:
    """A web server over a freshly seeded store, in the test's own loop."""
    async with stage(tmp_path / "vw.db") as running:
        yield running


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A web server over a freshly seeded store, in a thread of its own."""
    yield from _serve(tmp_path / "vw.db")


@pytest.fixture(scope="module")
def shared_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The same, once per module, for tests that only look."""
    yield from _serve(tmp_path_factory.mktemp("site") / "vw.db")


def _serve(path: Path) -> Iterator[Served]:
    ready, done = threading.Event(), threading.Event()
    found: list[Stage] = []

    async def run() -> None:
        async with stage(path) as running:
            found.append(running)
            ready.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=lambda: asyncio.run(run()), name="served")
    thread.start()
    try:
        assert ready.wait(60), "the server did not start within a minute"
        yield Served(found[0].url, found[0])
    finally:
        done.set()
        thread.join()


@pytest.fixture(scope="session")
def chromium() -> Path:
    """Debian's Chromium. As root a missing one is a failure: the set-up installs it."""
    if not CHROMIUM.exists():
        message = "Chromium is missing; install it with: apt-get install chromium"
        if os.geteuid() == 0:
            pytest.fail(message)
        pytest.skip(message)
    return CHROMIUM


@pytest.fixture(scope="session")
def axe_source() -> str:
    """axe-core as one script."""
    (found,) = AXE.glob("axe-core-*/axe.min.js")
    return found.read_text()


@pytest.fixture(scope="module")
def chrome(chromium: Path) -> Iterator[Browser]:
    """One running Chromium per module: while it runs, its loop keeps others from running."""
    with browser(chromium) as running:
        yield running
