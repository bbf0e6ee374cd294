"""Keeps child processes running: a crashed one starts again with back-off, one that keeps crashing ends the whole."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from pipeline.errors import ChildFailedError
from pipeline.supervise.child import Child, ChildSpec, rotate, spawn, speech_file
from pipeline.supervise.restart import Crash, GiveUp, decide_restart

READY_BOUND: Final = 90.0
"""Seconds for a child to become ready: a worker that joins a group again after a kill waits until the old member's
session ends (15 s) and until the rebalance is done (60 s at most)."""

STOP_BOUND: Final = 15.0
"""Seconds between SIGTERM and SIGKILL: a worker commits and leaves its group, a poller waits for acknowledgements."""

Say = Callable[[str], None]
"""Takes one sentence for the operator."""


class Supervisor:
    """Runs the children of ``specs`` together; they are stopped one after the other, in the order of ``specs``.

    ``restarted`` is called with a child's name at every restart, ``say`` with what happens, in sentences.
    """

    def __init__(
        self,
        specs: Sequence[ChildSpec],
        *,
        log_dir: Path,
        run_dir: Path,
        say: Say,
        restarted: Callable[[str], None],
        ready_bound: float = READY_BOUND,
        stop_bound: float = STOP_BOUND,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._specs = specs
        self._log_dir, self._run_dir = log_dir, run_dir
        self._say, self._restarted = say, restarted
        self._ready_bound, self._stop_bound, self._clock = ready_bound, stop_bound, clock
        self._env: Mapping[str, str] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._children: dict[str, Child] = {}
        self._ready = {spec.name: asyncio.Event() for spec in specs}
        self.metrics_addresses: dict[str, str] = {}
        for spec in specs:
            rotate(self.log(spec.name))
            if spec.speaks:
                rotate(speech_file(self.log(spec.name)))

    def log(self, name: str) -> Path:
        """Where a child's output goes."""
        return self._log_dir / f"{name}.log"

    async def start(self, env: Mapping[str, str]) -> None:
        """Start all children with ``env``; back when each is ready.

        Raises:
            ChildFailedError: one keeps crashing; all are stopped.
        """
        self._env = env
        self._keepers = {spec.name: asyncio.create_task(self._keep(spec)) for spec in self._specs}
        ready = asyncio.create_task(self._all_ready())
        try:
            await asyncio.wait({ready, *self._keepers.values()}, return_when=asyncio.FIRST_COMPLETED)
            self._check()
        except BaseException:
            await self.stop()
            raise
        finally:
            ready.cancel()

    async def _all_ready(self) -> None:
        for event in self._ready.values():
            await event.wait()

    def _check(self) -> None:
        """Raise the ChildFailedError of a child that was given up, if there is one."""
        for keeper in self._keepers.values():
            if keeper.done():
                keeper.result()

    async def failure(self) -> None:
        """Never returns; raises as soon as a child is given up.

        Raises:
            ChildFailedError: it names the child and holds its last log lines.
        """
        await asyncio.wait(self._keepers.values(), return_when=asyncio.FIRST_COMPLETED)
        self._check()

    async def stop(self) -> None:
        """Stop each child, in the order of the specs, and wait until it is gone."""
        for keeper in self._keepers.values():
            keeper.cancel()
            await asyncio.wait({keeper})
        for event in self._ready.values():
            event.clear()
        self._keepers = {}
        self.metrics_addresses.clear()

    def kill(self) -> None:
        """SIGKILL all at once: for somebody who cannot wait."""
        for child in self._children.values():
            child.kill()

    def signal(self, name: str, number: signal.Signals) -> bool:
        """Send a signal to a child that is ready; whether there was one."""
        child = self._children.get(name)
        return child is not None and child.signal(number)

    async def _keep(self, spec: ChildSpec) -> None:
        history: list[Crash] = []
        while True:
            started = self._clock()
            code = await self._run(spec)
            history.append(Crash(started, self._clock(), code))
            decision = decide_restart(history, self._clock())
            if isinstance(decision, GiveUp):
                log = self.log(spec.name)
                words = self._children[spec.name].last_words()
                raise ChildFailedError(spec.name, f"{decision.reason}; the end of {log}:\n{words}")
            self._say(f"{spec.name} ended ({decision.reason}); starting it again in {decision.delay:.0f} s")
            self._restarted(spec.name)
            await asyncio.sleep(decision.delay)

    async def _run(self, spec: ChildSpec) -> int | None:
        """One run: its exit code, or None when it was killed because it did not become ready."""
        ready_file = self._run_dir / f"{spec.name}.ready"
        child = await spawn(spec, env=self._env, ready_file=ready_file, log=self.log(spec.name))
        self._children[spec.name] = child
        try:
            try:
                address = await asyncio.wait_for(child.ready(), self._ready_bound)
            except TimeoutError:
                return None
            if address is not None:
                self._is_ready(spec.name, address)
            return await child.wait()
        finally:
            self.metrics_addresses.pop(spec.name, None)
            await child.stop(self._stop_bound)

    def _is_ready(self, name: str, address: str) -> None:
        if address:
            self.metrics_addresses[name] = address
        self._say(f"{name} is ready")
        self._ready[name].set()
