"""`counterclaim poll` as a process, on a real broker, with feeds served over HTTP and parsed in worker processes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from aiohttp import web
from prometheus_client import CollectorRegistry

from pipeline.errors import PublishError
from pipeline.feeds.fetch import Fetcher
from pipeline.feeds.listing import partition_of
from pipeline.feeds.parser_pool import ParserPool
from pipeline.feeds.poll import UNPUBLISHED, Poller
from pipeline.feeds.state import load_states
from pipeline.feeds.tenure import Alone
from pipeline.kafka import Follower, Position, Publisher, end_offsets
from pipeline.metrics import Metrics
from pipeline.pages.share import load_past
from pipeline.ready import READY_FILE
from pipeline.records import ArticleBatch, batches
from pipeline.resources import shipped
from pipeline.settings.models import Feed, PollSettings
from pipeline.topics import ARTICLES_RAW, FEED_STATE
from tests.sites import Handler, serving

RSS = """<?xml version="1.0"?><rss version="2.0"><channel><title>{title}</title>{items}</channel></rss>"""
ITEM = "<item><title>{title}</title><link>{link}</link><description>About {title}.</description></item>"


class Paper:
    """A newspaper's RSS feed, with an ETag that follows its text."""

    def __init__(self, name: str, *titles: str) -> None:
        self.name, self.titles = name, list(titles)

    async def __call__(self, request: web.Request) -> web.Response:
        tag = f'"{len(self.titles)}"'
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers={"ETag": tag})
        items = "".join(
            ITEM.format(title=title, link=f"https://{self.name}.com/{number}")
            for number, title in enumerate(self.titles)
        )
        body = RSS.format(title=self.name, items=items)
        return web.Response(text=body, content_type="application/rss+xml", headers={"ETag": tag})


def paths(handlers: Mapping[str, Handler]) -> Handler:
    """One site for several feeds."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return await handlers[request.path](request)

    return answer


def listed(url: str, outlet: str) -> Feed:
    """A feed of the operator's list."""
    return Feed(url=url, outlet=outlet, owner=outlet, country="GB", language="en")


def write_config(folder: Path, feeds: list[Feed]) -> Path:
    """A configuration folder with these feeds and the shipped rules."""
    folder.mkdir(exist_ok=True)
    (folder / "counterclaim.yaml").write_text(
        yaml.safe_dump(
            {
                "poll": {"allow_private": True, "timeout_seconds": 20, "max_bytes": 100_000},
                "metrics": {"poll_port": 0},
                "rules_dir": str(shipped("config") / "rules"),
                "outlets_file": str(shipped("config") / "outlets.yaml"),
            }
        )
    )
    entries = [feed.model_dump(exclude_none=True) for feed in feeds]
    (folder / "feeds.yaml").write_text(yaml.safe_dump({"feeds": entries}))
    return folder


@dataclass
class Cluster:
    """The module's broker, and what this test finds on it."""

    bootstrap: str
    since: dict[tuple[str, int], int]

    async def articles(self) -> list[ArticleBatch]:
        """The batches on `articles.raw` since the test began, heartbeats left out."""
        return [batch for _, batch in await self._placed() if batch.heartbeat is None]

    async def titles(self) -> list[str]:
        """Of all articles since the test began."""
        return sorted(article.title for batch in await self.articles() for article in batch.articles)

    async def heartbeats(self) -> set[tuple[int, int | None]]:
        """(partition, what the record says about it) of the heartbeats since the test began."""
        return {
            (partition, batch.heartbeat) for partition, batch in await self._placed() if batch.heartbeat is not None
        }

    async def _all(self) -> list[ArticleBatch]:
        return [batch for _, batch in await self._placed()]

    async def _placed(self) -> list[tuple[int, ArticleBatch]]:
        ends = await asyncio.to_thread(end_offsets, [self.bootstrap], [ARTICLES_RAW])
        left = {place for place, end in ends.items() if end > self.since[place]}
        found: list[tuple[int, ArticleBatch]] = []
        if not left:
            return found
        async for message in Follower([self.bootstrap], [ARTICLES_RAW], from_beginning=True):
            place = (message.topic, message.partition)
            if message.offset >= self.since[place] and message.value is not None:
                found.append((message.partition, batches.decode(message.value)))
            if message.offset + 1 >= ends[place]:
                left.discard(place)
            if not left:
                break
        return found


@pytest.fixture
async def cluster(topics_ready: str) -> Cluster:
    """The broker with all topics."""
    return Cluster(topics_ready, await asyncio.to_thread(end_offsets, [topics_ready], [ARTICLES_RAW]))


def environment(cluster: Cluster, **more: str) -> dict[str, str]:
    """Of a process that uses the test's broker."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COUNTERCLAIM_")}
    return kept | {"COUNTERCLAIM_KAFKA": cluster.bootstrap} | more


async def spawn(*arguments: str, env: dict[str, str]) -> asyncio.subprocess.Process:
    """`counterclaim poll …`."""
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pipeline", "poll", *arguments, env=env, stdout=pipe, stderr=pipe
    )


async def poll_once(cluster: Cluster, config: Path) -> dict[str, Any]:
    """`counterclaim poll --once --json`: what it printed."""
    process = await spawn("--once", "--json", "--config", str(config), env=environment(cluster))
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    found: dict[str, Any] = json.loads(out)
    return found


async def test_articles_reach_the_log_and_a_restart_asks_nothing_early(cluster: Cluster, tmp_path: Path) -> None:
    """Two papers among feeds that fail: all articles, keyed by domain; the second run finds nothing due."""

    async def missing(_request: web.Request) -> web.Response:
        return web.Response(status=404)

    async def garbage(_request: web.Request) -> web.Response:
        return web.Response(body=b"\x00\x01 this is no feed")

    async def huge(_request: web.Request) -> web.Response:
        return web.Response(body=bytes(200_000))

    handlers: dict[str, Handler] = {
        "/herald": Paper("herald", "Mayor opens bridge", "Ministry denies leak"),
        "/courier": Paper("courier", "Harvest is late"),
        "/missing": missing,
        "/garbage": garbage,
        "/huge": huge,
    }
    async with serving(paths(handlers)) as site:
        config = write_config(tmp_path / "config", [listed(site.url + path, path.strip("/")) for path in handlers])
        first = await poll_once(cluster, config)
        second = await poll_once(cluster, config)
    no_pages = {"pages": {}, "pages_left": 0}
    outcomes = {"changed": 2, "hard": 2, "soft": 1}
    assert first == {"polls": 5, "outcomes": outcomes, "items": 3, "new": 3, "not_due": 0} | no_pages
    assert second == {"polls": 0, "outcomes": {}, "items": 0, "new": 0, "not_due": 5} | no_pages
    assert len(site.requests) == 5
    found = await cluster.articles()
    assert {batch.key: [article.title for article in batch.articles] for batch in found} == {
        "herald.com": ["Mayor opens bridge", "Ministry denies leak"],
        "courier.com": ["Harvest is late"],
    }
    states = await asyncio.to_thread(load_states, [cluster.bootstrap])
    assert states[f"{site.url}/herald"].etag == '"2"'


async def test_the_state_of_the_feeds_is_shown(cluster: Cluster, tmp_path: Path) -> None:
    """`feeds status` puts first what needs somebody; `feeds show` says why; a feed that is not listed is said so."""

    async def missing(_request: web.Request) -> web.Response:
        return web.Response(status=404)

    async with serving(paths({"/good": Paper("good", "Harvest is late"), "/lost": missing})) as site:
        config = write_config(tmp_path / "config", [listed(f"{site.url}/{name}", name) for name in ("good", "lost")])
        await poll_once(cluster, config)

    async def feeds(*arguments: str) -> tuple[int | None, str, str]:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "pipeline", "feeds", *arguments, "--config", str(config),
            env=environment(cluster), stdout=pipe, stderr=pipe,
        )  # fmt: skip
        out, err = await process.communicate()
        return process.returncode, out.decode(), err.decode()

    code, out, _ = await feeds("status", "--json")
    assert code == 0
    assert [(one["outlet"], one["health"], one["failures"]) for one in json.loads(out)] == [
        ("lost", "failing", 1),
        ("good", "ok", 0),
    ]
    code, out, _ = await feeds("status", "--failing")
    assert "HTTP 404" in out
    assert "good" not in out
    code, out, _ = await feeds("show", f"{site.url}/good")
    assert "the default interval" in out
    code, _, err = await feeds("show", f"{site.url}/other")
    assert (code, "no such feed is listed" in err) == (2, True)


class Dying(Publisher):
    """A publisher whose process dies in the moment before the state of a poll is written."""

    async def send(self, topic: str, *args: Any, **more: Any) -> Position:
        """Die, or send."""
        if topic == FEED_STATE:
            raise PublishError(topic, "killed")
        return await super().send(topic, *args, **more)


async def test_a_death_between_articles_and_state_loses_nothing(cluster: Cluster) -> None:
    """The next start fetches whole and publishes again: twice is right, never is not."""
    async with serving(Paper("evening", "One", "Two")) as site:
        feeds = [listed(site.url, "evening")]
        for publisher, outcome in (
            (Dying([cluster.bootstrap]), UNPUBLISHED),
            (Publisher([cluster.bootstrap]), "changed"),
        ):
            async with (
                publisher,
                Fetcher(settings := PollSettings(allow_private=True)) as fetcher,
                ParserPool(1) as pool,
            ):
                states = await asyncio.to_thread(load_states, [cluster.bootstrap])
                poller = Poller(
                    settings,
                    feeds,
                    states,
                    fetcher=fetcher,
                    parser=pool,
                    publisher=publisher,
                    metrics=Metrics(CollectorRegistry()),
                    tenure=Alone(4),
                )
                assert (await poller.run_once(asyncio.Event())).outcomes == {outcome: 1}
    assert await cluster.titles() == ["One", "One", "Two", "Two"]
    found = await cluster.articles()
    assert len({article.id for batch in found for article in batch.articles}) == 2


@asynccontextmanager
async def polling(
    cluster: Cluster, config: Path, folder: Path
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A running `counterclaim poll` that has announced itself, and the address of its metrics."""
    ready = folder / "poller.ready"
    ready.unlink(missing_ok=True)
    process = await spawn("--config", str(config), env=environment(cluster, **{READY_FILE: str(ready)}))
    assert process.stderr is not None
    try:
        async for line in process.stderr:
            if b'"event": "ready"' in line:
                break
        yield process, json.loads(ready.read_text())["metrics"]
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def until(happened: Callable[[], Awaitable[bool]]) -> None:
    """Ask, within a bound, until it is so; each question is a round trip to a real process."""
    async with asyncio.timeout(30):
        while not await happened():
            pass


async def test_a_killed_poller_loses_nothing(cluster: Cluster, tmp_path: Path) -> None:
    """kill -9 while one feed's articles are acknowledged and another's server still talks: the next run has both."""
    asked, go_on = asyncio.Event(), asyncio.Event()
    slow_paper = Paper("slowpost", "Late news")

    async def slow(request: web.Request) -> web.Response:
        asked.set()
        await go_on.wait()
        return await slow_paper(request)

    async with serving(paths({"/quick": Paper("quickpost", "Early news"), "/slow": slow})) as site:
        feeds = [listed(f"{site.url}/quick", "quickpost"), listed(f"{site.url}/slow", "slowpost")]
        config = write_config(tmp_path / "config", feeds)

        async def quick_is_kept() -> bool:
            return feeds[0].url in await asyncio.to_thread(load_states, [cluster.bootstrap])

        async with polling(cluster, config, tmp_path) as (process, _):
            await asked.wait()
            await until(quick_is_kept)
            process.send_signal(signal.SIGKILL)
            await process.wait()
        go_on.set()
        again = await poll_once(cluster, config)
    assert (again["outcomes"], again["not_due"]) == ({"changed": 1}, 1)
    assert await cluster.titles() == ["Early news", "Late news"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
async def test_a_running_poller_measures_beats_and_stops_on_a_signal(
    cluster: Cluster, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """Metrics answer, each partition had its heartbeat, and a signal ends it cleanly."""
    async with serving(Paper("morning", f"News of {number.name}")) as site:
        config = write_config(tmp_path / "config", [listed(f"{site.url}/{number.name}", "morning")])
        async with polling(cluster, config, tmp_path) as (process, metrics), aiohttp.ClientSession() as session:

            async def measured() -> bool:
                async with session.get(metrics) as answer:
                    return 'counterclaim_polls_total{outcome="changed"} 1.0' in await answer.text()

            await until(measured)
            process.send_signal(number)
            assert await process.wait() == code
    assert await cluster.titles() == [f"News of {number.name}"]
    assert await cluster.heartbeats() == {(partition, partition) for partition in range(4)}


async def test_the_pages_of_a_feed_that_wants_them_come_back_as_revisions(cluster: Cluster, tmp_path: Path) -> None:
    """The feed's short text, then the page's, without its furniture; and it is remembered that the page was visited."""
    story = (Path(__file__).parents[1] / "fixtures" / "articles" / "harbour.html").read_bytes()

    async def feed(request: web.Request) -> web.Response:
        link = f"http://{request.host}/story"
        body = RSS.format(title="Harbour", items=ITEM.format(title="Minister denies taking harbour money", link=link))
        return web.Response(text=body, content_type="application/rss+xml")

    async def page(_request: web.Request) -> web.Response:
        return web.Response(body=story, content_type="text/html", charset="utf-8")

    async def robots(_request: web.Request) -> web.Response:
        return web.Response(text="User-agent: *\nDisallow: /private")

    handlers: dict[str, Handler] = {"/rss": feed, "/story": page, "/robots.txt": robots}

    def counted(outcome: str) -> str:
        return f'counterclaim_pages_total{{outcome="{outcome}"}} 1.0'

    async with serving(paths(handlers)) as site:
        wanted = listed(f"{site.url}/rss", "harbour").model_copy(update={"full_text": "always"})
        config = write_config(tmp_path / "config", [wanted])
        async with polling(cluster, config, tmp_path) as (process, metrics), aiohttp.ClientSession() as session:

            async def published() -> bool:
                async with session.get(metrics) as answer:
                    return counted("published") in await answer.text()

            await until(published)
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
        home = partition_of(site.url, 4)
        past = await asyncio.to_thread(load_past, [cluster.bootstrap], [home])
        assert set(past[home].done) >= {article.id for batch in await cluster.articles() for article in batch.articles}
        assert [len(site.asked(path)) for path in ("/rss", "/robots.txt", "/story")] == [1, 1, 1]
    short, whole = [article for batch in await cluster.articles() for article in batch.articles]
    assert (short.id, short.domain, short.text_source) == (whole.id, whole.domain, "feed")
    assert (whole.text_source, whole.authors, whole.published_source) == (
        "page",
        ("Mara Lindqvist", "Tomas Okoye"),
        "page",
    )
    assert "Mayor accuses rival" not in whole.body
    assert whole.body.startswith("The minister of ports, Ilse Varga, on Tuesday denied")


async def test_a_round_by_hand_visits_the_pages_that_it_asks_for(cluster: Cluster, tmp_path: Path) -> None:
    """After its polls; what the host does not have is refused, and the next round has nothing left to visit."""
    story = (Path(__file__).parents[1] / "fixtures" / "articles" / "harbour.html").read_bytes()

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/story":
            return web.Response(body=story, content_type="text/html", charset="utf-8")
        if request.path != "/rss":
            return web.Response(status=404)
        links = (f"http://{request.host}/{name}" for name in ("story", "lost"))
        items = "".join(ITEM.format(title=f"Minister denies {link}", link=link) for link in links)
        return web.Response(text=RSS.format(title="Harbour", items=items), content_type="application/rss+xml")

    async with serving(answer, host="127.0.0.3") as site:
        wanted = listed(f"{site.url}/rss", "harbour").model_copy(update={"full_text": "always"})
        config = write_config(tmp_path / "config", [wanted])
        first, second = await poll_once(cluster, config), await poll_once(cluster, config)
        assert (first["new"], first["pages"], first["pages_left"]) == (2, {"published": 1, "refused": 1}, 0)
        assert (second["not_due"], second["pages"], second["pages_left"]) == (1, {}, 0)
        assert [len(site.asked(path)) for path in ("/rss", "/robots.txt", "/story", "/lost")] == [1, 1, 1, 1]
    sources = [article.text_source for batch in await cluster.articles() for article in batch.articles]
    assert sorted(sources) == ["feed", "feed", "page"]


async def test_without_a_broker_it_says_so(tmp_path: Path, cluster: Cluster) -> None:
    """One sentence and exit code 3."""
    config = write_config(tmp_path / "config", [listed("http://127.0.0.1:9/feed", "nobody")])
    env = environment(cluster) | {"COUNTERCLAIM_KAFKA": "127.0.0.1:9"}
    process = await spawn("--once", "--config", str(config), env=env)
    _, err = await process.communicate()
    assert process.returncode == 3
    assert b"counterclaim: no Kafka broker answered at 127.0.0.1:9" in err
    assert b"Traceback" not in err
