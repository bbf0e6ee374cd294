"""A Faust app with a table keeps every message while workers join, leave and die: real processes, real broker.

`COUNTERCLAIM_LOSS_RUNS` trials of each kind (1 by default; `make test-loss` asks for 8) run side by side before the
first test, and each test judges its own. What Faust loses without our fix is measured by
``python -m tests.integration.recovery --without-fix``; ``docs/faust.md`` has the figures.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from pathlib import Path
from typing import get_args

import faust
import pytest

from agents.recovery import PROVEN_FAUST, keep_messages_through_recovery, require_proven_faust
from pipeline.errors import UnprovenFaustError
from tests.integration.recovery.trial import SESSION_SECONDS, STORES, Plan, Scenario, Verdict, fresh_name, run_many

RUNS = int(os.environ.get("COUNTERCLAIM_LOSS_RUNS", "1"))
AT_ONCE = 4
"""Trials side by side, two workers each; more of them only wait for one another on two cores."""
TRIAL_SECONDS = 60
"""Bound on a trial's share of the time; it takes a quarter of that on two idle cores."""


@pytest.fixture(scope="module")
def verdicts(bootstrap: str, broker_kind: str, tmp_path_factory: pytest.TempPathFactory) -> list[Verdict]:
    """The verdicts on all trials, which ran side by side: most of a trial is waiting for the group to rebalance."""
    directory: Path = tmp_path_factory.mktemp("recovery")
    plans = [
        Plan(
            bootstrap=bootstrap,
            directory=directory / fresh_name(f"{store}-{scenario}", number),
            number=number,
            scenario=scenario,
            store=STORES[store],
            session_timeout=SESSION_SECONDS[broker_kind],
        )
        for number, store, scenario in itertools.product(range(RUNS), STORES, get_args(Scenario))
    ]
    return asyncio.run(run_many(plans, AT_ONCE))


@pytest.mark.loss
@pytest.mark.timeout(60 + TRIAL_SECONDS * RUNS)
@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("scenario", get_args(Scenario))
def test_no_message_is_lost_when_workers_come_and_go(scenario: Scenario, store: str, verdicts: list[Verdict]) -> None:
    """Each message is forwarded at least once and each commit reaches the end, whoever joins, leaves or is killed."""
    ours = [v for v in verdicts if v.plan.scenario == scenario and v.plan.store == STORES[store]]
    assert len(ours) == RUNS
    assert [verdict for verdict in ours if not verdict.clean] == []
    for verdict in ours:
        assert verdict.assignments >= 4, "the start gives one assignment, joining two, leaving or dying one"
        assert set(verdict.forwarded) == {"first", "second"}, "both workers forwarded messages"
    assert sum(verdict.redelivered for verdict in ours) > 0, "no rebalance met a message on its way"


def test_an_unknown_faust_is_refused() -> None:
    """A Faust version that the trials were not run on stops the start with a sentence that says what to do."""
    with pytest.raises(UnprovenFaustError, match=r"Faust 0\.16\.0 is installed.*install faust-streaming==0\.15\.3"):
        require_proven_faust("0.16.0")


def test_the_installed_faust_is_proven() -> None:
    """The version that is pinned is the one that the trials were run on."""
    assert faust.__version__ in PROVEN_FAUST


def test_calling_too_late_is_refused() -> None:
    """An app that has a table already cannot be given our recovery any more, and says so."""
    app = faust.App("late", store="memory://")
    app.Table("counts", partitions=4)
    with pytest.raises(RuntimeError, match="before the app's first table"):
        keep_messages_through_recovery(app)
