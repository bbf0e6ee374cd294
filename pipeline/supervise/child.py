"""One run of one child process: started, waited for, stopped; its output in a file."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from pipeline.ready import READY_FILE
from pipeline.tether import tethered

READY_POLL: Final = 0.05
"""Seconds between two looks at the ready file."""

LAST_WORDS: Final = 12
"""Lines of a child's log that go into a reason."""

_TAIL_BYTES: Final = 8192


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """What to run; ``command[0]`` is an absolute path. ``speaks``: its standard output is for the operator, and goes to
    a file of its own beside the log."""

    name: str
    command: tuple[str, ...]
    speaks: bool = False


class Child:
    """One run. The process has a session of its own: Ctrl-C on the terminal reaches only the parent."""

    def __init__(self, spec: ChildSpec, process: asyncio.subprocess.Process, ready_file: Path, log: Path) -> None:
        self.spec = spec
        self.log = log
        self.process = process
        self._ready_file = ready_file

    async def ready(self) -> str | None:
        """The child's /metrics address ("" if it has none) as soon as it is ready; None if it ended before."""
        while not self._ready_file.exists():
            if self.process.returncode is not None:
                return None
            await asyncio.sleep(READY_POLL)
        return str(json.loads(self._ready_file.read_text()).get("metrics", ""))

    def signal(self, number: signal.Signals) -> bool:
        """Send it a signal, unless it is not ready yet (it would die of it) or has ended; whether it was sent."""
        if self.process.returncode is not None or not self._ready_file.exists():
            return False
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        return True

    async def wait(self) -> int:
        """The exit code once it ended; negative: the signal that ended it."""
        return await self.process.wait()

    async def stop(self, bound: float) -> None:
        """SIGTERM, and SIGKILL to it and all it started after ``bound`` seconds."""
        if self.process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        try:
            await asyncio.wait_for(self.process.wait(), bound)
        except TimeoutError:
            self.kill()
            await self.process.wait()

    def kill(self) -> None:
        """SIGKILL to it and all it started."""
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def last_words(self) -> str:
        """The last lines it logged."""
        return last_lines(self.log)


async def spawn(spec: ChildSpec, *, env: Mapping[str, str], ready_file: Path, log: Path) -> Child:
    """Start a run; what it prints is appended to ``log``, and what it says to `speech_file` of it."""
    ready_file.unlink(missing_ok=True)
    with log.open("ab") as err, (speech_file(log) if spec.speaks else log).open("ab") as out:
        process = await _spawn(spec, {**env, READY_FILE: str(ready_file)}, out, err)
    return Child(spec, process, ready_file, log)


def speech_file(log: Path) -> Path:
    """Where the standard output of a child goes that speaks to the operator."""
    return log.with_suffix(".out")


async def _spawn(spec: ChildSpec, env: Mapping[str, str], out: IO[bytes], err: IO[bytes]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *tethered(spec.command),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=out,
        stderr=err,
        env=env,
        start_new_session=True,
    )


def last_lines(file: Path, count: int = LAST_WORDS) -> str:
    """The last ``count`` lines of a file, which may be large."""
    with file.open("rb") as log:
        log.seek(max(0, log.seek(0, os.SEEK_END) - _TAIL_BYTES))
        lines = log.read().decode(errors="replace").splitlines()
    return "\n".join(lines[-count:])


def rotate(log: Path) -> None:
    """Keep the log of the run before as ``<name>.1``, and begin an empty one."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_name(log.name + ".1"))
    log.touch()
