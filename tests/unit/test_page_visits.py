"""Article pages from real servers: robots.txt, the shared fetcher, extraction in processes that can be killed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from pipeline.errors import PageError
from pipeline.feeds.fetch import Fetcher
from pipeline.pages import visit
from pipeline.pages.extract import PageText, extract
from pipeline.pages.page_pool import PagePool
from pipeline.pages.robots import RETRY
from pipeline.pages.visit import ACCEPT, ACCEPT_ROBOTS, PageVisits
from pipeline.settings.models import PollSettings
from tests.sites import Handler, serving
from tests.turned import TurnedClock

STORY = (Path(__file__).parents[1] / "fixtures" / "articles" / "harbour.html").read_bytes()
NOW = datetime(2026, 2, 5, 12, tzinfo=UTC)
LONG = 60.0


def many_attributes(count: int = 60_000) -> bytes:
    """A page that costs trafilatura over a minute."""
    attributes = " ".join(f'a{n}="1"' for n in range(count))
    return f"<body><div {attributes}><p>The minister said that it was not true.</p></div></body>".encode()


def many_groups(count: int = 20_000) -> bytes:
    """A robots.txt whose one group names thousands of crawlers for thousands of rules: each gets all of them."""
    names = "".join(f"User-agent: bot{n}\n" for n in range(count))
    return (names + "".join(f"Disallow: /{n}\n" for n in range(count))).encode()


def site(pages: Mapping[str, tuple[int, bytes] | str]) -> Handler:
    """Answers paths with (status, body) or a redirect; 404 for others."""

    async def answer(request: web.Request) -> web.StreamResponse:
        found = pages.get(request.path, (404, b""))
        if isinstance(found, str):
            raise web.HTTPFound(found)
        status, body = found
        return web.Response(status=status, body=body, content_type="text/html", charset="utf-8")

    return answer


@pytest.fixture(scope="module")
def settings() -> PollSettings:
    """Servers on the loopback address are allowed."""
    return PollSettings(allow_private=True)


@pytest.fixture
async def pool() -> AsyncIterator[PagePool]:
    """One worker with time enough."""
    async with PagePool(timeout_seconds=LONG) as pool:
        yield pool


@pytest.fixture
async def fetcher(settings: PollSettings) -> AsyncIterator[Fetcher]:
    """The fetcher of the poller."""
    async with Fetcher(settings) as fetcher:
        yield fetcher


@pytest.fixture
def clock() -> TurnedClock:
    """A clock of this test's."""
    return TurnedClock(NOW)


@pytest.fixture
def visits(fetcher: Fetcher, pool: PagePool, clock: TurnedClock) -> PageVisits:
    """What is tested."""
    return PageVisits(fetcher, pool, clock)


async def read(visits: PageVisits, url: str) -> PageText:
    """All three steps, as the service makes them."""
    permit = await visits.permit(url)
    if not permit.allowed:
        raise PageError(url, permit.reason, temporary=permit.temporary)
    return await visits.read(await visits.fetch(url))


async def test_a_page_is_fetched_after_its_robots_txt_and_read(visits: PageVisits) -> None:
    """The same text as in this process; each request says what it wants, and nothing about a referrer."""
    async with serving(site({"/robots.txt": (200, b"User-agent: *\nDisallow: /private"), "/a": (200, STORY)})) as host:
        page = await read(visits, f"{host.url}/a")
        assert page == extract(STORY, url="", content_type="text/html; charset=utf-8", now=NOW)
        assert [(one.path, one.headers["Accept"]) for one in host.requests] == [
            ("/robots.txt", ACCEPT_ROBOTS),
            ("/a", ACCEPT),
        ]
        assert not any(name in one.headers for one in host.requests for name in ("Referer", "Cookie"))


async def test_a_page_that_robots_txt_disallows_is_not_fetched(visits: PageVisits) -> None:
    """The host hears nothing of it."""
    rules = b"User-agent: counterclaim\nDisallow: /private\nCrawl-delay: 7"
    async with serving(site({"/robots.txt": (200, rules), "/private": (200, STORY)})) as host:
        with pytest.raises(PageError, match=r"robots\.txt disallows it") as caught:
            await read(visits, f"{host.url}/private")
        assert not caught.value.temporary
        assert host.asked("/private") == []
        assert (await visits.permit(f"{host.url}/other")).delay_seconds == 7.0


async def test_robots_txt_is_fetched_once_a_day_however_many_ask(visits: PageVisits, clock: TurnedClock) -> None:
    """Ten pages at once cost one request for it, and a day later one more."""
    async with serving(site({"/a": (200, STORY)})) as host:
        await asyncio.gather(*(read(visits, f"{host.url}/a") for _ in range(10)))
        clock.turn(23 * 3600)
        await read(visits, f"{host.url}/a")
        assert len(host.asked("/robots.txt")) == 1
        clock.turn(3600)
        await read(visits, f"{host.url}/a")
        assert len(host.asked("/robots.txt")) == 2


async def test_a_host_whose_robots_txt_fails_is_left_alone_for_a_while(visits: PageVisits, clock: TurnedClock) -> None:
    """No page of it is asked for until it answers."""
    pages: dict[str, tuple[int, bytes] | str] = {"/robots.txt": (503, b""), "/a": (200, STORY)}
    async with serving(site(pages)) as host:
        for _ in range(2):
            with pytest.raises(PageError, match=r"robots\.txt could not be fetched") as caught:
                await read(visits, f"{host.url}/a")
            assert caught.value.temporary
        assert (len(host.asked("/robots.txt")), host.asked("/a")) == (1, [])
        pages["/robots.txt"] = (404, b"")
        clock.turn(RETRY.total_seconds())
        assert (await read(visits, f"{host.url}/a")).text


async def test_a_redirect_is_followed_where_robots_txt_allows_it(visits: PageVisits) -> None:
    """The rules of the host that it leads to count, before it is asked."""
    pages: dict[str, tuple[int, bytes] | str] = {
        "/robots.txt": (200, b"User-agent: *\nDisallow: /no"),
        "/a": (200, STORY),
    }
    async with serving(site(pages)) as target:
        links = {"/yes": f"{target.url}/a", "/no-further": f"{target.url}/no"}
        async with serving(site(links)) as start:
            assert (await read(visits, f"{start.url}/yes")).site == "The Harbour Post"
            with pytest.raises(PageError, match=r"redirected to .*/no: robots\.txt disallows it"):
                await read(visits, f"{start.url}/no-further")
        assert target.asked("/no") == []


@pytest.mark.parametrize(("status", "temporary"), [(404, False), (403, False), (410, False), (429, True), (502, True)])
async def test_an_answer_without_a_page_says_whether_to_come_back(
    visits: PageVisits, status: int, temporary: bool
) -> None:
    """What may pass is worth another try."""
    async with serving(site({"/a": (status, STORY)})) as host:
        with pytest.raises(PageError, match=f"HTTP {status}") as caught:
            await read(visits, f"{host.url}/a")
        assert caught.value.temporary is temporary


async def test_how_long_a_host_asks_to_be_left_alone_is_told(visits: PageVisits) -> None:
    """By Retry-After; without one, nothing."""

    async def busy(request: web.Request) -> web.Response:
        return web.Response(status=404 if "robots" in request.path else 503, headers={"Retry-After": "1200"})

    async with serving(busy) as host:
        with pytest.raises(PageError, match="HTTP 503") as caught:
            await read(visits, f"{host.url}/a")
        assert (caught.value.wait_seconds, caught.value.temporary) == (1200.0, True)


async def test_a_page_on_a_private_address_is_refused(pool: PagePool, clock: TurnedClock) -> None:
    """A feed's item may link anywhere; the guard in the socket holds for pages and for robots.txt."""
    async with serving(site({"/a": (200, STORY)})) as host, Fetcher(PollSettings()) as fetcher:
        with pytest.raises(PageError, match="allow_private"):
            await read(PageVisits(fetcher, pool, clock), f"{host.url}/a")
        assert host.requests == []


async def test_a_page_that_is_too_large_is_given_up(pool: PagePool, clock: TurnedClock) -> None:
    """The decoded cap is the fetcher's own."""
    limits = PollSettings(allow_private=True, max_bytes=10_000)
    async with serving(site({"/a": (200, STORY * 10)})) as host, Fetcher(limits) as fetcher:
        with pytest.raises(PageError, match="larger than 10000 bytes"):
            await read(PageVisits(fetcher, pool, clock), f"{host.url}/a")


async def test_a_hostile_page_costs_one_worker_and_no_other_page() -> None:
    """It is stopped; a page beside it and one after it are read."""
    async with PagePool(processes=2, timeout_seconds=5.0) as pool:

        async def read(body: bytes) -> str:
            return (await pool.extract(body, url="http://x/", content_type="text/html", now=NOW)).title

        await asyncio.gather(read(STORY), read(STORY))
        before = set(pool.pids)
        hostile = asyncio.create_task(read(many_attributes()))
        assert await read(STORY)
        with pytest.raises(PageError, match="reading took longer than 5 s; it was stopped"):
            await hostile
        assert await read(STORY)
        assert len(before & set(pool.pids)) == 1


async def test_a_hostile_robots_txt_costs_one_worker_and_allows_nothing() -> None:
    """Its host has itself to thank; the next one is judged."""
    async with PagePool(timeout_seconds=2.0) as pool:
        assert (await pool.permit(b"", "http://x/a")).allowed
        found = await pool.permit(many_groups(), "http://x/a")
        assert not found.allowed
        assert "robots.txt could not be read" in found.reason
        assert (await pool.permit(b"", "http://x/a")).allowed


async def test_what_is_known_of_hosts_is_bounded(visits: PageVisits, monkeypatch: pytest.MonkeyPatch) -> None:
    """The host that was asked for longest ago is forgotten first."""
    monkeypatch.setattr(visit, "MAX_HOSTS", 1)
    async with serving(site({"/a": (200, STORY)})) as one, serving(site({"/a": (200, STORY)})) as two:
        for host in (one, two, two, one):
            await read(visits, f"{host.url}/a")
        assert (len(one.asked("/robots.txt")), len(two.asked("/robots.txt"))) == (2, 1)
