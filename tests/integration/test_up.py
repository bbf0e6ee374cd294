"""`counterclaim up` as a user runs it: on a terminal, with a wrong configuration, with a port taken, killed."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "pipeline", "up", "--config", "."]

pytestmark = pytest.mark.timeout(180)


def environment() -> dict[str, str]:
    """Ours, without settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COUNTERCLAIM_")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A configuration whose one feed refuses connections; every port is free."""
    feed = {"url": "http://127.0.0.1:1/x", "outlet": "Nobody", "owner": "Nobody", "country": "GB", "language": "en"}
    write(tmp_path, "feeds.yaml", {"feeds": [feed]})
    settings = {
        "poll": {"allow_private": True},
        "kafka": {"port": 0},
        "metrics": {"poll_port": 0, "worker_port": 0, "up_port": 0, "deliver_port": 0, "archive_port": 0},
        "archive": {"url": f"sqlite:///{tmp_path / 'archive.db'}"},
        "heartbeat": {"interval_seconds": 1},
        "rules_dir": str(ROOT / "config" / "rules"),
        "outlets_file": str(ROOT / "config" / "outlets.yaml"),
    }
    write(tmp_path, "counterclaim.yaml", settings)
    return tmp_path


def write(folder: Path, name: str, value: Any) -> None:
    """A YAML file."""
    (folder / name).write_text(yaml.safe_dump(value))


def descendants(pid: int) -> list[int]:
    """The processes below a process, all generations."""
    children = [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return children + [below for child in children for below in descendants(child)]


async def gone(pids: list[int]) -> None:
    """Wait, within a bound, until none of the processes runs any more."""
    for pid in pids:
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            ended, _, _ = await asyncio.to_thread(select.select, [descriptor], [], [], 30)
            assert ended, f"process {pid} still runs: {Path(f'/proc/{pid}/cmdline').read_text()}"
        finally:
            os.close(descriptor)


class Terminal:
    """`up` on a terminal of its own."""

    def __init__(self, folder: Path) -> None:
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execve(COMMAND[0], COMMAND, environment() | {"TERM": "xterm", "COLUMNS": "250"})
        self.shown = ""

    def read_until(self, enough: Callable[[str], bool]) -> None:
        """Read what is shown until it is enough."""
        while not enough(self.shown):
            readable, _, _ = select.select([self._fd], [], [], 60)
            assert readable, f"nothing more is shown after: {self.shown}"
            data = self._read()
            assert data, f"it ended after: {self.shown}"
            self.shown += data

    def _read(self) -> str:
        """What is there; "" at the end, for which Linux has EIO when the terminal's other side is closed."""
        try:
            return os.read(self._fd, 65536).decode(errors="replace")
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return ""

    def close(self) -> None:
        """Close its window."""
        os.close(self._fd)

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._fd, keys)

    def end(self) -> int:
        """Read to the end; the exit code."""
        while data := self._read():
            self.shown += data
        os.close(self._fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


async def test_ctrl_c_on_a_terminal_stops_everything_in_order(folder: Path) -> None:
    """The status line shows the heartbeat; Ctrl-C ends all children, and the exit code is 130."""
    terminal = Terminal(folder)
    await asyncio.to_thread(terminal.read_until, lambda shown: "heartbeat 0 s ago" in shown)
    children = descendants(terminal.pid)
    assert len(children) >= 3
    terminal.type(b"\x03")
    assert await asyncio.to_thread(terminal.end) == 130
    await gone(children)
    assert "in memory" in terminal.shown
    assert "1 feeds (1 failing)" in terminal.shown
    assert "Traceback" not in terminal.shown
    worker_log = (folder / "data" / "logs" / "worker.log").read_text()
    assert "ready" in worker_log


async def test_a_terminal_that_is_closed_stops_everything(folder: Path) -> None:
    """Nobody would see what goes on there; SIGHUP from anywhere else loads the rules again."""
    terminal = Terminal(folder)
    await asyncio.to_thread(terminal.read_until, lambda shown: "heartbeat 0 s ago" in shown)
    processes = [terminal.pid, *descendants(terminal.pid)]
    terminal.close()
    await gone(processes[1:])
    assert os.waitstatus_to_exitcode((await asyncio.to_thread(os.waitpid, terminal.pid, 0))[1]) == 0


def test_wrong_configuration_starts_nothing(folder: Path) -> None:
    """Exit code 2, file, line and value; no log folder, no broker."""
    write(folder, "counterclaim.yaml", {"poll": {"intervall_seconds": 5}})
    result = subprocess.run(COMMAND, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "counterclaim.yaml:2" in result.stderr
    assert "intervall_seconds" in result.stderr
    assert not (folder / "data").exists()


def test_taken_port_of_the_broker_is_one_sentence(folder: Path) -> None:
    """Exit code 3, naming the port and the setting."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        env = environment() | {"COUNTERCLAIM_KAFKA_PORT": str(port)}
        result = subprocess.run(COMMAND, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert result.returncode == 3
    assert str(port) in result.stderr
    assert "kafka.port" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_worker_that_cannot_start_stops_the_whole_with_its_reason(folder: Path) -> None:
    """Its metrics port is taken: after five tries `up` ends with 1, and quotes the worker's own sentence."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        env = environment() | {"COUNTERCLAIM_METRICS_WORKER_PORT": port}
        result = subprocess.run([*COMMAND, "--json"], cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "worker keeps crashing: it ended 5 times" in result.stderr
    assert "metrics.worker_port" in result.stderr
    events = [json.loads(line).get("event", "") for line in result.stdout.splitlines()]
    assert sum("worker ended" in event for event in events) == 4


async def test_kill_of_the_supervisor_leaves_nothing_behind(folder: Path) -> None:
    """kill -9 of `up`: the broker, the poller with its parsers, and the worker die with it."""
    with subprocess.Popen(
        [*COMMAND, "--json"], cwd=folder, env=environment(), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        while "status" not in json.loads(await asyncio.to_thread(process.stdout.readline)):
            pass
        children = descendants(process.pid)
        assert len(children) >= 3
        process.send_signal(signal.SIGKILL)
    await gone(children)
