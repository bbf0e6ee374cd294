"""Work on what strangers send, in worker processes that can be killed one by one.

Such work can take minutes or gigabytes. A worker at it is killed and replaced, which `concurrent.futures` cannot do
for one job; so this is a pool of our own. A worker is a child that runs the `main` of a module; jobs and answers are
frames with a length before them, on its standard input and output. It ends by itself when its input ends, so that a
killed parent leaves none behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import sys
from collections.abc import Callable
from types import TracebackType
from typing import BinaryIO, Final, Literal, Self

from pipeline.errors import SandboxError

MAX_WORKER_BYTES: Final = 1 << 30
"""Address space of a worker: a feed of the 15 MB that are fetched at most takes feedparser some 400 MB."""

CPU_SLACK_SECONDS: Final = 5
"""CPU time of one job beyond the time limit, after which the kernel ends the worker: the parent is gone by then."""

START_SECONDS: Final = 60.0
"""For a worker to import its modules, on a machine busy with other things."""

Loss = Literal["time", "memory", "end"]
"""Why a worker was lost to a job: it took too long, it wanted too much memory, it ended by itself or was killed."""

_LENGTH_BYTES: Final = 8
_KEPT, _SPENT = b"\0", b"\1"
"""Before each answer: whether the worker may be used again."""


class Sandbox:
    """Does jobs in ``processes`` workers, each job within ``timeout_seconds``. Workers start when first needed.

    Args:
        module: what a worker runs; its `__main__` calls `be_worker`.
        work: what it does, as in "parsing took longer than …".
        on_loss: told of each worker that a job cost, to count it.
    """

    def __init__(
        self,
        module: str,
        work: str,
        *,
        processes: int,
        timeout_seconds: float,
        max_worker_bytes: int = MAX_WORKER_BYTES,
        on_loss: Callable[[Loss], None] = lambda _: None,
    ) -> None:
        self._module, self._work, self._on_loss = module, work, on_loss
        self.timeout_seconds, self.max_worker_bytes = timeout_seconds, max_worker_bytes
        self._slots = asyncio.Semaphore(processes)
        self._idle: list[_Worker] = []
        self._workers: set[_Worker] = set()
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of the workers that run."""
        return tuple(sorted(worker.pid for worker in self._workers))

    async def do(self, job: bytes) -> bytes:
        """One job's answer.

        Raises:
            SandboxError: there is none; the worker, if it had the job, is replaced.
        """
        async with self._slots:
            return await self._ask(job)

    async def close(self) -> None:
        """End all workers, also those at work, and wait for their end."""
        self._closed = True
        await asyncio.gather(*(self._end(worker) for worker in tuple(self._workers)))

    async def _ask(self, job: bytes) -> bytes:
        worker = await self._take()
        answer = b""
        try:
            async with asyncio.timeout(self.timeout_seconds):
                answer = await worker.ask(job)
            if answer[:1] == _SPENT:
                self._on_loss("memory")
        except TimeoutError:
            self._on_loss("time")
            raise SandboxError(f"{self._work} took longer than {self.timeout_seconds:g} s; it was stopped") from None
        except (OSError, EOFError) as error:
            how = await self._end(worker)
            if not self._closed:
                self._on_loss("end")
            raise SandboxError(f"the process that was {self._work} it ended ({how})") from error
        finally:
            # Also when this task was cancelled: a worker in the middle of a job cannot be given another.
            if answer[:1] == _KEPT and not self._closed:
                self._idle.append(worker)
            else:
                await asyncio.shield(self._end(worker))
        return answer[1:]

    async def _take(self) -> _Worker:
        while self._idle:
            worker = self._idle.pop()
            if worker.runs:
                return worker
            await self._end(worker)
        if self._closed:
            raise SandboxError(f"the processes for {self._work} were stopped")
        worker = await _Worker.start(self._module, self.timeout_seconds, self.max_worker_bytes)
        self._workers.add(worker)
        try:
            async with asyncio.timeout(START_SECONDS):
                await worker.ready()
        except BaseException as error:
            how = await asyncio.shield(self._end(worker))
            if isinstance(error, TimeoutError | EOFError | OSError):
                raise SandboxError(f"a process for {self._work} did not start ({how})") from error
            raise
        return worker

    async def _end(self, worker: _Worker) -> str:
        how = await worker.end()
        self._workers.discard(worker)
        return how


class _Worker:
    """The parent's side of one worker process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None  # both were asked for
        assert process.stdout is not None
        self._process, self._input, self._output = process, process.stdin, process.stdout
        # Not `process.kill()`: it reaps a child that has just ended, and asyncio's watcher then cannot say how it did.
        self._handle = _process_handle(process.pid)

    @classmethod
    async def start(cls, module: str, timeout_seconds: float, max_bytes: int) -> _Worker:
        # -P: a feedparser.py in the operator's working directory is not ours.
        command = (sys.executable, "-P", "-m", module, str(timeout_seconds), str(max_bytes))
        pipe = asyncio.subprocess.PIPE
        return cls(await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe))

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def runs(self) -> bool:
        return self._process.returncode is None

    async def ready(self) -> None:
        await self._read()

    async def ask(self, job: bytes) -> bytes:
        self._input.write(len(job).to_bytes(_LENGTH_BYTES, "big"))
        self._input.write(job)
        await self._input.drain()
        return await self._read()

    async def end(self) -> str:
        """Kill it, wait for its end, and say how it ended."""
        if self._handle is not None:
            with contextlib.suppress(ProcessLookupError):  # it ended before
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)
            os.close(self._handle)
            self._handle = None
        self._input.close()
        code = await self._process.wait()
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    async def _read(self) -> bytes:
        length = int.from_bytes(await self._output.readexactly(_LENGTH_BYTES), "big")
        return await self._output.readexactly(length)


def _process_handle(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:  # it has ended already
        return None


# -- the worker's side

Do = Callable[[bytes], tuple[bytes, bool]]
"""A job to its answer, and whether the worker is spent: it ran out of memory, of which Python gives little back.
It raises nothing: a failure of any kind costs this job, never the worker's next one. What is said of no memory is made
beforehand, and said when the error is let go of."""


def be_worker(do: Do, timeout_seconds: str, max_bytes: str) -> None:
    """Do jobs until there are no more; the arguments are those that a worker is started with."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the parent ends us
    resource.setrlimit(resource.RLIMIT_AS, (int(max_bytes), int(max_bytes)))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _serve(do, sys.stdin.buffer, sys.stdout.buffer, float(timeout_seconds))


def _serve(do: Do, jobs: BinaryIO, answers: BinaryIO, timeout_seconds: float) -> None:
    """Say that we are ready, then answer jobs until their stream ends."""
    _write(answers, b"ready")
    while length := jobs.read(_LENGTH_BYTES):
        job = jobs.read(int.from_bytes(length, "big"))
        _allow_cpu(timeout_seconds)
        answer, spent = do(job)
        _write(answers, (_SPENT if spent else _KEPT) + answer)


def _write(answers: BinaryIO, frame: bytes) -> None:
    answers.write(len(frame).to_bytes(_LENGTH_BYTES, "big") + frame)
    answers.flush()


def _allow_cpu(seconds: float) -> None:
    """CPU time for one more job: the limit counts the life of the process, so it moves with every job."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime + seconds) + CPU_SLACK_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
