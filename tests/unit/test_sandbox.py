"""Limits of worker processes, on a worker that does the harm it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pipeline.errors import SandboxError
from pipeline.sandbox import Loss, Sandbox

ROOT = Path(__file__).parent.parent.parent
LIMIT = 256 << 20
LONG = 60.0


@asynccontextmanager
async def hungry(losses: list[Loss], *, processes: int = 1, timeout_seconds: float = LONG) -> AsyncIterator[Sandbox]:
    """A sandbox that notes what it lost."""
    sandbox = Sandbox(
        "tests.hungry",
        "eating",
        processes=processes,
        timeout_seconds=timeout_seconds,
        max_worker_bytes=LIMIT,
        on_loss=losses.append,
    )
    async with sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers find the tests."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.mark.parametrize("how", [b"heap", b"map"])
async def test_a_worker_never_has_more_memory_than_it_may(how: bytes) -> None:
    """It gets near the limit and not over it, whatever kind of memory; the next job has another worker."""
    losses: list[Loss] = []
    async with hungry(losses) as sandbox:
        assert await sandbox.do(b"hello") == b"hello"
        first = sandbox.pids
        taken = int(await sandbox.do(how))
        assert LIMIT * 0.7 < taken <= LIMIT
        assert await sandbox.do(b"hello") == b"hello"
        assert set(first).isdisjoint(sandbox.pids)
    assert losses == ["memory"]


async def test_a_worker_that_ends_costs_its_job_alone() -> None:
    """How it ended is said; the next job has another worker."""
    losses: list[Loss] = []
    async with hungry(losses) as sandbox:
        with pytest.raises(SandboxError, match=r"the process that was eating it ended \(exit code 3\)"):
            await sandbox.do(b"exit")
        assert await sandbox.do(b"hello") == b"hello"
    assert losses == ["end"]


async def test_jobs_go_on_beside_one_that_is_stopped() -> None:
    """Another worker does them while the first one is busy, and is there for the next ones."""
    losses: list[Loss] = []
    async with hungry(losses, processes=2, timeout_seconds=1.0) as sandbox:
        await sandbox.do(b"hello")
        stuck = asyncio.create_task(sandbox.do(b"spin"))
        await asyncio.sleep(0)  # the worker has it
        sandbox.timeout_seconds = LONG
        assert [await sandbox.do(b"hello") for _ in range(20)] == [b"hello"] * 20
        with pytest.raises(SandboxError, match="eating took longer than"):
            await stuck
        assert len(sandbox.pids) == 1
    assert losses == ["time"]


async def test_closing_and_cancelling_are_no_losses() -> None:
    """Only what a job did to its worker counts."""
    losses: list[Loss] = []
    async with hungry(losses, processes=2) as sandbox:
        await asyncio.gather(sandbox.do(b"hello"), sandbox.do(b"hello"))
        cancelled, left = (asyncio.create_task(sandbox.do(b"spin")) for _ in range(2))
        await asyncio.sleep(0)  # both have it
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
    with pytest.raises(SandboxError):
        await left
    assert losses == []
