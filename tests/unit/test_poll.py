"""The poller's loop: real fetches from real servers, a clock turned by hand, and a Kafka that can refuse.

Parsing is one item a line, `number text`, and a first line `ttl` asks for two hours; the real parser and broker
are in the integration tests.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry

from pipeline.errors import ParseError, PublishError
from pipeline.feeds.article import build
from pipeline.feeds.fetch import Fetcher
from pipeline.feeds.poll import UNPUBLISHED, Poller, Summary
from pipeline.feeds.state import decode_states
from pipeline.kafka import Position
from pipeline.metrics import Metrics
from pipeline.records import Article, FeedState, batches, feed_states
from pipeline.settings.models import Feed, PollSettings
from pipeline.topics import ARTICLES_RAW, FEED_STATE
from tests.sites import Handler, answering, serving
from tests.turned import TurnedClock

SETTINGS = PollSettings(allow_private=True, max_bytes=100_000, timeout_seconds=20, concurrency=8)


class Journal:
    """A log that is kept in memory, and refuses what it is told to."""

    def __init__(self) -> None:
        self.records: list[tuple[str, bytes, bytes]] = []
        self.refuses: Callable[[str], bool] = lambda _topic: False
        self._grown = asyncio.Condition()

    async def send(
        self, topic: str, value: bytes | None, *, key: bytes | None = None, partition: int | None = None
    ) -> Position:
        """Append, after giving others their turn as a network would."""
        await asyncio.sleep(0)
        if self.refuses(topic):
            raise PublishError(topic, "the broker is away")
        assert key is not None
        assert value is not None
        self.records.append((topic, key, value))
        async with self._grown:
            self._grown.notify_all()
        return Position(partition or 0, len(self.records))

    @property
    def titles(self) -> list[str]:
        """Of all articles on `articles.raw`, in order."""
        found = [value for topic, _, value in self.records if topic == ARTICLES_RAW]
        return [article.title for value in found for article in batches.decode(value).articles]

    @property
    def polled(self) -> list[FeedState]:
        """All records of `feed-state`, in order."""
        return [feed_states.decode(value) for topic, _, value in self.records if topic == FEED_STATE]

    @property
    def states(self) -> dict[str, FeedState]:
        """What a restart would read."""
        return decode_states({key: value for topic, key, value in self.records if topic == FEED_STATE})

    def holds(self, polls: int) -> bool:
        """Whether so many polls were kept."""
        return len(self.polled) >= polls

    async def until(self, happened: Callable[[], bool]) -> None:
        """Wait for a record that makes it true."""
        async with self._grown:
            await self._grown.wait_for(happened)


@dataclass(frozen=True)
class Lines:
    """A parsed body."""

    articles: tuple[Article, ...]
    ttl_seconds: float | None = None
    update_period_seconds: float | None = None


class LineParser:
    """One item a line. `broken` is no feed, and `bug` is what nobody thought of."""

    async def parse(self, body: bytes, *, feed: Feed, headers: Mapping[str, str], fetched: datetime) -> Lines:
        """The items of a body."""
        text = body.decode()
        if text == "broken":
            raise ParseError(feed.url, "not a feed")
        if text == "bug":
            raise KeyError("nobody thought of this")
        items = tuple(self._item(line, feed, fetched) for line in text.splitlines() if not line.startswith("ttl"))
        return Lines(items, 7200, 3600) if text.startswith("ttl") else Lines(items)

    def _item(self, line: str, feed: Feed, fetched: datetime) -> Article:
        number, _, title = line.partition(" ")
        return build(
            outlet=feed.outlet,
            feed=feed.url,
            link=f"https://{feed.outlet.lower()}.example/{number}",
            guid="",
            title=title,
            lead="",
            body="",
            authors=(),
            language=feed.language,
            published=fetched,
            fetched=fetched,
            html=False,
        )


@dataclass
class World:
    """All that a poller has around it; what survives a restart is the journal and the clock."""

    clock: TurnedClock = field(default_factory=TurnedClock)
    journal: Journal = field(default_factory=Journal)
    metrics: Metrics = field(default_factory=lambda: Metrics(CollectorRegistry()))

    @asynccontextmanager
    async def poller(self, *feeds: Feed, settings: PollSettings = SETTINGS) -> AsyncIterator[Poller]:
        """A poller as after a start: it knows what the journal holds."""
        async with Fetcher(settings) as fetcher:
            yield Poller(
                settings,
                feeds,
                self.journal.states,
                fetcher=fetcher,
                parser=LineParser(),
                publisher=self.journal,
                metrics=self.metrics,
                clock=self.clock,
                stop_grace_seconds=0.05,
            )

    async def once(self, *feeds: Feed, settings: PollSettings = SETTINGS) -> Summary:
        """Start, poll what is due, end."""
        async with self.poller(*feeds, settings=settings) as poller:
            return await poller.run_once(asyncio.Event())

    def sample(self, name: str, **labels: str) -> float | None:
        """A metric's value."""
        return self.metrics.registry.get_sample_value(f"counterclaim_{name}", labels)


@pytest.fixture
def world() -> World:
    """A fresh one."""
    return World()


def feed(url: str, outlet: str = "Herald", interval_seconds: float | None = None) -> Feed:
    """A feed of the operator's list."""
    return Feed(url=url, outlet=outlet, owner=outlet, country="GB", language="en", interval_seconds=interval_seconds)


class Paper:
    """A well-behaved newspaper: its text can change, and its ETag does with it."""

    def __init__(self, text: str) -> None:
        self.text = text

    async def __call__(self, request: web.Request) -> web.Response:
        tag = f'"{hash(self.text)}"'
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers={"ETag": tag})
        return web.Response(text=self.text, headers={"ETag": tag})


async def never(_request: web.Request) -> web.Response:
    """A server that takes the question and says nothing."""
    await asyncio.Event().wait()
    raise AssertionError


async def test_articles_are_acknowledged_before_the_state_is_kept(world: World) -> None:
    """A first poll publishes the backlog, then remembers."""
    async with serving(Paper("1 one\n2 two")) as site:
        summary = await world.once(feed(site.url))
    assert [topic for topic, _, _ in world.journal.records] == [ARTICLES_RAW, FEED_STATE]
    _, key, value = world.journal.records[0]
    assert key.decode() == batches.decode(value).key
    assert world.journal.titles == ["one", "two"]
    assert summary == Summary({"changed": 1}, items=2, new=2, not_due=0)
    kept = world.journal.states[site.url]
    assert (kept.outcome, kept.failures, len(kept.seen)) == ("changed", 0, 2)
    assert kept.etag
    assert kept.reason == "the default interval: 600 s"


async def test_a_304_publishes_nothing(world: World) -> None:
    """It is a success, and moves the next poll."""
    async with serving(Paper("1 one")) as site:
        await world.once(feed(site.url))
        world.clock.turn(700)
        summary = await world.once(feed(site.url))
    assert summary == Summary({"not_modified": 1}, items=0, new=0, not_due=0)
    assert world.journal.titles == ["one"]
    first, second = world.journal.polled
    assert (second.etag, second.seen, second.last_full_fetch) == (first.etag, first.seen, first.last_full_fetch)
    assert second.last_success == second.last_poll == world.clock.now() > first.last_poll
    assert second.next_poll > world.clock.now()


async def test_what_the_body_asked_for_holds_until_it_changes(world: World) -> None:
    """A 304 does not say it again, and is no reason to forget it."""
    paper = Paper("ttl\n1 one")
    async with serving(paper) as site:
        for _ in range(3):
            await world.once(feed(site.url))
            world.clock.turn(8000)
        paper.text = "1 one"
        await world.once(feed(site.url))
    waits = [(kept.next_poll - kept.last_poll).total_seconds() for kept in world.journal.polled]
    assert all(7200 <= wait <= 7920 for wait in waits[:3])
    assert waits[3] < 700


async def test_equal_bytes_are_not_parsed_again(world: World) -> None:
    """A server without validators: the body's hash tells."""
    async with serving(answering(b"1 one")) as site:
        await world.once(feed(site.url))
        world.clock.turn(4000)
        assert (await world.once(feed(site.url))).outcomes == {"unchanged": 1}
    assert world.journal.titles == ["one"]


async def test_only_new_items_and_new_texts_are_published(world: World) -> None:
    """An item that stays is not sent again, one that was changed or put back is, one that returns is not."""
    paper = Paper("1 one\n2 two")
    expected: list[str] = []
    async with serving(paper) as site:
        for text, new in [
            ("1 one\n2 two", ["one", "two"]),
            ("2 two\n3 three\n3 three", ["three"]),
            ("2 TWO: corrected\n3 three", ["TWO: corrected"]),
            ("2 two\n3 three", ["two"]),
            ("1 one\n2 two", []),
            ("", []),
            ("1 one\n2 two", []),
        ]:
            paper.text = text
            assert (await world.once(feed(site.url))).outcomes == {"changed": 1}
            expected += new
            assert world.journal.titles == expected
            world.clock.turn(4000)


@pytest.mark.parametrize("refused", [ARTICLES_RAW, FEED_STATE])
async def test_what_was_not_acknowledged_is_done_again(world: World, refused: str) -> None:
    """Between fetch and state the broker goes away: the next start fetches whole, publishes all, loses nothing."""
    async with serving(Paper("1 one\n2 two")) as site:
        world.journal.refuses = lambda topic: topic == refused
        assert (await world.once(feed(site.url))).outcomes == {UNPUBLISHED: 1}
        assert world.journal.polled == []
        world.journal.refuses = lambda _topic: False
        assert (await world.once(feed(site.url))).outcomes == {"changed": 1}
        assert [request.headers.get("If-None-Match") for request in site.requests] == [None, None]
    assert world.journal.titles[-2:] == ["one", "two"]
    assert world.sample("polls_total", outcome=UNPUBLISHED) == 1


async def test_an_unacknowledged_poll_keeps_the_old_validators(world: World) -> None:
    """A change that could not be published is still a change at the next poll."""
    paper = Paper("1 one")
    async with serving(paper) as site:
        await world.once(feed(site.url))
        paper.text = "1 one\n2 two"
        world.clock.turn(700)
        world.journal.refuses = lambda topic: topic == ARTICLES_RAW
        await world.once(feed(site.url))
        world.journal.refuses = lambda _topic: False
        assert (await world.once(feed(site.url))).new == 1
    assert world.journal.titles == ["one", "two"]


async def test_a_running_poller_tries_again_after_a_refusal(world: World) -> None:
    """An interval later, in the same process."""
    async with serving(Paper("1 one")) as site, world.poller(feed(site.url)) as poller:
        failed = asyncio.Event()

        def refuse(_topic: str) -> bool:
            failed.set()
            return True

        world.journal.refuses = refuse
        async with running(poller):
            await world.clock.until_asleep()
            world.clock.turn(5)
            await failed.wait()
            world.journal.refuses = lambda _topic: False
            await world.clock.until_asleep()
            world.clock.turn(600)
            await world.journal.until(lambda: len(world.journal.polled) == 1)
    assert world.journal.titles == ["one"]


@asynccontextmanager
async def running(poller: Poller) -> AsyncIterator[asyncio.Task[Summary]]:
    """The loop while the block runs; then it is stopped, and must end."""
    stop = asyncio.Event()
    task = asyncio.create_task(poller.run(stop))
    try:
        yield task
    finally:
        stop.set()
        await task


async def test_bad_feeds_stop_nobody(world: World) -> None:
    """Each kind of failure is classed and kept with its reason; the good feed between them is published."""
    handlers: dict[str, Handler] = {
        "/good": Paper("1 good"),
        "/missing": answering(b"", 404),
        "/forbidden": answering(b"", 403),
        "/overloaded": answering(b"", 503, Retry_After="7200"),
        "/broken": answering(b"broken"),
        "/bug": answering(b"bug"),
        "/huge": answering(bytes(200_000)),
        "/file": answering(b"", 302, Location="file:///etc/passwd"),
        "/ring": answering(b"", 302, Location="/ring"),
        "/lies": answering(b"plain", Content_Encoding="gzip"),
        "/hangs": never,
    }

    async def answer(request: web.Request) -> web.StreamResponse:
        return await handlers[request.path](request)

    async with serving(answer) as site:
        hanging = feed(f"{site.url}/hangs")
        await world.once(*(feed(site.url + path) for path in handlers if path != "/hangs"))
        await world.once(hanging, settings=SETTINGS.model_copy(update={"timeout_seconds": 0.3}))
    outcomes = {url.removeprefix(site.url): kept.outcome for url, kept in world.journal.states.items()}
    assert outcomes == {
        "/good": "changed",
        "/missing": "soft",
        "/forbidden": "hard",
        "/overloaded": "soft",
        "/broken": "hard",
        "/bug": "soft",
        "/huge": "hard",
        "/file": "hard",
        "/ring": "hard",
        "/lies": "temporary",
        "/hangs": "temporary",
    }
    assert world.journal.titles == ["good"]
    reasons = {url.removeprefix(site.url): kept.reason for url, kept in world.journal.states.items()}
    assert reasons["/overloaded"] == "Retry-After: 7200 s"
    assert "not a feed" in reasons["/broken"]
    assert "KeyError" in reasons["/bug"]
    assert all(kept.next_poll > world.clock.now() for kept in world.journal.states.values())
    assert world.journal.states[hanging.url].failures == 1


async def test_a_failure_keeps_what_was_known(world: World) -> None:
    """An outage of the server forgets neither validators nor items."""
    paper = Paper("1 one")
    down = False

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=500) if down else await paper(request)

    async with serving(answer) as site:
        await world.once(feed(site.url))
        down = True
        world.clock.turn(700)
        await world.once(feed(site.url))
        down = False
        world.clock.turn(700)
        assert (await world.once(feed(site.url))).outcomes == {"not_modified": 1}
    assert [kept.failures for kept in world.journal.polled] == [0, 1, 0]


async def test_a_bug_while_publishing_costs_only_its_feed(world: World) -> None:
    """An exception that nobody foresaw, outside of fetching and parsing, and the feed is not dropped."""

    def refuse(topic: str) -> bool:
        if topic == ARTICLES_RAW:
            raise ZeroDivisionError
        return False

    world.journal.refuses = refuse
    async with serving(Paper("1 one")) as site, serving(Paper(""), "127.0.0.2") as empty:
        summary = await world.once(feed(site.url), feed(empty.url))
    assert summary.outcomes == {UNPUBLISHED: 1, "changed": 1}
    assert list(world.journal.states) == [empty.url]


async def test_a_restart_polls_nothing_early(world: World) -> None:
    """Times come from the topic; what is not due is left alone, by a run and by a single round."""
    async with serving(Paper("1 one")) as site:
        await world.once(feed(site.url))
        world.clock.turn(590)
        assert await world.once(feed(site.url)) == Summary({}, items=0, new=0, not_due=1)
        async with world.poller(feed(site.url)) as poller, running(poller):
            await world.clock.until_asleep()
            assert len(site.requests) == 1
            world.clock.turn(100)
            await world.journal.until(lambda: len(world.journal.polled) == 2)
    assert len(site.requests) == 2


async def test_a_running_poller_keeps_to_the_times(world: World) -> None:
    """Each poll when it is due, and none between."""
    async with serving(Paper("1 one")) as site, world.poller(feed(site.url)) as poller, running(poller):
        await world.clock.until_asleep()
        world.clock.turn(5)
        for polls in (1, 2, 3):
            await world.journal.until(partial(world.journal.holds, polls))
            await world.clock.until_asleep()
            world.clock.turn(599)
            await world.clock.until_asleep()
            assert len(site.requests) == polls
            world.clock.turn(70)


async def test_a_feed_that_left_the_list_is_ignored(world: World) -> None:
    """Its state stays on the topic, in case it comes back."""
    async with serving(Paper("1 one")) as site:
        old, new = feed(f"{site.url}/old"), feed(f"{site.url}/new")
        await world.once(old)
        world.clock.turn(100_000)
        assert (await world.once(new)).polls == 1
        assert len(site.asked("/old")) == 1


async def test_another_url_is_another_feed(world: World) -> None:
    """Validators of the old address are not sent to the new one, not even where it redirects to."""
    async with serving(Paper("1 one")) as site:
        await world.once(feed(f"{site.url}/old"))
        await world.once(feed(f"{site.url}/new"))
        assert [request.headers.get("If-None-Match") for request in site.requests] == [None, None]


async def test_validators_follow_the_address_that_answered(world: World) -> None:
    """A feed that begins to redirect is fetched whole from there, then conditionally."""
    paper = Paper("1 one")
    moved = False

    async def answer(request: web.Request) -> web.Response:
        if moved and request.path == "/old":
            return web.Response(status=301, headers={"Location": "/new"})
        return await paper(request)

    async with serving(answer) as site:
        outcomes: list[str] = []
        for number in range(4):
            moved = number >= 2
            outcomes += (await world.once(feed(f"{site.url}/old"))).outcomes
            world.clock.turn(700)
    assert outcomes == ["changed", "not_modified", "unchanged", "not_modified"]


async def test_once_a_day_the_question_is_unconditional(world: World) -> None:
    """A server whose ETag stays while the feed changes is found out."""
    text = "1 one"

    async def answer(request: web.Request) -> web.Response:
        if "If-None-Match" in request.headers:
            return web.Response(status=304)
        return web.Response(text=text, headers={"ETag": '"always"'})

    async with serving(answer) as site:
        await world.once(feed(site.url))
        text = "2 two"
        world.clock.turn(23 * 3600)
        assert (await world.once(feed(site.url))).outcomes == {"not_modified": 1}
        world.clock.turn(3600)
        assert (await world.once(feed(site.url))).outcomes == {"changed": 1}
    assert world.journal.titles == ["one", "two"]


async def test_a_304_may_renew_the_validators(world: World) -> None:
    """Its own headers count, and what it leaves out stays."""
    tags = iter(['"1"', '"2"', None])

    async def answer(request: web.Request) -> web.Response:
        tag = next(tags)
        headers = {"ETag": tag} if tag else {}
        if "If-None-Match" in request.headers:
            return web.Response(status=304, headers=headers)
        return web.Response(text="1 one", headers=headers | {"Last-Modified": "then"})

    async with serving(answer) as site:
        for _ in range(3):
            await world.once(feed(site.url))
            world.clock.turn(700)
    assert [kept.etag for kept in world.journal.polled] == ['"1"', '"2"', '"2"']
    assert {kept.last_modified for kept in world.journal.polled} == {"then"}


async def test_a_stop_leaves_no_state_of_what_was_in_flight(world: World) -> None:
    """A hanging poll is cancelled after its grace; the next start does it."""
    asked = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        asked.set()
        return await never(request)

    async with serving(answer) as site, world.poller(feed(site.url)) as poller:
        async with running(poller) as task:
            await world.clock.until_asleep()
            world.clock.turn(5)
            await asked.wait()
        assert task.result().polls == 0
    assert world.journal.records == []
    assert world.sample("stage_in_progress", stage="poll") == 0


async def test_a_stop_lets_a_poll_end_that_is_nearly_done(world: World) -> None:
    """Within the grace it is finished, published and kept."""
    asked, go = asyncio.Event(), asyncio.Event()

    async def answer(_request: web.Request) -> web.Response:
        asked.set()
        await go.wait()
        return web.Response(text="1 one")

    async with serving(answer) as site, Fetcher(SETTINGS) as fetcher:
        poller = Poller(
            SETTINGS,
            [feed(site.url)],
            {},
            fetcher=fetcher,
            parser=LineParser(),
            publisher=world.journal,
            metrics=world.metrics,
            clock=world.clock,
        )
        stop = asyncio.Event()
        task = asyncio.create_task(poller.run(stop))
        await world.clock.until_asleep()
        world.clock.turn(5)
        await asked.wait()
        stop.set()
        go.set()
        assert (await task).outcomes == {"changed": 1}
    assert len(world.journal.polled) == 1


async def test_a_slow_host_holds_back_only_its_own_feeds(world: World) -> None:
    """More of its feeds than there are places altogether; another host's feed is polled all the same."""
    settings = SETTINGS.model_copy(update={"concurrency": 3, "per_host": 2})
    async with serving(never) as slow, serving(Paper("1 one"), "127.0.0.2") as quick:
        feeds = [feed(f"{slow.url}/{number}") for number in range(10)] + [feed(quick.url)]
        async with world.poller(*feeds, settings=settings) as poller, running(poller):
            await world.clock.until_asleep()
            world.clock.turn(5)
            await world.journal.until(lambda: quick.url in world.journal.states)
        assert len(slow.requests) <= 2


async def test_what_is_counted(world: World) -> None:
    """Polls by outcome, items in, news out, and how long it took."""
    async with serving(Paper("1 one\n2 two")) as site, serving(answering(b"", 500)) as down:
        await world.once(feed(site.url), feed(down.url))
        assert [world.sample("feeds", state=state) for state in ("new", "ok", "failing")] == [0, 1, 1]
        world.clock.turn(700)
        await world.once(feed(site.url))
    assert world.sample("polls_total", outcome="changed") == 1
    assert world.sample("polls_total", outcome="not_modified") == 1
    assert world.sample("articles_in_total", stage="poll") == 2
    assert world.sample("articles_out_total", stage="poll") == 2
    assert world.sample("fetch_seconds_count") == 3
    assert world.sample("parse_seconds_count") == 1
    assert world.sample("stage_last_timestamp_seconds", stage="poll") == world.clock.now().timestamp()


async def test_articles_carry_the_time_of_their_fetch(world: World) -> None:
    """The batch and its articles agree, to measure from there to the flag."""
    async with serving(Paper("1 one")) as site:
        began = world.clock.now()
        await world.once(feed(site.url))
    batch = batches.decode(world.journal.records[0][2])
    assert batch.fetched == batch.articles[0].fetched == began
    assert world.journal.polled[0].next_poll - began > timedelta(seconds=600)
