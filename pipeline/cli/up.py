"""`counterclaim up`: everything on one machine, as one supervised tree of processes."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json as json_format
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from prometheus_client import CollectorRegistry
from rich.console import Console
from rich.live import Live
from rich.text import Text

from pipeline.broker import Kind
from pipeline.cli.options import ConfigOption, JsonOption, config_dir
from pipeline.hangup import Hangup
from pipeline.metrics import Metrics, serve
from pipeline.settings.load import load_all
from pipeline.status import Status, scrape, status
from pipeline.supervise import Tree
from pipeline.supervise.show import show_logs, show_speech

LIVE_SECONDS: Final = 1.0
"""Between two states of the line on a terminal."""

PLAIN_SECONDS: Final = 30.0
"""Between two status lines elsewhere: a log that somebody reads later."""

BrokerOption = Annotated[
    Kind | None,
    typer.Option(
        "--broker",
        help="Which broker to run where no cluster is named: embedded (in memory) or apache (durable, needs Java).",
    ),
]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Show the processes' own log lines too.")]


def up(
    config: ConfigOption = None, broker: BrokerOption = None, verbose: VerboseOption = False, json: JsonOption = False
) -> None:
    """Run broker, poller, worker, deliver and archive until Ctrl-C; start crashed ones again. SIGHUP loads the rules
    again. Alerts of subscriptions to the terminal are shown.

    Ends with 2 and starts nothing when the configuration is wrong, with 1 when a process keeps crashing, with 3 when
    something that is needed is away.

        counterclaim up --config /etc/counterclaim
        COUNTERCLAIM_KAFKA=kafka1:9092,kafka2:9092 counterclaim up
    """
    directory = config_dir(config)
    load_all(directory, os.environ)
    code = asyncio.run(_up(directory, broker, Voice(json=json), verbose=verbose))
    raise typer.Exit(code)


class Voice:
    """How `up` speaks: a line that changes in place on a terminal, plain lines or JSON elsewhere."""

    def __init__(self, *, json: bool) -> None:
        self._json = json
        self._console = Console(file=sys.stdout, highlight=False, markup=False, soft_wrap=True)
        self.live = Live(console=self._console, auto_refresh=False) if self._console.is_terminal and not json else None
        self.period = LIVE_SECONDS if self.live else PLAIN_SECONDS

    def say(self, sentence: str) -> None:
        """Something happened."""
        if self._json:
            self._line({"event": sentence})
        else:
            self._console.print(sentence)

    def tell(self, line: str) -> None:
        """A line of an alert, of a subscription to the terminal."""
        if self._json:
            self._line({"alert": line})
        else:
            self._console.print(line)

    def show(self, state: Status) -> None:
        """How it stands."""
        if self._json:
            self._line({"status": dataclasses.asdict(state)})
        elif self.live:
            self.live.update(Text(state.sentence()), refresh=True)
        else:
            self._console.print(state.sentence())

    def _line(self, value: dict[str, Any]) -> None:
        print(json_format.dumps(value), flush=True)


async def _up(directory: Path, broker: Kind | None, voice: Voice, *, verbose: bool) -> int:
    metrics = Metrics(CollectorRegistry())
    tree = Tree(directory, os.environ, broker=broker, metrics=metrics, say=voice.say)
    wanted = tree.settings.metrics
    stop = Stop(tree)
    with (
        stop.on_signals(),
        serve(metrics, wanted.host, wanted.up_port, setting="metrics.up_port") as exporter,
        voice.live or contextlib.nullcontext(),
    ):
        voice.say(f"logs are in {tree.log_dir}; supervisor metrics at {exporter.url}")
        logs = show_logs(lambda: tree.log_files, voice.say) if verbose else None
        async with _beside(logs), _beside(show_speech(lambda: tree.speech_files, voice.tell)):
            try:
                if await stop.unless(tree.start()):
                    await _watch(tree, stop, voice)
                voice.say("stopping")
            finally:
                await tree.stop()
    return stop.exit_code


async def _watch(tree: Tree, stop: Stop, voice: Voice) -> None:
    voice.say(f"Kafka at {tree.bootstrap}; Ctrl-C stops all")
    for name, address in tree.metrics_addresses.items():
        voice.say(f"{name} metrics at {address}")
    async with _beside(_status_line(tree, voice)):
        await tree.wait(stop.event)


async def _status_line(tree: Tree, voice: Voice) -> None:
    while True:
        texts = await scrape(tree.metrics_addresses.values())
        voice.show(status(texts, restarts=sum(tree.restarts.values()), now=time.time()))
        await asyncio.sleep(voice.period)


@contextlib.asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None] | None) -> AsyncIterator[None]:
    """Run ``work`` while the block runs; an error of its own is raised at the block's end."""
    if work is None:
        yield
        return
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


class Stop:
    """The operator's wish to stop: the first signal asks, the second does not wait. SIGHUP goes on to the worker."""

    def __init__(self, tree: Tree) -> None:
        self.event = asyncio.Event()
        self.exit_code = 0
        self._tree = tree
        self._hangup = Hangup()

    @contextlib.contextmanager
    def on_signals(self) -> Any:
        """Listen to Ctrl-C, SIGTERM, SIGHUP and a terminal that goes away."""
        loop = asyncio.get_running_loop()
        signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        for number in signals:
            loop.add_signal_handler(number, self._asked, number)
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)

    def _asked(self, number: signal.Signals) -> None:
        if number == signal.SIGHUP:
            if not self._hangup.means_stop():
                self._tree.reload_rules()
                return
            _fall_silent()
        if self.event.is_set():
            self._tree.kill()
        self.exit_code = 130 if number == signal.SIGINT else 0
        self.event.set()

    async def unless(self, work: Coroutine[Any, Any, None]) -> bool:
        """Do ``work`` unless stopped before; whether it was done."""
        task = asyncio.create_task(work)
        stopped = asyncio.create_task(self.event.wait())
        try:
            await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                task.result()
                return True
            return False
        finally:
            for one in (task, stopped):
                one.cancel()
            await asyncio.gather(task, stopped, return_exceptions=True)


def _fall_silent() -> None:
    """The terminal is gone: nobody reads any more, and writing to it fails."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nothing, stream.fileno())
    os.close(nothing)
