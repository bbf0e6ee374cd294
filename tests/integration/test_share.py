"""Pollers that divide the feeds among them: real processes on a real broker, 300 feeds of 60 hosts on a local server.

Every request tells by its User-Agent which poller made it. Moves are judged by the order of the requests for each feed:
once another poller has asked, the one before must not ask again.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from aiohttp import web

from pipeline.resources import shipped
from tests.integration.workers import until
from tests.sites import serving

FEEDS = 300
HOSTS = 60
TAG = '"same"'
BODY = """<rss version="2.0"><channel><title>t</title><item><title>News</title><link>https://paper.com{path}</link></item>
</channel></rss>"""


@dataclass
class Asked:
    """Who asked for which feed, in order."""

    by: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Pollers by feed."""

    async def __call__(self, request: web.Request) -> web.Response:
        """Remember who asked; a body at first, then 304."""
        agent = request.headers["User-Agent"]
        self.by[f"{request.url.host}{request.path}"].append(agent[agent.index("+") + 1 : -1])
        if request.headers.get("If-None-Match") == TAG:
            return web.Response(status=304, headers={"ETag": TAG})
        return web.Response(text=BODY.format(path=request.path), headers={"ETag": TAG})

    def forget(self) -> None:
        """Begin a new chapter."""
        self.by.clear()

    def pollers(self) -> set[str]:
        """Who asked for anything."""
        return {poller for asked in self.by.values() for poller in asked}

    def all_asked(self, *pollers: str, times: int = 2) -> bool:
        """Whether each feed was asked for so often, last by one of these, and each of these asked for something."""
        if len(self.by) < FEEDS or not self.pollers() >= set(pollers):
            return False
        return all(len(asked) >= times and set(asked[-times:]) <= set(pollers) for asked in self.by.values())

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
async def chapter(world: World, *pollers: Process) -> AsyncIterator[None]:
    """What happens in the block moves feeds; it ends when each of these pollers, and nobody else, has its share."""
    world.asked.forget()
    yield
    names = [poller.name for poller in pollers]
    logs = "\n".join(poller.log.read_text()[-1500:] for poller in pollers)
    await until(lambda: world.asked.all_asked(*names), f"not all feeds are polled by {names}:\n{logs}")


@pytest.mark.timeout(400)
async def test_feeds_move_between_pollers_and_none_is_asked_by_two(world: World) -> None:
    """One joins, one leaves, one is killed, one is stopped and comes back: each time its feeds move, and only once."""
    one, two, three, four = map(world.make, ("one", "two", "three", "four"))
    async with chapter(world, one, two):
        await one.start()
        await two.start()
    assert all(len(turns) <= 2 for turns in world.asked.turns().values())

    async with chapter(world, one, two, three):
        await three.start()
    moved = {tuple(turns) for turns in world.asked.turns().values()}
    assert moved <= {("one",), ("two",), ("three",), ("one", "three"), ("two", "three")}

    async with chapter(world, two, three):
        one.send(signal.SIGTERM)
        assert await one.ended() == 0
    moved = {tuple(turns) for turns in world.asked.turns().values()}
    assert moved <= {("two",), ("three",), ("one", "two"), ("one", "three")}

    async with chapter(world, two):
        three.send(signal.SIGKILL)
        await three.ended()
    assert {tuple(turns) for turns in world.asked.turns().values()} <= {("two",), ("three", "two")}

    async with chapter(world, two, four):
        await four.start()
    assert {tuple(turns) for turns in world.asked.turns().values()} <= {("two",), ("four",), ("two", "four")}

    async with chapter(world, two):
        four.send(signal.SIGSTOP)
    assert {tuple(turns) for turns in world.asked.turns().values()} <= {("two",), ("four", "two")}

    async with chapter(world, two, four):
        four.send(signal.SIGCONT)
    # It asks for nothing before the group has given it something again.
    assert {tuple(turns) for turns in world.asked.turns().values()} <= {("two",), ("four",), ("two", "four")}
