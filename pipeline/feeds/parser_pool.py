"""Feeds are parsed in worker processes, because what strangers send can cost a parser minutes or gigabytes.

A feed of 676 KB with many attributes on one element keeps feedparser busy for 41 s (quadratic). Such a worker is
killed and replaced, which `concurrent.futures` cannot do for one job; so this is a pool of our own. A worker is a child
that runs `main`; jobs and answers are msgpack frames with a length before them, on its standard input and output. It
ends by itself when its input ends, so that a killed parent leaves none behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import sys
from collections.abc import Mapping
from datetime import datetime
from types import TracebackType
from typing import BinaryIO, Final

import msgspec

from pipeline.errors import ParseError
from pipeline.feeds.parse import parse, require_safe_expat
from pipeline.feeds.parsed import ParsedFeed, Source

MAX_WORKER_BYTES: Final = 1 << 30
"""Address space of a worker: a feed of the 15 MB that are fetched at most takes feedparser some 400 MB."""

CPU_SLACK_SECONDS: Final = 5
"""CPU time of one job beyond the time limit, after which the kernel ends the worker: the parent is gone by then."""

START_SECONDS: Final = 60.0
"""For a worker to import its modules, on a machine busy with other things."""

_LENGTH_BYTES: Final = 8


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One body to parse; it is its own `Source`."""

    url: str
    outlet: str
    language: str
    headers: dict[str, str]
    fetched: datetime
    body: bytes


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a job: a parsed feed, or the reason why not."""

    parsed: ParsedFeed | None = None
    reason: str = ""
    spent: bool = False
    """The worker ran out of memory and is not to be used again: Python gives little of it back."""


class ParserPool:
    """Parses feeds in ``processes`` workers, each job within ``timeout_seconds``. Workers start when first needed.

    Use it as an async context manager, or call `close`.
    """

    def __init__(
        self, processes: int = 2, timeout_seconds: float = 20.0, *, max_worker_bytes: int = MAX_WORKER_BYTES
    ) -> None:
        """
        Raises:
            UnsafeExpatError: Python's XML parser is too old for this.
        """
        require_safe_expat()
        self.timeout_seconds, self.max_worker_bytes = timeout_seconds, max_worker_bytes
        self._slots = asyncio.Semaphore(processes)
        self._idle: list[_Worker] = []
        self._workers: set[_Worker] = set()
        self._closed = False

    async def __aenter__(self) -> ParserPool:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of the workers that run."""
        return tuple(sorted(worker.pid for worker in self._workers))

    async def parse(self, body: bytes, *, feed: Source, headers: Mapping[str, str], fetched: datetime) -> ParsedFeed:
        """`pipeline.feeds.parse.parse` in a worker.

        Raises:
            ParseError: it is no feed; or parsing took too long, too much memory, or ended the worker, which is then
                replaced. Other feeds are not affected.
        """
        job = Job(
            url=feed.url, outlet=feed.outlet, language=feed.language, headers=dict(headers), fetched=fetched, body=body
        )
        async with self._slots:
            answer = await self._ask(job)
        if answer.parsed is None:
            raise ParseError(feed.url, answer.reason)
        return answer.parsed

    async def close(self) -> None:
        """End all workers, also those at work, and wait for their end."""
        self._closed = True
        await asyncio.gather(*(self._end(worker) for worker in tuple(self._workers)))

    async def _ask(self, job: Job) -> Answer:
        worker = await self._take(job)
        answer = None
        try:
            async with asyncio.timeout(self.timeout_seconds):
                answer = await worker.ask(job)
        except TimeoutError:
            raise ParseError(job.url, f"parsing took longer than {self.timeout_seconds:g} s; it was stopped") from None
        except (OSError, EOFError, msgspec.DecodeError) as error:
            how = await self._end(worker)
            raise ParseError(job.url, f"the parser process ended while it had this feed ({how})") from error
        finally:
            # Also when this task was cancelled: a worker in the middle of a job cannot be given another.
            if answer is None or answer.spent or self._closed:
                await asyncio.shield(self._end(worker))
            else:
                self._idle.append(worker)
        return answer

    async def _take(self, job: Job) -> _Worker:
        while self._idle:
            worker = self._idle.pop()
            if worker.runs:
                return worker
            await self._end(worker)
        if self._closed:
            raise ParseError(job.url, "the parser processes were stopped")
        worker = await _Worker.start(self.timeout_seconds, self.max_worker_bytes)
        self._workers.add(worker)
        try:
            async with asyncio.timeout(START_SECONDS):
                await worker.ready()
        except BaseException as error:
            how = await asyncio.shield(self._end(worker))
            if isinstance(error, TimeoutError | EOFError | OSError):
                raise ParseError(job.url, f"a parser process did not start ({how})") from error
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
    async def start(cls, timeout_seconds: float, max_bytes: int) -> _Worker:
        # -P: a feedparser.py in the operator's working directory is not ours.
        command = (sys.executable, "-P", "-m", __name__, str(timeout_seconds), str(max_bytes))
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

    async def ask(self, job: Job) -> Answer:
        frame = _encoder.encode(job)
        self._input.write(len(frame).to_bytes(_LENGTH_BYTES, "big"))
        self._input.write(frame)
        await self._input.drain()
        return _answers.decode(await self._read())

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


_encoder = msgspec.msgpack.Encoder()
_answers = msgspec.msgpack.Decoder(Answer)
_jobs = msgspec.msgpack.Decoder(Job)


# -- the worker's side


def answer(job: Job) -> Answer:
    """Do one job. A failure of any kind costs this feed, never the worker's next one."""
    try:
        return Answer(parsed=parse(job.body, feed=job, headers=job.headers, fetched=job.fetched))
    except ParseError as error:
        return Answer(reason=error.reason)
    except MemoryError:
        return Answer(reason="parsing took more memory than a worker may have", spent=True)
    except Exception as error:  # the boundary: what feedparser raises on hostile input is not foreseen
        return Answer(reason=f"the parser failed on it: {type(error).__name__}: {error}")


def serve(jobs: BinaryIO, answers: BinaryIO, timeout_seconds: float) -> None:
    """Say that we are ready, then answer jobs until their stream ends."""
    _write(answers, b"ready")
    while length := jobs.read(_LENGTH_BYTES):
        job = _jobs.decode(jobs.read(int.from_bytes(length, "big")))
        _allow_cpu(timeout_seconds)
        _write(answers, _encoder.encode(answer(job)))


def _write(answers: BinaryIO, frame: bytes) -> None:
    answers.write(len(frame).to_bytes(_LENGTH_BYTES, "big") + frame)
    answers.flush()


def _allow_cpu(seconds: float) -> None:
    """CPU time for one more job: the limit counts the life of the process, so it moves with every job."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime + seconds) + CPU_SLACK_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


def main(timeout_seconds: str, max_bytes: str) -> None:
    """Be a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the parent ends us
    require_safe_expat()
    resource.setrlimit(resource.RLIMIT_AS, (int(max_bytes), int(max_bytes)))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    serve(sys.stdin.buffer, sys.stdout.buffer, float(timeout_seconds))


if __name__ == "__main__":
    main(*sys.argv[1:3])
