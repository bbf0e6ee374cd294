"""Real `counterclaim worker` processes, and what the topics say about their work."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from pipeline.kafka import Follower, Message, Publisher
from pipeline.ready import READY_FILE
from pipeline.records import ArticleBatch, encode
from pipeline.resources import shipped
from pipeline.topics import ARTICLES_RAW

PATIENCE = 60.0
"""Seconds that a test waits for something that must happen, on a busy machine."""

POLL = 0.05
"""Seconds between two looks at a state that nothing announces."""


class Worker:
    """One worker process with its own data directory, log and metrics port; ``verb`` makes it another of our apps."""

    def __init__(
        self,
        bootstrap: str,
        directory: Path,
        *,
        store: str = "rocksdb",
        app_id: str = "counterclaim",
        config: Path | None = None,
        verb: str = "worker",
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.directory, self._verb = directory, verb
        self._config = config or shipped("config")
        directory.mkdir(parents=True, exist_ok=True)
        self._ready_file = directory / "ready.json"
        self._env = os.environ | {
            "COUNTERCLAIM_KAFKA": bootstrap,
            "COUNTERCLAIM_WORKER_STORE": store,
            "COUNTERCLAIM_WORKER_APP_ID": app_id,
            "COUNTERCLAIM_WORKER_DATA_DIR": str(directory / "table"),
            "COUNTERCLAIM_WORKER_SESSION_TIMEOUT_SECONDS": "6",
            "COUNTERCLAIM_METRICS_WORKER_PORT": "0",
            "COUNTERCLAIM_METRICS_DELIVER_PORT": "0",
            "COUNTERCLAIM_ALERTS_DATA_DIR": str(directory / "table"),
            "COUNTERCLAIM_LOG_LEVEL": "warning",
            READY_FILE: str(self._ready_file),
            **(env or {}),
        }
        self._process: asyncio.subprocess.Process | None = None

    @property
    def log(self) -> str:
        """What it wrote so far."""
        return (self.directory / "worker.log").read_text(errors="replace")

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start the process; `ready` waits for it."""
        self._ready_file.unlink(missing_ok=True)
        with (self.directory / "worker.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "agents", self._verb, "--config", str(self._config),
                env=self._env, stdout=log, stderr=log,
            )  # fmt: skip

    async def ready(self) -> None:
        """Wait until it has its partitions and its tables."""
        assert self._process is not None
        process = self._process

        def announced_or_dead() -> bool:
            assert process.returncode is None, f"the worker ended with {process.returncode}:\n{self.log[-3000:]}"
            return self._ready_file.exists()

        await until(announced_or_dead, f"the worker is not ready:\n{self.log[-3000:]}")

    def metric(self, name: str) -> float:
        """The sum over all series of one metric."""
        address = json.loads(self._ready_file.read_text())["metrics"]
        with urllib.request.urlopen(address, timeout=10) as page:
            lines = page.read().decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.split("{")[0].split(" ")[0] == name)

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it, and wait until it has ended; its exit code."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(how)
        return await asyncio.wait_for(self._process.wait(), PATIENCE)


@asynccontextmanager
async def workers(*those: Worker) -> AsyncIterator[None]:
    """Whatever happens in the test, none of them is left running."""
    try:
        yield
    finally:
        for worker in those:
            if worker._process is not None:
                await worker.stop(signal.SIGKILL)


async def until(condition: Callable[[], bool], otherwise: str, seconds: float = PATIENCE) -> None:
    """Wait for a state that nothing announces; fails with ``otherwise`` after the bound."""
    end = asyncio.get_running_loop().time() + seconds
    while not await asyncio.to_thread(condition):
        assert asyncio.get_running_loop().time() < end, otherwise
        await asyncio.sleep(POLL)


class Collector:
    """Follows topics from their beginning, and counts the keys that a function of each topic finds in its records."""

    def __init__(self, bootstrap: str, topics: Mapping[str, Callable[[bytes], Sequence[str]]]) -> None:
        self._follower = Follower([bootstrap], list(topics), from_beginning=True)
        self._keys = topics
        self.messages: dict[str, list[Message]] = {topic: [] for topic in topics}
        self.seen: dict[str, Counter[str]] = {topic: Counter() for topic in topics}
        self._task: asyncio.Task[None] | None = None
        self._more = asyncio.Event()

    async def __aenter__(self) -> Collector:
        await self._follower.start()
        self._task = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._follower.stop()
        assert self._task is not None
        await self._task
        await self._follower.close()

    async def _read(self) -> None:
        async for message in self._follower:
            self.messages[message.topic].append(message)
            self.seen[message.topic].update(self._keys[message.topic](message.value or b""))
            self._more.set()

    async def until(self, condition: Callable[[], bool], otherwise: Callable[[], str]) -> None:
        """Wait, at each new record, for a condition."""
        end = asyncio.get_running_loop().time() + PATIENCE
        while not condition():
            self._more.clear()
            left = end - asyncio.get_running_loop().time()
            try:
                await asyncio.wait_for(self._more.wait(), max(left, 0))
            except TimeoutError:
                raise AssertionError(otherwise()) from None


async def publish(bootstrap: str, batches: Sequence[ArticleBatch]) -> None:
    """Put batches on `articles.raw`, all acknowledged when this returns."""
    async with Publisher([bootstrap]) as publisher:
        await asyncio.gather(
            *(publisher.send(ARTICLES_RAW, encode(batch), key=batch.key.encode()) for batch in batches)
        )
