"""The demo as its users run it: real feeds over HTTP, a real broker, poller and worker as processes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import urllib.error
import urllib.request
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from pipeline.broker import Kind
from pipeline.demo.expectations import load_expected
from pipeline.demo.run import Plan, run_demo
from pipeline.kafka import Message
from pipeline.resources import shipped
from pipeline.supervise.tree import CHILDREN

EXPECTED = load_expected(shipped("seeds/demo/expected.yaml"))
SECONDS = 160.0
"""For a whole run, on a machine that does other things too; the demo's own bound is tighter."""

pytestmark = pytest.mark.timeout(180)


@asynccontextmanager
async def demo(kind: Kind, *options: str) -> AsyncIterator[Process]:
    """`counterclaim demo` as a process; killed with its children if it still runs at the end."""
    command = (sys.executable, "-m", "pipeline", "demo", "--broker", kind, *options)
    process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE)
    try:
        async with asyncio.timeout(SECONDS):
            yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await process.wait()


@pytest.mark.parametrize("options", [(), ("--shuffle", "7")], ids=["as listed", "shuffled"])
async def test_a_demo_that_ends_by_itself_meets_its_expectations(broker_kind: Kind, options: tuple[str, ...]) -> None:
    """It exits 0, and stdout is one line of JSON whose numbers are those of expected.yaml."""
    async with demo(broker_kind, "--once", "--json", *options) as process:
        out, told = await process.communicate()
    assert process.returncode == 0, told.decode()
    (line,) = out.decode().splitlines()
    summary = json.loads(line)
    outcomes = Counter(one for item in EXPECTED.items for one in item.dedupe)
    kinds = Counter(kind for item in EXPECTED.items if not item.copy_of for kind in item.kinds)
    assert summary["met"] is True
    assert summary["missing"] == summary["unexpected"] == []
    assert summary["published"] == outcomes.total()
    assert summary["duplicates"] == {kind: outcomes[kind] for kind in ("seen_again", "duplicate", "revision")}
    assert {kind: count for kind, count in summary["flagged"].items() if count} == kinds
    assert summary["copies"] == sum(len(one.copies) for one in EXPECTED.copies)
    texts = Counter((item.outlet, item.path) for item in EXPECTED.items if item.flags and not item.copy_of)
    joined = sum(len(thread.articles) - 1 for thread in EXPECTED.threads)
    assert sum(summary["threads"].values()) == len(texts) - joined
    for wanted in EXPECTED.alerts:
        told = summary["alerts"][wanted.subscription]
        assert told["stories"] == (sum(summary["threads"].values()) if wanted.every else len(wanted.stories))
        assert told["messages"] == told["delivered"] == told.get("arrived", told["messages"])
    assert summary["alerts"].keys() == {"terminal", "disputes", "desk"}
    assert summary["dead"] == 0
    assert summary["polled"] > len({feed for item in EXPECTED.items for feed in item.feeds})
    assert summary["seconds"] > 0


async def test_a_demo_goes_on_until_ctrl_c_and_leaves_nothing_behind(broker_kind: Kind) -> None:
    """It shows quotes and addresses, says that it goes on, and ends all its processes when it is interrupted."""
    async with demo(broker_kind) as process:
        assert process.stdout is not None
        said: list[str] = []
        while not said or said[-1] != "it goes on until Ctrl-C":
            line = await process.stdout.readline()
            assert line, "\n".join(said)
            said.append(line.decode().rstrip("\n"))
        (worker,) = (line.removeprefix("worker metrics at ") for line in said if line.startswith("worker metrics at "))
        assert await asyncio.to_thread(answers, worker)
        process.send_signal(signal.SIGINT)
        await process.communicate()
    assert process.returncode == 130
    assert not await asyncio.to_thread(answers, worker)
    assert any("North Korea dismisses rumours of weapons sales to Moscow" in line for line in said)
    assert any("stance_changed  The denial by water board was removed." in line for line in said)
    assert any(line.startswith("  United States alleged it of North Korea: “") for line in said)
    assert any(line.startswith("  North Korea denied it: “") for line in said)
    telling = "  story.new  North Korea denied what United States alleged against North Korea"
    for name in ("terminal", "disputes", "desk"):
        assert sum(line.startswith(f"alert  {name}{telling}") for line in said) == 1
    signed = [line for line in said if line.startswith("    delivered ")]
    assert signed
    assert all(line.endswith(" s after the fetch, signature good") for line in signed)
    assert any("2 revisions passed on, 2 copies found, 0 dead letters" in line for line in said)


async def test_without_a_worker_nothing_is_flagged(broker_kind: Kind) -> None:
    """What is shown comes from the topics: the poller alone publishes, and the demo says what is missing."""
    shown: list[Message] = []
    summary = await run_demo(
        Plan(once=True, broker=broker_kind),
        os.environ,
        say=lambda _: None,
        show=shown.append,
        stop=asyncio.Event(),
        children=[child for child in CHILDREN if child.name == "poller"],
        bound_seconds=25,
    )
    assert shown == []
    assert summary.counts.published == sum(len(item.feeds) for item in EXPECTED.items)
    assert set(summary.counts.flagged.values()) == {0}
    assert not summary.verdict.met
    assert "Harbour Post /world/pyongyang-shells: did not pass dedupe" in summary.verdict.missing
    assert "thread “shells for Russia”: none of its articles is in a thread" in summary.verdict.missing
    assert "heartbeats behind the last article: 0 of 3 rounds came through" in summary.verdict.missing
    assert "desk: was not told of “shells for Russia”" in summary.verdict.missing


async def test_a_demo_may_be_stopped_while_it_starts(broker_kind: Kind) -> None:
    """A wish to stop before anything runs is heard; the summary says that nothing came."""
    stop = asyncio.Event()
    summary = await run_demo(
        Plan(broker=broker_kind),
        os.environ,
        say=lambda _: stop.set(),
        show=lambda _: None,
        stop=stop,
    )
    assert summary.counts.published == 0
    assert not summary.verdict.met


def answers(address: str) -> bool:
    """Whether somebody serves there."""
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError):
        return False
