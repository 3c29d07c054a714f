"""The running doors take whatever comes, serve the others meanwhile, and keep nothing."""

import asyncio
import random
from pathlib import Path

import pytest
from tests.collector.ingest.fakes import Site, until
from tests.fuzz.doors import DOORS, besiege, open_door
from tests.fuzz.engine import Explorer


@pytest.mark.parametrize("name", sorted(DOORS))
async def test_a_door_survives_whatever_is_thrown_at_it(tmp_path: Path, name: str) -> None:
    explorer = Explorer(DOORS[name], random.Random(7))
    before = len(asyncio.all_tasks())
    async with open_door(name, tmp_path, Site(tmp_path)) as door:
        found = await besiege(explorer, door, 72)

    assert found == []
    assert len(explorer.buckets) > 3
    await until(lambda: len(asyncio.all_tasks()) <= before)
