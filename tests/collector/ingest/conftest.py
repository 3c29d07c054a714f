"""One authority for all tests of the doors: making keys is the slowest thing in them."""

import pytest
from tests.collector.ingest.fakes import Site


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("site"))
