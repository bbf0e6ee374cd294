"""Rules that are loaded again while the stream goes on: when, and what a broken file costs."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from agents.live_rules import LiveRules
from pipeline.errors import Problem, RuleError
from pipeline.hangup import Hangup
from pipeline.records import Article, Flag
from pipeline.rules.watch import Decision, Snapshot, decide, snapshot
from pipeline.rules_state import RulesState

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
EN, DE = Path("en.yaml"), Path("de.yaml")
OLD: Snapshot = {EN: (1, 10, 1)}
NEW: Snapshot = {EN: (2, 10, 1)}
NEWER: Snapshot = {EN: (3, 10, 1)}
MORE: Snapshot = {**OLD, DE: (1, 1, 2)}


@pytest.mark.parametrize(
    ("tried", "before", "now", "asked", "decision"),
    [
        (OLD, OLD, OLD, False, Decision(load=False, reason="unchanged")),
        (OLD, OLD, NEW, False, Decision(load=False, reason="still changing", changed=(EN,))),
        (OLD, NEW, NEWER, False, Decision(load=False, reason="still changing", changed=(EN,))),
        (OLD, NEW, NEW, False, Decision(load=True, reason="changed", changed=(EN,))),
        # tried and refused: not again, until it changes again
        (NEW, NEW, NEW, False, Decision(load=False, reason="unchanged")),
        # back to what is in force after an edit that was never loaded
        (OLD, NEW, OLD, False, Decision(load=False, reason="unchanged")),
        # a file more, a file less, another in its place
        (OLD, MORE, MORE, False, Decision(load=True, reason="changed", changed=(DE,))),
        (OLD, {}, {}, False, Decision(load=True, reason="changed", changed=(EN,))),
        (OLD, {EN: (1, 10, 2)}, {EN: (1, 10, 2)}, False, Decision(load=True, reason="changed", changed=(EN,))),
        # asked: at once, changed or not
        (OLD, OLD, NEW, True, Decision(load=True, reason="asked", changed=(EN,))),
        (OLD, OLD, OLD, True, Decision(load=True, reason="asked")),
    ],
)  # fmt: skip
def test_when_to_load(tried: Snapshot, before: Snapshot, now: Snapshot, asked: bool, decision: Decision) -> None:
    """When the files differ from what was last tried, and no longer change."""
    assert decide(tried, before, now, asked=asked) == decision


def test_a_snapshot_has_the_rule_files_and_what_is_beside_them(tmp_path: Path) -> None:
    """Other files do not count; what is not there is not in it; an edit of the same length shows."""
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "en.yaml").write_text("one")
    (rules / "en.yaml~").write_text("one")
    (rules / "gone.yaml").symlink_to(tmp_path / "nowhere")
    actors = tmp_path / "actors.yaml"
    first = snapshot(rules, actors)
    assert set(first) == {rules / "en.yaml"}
    actors.write_text("x")
    os.utime(rules / "en.yaml", ns=(1, 1))
    second = snapshot(rules, actors)
    assert set(second) == {rules / "en.yaml", actors}
    assert second[rules / "en.yaml"] != first[rules / "en.yaml"]


class Named:
    """Rules that flag nothing and have a hash."""

    def __init__(self, digest: str) -> None:
        self.hash = digest

    def flags(self, article: Article) -> tuple[Flag, ...]:
        """None."""
        return ()


class Desk:
    """Files that change when a test says so, and what the worker's metrics tell of it."""

    def __init__(self) -> None:
        self.files: Snapshot = OLD
        self.read: Callable[[], Named] = lambda: Named("old")
        self.loads = 0
        self.registry = CollectorRegistry()
        self.now = NOON
        self.rules = LiveRules(
            Named("old"),
            OLD,
            load=self._load,
            look=lambda: self.files,
            state=RulesState(self.registry),
            clock=lambda: self.now,
        )

    def _load(self) -> Named:
        self.loads += 1
        return self.read()

    def metric(self, name: str, **labels: str) -> float | None:
        """One series."""
        return self.registry.get_sample_value(f"counterclaim_rules_{name}", labels)

    def said(self) -> tuple[float | None, float | None]:
        """Whether the files are in order, and the last success."""
        return self.metric("config_valid"), self.metric("last_success_timestamp_seconds")


def refuse() -> Named:
    """Two problems in one file."""
    raise RuleError([Problem(EN, 3, "there is no list 'cue'"), Problem(EN, 9, "rule id 'x' is used twice")])


@pytest.fixture
def desk() -> Desk:
    """A worker's rules, just started."""
    return Desk()


async def test_a_change_is_loaded_at_the_second_look_that_finds_it(desk: Desk) -> None:
    """The first may have come in the middle of the writing."""
    assert await desk.rules.step() is None
    desk.files, desk.read, desk.now = NEW, lambda: Named("new"), NOON.replace(hour=13)
    assert await desk.rules.step() is None
    assert await desk.rules.step() == "loaded"
    assert desk.rules().hash == "new"
    assert await desk.rules.step() is None
    assert desk.loads == 1
    assert desk.metric("info", hash="new") == 1
    assert desk.metric("info", hash="old") is None
    assert desk.said() == (1, NOON.replace(hour=13).timestamp())
    assert desk.metric("reloads_total", outcome="loaded") == 1


async def test_a_broken_edit_keeps_the_old_rules_and_says_why(desk: Desk) -> None:
    """Every problem is logged with file and line; it is not tried again until it changes; the mended file is loaded."""
    desk.files, desk.read = NEW, refuse
    await desk.rules.step()
    with capture_logs() as logs:
        assert await desk.rules.step() == "refused"
    problems = [(line["file"], line["line"], line["reason"]) for line in logs if line["event"] == "rules: wrong"]
    assert problems == [("en.yaml", 3, "there is no list 'cue'"), ("en.yaml", 9, "rule id 'x' is used twice")]
    assert desk.rules().hash == "old"
    assert desk.said() == (0, NOON.timestamp())
    assert await desk.rules.step() is None
    assert desk.loads == 1
    desk.files, desk.read = NEWER, lambda: Named("new")
    await desk.rules.step()
    assert await desk.rules.step() == "loaded"
    assert desk.said()[0] == 1
    assert desk.metric("reloads_total", outcome="refused") == 1


async def test_a_fault_of_ours_in_loading_is_survived(desk: Desk) -> None:
    """Whatever it is, the stream goes on with the old rules."""

    def fail() -> Named:
        raise ZeroDivisionError

    desk.files, desk.read = NEW, fail
    await desk.rules.step()
    assert await desk.rules.step() == "refused"
    assert (desk.rules().hash, desk.said()[0]) == ("old", 0)


async def test_who_asks_is_served_at_once(desk: Desk) -> None:
    """Without a change, too; then nothing changes but the time of the last success."""
    desk.rules.ask()
    assert await desk.rules.step() == "unchanged"
    desk.files, desk.read = NEW, lambda: Named("new")
    desk.rules.ask()
    assert await desk.rules.step() == "loaded"
    assert desk.metric("reloads_total", outcome="unchanged") == 1


async def test_loading_is_off_the_event_loop_and_the_old_rules_work_meanwhile(desk: Desk) -> None:
    """The stream does not wait for it."""
    began, finish = threading.Event(), threading.Event()

    def slow() -> Named:
        began.set()
        assert finish.wait(30)
        return Named("new")

    desk.read = slow
    desk.rules.ask()
    watching = asyncio.create_task(desk.rules.watch(seconds=3600))
    assert await asyncio.to_thread(began.wait, 30)
    assert desk.rules().hash == "old"
    finish.set()
    while desk.rules().hash == "old":
        await asyncio.sleep(0)
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching


def test_a_process_without_rules_says_nothing_of_them() -> None:
    """A poller has no rule set: neither valid nor invalid. The counter starts at zero everywhere."""
    registry = CollectorRegistry()
    RulesState(registry)
    samples = [sample for family in registry.collect() for sample in family.samples]
    counted = {sample.labels["outcome"]: sample.value for sample in samples if sample.name.endswith("_total")}
    assert counted == {"loaded": 0, "unchanged": 0, "refused": 0}
    assert {sample.name for sample in samples} <= {f"counterclaim_rules_reloads_{end}" for end in ("total", "created")}


@pytest.mark.parametrize(("had", "has", "stop"), [(True, False, True), (True, True, False), (False, False, False)])
def test_a_hangup_is_an_end_only_where_a_terminal_is_gone(had: bool, has: bool, stop: bool) -> None:
    """A service has none; on a terminal that is still there, somebody sent the signal on purpose."""
    states = iter([had, has])
    assert Hangup(lambda: next(states)).means_stop() is stop
