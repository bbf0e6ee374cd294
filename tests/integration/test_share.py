"""Pollers that divide the feeds among them: real processes on a real broker, 300 feeds of 60 hosts on a local server.

Every request tells by its User-Agent which poller made it. Moves are judged by the order of the requests for each feed:
once another poller has asked, the one before must not ask again. How long feeds were silent is printed, not judged:

    python -m pytest tests/integration/test_share.py -s
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest
import yaml
from aiohttp import web

from pipeline.feeds.listing import partition_of
from pipeline.kafka import Publisher
from pipeline.records import FeedState, encode
from pipeline.resources import shipped
from pipeline.topics import FEED_STATE, MIN_PARTITIONS
from tests.integration.workers import until
from tests.sites import serving

FEEDS = 300
HOSTS = 60
PART = 60
"""Feeds that even the smallest of the four partitions has."""

TAG = '"same"'
STALE = '"stale"'
BODY = """<rss version="2.0"><channel><title>t</title><item><title>News</title><link>https://paper.com{path}</link></item>
</channel></rss>"""


@dataclass
class Asked:
    """Who asked for which feed, in order."""

    by: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Pollers by feed."""

    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """When, by feed: seconds of a clock that only moves on."""

    last: dict[str, str] = field(default_factory=dict)
    """Who polled each feed at the end of the last chapter."""

    validators: set[str | None] = field(default_factory=set)
    """What came as If-None-Match."""

    async def __call__(self, request: web.Request) -> web.Response:
        """Remember who asked; a body at first, then 304."""
        agent = request.headers["User-Agent"]
        feed = f"{request.url.host}{request.path}"
        self.by[feed].append(agent[agent.index("+") + 1 : -1])
        self.times[feed].append(time.monotonic())
        self.validators.add(request.headers.get("If-None-Match"))
        if request.headers.get("If-None-Match") == TAG:
            return web.Response(status=304, headers={"ETag": TAG})
        return web.Response(text=BODY.format(path=request.path), headers={"ETag": TAG})

    def forget(self) -> None:
        """Begin a new chapter; when each feed was asked last is kept, to know how long it was silent."""
        self.last |= {feed: asked[-1] for feed, asked in self.by.items()}
        self.by.clear()
        self.validators.clear()
        for times in self.times.values():
            del times[:-1]

    def pass_over_one(self, poller: str, heir: str) -> None:
        """Forget the first request of a chapter for each feed that was the poller's, and is another's since."""
        for feed, asked in self.by.items():
            if asked[:2] == [poller, heir]:
                del asked[0], self.times[feed][-len(asked) - 1]

    def told(self, feed: str) -> str:
        """Who asked for a feed, and when, as the clock of the pollers' logs has it."""
        begun = datetime.now(UTC) - timedelta(seconds=time.monotonic())
        times = self.times[feed][-len(self.by[feed]) :]
        turns = (
            f"{begun + timedelta(seconds=at):%H:%M:%S.%f} {who}" for at, who in zip(times, self.by[feed], strict=True)
        )
        return f"{feed}: {', '.join(turns)}"

    def silences(self) -> list[float]:
        """Seconds that each feed was not asked at the longest, in order."""
        return sorted(max((b - a for a, b in pairwise(times)), default=0.0) for times in self.times.values())

    def settled(self, *pollers: str) -> bool:
        """Whether each feed was asked for twice by one of these, and each of these has its part of them."""
        ends = [asked[-2:] for asked in list(self.by.values())]  # copied: `until` asks from another thread
        if len(ends) < FEEDS or any(len(set(end)) > 1 or len(end) < 2 for end in ends):
            return False
        parts = Counter(end[0] for end in ends)
        return set(parts) == set(pollers) and min(parts.values()) >= PART

    def turns(self) -> dict[str, list[str]]:
        """The pollers of each feed, one after the other; two who ask in turn would be seen."""
        return {feed: [poller for poller, _ in groupby(asked)] for feed, asked in self.by.items()}


class Process:
    """`counterclaim poll`, with a name that its requests carry."""

    def __init__(self, name: str, bootstrap: str, config: Path) -> None:
        self.name, self._config = name, config
        self.log = config.parent / f"{name}.log"
        kept = {key: value for key, value in os.environ.items() if not key.startswith("COUNTERCLAIM_")}
        self._env = kept | {"COUNTERCLAIM_KAFKA": bootstrap, "COUNTERCLAIM_POLL_CONTACT": name}
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "pipeline", "poll", "--config", str(self._config),
                env=self._env, stdout=log, stderr=log,
            )  # fmt: skip

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    async def ended(self) -> int:
        """Wait for its end."""
        assert self._process is not None
        return await self._process.wait()

    async def kill(self) -> None:
        """Make sure that it is gone."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


def write_config(folder: Path, urls: list[str]) -> Path:
    """Feeds that are polled every two seconds."""
    folder.mkdir()
    poll = {
        "allow_private": True,
        "interval_seconds": 3,
        "floor_seconds": 3,
        "slowest_seconds": 3,
        "session_timeout_seconds": 6,
        "parsers": 1,
    }
    (folder / "counterclaim.yaml").write_text(
        yaml.safe_dump(
            {
                "poll": poll,
                "metrics": {"poll_port": 0},
                "rules_dir": str(shipped("config") / "rules"),
                "outlets_file": str(shipped("config") / "outlets.yaml"),
            }
        )
    )
    fields = {"outlet": "Paper", "owner": "Paper", "country": "GB", "language": "en"}
    (folder / "feeds.yaml").write_text(yaml.safe_dump({"feeds": [{"url": url} | fields for url in urls]}))
    return folder


@dataclass
class World:
    """The server's record, and how to make pollers."""

    asked: Asked
    make: Callable[[str], Process]
    bootstrap: str
    config: Path
    urls: list[str]

    def only_moves(self, stay: set[str], moves: set[tuple[str, str]]) -> None:
        """In this chapter a feed was polled by one of those who stay, or it moved once, in one of these ways."""
        allowed = {(poller,) for poller in stay} | moves
        others = [feed for feed, turns in self.asked.turns().items() if tuple(turns) not in allowed]
        assert not others, "\n".join([*(self.asked.told(feed) for feed in others), *map(str, self.memberships())])

    def memberships(self) -> list[str]:
        """What the pollers said of being given and losing partitions, in its order."""
        words = ("taken", "given up", "membership", "Successfully joined")
        lines = [line for log in self.config.parent.glob("*.log") for line in log.read_text().splitlines()]
        return sorted(line for line in lines if any(word in line for word in words))


@pytest.fixture
async def world(topics_ready: str, tmp_path: Path) -> AsyncIterator[World]:
    """Feeds on a server, no poller yet; none is left running."""
    asked, made = Asked(), []
    async with serving(asked, host="0.0.0.0") as site:
        port = urlsplit(site.url).port
        urls = [f"http://127.0.1.{1 + number % HOSTS}:{port}/{number}" for number in range(FEEDS)]
        config = write_config(tmp_path / "config", urls)

        def make(name: str) -> Process:
            made.append(Process(name, topics_ready, config))
            return made[-1]

        try:
            yield World(asked, make, topics_ready, config, urls)
        finally:
            for process in made:
                await process.kill()


@asynccontextmanager
async def chapter(world: World, title: str, *pollers: Process) -> AsyncIterator[None]:
    """What happens in the block moves feeds; it ends when each of these pollers, and nobody else, has its share."""
    world.asked.forget()
    began = time.monotonic()
    yield
    names = [poller.name for poller in pollers]
    logs = "\n".join(poller.log.read_text()[-1500:] for poller in pollers)
    await until(lambda: world.asked.settled(*names), f"not all feeds are polled by {names}:\n{logs}")
    moved = sum(asked[-1] != world.asked.last.get(feed) for feed, asked in world.asked.by.items())
    silences = world.asked.silences()
    print(
        f"{title:>10}: {moved:3} feeds move, settled after {time.monotonic() - began:4.1f} s; "
        f"silent {silences[len(silences) // 2]:.1f} s in the median, {silences[-1]:.1f} s at most"
    )


async def leave_stale_states(world: World) -> None:
    """What a poller may still write that has lost its feeds and does not know it yet: states of an older generation."""
    now = datetime.now(UTC)
    old = FeedState(
        url="",
        last_poll=now,
        next_poll=now,
        last_full_fetch=now,
        reason="",
        outcome="changed",
        etag=STALE,
        generation=0,
    )
    async with Publisher([world.bootstrap]) as publisher:
        sends = []
        for url in world.urls:
            state = msgspec.structs.replace(old, url=url, validated_url=url)
            place = partition_of(url, MIN_PARTITIONS)
            sends.append(publisher.send(FEED_STATE, encode(state), key=url.encode(), partition=place))
        await asyncio.gather(*sends)


@pytest.mark.timeout(400)
async def test_feeds_move_between_pollers_and_none_is_asked_by_two(world: World) -> None:
    """Each change moves feeds, only once and only where it must: one joins, one leaves, one is killed, one is started
    in its place, one is stopped for longer than its session and comes back.

    At the last change the heirs find states of an older generation behind the true ones, and do not believe them.
    """
    one, two, three, four = map(world.make, ("one", "two", "three", "four"))
    async with chapter(world, "start", one, two):
        await one.start()
        await two.start()
    assert all(len(turns) <= 2 for turns in world.asked.turns().values())

    async with chapter(world, "join", one, two, three):
        await three.start()
    world.only_moves({"one", "two", "three"}, {("one", "three"), ("two", "three")})

    async with chapter(world, "kill -9", one, three):
        two.send(signal.SIGKILL)
        await two.ended()
    world.only_moves({"one", "three"}, {("two", "one"), ("two", "three")})

    async with chapter(world, "join", one, three, four):
        await four.start()
    world.only_moves({"one", "three", "four"}, {("one", "four"), ("three", "four")})

    async with chapter(world, "SIGTERM", three, four):
        one.send(signal.SIGTERM)
        assert await one.ended() == 0
    world.only_moves({"three", "four"}, {("one", "three"), ("one", "four")})

    async with chapter(world, "SIGSTOP", three):
        four.send(signal.SIGSTOP)
    world.only_moves({"three"}, {("four", "three")})

    async with chapter(world, "SIGCONT", three, four):
        four.send(signal.SIGCONT)
    world.asked.pass_over_one("four", "three")  # it was about to be sent when its sender was stopped
    world.only_moves({"three", "four"}, {("three", "four")})  # it asks nothing before the group gave it something again

    await leave_stale_states(world)
    async with chapter(world, "SIGTERM", three):
        four.send(signal.SIGTERM)
        assert await four.ended() == 0
    world.only_moves({"three"}, {("four", "three")})
    assert world.asked.validators == {TAG}
