"""Supervision: the decision by table, the rest with real child processes."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import select
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from pipeline.errors import ChildFailedError
from pipeline.supervise import ChildSpec, Crash, GiveUp, Restart, Supervisor, decide_restart
from pipeline.supervise import supervisor as supervisor_module
from pipeline.supervise.child import last_lines, rotate, speech_file
from pipeline.supervise.show import show_speech

READY = """
import json, os, pathlib, signal, sys, threading
def ready(url="http://127.0.0.1:1/metrics"):
    path = pathlib.Path(os.environ["COUNTERCLAIM_READY_FILE"])
    path.with_suffix(".tmp").write_text(json.dumps({"ready": True, "metrics": url}))
    path.with_suffix(".tmp").replace(path)
"""
GOOD = READY + "ready(); print('working', flush=True); threading.Event().wait()"
STUBBORN = READY + "signal.signal(signal.SIGTERM, signal.SIG_IGN); ready(); threading.Event().wait()"
WRONG_CONFIG = "import sys; print('feeds.yaml:3: no such key', flush=True); sys.exit(2)"
CRASHING = READY + "ready(); print('about to fail', flush=True); sys.exit(1)"


def python(name: str, source: str, *arguments: str) -> ChildSpec:
    """A child that runs a piece of Python."""
    return ChildSpec(name, (sys.executable, "-c", textwrap.dedent(source), *arguments))


def crash(ended: float, *, ran: float = 1.0, code: int | None = 1) -> Crash:
    """A crash at a time, after a run of some seconds."""
    return Crash(ended - ran, ended, code)


@pytest.mark.parametrize(
    ("history", "delay"),
    [
        ([crash(10)], 1),
        ([crash(10), crash(12)], 2),
        ([crash(10), crash(12), crash(15)], 4),
        ([crash(10), crash(12), crash(15), crash(20)], 8),
        # five crashes, but spread so that never five lie within two minutes: the delay is capped
        ([crash(t, ran=40) for t in (0, 41, 83, 127, 175, 231, 301)], 30),
        # a stable minute resets the back-off
        ([crash(10), crash(12), crash(15), crash(80, ran=60)], 1),
        ([crash(10), crash(12), crash(80, ran=60), crash(82)], 2),
        # not becoming ready is a crash as any other
        ([crash(10), crash(101, ran=90, code=None)], 1),
    ],
)
def test_restart_delays(history: list[Crash], delay: float) -> None:
    """The delay doubles from one second to thirty and starts again after a stable minute."""
    decision = decide_restart(history, history[-1].ended)
    assert isinstance(decision, Restart)
    assert decision.delay == delay


@pytest.mark.parametrize(
    ("history", "word"),
    [
        ([crash(t) for t in (0, 2, 5, 10, 19)], "5 times within 120 s"),
        ([crash(t, code=-9) for t in (0, 30, 60, 90, 120)], "SIGKILL"),
        ([crash(5, code=2)], "configuration"),
        ([crash(t, code=None) for t in (0, 1, 2, 3, 4)], "no sign of being ready"),
    ],
)
def test_gives_up_with_a_reason(history: list[Crash], word: str) -> None:
    """Five crashes in two minutes, or one that a restart cannot heal, end it, and the reason says which."""
    decision = decide_restart(history, history[-1].ended)
    assert isinstance(decision, GiveUp)
    assert word in decision.reason


def test_crashes_outside_the_window_do_not_count() -> None:
    """The first of five crashes lies 121 s back: it is started again."""
    history = [crash(t, ran=20) for t in (0, 30, 60, 90, 121)]
    assert isinstance(decide_restart(history, 121), Restart)


class Harness:
    """A supervisor over real children, with what it said, and events to wait on."""

    def __init__(self, folder: Path, *specs: ChildSpec, stop_bound: float = 10) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.restarts: list[str] = []
        self.restarted = asyncio.Event()
        self._heard = asyncio.Event()
        self.supervisor = Supervisor(
            specs,
            log_dir=folder / "logs",
            run_dir=folder,
            say=self._hear,
            restarted=self._note,
            ready_bound=20,
            stop_bound=stop_bound,
        )

    def _note(self, child: str) -> None:
        self.restarts.append(child)
        self.restarted.set()

    def pid(self, name: str) -> int:
        return self.supervisor._children[name].process.pid

    def _hear(self, sentence: str) -> None:
        self.said.append(sentence)
        self._heard.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait, within a bound, for something that the supervisor says."""
        async with asyncio.timeout(20):
            while not condition():
                self._heard.clear()
                await self._heard.wait()


@contextlib.asynccontextmanager
async def running(folder: Path, *specs: ChildSpec, stop_bound: float = 10) -> AsyncIterator[Harness]:
    """A started harness, stopped at the end."""
    harness = Harness(folder, *specs, stop_bound=stop_bound)
    await harness.supervisor.start(dict(os.environ))
    try:
        yield harness
    finally:
        await harness.supervisor.stop()


@pytest.fixture(autouse=True)
def _quick_restarts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Delays as decided, a hundred times quicker."""
    real = decide_restart

    def quick(history: list[Crash], now: float) -> Restart | GiveUp:
        decision = real(history, now)
        return Restart(decision.delay / 100, decision.reason) if isinstance(decision, Restart) else decision

    monkeypatch.setattr(supervisor_module, "decide_restart", quick)


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie, which nobody may reap inside a container, does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def gone(pid: int) -> None:
    """Wait, within a bound, until a process has ended (its pidfd turns readable), whoever its parent is."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        ended, _, _ = await asyncio.to_thread(select.select, [descriptor], [], [], 20)
        assert ended, f"process {pid} still runs"
    finally:
        os.close(descriptor)


async def test_start_waits_until_each_is_ready(tmp_path: Path) -> None:
    """After start every child is ready and its metrics address known; after stop none runs."""
    async with running(tmp_path, python("a", GOOD), python("b", GOOD)) as harness:
        assert harness.supervisor.metrics_addresses == dict.fromkeys("ab", "http://127.0.0.1:1/metrics")
        pids = [harness.pid("a"), harness.pid("b")]
        assert all(map(alive, pids))
    assert not any(map(alive, pids))
    assert harness.supervisor.metrics_addresses == {}


async def test_children_stop_one_after_the_other(tmp_path: Path) -> None:
    """The first child is gone before the second is asked to stop."""
    record = tmp_path / "order"
    source = READY + (
        "name = sys.argv[1]; out = sys.argv[2]\n"
        "def end(*_):\n"
        "    with open(out, 'a') as f: f.write(name + ' ')\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end); ready(); threading.Event().wait()"
    )
    specs = [python(name, source, name, str(record)) for name in ("poller", "worker")]
    async with running(tmp_path, *specs):
        pass
    assert record.read_text().split() == ["poller", "worker"]


async def test_killed_child_starts_again(tmp_path: Path) -> None:
    """kill -9 of a child: it is started again, counted, ready again, and its neighbour never stopped."""
    async with running(tmp_path, python("a", GOOD), python("b", GOOD)) as harness:
        first, neighbour = harness.pid("a"), harness.pid("b")
        os.kill(first, signal.SIGKILL)
        await asyncio.wait_for(harness.restarted.wait(), 20)
        await harness.until(lambda: harness.said.count("a is ready") == 2)
        assert harness.restarts == ["a"]
        assert harness.pid("a") != first
        assert harness.pid("b") == neighbour
        assert alive(neighbour)
        assert any("SIGKILL" in line for line in harness.said)


async def test_child_that_keeps_crashing_ends_the_whole(tmp_path: Path) -> None:
    """After five crashes the failure names the child, the reason and its last log lines."""
    async with running(tmp_path, python("good", GOOD), python("bad", CRASHING)) as harness:
        with pytest.raises(ChildFailedError, match=r"bad keeps crashing: it ended 5 times(.|\n)*about to fail"):
            await asyncio.wait_for(harness.supervisor.failure(), 60)
        assert harness.restarts == ["bad"] * 4


async def test_bad_configuration_is_not_tried_again(tmp_path: Path) -> None:
    """Exit code 2 at the start ends it at once, and the child that was fine is stopped too."""
    harness = Harness(tmp_path, python("good", GOOD), python("bad", WRONG_CONFIG))
    with pytest.raises(ChildFailedError, match=r"feeds\.yaml:3: no such key"):
        await harness.supervisor.start(dict(os.environ))
    assert harness.restarts == []
    assert not alive(harness.pid("good"))


async def test_stubborn_child_is_killed_with_what_it_started(tmp_path: Path) -> None:
    """A child that ignores SIGTERM is killed after the bound, its own children with it."""
    pid_file = tmp_path / "grandchild"
    source = (
        "import subprocess, sys\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import threading; threading.Event().wait()'])\n"
        "open(sys.argv[1], 'w').write(str(p.pid))\n"
    ) + STUBBORN
    async with running(tmp_path, python("a", source, str(pid_file)), stop_bound=0.2) as harness:
        pid, grandchild = harness.pid("a"), int(pid_file.read_text())
        assert alive(grandchild)
    assert not alive(pid)
    await gone(grandchild)


async def test_terminal_signals_do_not_reach_children(tmp_path: Path) -> None:
    """A child has its own session, so Ctrl-C on the terminal is the parent's alone."""
    async with running(tmp_path, python("a", GOOD)) as harness:
        assert os.getsid(harness.pid("a")) == harness.pid("a") != os.getsid(0)


PARENT = """
import asyncio, os, sys
from pathlib import Path
from pipeline.supervise import ChildSpec, Supervisor
async def main():
    folder = Path(sys.argv[1])
    s = Supervisor([ChildSpec("a", (sys.executable, "-c", sys.argv[2]))], log_dir=folder, run_dir=folder,
                   say=lambda _: None, restarted=lambda _: None)
    await s.start(dict(os.environ))
    print(s._children["a"].process.pid, flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


async def test_children_die_with_a_killed_parent(tmp_path: Path) -> None:
    """kill -9 of the supervising process leaves no child behind."""
    command = [sys.executable, "-c", PARENT, str(tmp_path), GOOD]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(await asyncio.to_thread(parent.stdout.readline))
        assert alive(child)
        parent.kill()
    await gone(child)


async def test_output_goes_to_a_log_that_is_rotated_at_the_start(tmp_path: Path) -> None:
    """The log holds this run; the one before is kept beside it."""
    for _ in range(2):
        async with running(tmp_path, python("a", GOOD)):
            pass
    log = tmp_path / "logs" / "a.log"
    assert log.read_text() == "working\n"
    assert log.with_name("a.log.1").read_text() == "working\n"


def test_last_lines_of_a_long_log(tmp_path: Path) -> None:
    """Only the end of a log is read, and undecodable bytes do no harm."""
    log = tmp_path / "x.log"
    log.write_bytes(b"line\n" * 100_000 + b"\xff last\n")
    assert last_lines(log, 2) == "line\n\ufffd last"
    rotate(log)
    assert last_lines(log) == ""


SPEAKING = (
    READY
    + """
print("alert: \x1b[31mone\x1b[0m", flush=True)
print("a log line", file=sys.stderr, flush=True)
ready(); threading.Event().wait()
"""
)


async def test_what_a_child_says_to_the_operator_is_shown_and_not_logged(tmp_path: Path) -> None:
    """Its standard output has a file of its own; nothing in it may steer the terminal."""
    spec = dataclasses.replace(python("deliver", SPEAKING), speaks=True)
    shown: list[str] = []
    there = asyncio.Event()

    def write(line: str) -> None:
        shown.append(line)
        there.set()

    async with running(tmp_path, spec):
        log = tmp_path / "logs" / "deliver.log"
        showing = asyncio.create_task(show_speech(lambda: {"deliver": speech_file(log)}, write))
        await asyncio.wait_for(there.wait(), 10)
        showing.cancel()
        assert shown == ["alert: \\x1b[31mone\\x1b[0m"]
        assert log.read_text() == "a log line\n"
