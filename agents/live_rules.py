"""The rule set of the moment: loaded again when its files change, or on SIGHUP, without a restart.

A rule set is swapped whole between two batches; each flagged record names the one that made it. While another is being
loaded, in a thread, the stream goes on with the old one; if the files are wrong, it stays.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Final

import structlog

from agents.flag import Rules
from agents.stage import Clock, utc_now
from pipeline.errors import ConfigError, Problem
from pipeline.rules.watch import Snapshot, decide
from pipeline.rules_state import ReloadOutcome, RulesState

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 2.0
"""Between two looks at the files. A change is loaded at the second look that finds it the same: after 2 to 4 s."""


class LiveRules:
    """Calling it gives the rules in force.

    Args:
        rules: those that the worker starts with.
        tried: how the files were before these were loaded.
        load: reads the files anew; raises ConfigError with every problem.
        look: how the files are now.
    """

    def __init__(
        self,
        rules: Rules,
        tried: Snapshot,
        *,
        load: Callable[[], Rules],
        look: Callable[[], Snapshot],
        state: RulesState,
        clock: Clock = utc_now,
    ) -> None:
        self._rules, self._tried, self._before = rules, tried, tried
        self._load, self._look, self._state, self._clock = load, look, state, clock
        self._asked = asyncio.Event()
        state.in_force(rules.hash, clock())

    def __call__(self) -> Rules:
        """The rules in force."""
        return self._rules

    def ask(self) -> None:
        """Load at the next occasion, whatever the files look like. For a signal handler of the event loop."""
        self._asked.set()

    async def watch(self, seconds: float = LOOK_SECONDS) -> None:
        """Look at the files for ever."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._asked.wait(), seconds)
            await self.step()

    async def step(self) -> ReloadOutcome | None:
        """One look, and what came of it; None where nothing was to be done."""
        asked = self._asked.is_set()
        self._asked.clear()
        now = await asyncio.to_thread(self._look)
        decision = decide(self._tried, self._before, now, asked=asked)
        self._before = now
        if not decision.load:
            return None
        self._tried = now
        outcome = await self._try(decision.reason, decision.changed)
        self._state.reloaded(outcome)
        return outcome

    async def _try(self, reason: str, changed: Sequence[Path]) -> ReloadOutcome:
        began, before = perf_counter(), self._rules.hash
        try:
            rules = await asyncio.to_thread(self._load)
        except ConfigError as error:
            return self._refuse(error.problems)
        except Exception:  # a fault of ours in reading them must not end the stream either
            log.exception("rules: cannot be loaded")
            return self._refuse(())
        self._rules = rules
        self._state.in_force(rules.hash, self._clock())
        outcome: ReloadOutcome = "unchanged" if rules.hash == before else "loaded"
        files = [path.name for path in changed]
        seconds = round(perf_counter() - began, 3)
        log.info(
            "rules: loaded", outcome=outcome, why=reason, hash=rules.hash, before=before, files=files, took=seconds
        )
        return outcome

    def _refuse(self, problems: Sequence[Problem]) -> ReloadOutcome:
        for problem in problems:
            log.error("rules: wrong", file=str(problem.file), line=problem.line, reason=problem.message)
        self._state.refused()
        log.error("rules: refused, the old ones stay in force", hash=self._rules.hash, problems=len(problems))
        return "refused"
