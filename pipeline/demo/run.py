"""Runs the demo: a feed server, all of `counterclaim up`, a subscriber's webhook, and somebody who reads the topics.

Everything that is shown comes from the topics or by webhook. Nothing is known of what the processes do but what they
publish: without a worker there is nothing to show.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from prometheus_client import CollectorRegistry

from pipeline.broker import Kind
from pipeline.demo.configuration import demo_environment, webhook_secrets, write_configuration
from pipeline.demo.expectations import load_expected
from pipeline.demo.receiver import Receiver
from pipeline.demo.report import Summary, addresses, arrived, sentences
from pipeline.demo.server import FeedServer
from pipeline.demo.watch import FOLLOWED, Watch
from pipeline.kafka import Follower, Message
from pipeline.metrics import Metrics, serve
from pipeline.resources import shipped
from pipeline.supervise import ChildSpec, Tree
from pipeline.supervise.show import show_speech
from pipeline.supervise.tree import CHILDREN

BOUND_SECONDS: Final = 120.0
"""For everything up to the verdict of a demo that ends by itself. It takes twenty seconds, and several times that where
Java starts on a machine that has other things to do."""

Say = Callable[[str], None]
Show = Callable[[Message], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for. ``once``: end by itself, with a verdict. ``broker`` None: the embedded one."""

    once: bool = False
    shuffle: int | None = None
    broker: Kind | None = None


async def run_demo(
    plan: Plan,
    env: Mapping[str, str],
    *,
    say: Say,
    show: Show,
    stop: asyncio.Event,
    children: Sequence[ChildSpec] = CHILDREN,
    bound_seconds: float = BOUND_SECONDS,
) -> Summary:
    """Run it until ``stop``; with ``plan.once`` until everything has come through, ``bound_seconds`` at the most.

    ``say`` takes a sentence; ``show`` takes the message of each newly flagged article.

    Raises:
        BrokerError, KafkaError: there is no broker to work with.
        ChildFailedError: a process keeps crashing.
    """
    seeds = shipped("seeds/demo")
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="counterclaim-demo-")))
        server = await stack.enter_async_context(
            FeedServer(seeds / "feeds", now=datetime.now(UTC), shuffle_seed=plan.shuffle)
        )
        rules = shipped("config/rules")
        secrets = webhook_secrets(seeds)
        receiver = await stack.enter_async_context(Receiver(secrets))
        write_configuration(
            folder,
            base=server.base,
            receiver=receiver.base,
            webhooks=secrets,
            seeds=seeds,
            rules=rules,
            shuffle_seed=plan.shuffle,
        )
        metrics = Metrics(CollectorRegistry())
        env = demo_environment(env)
        tree = Tree(
            folder, env, broker=plan.broker, log_dir=folder / "logs", metrics=metrics, say=say, children=children
        )
        exporter = stack.enter_context(serve(metrics, tree.settings.metrics.host, tree.settings.metrics.up_port))
        watch = Watch(load_expected(seeds / "expected.yaml"), tree.settings.kafka.partitions)
        demo = _Demo(plan, tree, server, receiver, watch, exporter.url, say, show)
        stack.push_async_callback(tree.stop)
        await _until(stop, demo.work(), bound_seconds if plan.once else None)
        return demo.report()


class _Demo:
    """A demo that runs."""

    def __init__(
        self,
        plan: Plan,
        tree: Tree,
        server: FeedServer,
        receiver: Receiver,
        watch: Watch,
        metrics_url: str,
        say: Say,
        show: Show,
    ) -> None:
        self._plan, self._tree, self._server, self._receiver, self._watch = plan, tree, server, receiver, watch
        self._metrics_url, self._say, self._show = metrics_url, say, show
        self._began = time.monotonic()
        self._summary: Summary | None = None

    async def work(self) -> None:
        """Start the tree and follow its topics; ends when there is no more to come, if that is the plan."""
        await self._tree.start()
        metrics = {**self._tree.metrics_addresses, "supervisor": self._metrics_url}
        for line in addresses(feeds=self._server.base, kafka=self._tree.bootstrap, metrics=metrics):
            self._say(line)
        speech = show_speech(lambda: self._tree.speech_files, lambda line: self._say(line) if line else None)
        await _first(self._tree.wait(asyncio.Event()), self._follow(), self._hear(), speech)

    async def _follow(self) -> None:
        follower = Follower(self._tree.bootstrap.split(","), FOLLOWED, from_beginning=True)
        async with follower, contextlib.aclosing(aiter(follower)) as messages:
            async for message in messages:
                if self._watch.take(message, datetime.now(UTC)) is not None:
                    self._show(message)
                if self._watch.finished and self._summary is None:
                    self.report()
                    if self._plan.once:
                        return
                    self._say("it goes on until Ctrl-C")

    async def _hear(self) -> None:
        while True:
            arrival = await self._receiver.arrivals.get()
            known = self._watch.alerted.arrivals
            again = not arrival.problem and any(one.id == arrival.id and not one.problem for one in known)
            known.append(arrival)
            if not again:
                for line in arrived(arrival, self._watch.seconds_to(arrival, datetime.now(UTC))):
                    self._say(line)

    def report(self) -> Summary:
        """The summary, said once: when everything has come through, or at the end."""
        if self._summary is None:
            seconds = time.monotonic() - self._began
            watch = self._watch
            self._summary = Summary(
                self._server.requests,
                watch.counts(),
                seconds,
                watch.verdict(),
                watch.expected,
                tuple(watch.threads.values()),
            )
            for line in sentences(self._summary):
                self._say(line)
        return self._summary


async def _until(stop: asyncio.Event, work: Coroutine[Any, Any, None], seconds: float | None) -> None:
    """Do ``work`` until it ends, until ``stop``, or until the time is over; what it raises is raised."""
    try:
        async with asyncio.timeout(seconds):
            await _first(stop.wait(), work)
    except TimeoutError:
        return  # the summary says what is missing


async def _first(*works: Coroutine[Any, Any, object]) -> None:
    """Run all until the first ends; the others are cancelled, and what any of them raised is raised."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
