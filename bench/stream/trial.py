"""One run of one contender on a broker of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from bench.stream.articles import polls
from bench.stream.contender import command
from pipeline.broker import open_broker
from pipeline.kafka import apply_topics
from pipeline.records import Article, encode
from pipeline.resources import shipped
from pipeline.topics import ARTICLES_FRESH, ARTICLES_RAW, FLAGS, topics

IDLE_SECONDS = 60.0
"""Without an output for so long, what is missing is lost."""
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Job:
    """What every contender gets. ``flagged``: ids of the articles that the rules flag."""

    warm_up: Sequence[Article]
    main: Sequence[Article]
    flagged: frozenset[str]


@dataclass(frozen=True)
class Result:
    """One run: articles (with repeats) that went in, CPU seconds of the worker, articles that did not come out."""

    name: str
    batch: int
    articles: int
    user_seconds: float
    system_seconds: float
    wall_seconds: float
    lost: int

    @property
    def microseconds(self) -> float:
        """CPU time an article."""
        return 1e6 * (self.user_seconds + self.system_seconds) / self.articles


class Output:
    """Follows the topic that a contender writes last, and knows which articles have come out."""

    def __init__(self, bootstrap: str, topic: str, ids: Callable[[bytes], Collection[str]]) -> None:
        self.consumer = AIOKafkaConsumer(
            topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest", fetch_max_wait_ms=50
        )
        self.ids = ids
        self.seen: Counter[str] = Counter()

    async def wait_for(self, wanted: Collection[str]) -> int:
        """Read until all of these came; returns how many did not before the topic fell silent."""
        with suppress(TimeoutError):
            while missing := [one for one in wanted if one not in self.seen]:
                async with asyncio.timeout(IDLE_SECONDS):
                    self.seen.update(self.ids((await self.consumer.getone()).value))
                if len(missing) > 1:
                    await self._drain()
        return sum(one not in self.seen for one in wanted)

    async def _drain(self) -> None:
        for records in (await self.consumer.getmany(timeout_ms=0)).values():
            for record in records:
                self.seen.update(self.ids(record.value))


def flagged_id(value: bytes) -> list[str]:
    """The article of a record of `flags`, whoever wrote it."""
    return [json.loads(value)["article"]["id"]]


def fresh_ids(value: bytes) -> list[str]:
    """The articles of a record of `articles.fresh`: a batch, or one article of the tutorial."""
    found = json.loads(value)
    return [article["id"] for article in found["articles"]] if "articles" in found else [found["id"]]


async def run(name: str, batch: int, job: Job, directory: Path) -> Result:
    """Warm up, stop the worker, fill the topic, let it go, and take the time until the last article is out."""
    async with open_broker("embedded", port=0, data_dir=directory / "kafka") as broker:
        await asyncio.to_thread(apply_topics, [broker.bootstrap], topics())
        last = (ARTICLES_FRESH, fresh_ids) if name == "forward only" else (FLAGS, flagged_id)
        output = Output(broker.bootstrap, *last)
        await output.consumer.start()
        worker = await _start(name, broker.bootstrap, directory)
        try:
            await _publish(broker.bootstrap, _records(name, job.warm_up, batch))
            assert await output.wait_for(_wanted(name, job.warm_up, job)) == 0, f"{name} does not start"
            result = await _main_run(name, batch, job, broker.bootstrap, worker, output)
        finally:
            worker.send_signal(signal.SIGCONT)
            worker.kill()
            await worker.wait()
            await output.consumer.stop()
    return result


async def _main_run(
    name: str, batch: int, job: Job, bootstrap: str, worker: asyncio.subprocess.Process, output: Output
) -> Result:
    records = _records(name, job.main, batch)
    worker.send_signal(signal.SIGSTOP)
    await _publish(bootstrap, records)
    (user, system), started = _cpu_seconds(worker.pid), asyncio.get_running_loop().time()
    worker.send_signal(signal.SIGCONT)
    lost = await output.wait_for(_wanted(name, job.main, job))
    wall = asyncio.get_running_loop().time() - started
    user_end, system_end = _cpu_seconds(worker.pid)
    if name in ("ours", "ours, all stages", "tutorial"):
        lost += await _lost_between(bootstrap, job)
    count = sum(count for _, _, count in records)
    return Result(name, batch, count, user_end - user, system_end - system, wall, lost)


async def _lost_between(bootstrap: str, job: Job) -> int:
    """Articles that are not on the topic between the stages, where each one must be."""
    between = Output(bootstrap, ARTICLES_FRESH, fresh_ids)
    async with between.consumer:
        return await between.wait_for({article.id for article in job.main})


def _wanted(name: str, articles: Sequence[Article], job: Job) -> set[str]:
    ids = {article.id for article in articles}
    return ids if name == "forward only" else ids & job.flagged


def _records(name: str, articles: Sequence[Article], size: int) -> list[tuple[bytes, bytes, int]]:
    """Key, value and number of articles of each record; the tutorial's records are single articles."""
    brought = polls(articles, size)
    if name.startswith("tutorial"):
        plain = msgspec.json.Encoder()
        defaults = {"link": "", "feed": "", "outlet": "", "lead": "", "body": "", "language": ""}
        return [
            (batch.key.encode(), plain.encode(defaults | msgspec.to_builtins(article)), 1)
            for batch in brought
            for article in batch.articles
        ]
    return [(batch.key.encode(), encode(batch), len(batch.articles)) for batch in brought]


async def _publish(bootstrap: str, records: Sequence[tuple[bytes, bytes, int]]) -> None:
    async with AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", linger_ms=20, max_batch_size=131_072
    ) as producer:
        sent = [await producer.send(ARTICLES_RAW, value, key=key) for key, value, _ in records]
        await asyncio.gather(*sent)


async def _start(name: str, bootstrap: str, directory: Path) -> asyncio.subprocess.Process:
    config = shipped("config")
    env = os.environ | {
        "COUNTERCLAIM_KAFKA": bootstrap,
        "COUNTERCLAIM_WORKER_DATA_DIR": str(directory / "table"),
        "COUNTERCLAIM_WORKER_SESSION_TIMEOUT_SECONDS": "6",
        "COUNTERCLAIM_METRICS_WORKER_PORT": "0",
        "FAUST_DATADIR": str(directory / "faust"),
    }
    with (directory / "worker.log").open("wb") as log:
        return await asyncio.create_subprocess_exec(*command(name, bootstrap, config), env=env, stdout=log, stderr=log)


def _cpu_seconds(pid: int) -> tuple[float, float]:
    """User and system time of a process with all its threads: what os.times gives inside it (proc(5), stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) / TICKS, int(fields[12]) / TICKS
