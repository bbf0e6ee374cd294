"""One trial: messages flow, a second worker joins, one worker leaves or dies, and then every message is looked for."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

Scenario = Literal["leave", "kill"]
STORES = {"memory": "memory://", "rocksdict": "rocksdb://?driver=rocksdict"}
SESSION_SECONDS = {"embedded": 3.0, "apache": 6.0}
"""Session timeouts. Tansu lets each join wait half of it; Apache Kafka refuses less than 6 s as it is set up."""
PARTITIONS = 4
KEYS = 40
ON_THE_WAY = 400
"""Messages sent and not yet forwarded: enough to fill every buffer between the sender and the handler."""
CHUNK = 20
"""Messages sent at a time."""
ALONE, TOGETHER, AFTERWARDS = 200, 50, 400
"""Forwarded by the first worker before the second starts, by each while both work, by the one that stays at the end."""
SETTLE_SECONDS = 10.0
"""Without any arrival, after which what is missing stays missing: no rebalance is left that could deliver it again."""
COMMIT_LOOKS = 20
"""Times, half a second apart, that the committed offsets are looked at for the end of every partition."""
STILL_SECONDS = 20.0
"""A stream on which nothing happens for so long stands still: the longest pause is a session timeout and a join."""


@dataclass(frozen=True)
class Plan:
    """What one trial does."""

    bootstrap: str
    directory: Path
    number: int
    scenario: Scenario
    store: str = "memory://"
    with_fix: bool = True
    session_timeout: float = 6.0
    commit_interval: float = 1.0
    standbys: int = 1

    @property
    def app_id(self) -> str:
        """The consumer group; also the prefix of the trial's topics."""
        return self.directory.name

    @property
    def victim(self) -> Literal["first", "second"]:
        """Who goes: in odd trials of the kill -9 it is the worker that was there first."""
        return "first" if self.scenario == "kill" and self.number % 2 else "second"


@dataclass(frozen=True)
class Verdict:
    """What became of the messages of one trial. All counts are messages; ``missing`` is (partition, offset).

    ``lost`` lie below the committed offset: nobody will read them again. ``stuck`` lie above it: a restart would find
    them. ``redelivered`` were forwarded more than once, which at-least-once delivery allows;
    of these the table did not know ``forgotten`` any more.
    """

    plan: Plan
    sent: int
    forwarded: Counter[str]
    redelivered: int
    forgotten: int
    lost: int
    stuck: int
    uncommitted: int
    assignments: int
    stalled: bool
    missing: tuple[tuple[int, int], ...]

    @property
    def clean(self) -> bool:
        """Whether each message was forwarded and the group's commit reached the end of every partition."""
        return not (self.lost or self.stuck or self.uncommitted or self.stalled)


@dataclass
class Flow:
    """What was sent and what came out; whoever waits is told of each change."""

    sent: dict[int, tuple[int, int]] = field(default_factory=dict)
    arrived: Counter[int] = field(default_factory=Counter)
    by_worker: Counter[str] = field(default_factory=Counter)
    claims: Counter[int] = field(default_factory=Counter)
    assignments: int = 0
    closed: bool = False
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until(self, condition: Callable[[], bool], idle: float | None = STILL_SECONDS) -> None:
        """Wait for ``condition``, looked at on each change; raises TimeoutError after ``idle`` seconds without one."""
        async with self.changed:
            while not condition():
                async with asyncio.timeout(idle):
                    await self.changed.wait()

    async def tell(self) -> None:
        """Wake whoever waits in ``until``."""
        async with self.changed:
            self.changed.notify_all()

    @property
    def missing(self) -> list[int]:
        """Sent and acknowledged, but not forwarded."""
        return [number for number in self.sent if number not in self.arrived]


class Worker:
    """A worker process; its standard error goes to a file in the trial's directory."""

    def __init__(self, plan: Plan, name: str, flow: Flow) -> None:
        self.plan, self.name, self.flow = plan, name, flow
        self.log = plan.directory / f"{name}.log"

    async def start(self) -> None:
        """Start it; its lines on standard output are read until it ends."""
        plan = self.plan
        arguments = {
            "app-id": plan.app_id,
            "name": self.name,
            "bootstrap": plan.bootstrap,
            "store": plan.store,
            "datadir": plan.directory / self.name,
            "session-timeout": plan.session_timeout,
            "commit-interval": plan.commit_interval,
            "standbys": plan.standbys,
        }
        options = [part for name, value in arguments.items() for part in (f"--{name}", str(value))]
        if not plan.with_fix:
            options.append("--without-fix")
        command = [sys.executable, "-m", "tests.integration.recovery.worker", *options]
        with self.log.open("wb") as log:
            self.process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=log)
        self.reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stdout
        async for line in self.process.stdout:
            with suppress(json.JSONDecodeError):
                self.flow.assignments += json.loads(line)["event"] == "assigned"
                await self.flow.tell()

    async def end(self, number: signal.Signals) -> None:
        """Send a signal and wait until the process has ended; raises TimeoutError when it does not."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        async with asyncio.timeout(STILL_SECONDS):
            await self.process.wait()
            await self.reader


async def run(plan: Plan) -> Verdict:
    """Run one trial and account for every message."""
    plan.directory.mkdir(parents=True)
    await _create_topics(plan)
    flow = Flow()
    async with _following(plan, flow), _sending(plan, flow) as sender:
        workers = {name: Worker(plan, name, flow) for name in ("first", "second")}
        try:
            stalled = await _disturb(plan, flow, workers)
            flow.closed = True
            await flow.tell()
            await sender
            committed = await _settle(plan, flow)
        finally:
            await _end_all(workers)
    return _judge(plan, flow, committed, stalled)


async def _disturb(plan: Plan, flow: Flow, workers: dict[str, Worker]) -> bool:
    """Let one worker join and one go, each while messages are on their way. True when the stream stood still."""
    try:
        await _steps(plan, flow, workers)
    except TimeoutError:
        return True
    return False


async def _steps(plan: Plan, flow: Flow, workers: dict[str, Worker]) -> None:
    await workers["first"].start()
    await flow.until(lambda: flow.by_worker["first"] >= ALONE)
    await workers["second"].start()
    await flow.until(lambda: flow.by_worker["second"] >= TOGETHER)
    before = flow.by_worker["first"]
    await flow.until(lambda: flow.by_worker["first"] >= before + TOGETHER)
    await workers[plan.victim].end(signal.SIGKILL if plan.scenario == "kill" else signal.SIGTERM)
    survivor = "second" if plan.victim == "first" else "first"
    start = flow.by_worker[survivor]
    await flow.until(lambda: flow.by_worker[survivor] >= start + AFTERWARDS)


async def _end_all(workers: dict[str, Worker]) -> None:
    started = [worker for worker in workers.values() if hasattr(worker, "process")]
    await asyncio.gather(*(worker.end(signal.SIGKILL) for worker in started))


async def _create_topics(plan: Plan) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=plan.bootstrap)
    await admin.start()
    try:
        compacted = {"cleanup.policy": "compact"}
        await admin.create_topics(
            [
                NewTopic(f"{plan.app_id}.in", PARTITIONS, 1),
                NewTopic(f"{plan.app_id}.out", 1, 1),
                NewTopic(f"{plan.app_id}-seen-changelog", PARTITIONS, 1, topic_configs=compacted),
            ]
        )
    finally:
        await admin.close()


@asynccontextmanager
async def _following(plan: Plan, flow: Flow) -> AsyncIterator[None]:
    """Read the output topic from its beginning for as long as the block runs."""
    consumer = AIOKafkaConsumer(
        f"{plan.app_id}.out", bootstrap_servers=plan.bootstrap, auto_offset_reset="earliest", fetch_max_wait_ms=50
    )
    await consumer.start()

    async def follow() -> None:
        while True:
            for messages in (await consumer.getmany(timeout_ms=1000)).values():
                for message in messages:
                    number, worker, known = message.value.decode().split()
                    flow.arrived[int(number)] += 1
                    flow.claims[int(number)] += known == "0"
                    flow.by_worker[worker] += 1
                await flow.tell()

    task = asyncio.create_task(follow())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await consumer.stop()


@asynccontextmanager
async def _sending(plan: Plan, flow: Flow) -> AsyncIterator[asyncio.Task[None]]:
    """Keep ``ON_THE_WAY`` messages on their way until the flow is closed; the task given out ends then."""
    producer = AIOKafkaProducer(bootstrap_servers=plan.bootstrap, acks="all")
    await producer.start()

    async def send(number: int) -> None:
        key = str(number % KEYS).encode()
        sent = await producer.send_and_wait(
            f"{plan.app_id}.in", str(number).encode(), key=key, partition=number % PARTITIONS
        )
        flow.sent[number] = (sent.partition, sent.offset)

    async def keep_sending() -> None:
        for first in itertools.count(0, CHUNK):
            await flow.until(lambda: flow.closed or len(flow.sent) - len(flow.arrived) < ON_THE_WAY, None)
            if flow.closed:
                return
            await asyncio.gather(*map(send, range(first, first + CHUNK)))

    task = asyncio.create_task(keep_sending())
    try:
        yield task
    finally:
        task.cancel()
        await producer.stop()


async def _settle(plan: Plan, flow: Flow) -> dict[int, int]:
    """Wait until all has arrived and is committed, or the bound is over; returns committed offsets by partition."""
    with suppress(TimeoutError):
        await flow.until(lambda: not flow.missing, SETTLE_SECONDS)
    ends = _ends(flow)
    consumer = AIOKafkaConsumer(bootstrap_servers=plan.bootstrap, group_id=plan.app_id, enable_auto_commit=False)
    await consumer.start()
    try:
        for _ in range(COMMIT_LOOKS):
            committed = {p: await consumer.committed(TopicPartition(f"{plan.app_id}.in", p)) or 0 for p in ends}
            if committed == ends:
                break
            with suppress(TimeoutError):  # nothing tells of a commit: look again
                await flow.until(lambda: False, 0.5)
        return committed
    finally:
        await consumer.stop()


def _ends(flow: Flow) -> dict[int, int]:
    ends: dict[int, int] = {}
    for partition, offset in flow.sent.values():
        ends[partition] = max(ends.get(partition, 0), offset + 1)
    return ends


def _judge(plan: Plan, flow: Flow, committed: dict[int, int], stalled: bool) -> Verdict:
    places = [flow.sent[number] for number in flow.missing]
    lost = sum(offset < committed[partition] for partition, offset in places)
    return Verdict(
        plan=plan,
        sent=len(flow.sent),
        forwarded=flow.by_worker,
        forgotten=sum(times > 1 for times in flow.claims.values()),
        redelivered=flow.arrived.total() - len(flow.arrived),
        lost=lost,
        stuck=len(places) - lost,
        uncommitted=sum(end - committed[partition] for partition, end in _ends(flow).items()),
        assignments=flow.assignments,
        stalled=stalled,
        missing=tuple(sorted(places)),
    )


async def run_many(plans: list[Plan], at_once: int) -> list[Verdict]:
    """Run trials side by side, ``at_once`` at a time: most of a trial is waiting for the group to rebalance."""
    gate = asyncio.Semaphore(at_once)

    async def one(plan: Plan) -> Verdict:
        async with gate:
            return await run(plan)

    return list(await asyncio.gather(*map(one, plans)))


def fresh_name(prefix: str, number: int) -> str:
    """A name for a trial's group and topics that no earlier run on a long-lived broker has used."""
    return f"{prefix}-{number}-{os.urandom(4).hex()}"
