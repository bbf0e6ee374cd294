"""What tests of the poller share: a log that can refuse, a line parser, papers, a poller with a turned clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from aiohttp import web
from prometheus_client import CollectorRegistry

from pipeline.errors import ParseError, PublishError
from pipeline.feeds.article import build
from pipeline.feeds.fetch import Fetcher
from pipeline.feeds.keys import mark, seen_key
from pipeline.feeds.poll import Poller, Summary
from pipeline.feeds.queue import HostSlots
from pipeline.feeds.state import decode_states
from pipeline.feeds.tenure import Alone
from pipeline.kafka import Position
from pipeline.metrics import Metrics
from pipeline.records import Article, FeedState, batches, feed_states
from pipeline.settings.models import Feed, PollSettings
from pipeline.topics import ARTICLES_RAW, FEED_STATE
from tests.turned import TurnedClock

SETTINGS = PollSettings(slowest_seconds=600, allow_private=True, max_bytes=100_000, timeout_seconds=20, concurrency=8)

PARTITIONS = 4


class Journal:
    """A log that is kept in memory, and refuses what it is told to."""

    def __init__(self) -> None:
        self.records: list[tuple[str, bytes, bytes]] = []
        self.places: list[tuple[str, int | None]] = []
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
        self.places.append((topic, partition))
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
    keys: tuple[str, ...]
    ttl_seconds: float | None = None
    update_period_seconds: float | None = None
    skip_hours: tuple[int, ...] = ()
    skip_days: tuple[int, ...] = ()
    left_out: int = 0


class LineParser:
    """One item a line. `broken` is no feed, and `bug` is what nobody thought of."""

    async def parse(
        self, body: bytes, *, feed: Feed, headers: Mapping[str, str], fetched: datetime, known: tuple[str, ...] = ()
    ) -> Lines:
        """The items of a body."""
        text = body.decode()
        if text == "broken":
            raise ParseError(feed.url, "not a feed")
        if text == "bug":
            raise KeyError("nobody thought of this")
        wishes = ("ttl", "skip", "and more")
        made = [(line, self._item(line, feed, fetched)) for line in text.splitlines() if not line.startswith(wishes)]
        keys = tuple(seen_key(article, mark([line])) for line, article in made)
        items = tuple(article for (_, article), key in zip(made, keys, strict=True) if key not in known)
        if text.startswith("skip"):
            return Lines(items, keys, skip_hours=tuple(map(int, text.splitlines()[0].split()[1:])))
        left_out = int(text.split()[-1]) if "and more" in text else 0
        return Lines(items, keys, 7200, 3600) if text.startswith("ttl") else Lines(items, keys, left_out=left_out)

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
    slots: HostSlots = field(default_factory=lambda: HostSlots(SETTINGS.per_host))

    def fetcher(self, settings: PollSettings = SETTINGS) -> Fetcher:
        """What the poller fetches with."""
        return Fetcher(settings)

    @asynccontextmanager
    async def poller(self, *feeds: Feed, settings: PollSettings = SETTINGS) -> AsyncIterator[Poller]:
        """A poller as after a start: it knows what the journal holds."""
        async with self.fetcher(settings) as fetcher:
            yield Poller(
                settings,
                feeds,
                self.journal.states,
                fetcher=fetcher,
                parser=LineParser(),
                publisher=self.journal,
                metrics=self.metrics,
                clock=self.clock,
                tenure=Alone(PARTITIONS),
                slots=self.slots,
                stop_grace_seconds=0.05,
            )

    async def once(self, *feeds: Feed, settings: PollSettings = SETTINGS) -> Summary:
        """Start, poll what is due, end."""
        async with self.poller(*feeds, settings=settings) as poller:
            return await poller.run_once(asyncio.Event())

    def sample(self, name: str, **labels: str) -> float | None:
        """A metric's value."""
        return self.metrics.registry.get_sample_value(f"counterclaim_{name}", labels)


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
