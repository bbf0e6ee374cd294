"""Requests for article pages: how they are served, once, politely, and what comes of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from pipeline.errors import PageError
from pipeline.feeds.article import build, with_page
from pipeline.feeds.listing import partition_of
from pipeline.feeds.queue import HostSlots
from pipeline.feeds.tenure import LAPSED_SECONDS, Terms
from pipeline.kafka import Message
from pipeline.metrics import Metrics
from pipeline.pages.extract import PageText
from pipeline.pages.robots import Permit
from pipeline.pages.serve import MAX_TRIES, RETRY, SPACING, PageService, Past
from pipeline.pages.share import PageShare, fold_results
from pipeline.pages.visit import Page
from pipeline.records import Article, FullText, PageResult, batches, encode, page_request, page_results
from pipeline.threads.relook import look
from pipeline.topics import (
    ARTICLES_RAW,
    PAGES_REQUESTS,
    PAGES_REQUESTS_RETENTION,
    PAGES_RESULTS,
    PAGES_RESULTS_RETENTION,
)
from tests.pollers import Journal
from tests.turned import TurnedClock

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PARTITIONS = 4
STORY = "The minister denied on Monday that she had taken money.\nShe said so twice, and in front of witnesses."


def article(number: int = 1, host: str = "post.example", published: datetime | None = NOON) -> Article:
    """An item of a feed that is short, as its feed has it."""
    built = build(
        outlet="The Post",
        feed=f"https://{host}/rss",
        link=f"https://{host}/{number}?utm_source=rss",
        guid="",
        title=f"Minister denies {number}",
        lead="She did not take it.",
        body="",
        authors=(),
        language="en",
        published=published,
        fetched=NOON,
        html=False,
    )
    return msgspec.structs.replace(built, full_text="always")


@dataclass
class Web:
    """Pages by what happens when they are visited; each host's rules ask for the same delay."""

    clock: TurnedClock
    text: str = STORY
    errors: dict[str, PageError] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    delay: float = 0.0
    visited: list[tuple[str, float]] = field(default_factory=list)
    at_once: int = 0
    held: asyncio.Event | None = None

    async def permit(self, url: str) -> Permit:
        """Everything is allowed but what is refused."""
        return Permit(allowed=url not in self.refused, reason="robots.txt disallows it", delay_seconds=self.delay)

    async def fetch(self, url: str) -> Page:
        """Come and see."""
        self.visited.append((url, (self.clock.now() - NOON).total_seconds()))
        self.at_once += 1
        if self.held is not None:
            await self.held.wait()
        self.at_once -= 1
        if url in self.errors:
            raise self.errors[url]
        return Page(url, self.text.encode(), "text/html")

    async def read(self, page: Page) -> PageText:
        """The one story there is."""
        return PageText(title="On the page", text=page.body.decode(), authors=("Mara Lindqvist",), published=NOON)


@dataclass
class World:
    """What is around a service."""

    clock: TurnedClock = field(default_factory=lambda: TurnedClock(NOON))
    journal: Journal = field(default_factory=Journal)
    metrics: Metrics = field(default_factory=lambda: Metrics(CollectorRegistry()))
    requests: asyncio.Queue[Message] = field(default_factory=asyncio.Queue)
    slots: HostSlots = field(default_factory=lambda: HostSlots(2))
    member: bool = True

    def __post_init__(self) -> None:
        self.web = Web(self.clock)

    def ask(self, *articles: Article, asked: datetime = NOON) -> None:
        """Put requests on the topic."""
        for one in articles:
            request = page_request(one, "always", asked)
            assert request is not None
            self.put(encode(request), partition_of(request.url, PARTITIONS))

    def put(self, value: bytes | None, partition: int = 0) -> None:
        """Put anything on it."""
        self.requests.put_nowait(Message(PAGES_REQUESTS, partition, 0, NOON, b"post.example", value, ()))

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[PageService]:
        """A service as after a start: it knows what the journal holds."""
        stop = asyncio.Event()
        service = self.service()
        task = asyncio.create_task(service.run(self._messages(), stop))
        try:
            yield service
        finally:
            stop.set()
            await task

    def service(self) -> PageService:
        """One that has the partitions, and knows what the journal holds of them."""
        past = fold_results(
            Message(PAGES_RESULTS, place or 0, 0, NOON, key, value, ())
            for (topic, key, value), (_, place) in zip(self.journal.records, self.journal.places, strict=True)
            if topic == PAGES_RESULTS
        )
        tenure = Terms(PARTITIONS, lambda: self.member)
        service = PageService(self.web, self.journal, self.metrics, self.clock, tenure=tenure, slots=self.slots)
        for number in range(PARTITIONS):
            service.begin(number, past.get(number, Past()))
        return service

    async def _messages(self) -> AsyncIterator[Message]:
        while True:
            yield await self.requests.get()

    @property
    def results(self) -> list[PageResult]:
        """All results, in order."""
        return [page_results.decode(value) for topic, _, value in self.journal.records if topic == PAGES_RESULTS]

    @property
    def revisions(self) -> list[Article]:
        """All articles that were published, in order."""
        found = [value for topic, _, value in self.journal.records if topic == ARTICLES_RAW]
        return [one for value in found for one in batches.decode(value).articles]

    def sample(self, name: str) -> float | None:
        """A metric's value."""
        return self.metrics.registry.get_sample_value(f"counterclaim_{name}")

    async def done(self, results: int) -> None:
        """Wait until there are so many results."""
        await self.journal.until(lambda: len(self.results) >= results)


@pytest.fixture
def world() -> World:
    """A fresh one."""
    return World()


async def test_a_page_comes_back_as_a_revision_of_its_article(world: World) -> None:
    """The same id in the same domain, another text; acknowledged before the result is kept."""
    before = article()
    async with world.serving():
        world.ask(before)
        await world.done(1)
    assert [topic for topic, _, _ in world.journal.records] == [ARTICLES_RAW, PAGES_RESULTS]
    (after,) = world.revisions
    assert (after.id, after.domain, after.title, after.lead) == (before.id, before.domain, before.title, before.lead)
    assert (after.body, after.text_source, after.authors) == (STORY, "page", ("Mara Lindqvist",))
    assert after.text_hash != before.text_hash
    assert world.web.visited == [("https://post.example/1?utm_source=rss", 0.0)]
    (result,) = world.results
    assert (result.id, result.outcome, result.finished) == (before.id, "published", NOON)


async def test_an_article_is_visited_once_also_after_a_restart(world: World) -> None:
    """However often it is asked for; a week later it may be again."""
    for start in (1, 2):
        async with world.serving():
            world.ask(article(), article(), article(start, f"marker{start}.example"))
            await world.done(start + 1)
    first = "https://post.example/1?utm_source=rss"
    assert [url for url, _ in world.web.visited].count(first) == 1
    assert len(world.web.visited) == 3
    world.clock.turn(8 * 24 * 3600)
    async with world.serving():
        world.ask(article(), asked=world.clock.now())
        await world.done(4)
    assert world.web.visited[-1][0] == first


async def test_one_host_is_visited_one_page_at_a_time_with_a_pause(world: World) -> None:
    """Other hosts do not wait for it."""
    world.web.held = asyncio.Event()
    async with world.serving():
        world.ask(*(article(number) for number in range(3)), *(article(0, f"host{n}.example") for n in range(4)))
        while world.web.at_once < 5:
            await asyncio.sleep(0)
        assert sum("post.example" in url for url, _ in world.web.visited) == 1
        world.web.held.set()
        await world.done(5)
        for results in (6, 7):
            await world.clock.until_asleep()
            world.clock.turn(SPACING.total_seconds())
            await world.done(results)
    assert [at for url, at in world.web.visited if "post.example" in url] == [0.0, 2.0, 4.0]


async def test_a_crawl_delay_is_the_pause(world: World) -> None:
    """Where it is longer than our own."""
    world.web.delay = 30.0
    async with world.serving():
        world.ask(article(1), article(2))
        await world.done(1)
        for _ in range(2):
            await world.clock.until_asleep()
            world.clock.turn(15)
        await world.done(2)
    assert [at for _, at in world.web.visited] == [0.0, 30.0]


async def test_what_may_pass_is_tried_again_later_and_not_for_ever(world: World) -> None:
    """Three times, with growing pauses; the result says why."""
    url = "https://post.example/1?utm_source=rss"
    world.web.errors[url] = PageError(url, "HTTP 503", temporary=True)
    async with world.serving() as service:
        world.ask(article())
        for quarter in range(3):
            while len(world.web.visited) < min(quarter + 1, MAX_TRIES - 1):
                await asyncio.sleep(0)
            await world.clock.until_asleep()
            world.clock.turn(RETRY.total_seconds())
        await world.done(1)
        while len(service):
            await asyncio.sleep(0)
    assert [at / 60 for _, at in world.web.visited] == [0, 15, 45]
    assert [(one.outcome, one.reason) for one in world.results] == [("failed", "HTTP 503")]
    assert world.revisions == []


async def test_what_is_refused_is_not_tried_again(world: World) -> None:
    """robots.txt, a private address, no text: the article stays as its feed has it."""
    url = "https://post.example/1?utm_source=rss"
    world.web.refused.add(url)
    async with world.serving():
        world.ask(article())
        await world.done(1)
    assert [(one.outcome, one.reason) for one in world.results] == [("refused", "robots.txt disallows it")]
    assert (world.revisions, world.web.visited) == ([], [])


async def test_a_page_that_says_no_more_than_the_feed_changes_nothing(world: World) -> None:
    """A teaser before a paywall must not replace what the feed gave."""
    world.web.text = "She did not."
    async with world.serving():
        world.ask(article())
        await world.done(1)
    assert [one.outcome for one in world.results] == ["no_more"]
    assert world.revisions == []


async def test_a_page_that_was_read_before_counts_however_short_it_is_now(world: World) -> None:
    """The paragraph with the denial may be what was cut."""
    world.web.text = "She did not."
    before = msgspec.structs.replace(article(), full_text="never")
    looking = look(before, 2, NOON, page_known=True)
    async with world.serving():
        world.put(encode(looking), partition_of(looking.url, PARTITIONS))
        await world.done(1)
    (after,) = world.revisions
    assert (after.id, after.lead, after.body, after.text_source) == (before.id, "", "She did not.", "page")
    assert [(one.outcome, one.look) for one in world.results] == [("published", 2)]


@pytest.mark.parametrize(("full_text", "lead"), [("never", ""), ("always", "She did not take it.")])
async def test_looks_are_like_their_baseline(world: World, full_text: FullText, lead: str) -> None:
    """Where the feed wants pages the first one has the feed's lead; where only looking again does, none has it."""
    looking = look(msgspec.structs.replace(article(), full_text=full_text), 0, NOON)
    async with world.serving():
        world.put(encode(looking), partition_of(looking.url, PARTITIONS))
        await world.done(1)
    assert [one.lead for one in world.revisions] == [lead]


async def test_nothing_is_remembered_that_was_not_acknowledged(world: World) -> None:
    """The broker is away: the page is visited again, and then it is done."""
    world.journal.refuses = lambda topic: topic == ARTICLES_RAW
    async with world.serving():
        world.ask(article())
        while not world.web.visited:
            await asyncio.sleep(0)
        await world.clock.until_asleep()
        assert world.results == []
        world.journal.refuses = lambda _topic: False
        world.clock.turn(RETRY.total_seconds())
        await world.done(1)
    assert [one.outcome for one in world.results] == ["published"]


async def test_old_and_broken_requests_are_passed_over(world: World) -> None:
    """Yesterday's page is no news; what cannot be read stops nobody."""
    async with world.serving():
        world.put(b"{}")
        world.put(None)
        world.ask(article(1), asked=NOON - PAGES_REQUESTS_RETENTION - timedelta(seconds=1))
        world.ask(article(2))
        await world.done(1)
    assert [url for url, _ in world.web.visited] == ["https://post.example/2?utm_source=rss"]


def test_a_page_without_a_host_and_a_page_s_own_text_are_not_asked_for() -> None:
    """There is nowhere to go, or nothing to gain."""
    one = article()
    assert page_request(msgspec.structs.replace(one, link="", url=""), "always", NOON) is None
    assert page_request(msgspec.structs.replace(one, link="http://[", url=""), "always", NOON) is None
    assert page_request(msgspec.structs.replace(one, text_source="page"), "flagged", NOON) is None
    found = page_request(msgspec.structs.replace(one, link="https://NEWS.example:8443/a"), "always", NOON)
    assert found is not None
    assert found.host == "news.example"


def test_the_page_s_date_stands_in_where_the_feed_has_none() -> None:
    """What the feed says stands; a date in the future is none."""

    def dated(feed: datetime | None, page: datetime | None) -> tuple[datetime, str]:
        found = with_page(
            article(published=feed), text=STORY, title="", authors=(), published=page, fetched=NOON + timedelta(hours=1)
        )
        assert found is not None
        return found.published, found.published_source

    early = NOON - timedelta(hours=5)
    assert dated(NOON, early) == (NOON, "feed")
    assert dated(None, early) == (early, "page")
    assert dated(None, None) == (NOON, "fetched")
    assert dated(None, NOON + timedelta(days=9)) == (NOON + timedelta(hours=1), "clamped")


async def started(world: World, visits: int) -> None:
    """Wait until so many visits began."""
    while len(world.web.visited) < visits:
        await asyncio.sleep(0)


async def test_looking_again_is_a_visit_of_its_own(world: World) -> None:
    """Each look once, also beside one that waits, and after a restart; its result says which it is."""
    request = page_request(article(), "flagged", NOON)
    assert request is not None
    looks = [msgspec.structs.replace(request, look=look, why="look" if look else "flagged") for look in (0, 1, 1)]
    async with world.serving():
        for look in looks:
            world.put(encode(look))
        await world.done(1)
        await world.clock.until_asleep()
        world.clock.turn(SPACING.total_seconds())
        await world.done(2)
    assert [one.look for one in world.results] == [0, 1]
    assert len(world.web.visited) == 2
    again = world.service()
    for look in looks:
        again.ask(Message(PAGES_REQUESTS, 0, 0, NOON, b"", encode(look), ()))
    assert len(again) == 0


async def test_only_the_pages_of_our_partitions_are_visited(world: World) -> None:
    """And their results go to the same partition."""
    ours, other = article(), article(host="other.example")
    home = partition_of(ours.link, PARTITIONS)
    assert partition_of(other.link, PARTITIONS) != home
    async with world.serving() as service:
        await service.end([number for number in range(PARTITIONS) if number != home])
        world.ask(other, ours)
        await world.done(1)
        while len(service) or not world.requests.empty():
            await asyncio.sleep(0)
    assert [url for url, _ in world.web.visited] == [ours.link]
    assert [place for topic, place in world.journal.places if topic == PAGES_RESULTS] == [home]


async def test_what_is_taken_from_us_is_given_up_at_once_and_done_by_who_is_given_it(world: World) -> None:
    """The visit in flight and the pages behind it; nothing of them is published by two."""
    world.web.held = asyncio.Event()
    pages = [article(number) for number in range(3)]
    home = partition_of(pages[0].link, PARTITIONS)
    async with world.serving() as service:
        world.ask(*pages)
        await started(world, 1)
        await service.end([home])
        assert (len(service), world.sample("pages_waiting")) == (0, 0.0)
        world.web.held.set()
        world.clock.turn(SPACING.total_seconds())
        for _ in range(20):
            await asyncio.sleep(0)
        assert (len(world.web.visited), world.journal.records) == (1, [])
    async with world.serving():
        world.ask(*pages)
        for results in (1, 2, 3):
            await world.done(results)
            await world.clock.until_asleep()
            world.clock.turn(SPACING.total_seconds())
    assert {one.outcome for one in world.results} == {"published"}


async def test_a_lapsed_member_visits_nothing(world: World) -> None:
    """Its pages may be somebody else's already; when it is surely a member, it goes on."""
    world.member = False
    async with world.serving():
        world.ask(article())
        for _ in range(3):
            await world.clock.until_asleep()
            world.clock.turn(LAPSED_SECONDS)
        assert world.web.visited == []
        world.member = True
        world.clock.turn(LAPSED_SECONDS)
        await world.done(1)


async def test_a_host_that_asks_to_be_left_alone_is(world: World) -> None:
    """All its pages wait for so long, and the one that was refused comes again after it."""
    first, second = article(1), article(2)
    world.web.errors[first.link] = PageError(first.link, "HTTP 429", temporary=True, wait_seconds=5400)
    async with world.serving():
        world.ask(first, second)
        await started(world, 1)
        await world.clock.until_asleep()
        world.clock.turn(5399)
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(world.web.visited) == 1
        world.web.errors.clear()
        for results in (1, 2):
            world.clock.turn(SPACING.total_seconds())
            await world.done(results)
            await world.clock.until_asleep()
    assert [at for _, at in world.web.visited] == [0.0, 5401.0, 5403.0]


async def test_the_pause_holds_over_a_change_of_hands(world: World) -> None:
    """Who is given a host waits from the last visit that the results tell of."""
    world.web.delay = 60.0
    async with world.serving():
        world.ask(article(1))
        await world.done(1)
    world.clock.turn(20)
    async with world.serving():
        world.ask(article(2), article(3))
        for turn in (39, 1, 60):
            await world.clock.until_asleep()
            world.clock.turn(turn)
            for _ in range(20):
                await asyncio.sleep(0)
        await world.done(3)
    assert [at for _, at in world.web.visited] == [0.0, 60.0, 120.0]


async def test_a_page_waits_for_a_place_at_its_host(world: World) -> None:
    """Feeds and pages together ask a host no more often at once than is set."""
    host = "post.example"
    async with world.slots.place(host), world.serving():
        async with world.slots.place(host):
            world.ask(article(), article(host="free.example"))
            await world.done(1)
            assert [url for url, _ in world.web.visited] == ["https://free.example/1?utm_source=rss"]
        await world.done(2)
    assert world.slots.take(host, lambda: True)
    assert world.slots.take(host, lambda: True)


async def test_a_request_that_waited_a_day_is_dropped(world: World) -> None:
    """A backlog behind a slow host does not grow for ever."""
    world.web.delay = 3600.0
    async with world.serving() as service:
        world.ask(*(article(number) for number in range(40)))
        await world.done(1)
        for _ in range(25):
            await world.clock.until_asleep()
            world.clock.turn(3600)
            for _ in range(40):
                await asyncio.sleep(0)
        assert len(service) == 0
    assert len(world.web.visited) == 25


async def test_what_is_remembered_of_results_is_bounded(world: World) -> None:
    """As long as their topic remembers them."""
    async with world.serving() as service:
        for day in range(20):
            world.ask(article(day), asked=world.clock.now())
            await world.done(day + 1)
            world.clock.turn(24 * 3600)
        remembered = sum(len(done) for done in service._done.values())
    assert remembered <= PAGES_RESULTS_RETENTION / timedelta(days=1) + 1


async def round_by_hand(world: World, *articles: Article, seconds: float = 10) -> PageService:
    """`poll --once`, with the clock turned whenever it sleeps."""
    service = world.service()
    for one in articles:
        request = page_request(one, "always", NOON)
        assert request is not None
        home = partition_of(request.url, PARTITIONS)
        service.ask(Message(PAGES_REQUESTS, home, 0, NOON, b"", encode(request), ()))
    task = asyncio.create_task(service.run_once(asyncio.Event(), world.clock.now() + timedelta(seconds=seconds)))
    while not task.done():
        await asyncio.sleep(0)
        if world.clock.sleeps:
            world.clock.turn(0.5)
    await task
    return service


async def test_a_round_by_hand_ends_and_keeps_to_the_pauses(world: World) -> None:
    """What cannot be begun in time is left; nothing is waited for that comes later."""
    slow = article(host="slow.example")
    world.web.errors[slow.link] = PageError(slow.link, "HTTP 503", temporary=True)
    service = await round_by_hand(world, *(article(number) for number in range(9)), slow)
    assert (service.outcomes, len(service)) == ({"published": 6}, 4)
    assert [at for url, at in world.web.visited if "post" in url] == [0, 2, 4, 6, 8, 10]
    assert (world.clock.now() - NOON).total_seconds() <= 11
    again = await round_by_hand(world, *(article(number) for number in range(9)), slow)
    assert (again.outcomes, len(again)) == ({"published": 3}, 1)


async def test_a_share_follows_what_it_is_given() -> None:
    """Results are read before requests; what is taken is followed no longer, and given again it is read again."""
    log: list[str] = []

    class Requests:
        async def narrow(self, partitions: Collection[int]) -> None:
            log.append(f"follow {sorted(partitions)}")

        def __aiter__(self) -> AsyncIterator[Message]:
            raise NotImplementedError

    def load(partitions: Collection[int]) -> dict[int, Past]:
        log.append(f"load {sorted(partitions)}")
        return {}

    world = World()
    service = world.service()
    await service.end(range(PARTITIONS))
    share = PageShare(service, Requests(), load)
    await share.taken(frozenset({0, 2}))
    await share.taken(frozenset({1}))
    await share.revoked(frozenset({2}))
    assert log == ["load [0, 2]", "follow [0, 2]", "load [1]", "follow [0, 1, 2]", "follow [0, 1]"]
    for number, waiting in ((2, 0), (1, 1)):
        request = page_request(article(number), "always", NOON)
        assert request is not None
        service.ask(Message(PAGES_REQUESTS, number, 0, NOON, b"", encode(request), ()))
        assert len(service) == waiting
