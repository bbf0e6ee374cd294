"""`counterclaim demo`: a made-up little world, told by local feeds, through the whole pipeline."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from pipeline.broker import Kind
from pipeline.cli.options import JsonOption
from pipeline.demo.report import Summary, as_json
from pipeline.demo.run import Plan, run_demo
from pipeline.kafka import Message
from pipeline.readable import readable

OnceOption = Annotated[
    bool,
    typer.Option("--once", help="End by itself: 0 if all expectations are met, else 1. In two minutes at the most."),
]
ShuffleOption = Annotated[
    int | None, typer.Option("--shuffle", metavar="SEED", help="Shuffle the items within feeds, and the feeds.")
]
BrokerOption = Annotated[
    Kind | None, typer.Option("--broker", help="Broker to run: embedded (in memory) or apache (needs Java).")
]


def demo(
    once: OnceOption = False, shuffle: ShuffleOption = None, json: JsonOption = False, broker: BrokerOption = None
) -> None:
    """Show the whole pipeline on local feeds: poll, publish, drop duplicates, find copies, flag, thread, alert by
    signed webhook, and compare with what is expected.

    It needs no network and leaves nothing behind: feeds, broker, all processes and a webhook's receiver run on
    127.0.0.1 on free ports, and its files are in a temporary folder. Your configuration and your cluster are not
    touched. With --json stdout has one line, at the end; what happens is told on stderr.

        counterclaim demo
        counterclaim demo --once --shuffle 7 --json
    """
    voice = Voice(json=json)
    summary, interrupted = asyncio.run(_demo(Plan(once, shuffle, broker), voice))
    if json:
        print(as_json(summary), flush=True)
    if interrupted:
        raise typer.Exit(130)
    raise typer.Exit(1 if once and not summary.verdict.met else 0)


async def _demo(plan: Plan, voice: Voice) -> tuple[Summary, bool]:
    stop, asked = asyncio.Event(), []

    def ask(number: signal.Signals) -> None:
        asked.append(number)
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, ask, number)
    summary = await run_demo(plan, os.environ, say=voice.say, show=voice.show, stop=stop)
    return summary, signal.SIGINT in asked


class Voice:
    """How the demo speaks to people: on stdout, or on stderr when a machine reads stdout."""

    def __init__(self, *, json: bool) -> None:
        self._console = Console(file=sys.stderr if json else sys.stdout, highlight=False, markup=False, soft_wrap=True)

    def say(self, sentence: str) -> None:
        """A sentence."""
        self._console.print(sentence)

    def show(self, message: Message) -> None:
        """A flagged article: kinds, outlet and title, who says it of whom, each quote within its text. Or what happened
        to a thread.
        """
        self._console.print(Text.from_ansi(readable(message).coloured()))
