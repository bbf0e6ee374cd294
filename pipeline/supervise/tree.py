"""The whole pipeline of one machine: a broker unless a cluster is named, the topics, and a process of each kind.

When the broker crashes, what follows depends on what it kept. Apache Kafka keeps its log: it is started again, and the
clients of the other processes find it by themselves. The embedded broker keeps nothing: the records, the committed
offsets and the feeds' states are gone, and a worker that goes on would hold positions in a log that no longer exists.
So everything is started again, in order, as at the first start; feeds are polled anew and nothing is missed that they
still carry. For the same reason worker and deliver on the embedded broker keep their tables in folders that live as
long as the log: older ones would know articles whose flags are gone, and stories as told.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from prometheus_client import CollectorRegistry

from pipeline.broker import Broker, Kind, open_broker
from pipeline.errors import ChildFailedError
from pipeline.kafka import Publisher, apply_topics
from pipeline.metrics import Metrics
from pipeline.sealing import Seals
from pipeline.settings.load import load_settings, load_subscriptions
from pipeline.settings.models import Settings
from pipeline.subscriptions.file import reconcile_file
from pipeline.supervise.child import ChildSpec, last_lines, speech_file
from pipeline.supervise.restart import Crash, GiveUp, decide_restart
from pipeline.supervise.supervisor import Say, Supervisor
from pipeline.topics import topics

CHILDREN: Final = (
    ChildSpec("poller", (sys.executable, "-m", "pipeline", "poll")),
    ChildSpec("worker", (sys.executable, "-m", "agents", "worker")),
    ChildSpec("deliver", (sys.executable, "-m", "agents", "deliver"), speaks=True),
    ChildSpec("archive", (sys.executable, "-m", "pipeline", "archive", "run")),
)
"""In the order in which they are stopped: nothing new comes in while the worker finishes, and the archive has it."""


class Tree:
    """Runs everything below one process; an asynchronous context manager.

    Settings come from the files in ``configuration_dir`` and from ``env``, which the children get too. ``broker``
    overrides the kind that the settings name. ``say`` takes sentences for the operator.
    """

    def __init__(
        self,
        configuration_dir: Path,
        env: Mapping[str, str],
        *,
        broker: Kind | None = None,
        log_dir: Path | None = None,
        metrics: Metrics | None = None,
        say: Say = lambda _: None,
        children: Sequence[ChildSpec] = CHILDREN,
    ) -> None:
        self.settings: Settings = load_settings(configuration_dir, env)
        self.log_dir = log_dir or self.settings.kafka.data_dir.parent / "logs"
        self.metrics = metrics or Metrics(CollectorRegistry())
        self.restarts: dict[str, int] = {}
        """Restarts of each child since the start."""
        self.bootstrap = ",".join(self.settings.kafka.bootstrap)
        self._directory, self._env, self._say, self._specs = configuration_dir, env, say, children
        self._kind: Kind = broker or self.settings.kafka.broker
        self._broker: Broker | None = None
        self._supervisor: Supervisor | None = None
        self._run_dir = Path()
        self._cleanup = contextlib.ExitStack()
        self._generation = 0

    @property
    def metrics_addresses(self) -> dict[str, str]:
        """Where each running child serves `/metrics`, by its name."""
        return dict(self._supervisor.metrics_addresses) if self._supervisor else {}

    @property
    def log_files(self) -> dict[str, Path]:
        """Where each child's output goes, by its name."""
        files = {spec.name: self.log_dir / f"{spec.name}.log" for spec in self._specs}
        return files | ({"broker": self._broker.log} if self._broker else {})

    @property
    def speech_files(self) -> dict[str, Path]:
        """Where children say what is for the operator, by their names; none before the start, which puts away what
        those of the run before said."""
        if self._supervisor is None:
            return {}
        return {spec.name: speech_file(self.log_dir / f"{spec.name}.log") for spec in self._specs if spec.speaks}

    async def start(self) -> None:
        """Start all; back when each child is ready.

        Raises:
            BrokerError, KafkaError: there is no broker to work with.
            ChildFailedError: a child keeps crashing.
        """
        try:
            self._run_dir = Path(self._cleanup.enter_context(tempfile.TemporaryDirectory(prefix="counterclaim-")))
            self._supervisor = Supervisor(
                self._specs, log_dir=self.log_dir, run_dir=self._run_dir, say=self._say, restarted=self._count
            )
            if not self.settings.kafka.bootstrap:
                await self._start_broker()
            await self._start_children()
        except BaseException:
            await self.stop()
            raise

    async def wait(self, stop: asyncio.Event) -> None:
        """Keep all running until ``stop`` is set.

        Raises:
            ChildFailedError: a child keeps crashing; the caller stops the tree.
        """
        stopped = asyncio.create_task(stop.wait())
        kept = asyncio.create_task(self._keep())
        try:
            await asyncio.wait({stopped, kept}, return_when=asyncio.FIRST_COMPLETED)
            if kept.done():
                kept.result()
        finally:
            for task in (stopped, kept):
                task.cancel()
            await asyncio.gather(stopped, kept, return_exceptions=True)

    async def stop(self) -> None:
        """Stop the children in their order, then the broker; each within a bound."""
        if self._supervisor:
            await self._supervisor.stop()
        if self._broker:
            await self._broker.stop()
        self._cleanup.close()

    def reload_rules(self) -> None:
        """Have the worker load the rule files again. One that is not ready yet is only now reading them."""
        asked = self._supervisor is not None and self._supervisor.signal("worker", signal.SIGHUP)
        self._say("the worker loads the rules again" if asked else "the worker is not ready; it loads the rules anyway")

    def kill(self) -> None:
        """End the children at once, for an operator who will not wait; `stop` then has little to do."""
        if self._supervisor:
            self._supervisor.kill()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _start_broker(self) -> None:
        kafka = self.settings.kafka
        self._broker = open_broker(self._kind, port=kafka.port, data_dir=kafka.data_dir)
        self._say(self._broker.describe)
        self.bootstrap = await self._broker.start()

    async def _start_children(self) -> None:
        kafka = self.settings.kafka
        servers = self.bootstrap.split(",")
        wanted = topics(kafka.partitions, kafka.replication, self.settings.worker.app_id)
        await asyncio.to_thread(apply_topics, servers, wanted)
        await self._subscribe(servers)
        await self._children().start(self._child_env())

    async def _subscribe(self, servers: Sequence[str]) -> None:
        """Bring the operator's subscriptions to their topic before anything happens: what was before is never told."""
        listed = load_subscriptions(self.settings, self._env)
        seals = Seals.open(self.settings.alerts.key_file, create=True)
        async with Publisher(servers) as publisher:
            await reconcile_file(listed, servers, seals, publisher, datetime.now(UTC))

    def _children(self) -> Supervisor:
        if self._supervisor is None:
            raise RuntimeError("the tree was not started")
        return self._supervisor

    def _child_env(self) -> dict[str, str]:
        env = _setting(self._env, "COUNTERCLAIM_KAFKA_BOOTSTRAP", None) | {
            "COUNTERCLAIM_CONFIG": str(self._directory),
            "COUNTERCLAIM_KAFKA": self.bootstrap,
            "PYTHONUNBUFFERED": "1",
        }
        if self._forgets:
            self._generation += 1
            for name, folder in (("WORKER_DATA_DIR", "worker"), ("ALERTS_DATA_DIR", "deliver")):
                fresh = self._run_dir / f"{folder}-{self._generation}"
                env = _setting(env, f"COUNTERCLAIM_{name}", str(fresh))
        return env

    @property
    def _forgets(self) -> bool:
        """Whether the log ends with the broker's process."""
        return self._broker is not None and self._kind == "embedded"

    async def _keep(self) -> None:
        """Returns never; raises when a child, or the broker, is given up."""
        history: list[Crash] = []
        while True:
            started = time.monotonic()
            code = await self._broker_end()
            history.append(Crash(started, time.monotonic(), code))
            await self._broker_crashed(history)

    async def _broker_end(self) -> int:
        """The broker's exit code when it ends unasked; without a broker of our own it does not return.

        Raises:
            ChildFailedError: a child is given up.
        """
        failure = asyncio.create_task(self._children().failure())
        tasks: list[asyncio.Task[None] | asyncio.Task[int]] = [failure]
        if self._broker:
            tasks.append(asyncio.create_task(self._broker.wait()))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if failure.done():
                failure.result()
            return int(tasks[-1].result() or 0)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _broker_crashed(self, history: Sequence[Crash]) -> None:
        if self._broker is None:
            raise RuntimeError("no broker of our own can have crashed")
        decision = decide_restart(history, time.monotonic())
        if isinstance(decision, GiveUp):
            log = self._broker.log
            raise ChildFailedError("broker", f"{decision.reason}; the end of {log}:\n{last_lines(log)}")
        lost = "; it kept everything in memory, so all is started again with an empty log" if self._forgets else ""
        self._say(f"the broker ended ({decision.reason}){lost}; starting it again in {decision.delay:.0f} s")
        self._count("broker")
        if self._forgets:
            await self._children().stop()
        await asyncio.sleep(decision.delay)
        self.bootstrap = await self._broker.restart()
        self._say("the broker is ready again")
        if self._forgets:
            await self._start_children()

    def _count(self, child: str) -> None:
        self.restarts[child] = self.restarts.get(child, 0) + 1
        self.metrics.child_restarts.labels(child=child).inc()


def _setting(env: Mapping[str, str], name: str, value: str | None) -> dict[str, str]:
    """``env`` with one setting replaced (None: taken out), also where its value came from a file: none is set twice."""
    rest = {key: text for key, text in env.items() if key not in {name, f"{name}_FILE"}}
    return rest if value is None else rest | {name: value}
