"""The demo's feed server, asked over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from pipeline.demo.server import FeedServer
from pipeline.resources import shipped

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FEEDS = shipped("seeds/demo/feeds")


@pytest.fixture
async def server() -> AsyncIterator[FeedServer]:
    """The shipped feeds, served."""
    async with FeedServer(FEEDS, now=NOW) as running:
        yield running


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    """A client that shows compressed bodies as they came."""
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield session


async def test_a_feed_comes_with_validators_and_its_media_type(
    server: FeedServer, client: aiohttp.ClientSession
) -> None:
    """ETag, Last-Modified and type are there, and the body is the template filled in."""
    async with client.get(f"{server.base}/feeds/touchline.xml", headers={"Accept-Encoding": "identity"}) as answer:
        assert answer.status == 200
        assert answer.headers["ETag"].startswith('"')
        assert answer.headers["Last-Modified"] == "Sun, 01 Mar 2026 12:00:00 GMT"
        assert answer.content_type == "application/rss+xml"
        assert "{" not in (await answer.text())


async def test_validators_are_answered_by_304(server: FeedServer, client: aiohttp.ClientSession) -> None:
    """If-None-Match alone and If-Modified-Since alone; a wrong tag wins over a right date; counted by status."""
    url = f"{server.base}/feeds/touchline.xml"
    async with client.get(url) as first:
        tag, date = first.headers["ETag"], first.headers["Last-Modified"]
    expected = [
        ({"If-None-Match": tag}, 304),
        ({"If-None-Match": f'"other", W/{tag}'}, 304),
        ({"If-Modified-Since": date}, 304),
        ({"If-None-Match": '"other"', "If-Modified-Since": date}, 200),
        ({"If-Modified-Since": "no date"}, 200),
        ({"If-Modified-Since": "Sun, 01 Mar 2026 11:59:59 GMT"}, 200),
    ]
    for headers, status in expected:
        async with client.get(url, headers=headers) as answer:
            assert answer.status == status, headers
            assert (await answer.read() == b"") == (status == 304)
            assert answer.headers["ETag"] == tag
    assert server.answers == {200: 4, 304: 3}
    assert server.requests == 7


async def test_a_body_is_compressed_for_who_takes_it(server: FeedServer, client: aiohttp.ClientSession) -> None:
    """gzip when asked for, and only then."""
    url = f"{server.base}/feeds/northgate-daily.xml"
    async with client.get(url, headers={"Accept-Encoding": "gzip"}) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert (await answer.read()).startswith(b"\x1f\x8b")
    async with client.get(url, headers={"Accept-Encoding": "identity"}) as answer:
        assert "Content-Encoding" not in answer.headers


async def test_legacy_encodings_are_real_on_the_wire(server: FeedServer, client: aiohttp.ClientSession) -> None:
    """The bytes are in the encoding that the feed declares, not UTF-8."""
    plain = {"Accept-Encoding": "identity"}
    async with client.get(f"{server.base}/feeds/vecherny-kurier.xml", headers=plain) as answer:
        assert "Вечерний курьер".encode("cp1251") in await answer.read()
    async with client.get(f"{server.base}/feeds/le-phare.xml", headers=plain) as answer:
        assert "côte".encode("latin-1") in await answer.read()


async def test_the_second_variant_follows_the_first_full_fetch(
    server: FeedServer, client: aiohttp.ClientSession
) -> None:
    """Whoever fetched the first variant gets the second with its old validators, or the date alone; then 304."""
    url = f"{server.base}/feeds/orle-courier.xml"
    async with client.get(url) as first:
        validators = {
            "If-None-Match": first.headers["ETag"],
            "If-Modified-Since": first.headers["Last-Modified"],
        }
    async with client.get(url, headers=validators) as second:
        assert second.status == 200
        assert second.headers["ETag"] != validators["If-None-Match"]
        tag = second.headers["ETag"]
    async with client.get(url, headers={"If-Modified-Since": validators["If-Modified-Since"]}) as dated:
        assert dated.status == 200
        assert dated.headers["ETag"] == tag
    async with client.get(url, headers={"If-None-Match": tag}) as third:
        assert third.status == 304


async def test_what_is_no_feed_is_not_found(server: FeedServer, client: aiohttp.ClientSession) -> None:
    """Unknown names, and a second variant under its own name."""
    for name in ("nothing", "orle-courier.v2"):
        async with client.get(f"{server.base}/feeds/{name}.xml") as answer:
            assert answer.status == 404


async def test_shuffled_feeds_become_available_in_the_order_of_the_seed(client: aiohttp.ClientSession) -> None:
    """The last feed of the order is held until each other one was asked for."""
    async with FeedServer(FEEDS, now=NOW, shuffle_seed=1, turn_seconds=60) as server:
        *others, last = server.order
        held = asyncio.create_task(status(client, server, last))
        for name in others:
            assert not held.done()
            assert await status(client, server, name) == 200
        assert await held == 200


async def test_a_seed_is_an_order() -> None:
    """The same for the same seed, different ones for different seeds, the same feeds in all."""
    orders = []
    for seed in (1, 1, 2):
        async with FeedServer(FEEDS, now=NOW, shuffle_seed=seed) as server:
            orders.append(server.order)
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == sorted(orders[2])


async def status(client: aiohttp.ClientSession, server: FeedServer, name: str) -> int:
    """Fetch a feed."""
    async with client.get(f"{server.base}/feeds/{name}.xml") as answer:
        await answer.read()
        return answer.status


async def test_a_poller_that_asks_for_one_feed_at_a_time_is_not_held_for_ever(
    client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """A feed whose turn cannot come is answered when the bound is over."""
    for name in ("a", "b"):
        (tmp_path / f"{name}.xml").write_text("<rss/>")
    async with FeedServer(tmp_path, now=NOW, shuffle_seed=1, turn_seconds=0.05) as server:
        assert await status(client, server, server.order[-1]) == 200
