"""Real `counterclaim archive run` processes on a real broker, for whatever database."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import urllib.request
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, func, select

from pipeline.archive import tables
from pipeline.kafka import Message, Publisher
from pipeline.ready import READY_FILE
from pipeline.resources import shipped
from tests.archive_suite import content, empty, put
from tests.archived import Topics, story_log
from tests.articles import NOON
from tests.integration.workers import PATIENCE, until


class Archiver:
    """One process."""

    def __init__(self, bootstrap: str, directory: Path, url: str, *, batch: int = 20) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory, self._ready = directory, directory / "ready.json"
        self._env = {name: value for name, value in os.environ.items() if not name.startswith("COUNTERCLAIM_")} | {
            "COUNTERCLAIM_CONFIG": str(shipped("config")),
            "COUNTERCLAIM_KAFKA": bootstrap,
            "COUNTERCLAIM_ARCHIVE_URL": url,
            "COUNTERCLAIM_ARCHIVE_BATCH": str(batch),
            "COUNTERCLAIM_ARCHIVE_SESSION_TIMEOUT_SECONDS": "6",
            "COUNTERCLAIM_METRICS_ARCHIVE_PORT": "0",
            READY_FILE: str(self._ready),
        }
        self.process: asyncio.subprocess.Process | None = None

    @property
    def log(self) -> str:
        """What it wrote so far."""
        return (self._directory / "log").read_text(errors="replace")

    async def start(self) -> None:
        """Start it."""
        self._ready.unlink(missing_ok=True)
        with (self._directory / "log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "pipeline", "archive", "run", env=self._env, stdout=log, stderr=log
            )

    async def ready(self) -> None:
        """Wait until it has announced itself."""
        assert self.process is not None
        process = self.process

        def announced() -> bool:
            assert process.returncode is None, f"it ended with {process.returncode}:\n{self.log[-3000:]}"
            return self._ready.exists()

        await until(announced, "it is not ready")

    def metric(self, name: str) -> float:
        """The sum over all series of a metric."""
        with urllib.request.urlopen(json.loads(self._ready.read_text())["metrics"], timeout=10) as page:
            lines = page.read().decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.split("{")[0].split(" ")[0] == name)

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it; its exit code."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(how)
        return await asyncio.wait_for(self.process.wait(), PATIENCE)


@asynccontextmanager
async def archivers(*those: Archiver) -> AsyncIterator[None]:
    """Whatever happens in the test, none of them is left running."""
    try:
        yield
    except AssertionError as error:
        logs = "\n".join(one.log[-3000:] for one in those)
        raise AssertionError(f"{error}\n{logs}") from error
    finally:
        for one in those:
            if one.process is not None:
                await one.stop(signal.SIGKILL)


async def publish(bootstrap: str, messages: Iterable[Message]) -> None:
    """Put these records on their topics, in their order."""
    async with Publisher([bootstrap]) as publisher:
        await asyncio.gather(
            *(
                publisher.send(one.topic, one.value, key=one.key, partition=one.partition)
                for one in messages
            )
        )  # fmt: skip


def long_log(stories: int, seed: int) -> Topics:
    """Many stories of today, and a fifth of all records again, as after a worker's death."""
    log = today(story_log(stories))
    chance = random.Random(seed)
    for message in chance.sample(log.messages, len(log.messages) // 5):
        log.again(message)
    return log


def today(log: Topics) -> Topics:
    """The same, as if it had happened yesterday: what is older than some weeks is not counted."""
    old, new = f"{NOON:%Y-%m-%d}T".encode(), f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}T".encode()
    return Topics([replace(one, value=one.value and one.value.replace(old, new)) for one in log.messages])


def rows(engine: Engine) -> int:
    """Rows of all kinds."""
    with engine.connect() as connection:
        return sum(
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (tables.articles, tables.threads, tables.thread_events, tables.alerts, tables.deliveries)
        )


def wanted(engine: Engine, messages: Sequence[Message]) -> dict[str, list[tuple[object, ...]]]:
    """What the tables should be: each record written once. The archive is empty before and after."""
    put(engine, messages)
    found = content(engine)
    empty(engine)
    return found
