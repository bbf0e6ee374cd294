"""The table of claims: indexes are built from it, whatever order it has, and dropped when it may say otherwise."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from agents import claims
from agents.seen import SeenTable
from pipeline.records import ArticleBatch
from tests.articles import NOON, make_article, make_batch

MONTH = timedelta(days=30)


def batch(number: int, *articles: int, **changes: Any) -> ArticleBatch:
    """A batch with an id of its own."""
    return make_batch(*map(make_article, articles), id=f"b{number}", **changes)


async def filled(table: dict[bytes, bytes]) -> SeenTable:
    """Two partitions, six batches each; every second one is an hour older than the one before."""
    seen = SeenTable(table, MONTH)
    for offset in range(12):
        fetched = NOON + timedelta(hours=1 - 2 * (offset % 4 == 0)) + timedelta(minutes=offset)
        await seen.verdicts(batch(offset, offset, offset + 1, fetched=fetched), offset % 2, offset)
    return seen


@pytest.mark.parametrize("seed", range(3))
async def test_indexes_are_built_in_log_order_whatever_order_the_store_has(seed: int) -> None:
    """Batches are taken in by offset, not by time and not as the store lists them."""
    table: dict[bytes, bytes] = {}
    seen = await filled(table)
    items = list(table.items())
    Random(seed).shuffle(items)
    again = SeenTable(dict(items), MONTH)
    probe = batch(99, *range(20), fetched=NOON)
    for partition in (0, 1):
        ours, theirs = await seen._index(partition), await again._index(partition)
        assert ours == theirs
        assert list(ours._claims) == list(theirs._claims)
        assert ours.decide(probe) == theirs.decide(probe)


async def test_building_gives_way_to_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large table does not keep the consumer from its heartbeats."""
    monkeypatch.setattr(claims, "LOAD_CHUNK", 2)
    table: dict[bytes, bytes] = {}
    await filled(table)
    turns = 0

    async def beat() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beating = asyncio.create_task(beat())
    again = SeenTable(table, MONTH)
    await again._index(0)
    beating.cancel()
    assert turns >= len(table)
    assert len(again) == 24


async def test_partitions_that_move_while_it_is_built_have_it_built_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read before the rebalance is not mixed with what the table holds after it."""
    monkeypatch.setattr(claims, "LOAD_CHUNK", 1)
    table: dict[bytes, bytes] = {}
    await filled(table)
    again = SeenTable(table, MONTH)
    building = asyncio.create_task(again._index(0))
    await asyncio.sleep(0)
    table.clear()
    again.drop()
    assert len(await building) == 0


async def test_a_write_that_fails_drops_the_index() -> None:
    """The index may know what the table does not: the batch is decided anew when it is delivered again."""

    class Full(dict[bytes, bytes]):
        def __setitem__(self, key: bytes, value: bytes) -> None:
            raise OSError("disk full")

    seen = SeenTable(Full(), MONTH)
    for _ in range(2):
        with pytest.raises(OSError, match="disk full"):
            await seen.verdicts(batch(1, 1), 0, 1)
    assert len(seen) == 0
