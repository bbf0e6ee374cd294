"""The supervised tree with a real broker: what happens when the broker crashes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.broker import Kind
from pipeline.kafka import Follower, Publisher, describe_topics
from pipeline.supervise import ChildSpec, Tree
from pipeline.topics import FLAGS, TOPICS

CHILD = """
import json, os, pathlib, sys, threading
from pipeline.ready import announce
wanted = ("COUNTERCLAIM_KAFKA", "COUNTERCLAIM_WORKER_DATA_DIR")
with open(sys.argv[1], "a") as record:
    record.write(json.dumps({"pid": os.getpid()} | {name: os.environ.get(name) for name in wanted}) + "\\n")
announce("", os.environ)
threading.Event().wait()
"""


class Said:
    """What the tree says; sentences can be waited for."""

    def __init__(self) -> None:
        self.sentences: list[str] = []
        self._changed = asyncio.Event()

    def __call__(self, sentence: str) -> None:
        self.sentences.append(sentence)
        self._changed.set()

    async def times(self, sentence: str, count: int) -> None:
        """Wait, within a bound, until it was said so often."""
        async with asyncio.timeout(60):
            while self.sentences.count(sentence) < count:
                self._changed.clear()
                await self._changed.wait()


def tree(folder: Path, said: Said, kind: Kind) -> Tree:
    """A tree whose children only say that they are ready, on a broker of its own."""
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("COUNTERCLAIM_")},
        "COUNTERCLAIM_KAFKA_PORT": "0",
        "COUNTERCLAIM_KAFKA_DATA_DIR": str(folder / "kafka"),
        "COUNTERCLAIM_WORKER_DATA_DIR": str(folder / "worker"),
    }
    children = [ChildSpec(name, (sys.executable, "-c", CHILD, str(folder / name))) for name in ("poller", "worker")]
    return Tree(folder, env, broker=kind, say=said, children=children)


def runs(folder: Path, name: str) -> list[dict[str, Any]]:
    """What each run of a child recorded."""
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    """A configuration folder with nothing but defaults."""
    (tmp_path / "counterclaim.yaml").write_text("{}\n")
    return tmp_path


async def test_children_start_with_broker_and_topics_there(configuration: Path) -> None:
    """When a child starts, the broker answers and every topic exists; afterwards nothing runs."""
    said = Said()
    async with tree(configuration, said, "embedded") as running:
        there = await asyncio.to_thread(describe_topics, [running.bootstrap], [topic.name for topic in TOPICS])
        assert set(there) == {topic.name for topic in TOPICS}
        (worker,) = runs(configuration, "worker")
        assert worker["COUNTERCLAIM_KAFKA"] == running.bootstrap
        assert "in memory" in said.sentences[0]
    with pytest.raises(ProcessLookupError):
        os.kill(worker["pid"], 0)


async def test_crash_of_the_broker(configuration: Path, broker_kind: Kind) -> None:
    """A broker that forgets: topics are made again, and the children start anew, the worker with a table as empty as
    the log. One that keeps its log: it is started again, and the children go on."""
    said, stop = Said(), asyncio.Event()
    forgets = broker_kind == "embedded"
    async with tree(configuration, said, broker_kind) as running:
        waiting = asyncio.create_task(running.wait(stop))
        kill_broker(running)
        if forgets:
            await said.times("worker is ready", 2)
            await said.times("poller is ready", 2)
        else:
            await said.times("the broker is ready again", 1)
        started = runs(configuration, "worker")
        assert len({run["pid"] for run in started}) == (2 if forgets else 1)
        assert len({run["COUNTERCLAIM_WORKER_DATA_DIR"] for run in started}) == len(started)
        assert {run["COUNTERCLAIM_KAFKA"] for run in started} == {running.bootstrap}
        async with Publisher([running.bootstrap]) as publisher:
            await publisher.send(FLAGS, b"{}")
        assert running.restarts == {"broker": 1}
        assert any("empty log" in sentence for sentence in said.sentences) is forgets
        stop.set()
        await waiting


def kill_broker(running: Tree) -> None:
    """kill -9, as a lack of memory does it."""
    broker = running._broker
    assert broker is not None
    assert broker.pid is not None
    os.kill(broker.pid, signal.SIGKILL)


async def test_a_named_cluster_is_used_and_left_alone(configuration: Path, bootstrap: str) -> None:
    """With a cluster named, no broker is started, and the worker's folder is the configured one."""
    said = Said()
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("COUNTERCLAIM_")},
        "COUNTERCLAIM_KAFKA_BOOTSTRAP": bootstrap,
        "COUNTERCLAIM_WORKER_DATA_DIR": str(configuration / "worker"),
    }
    spec = ChildSpec("worker", (sys.executable, "-c", CHILD, str(configuration / "worker.json")))
    async with Tree(configuration, env, say=said, children=[spec]) as running:
        assert running.bootstrap == bootstrap
        (worker,) = runs(configuration, "worker.json")
        assert worker["COUNTERCLAIM_KAFKA"] == bootstrap
        assert worker["COUNTERCLAIM_WORKER_DATA_DIR"] == str(configuration / "worker")
    async with Follower([bootstrap], [FLAGS], from_beginning=True):
        assert said.sentences == ["worker is ready"]
