"""Whether a crashed child is started again, and when. Pure: times are arguments, in seconds of one monotonic clock."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

FIRST_DELAY: Final = 1.0
"""Seconds before the first restart; doubled with each further crash in a row."""

LONGEST_DELAY: Final = 30.0
"""Seconds: half of the one-minute promise, so that one crash does not break it."""

STABLE: Final = 60.0
"""Seconds that a run must last to count as sound: the crash after it is the first of a new row."""

TOO_MANY: Final = 5
"""Crashes within `WINDOW` after which restarting only hides the fault."""

WINDOW: Final = 120.0
"""Seconds."""

BAD_CONFIGURATION: Final = 2
"""The exit code of our processes for it; the same files would give the same answer."""


@dataclass(frozen=True, slots=True)
class Crash:
    """One run of a child that ended unasked. ``code`` as in `subprocess`: negative is a signal; None: it was killed
    because it did not become ready."""

    started: float
    ended: float
    code: int | None


@dataclass(frozen=True, slots=True)
class Restart:
    """Start it again after ``delay`` seconds."""

    delay: float
    reason: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Stop everything: ``reason`` says why another start would not help."""

    reason: str


def decide_restart(history: Sequence[Crash], now: float) -> Restart | GiveUp:
    """What to do about the last crash of ``history`` (oldest first, not empty)."""
    last = history[-1]
    how = ended_with(last.code)
    if last.code == BAD_CONFIGURATION:
        return GiveUp(f"it ended with {how}, which means bad usage or configuration")
    recent = sum(1 for crash in history if now - crash.ended <= WINDOW)
    if recent >= TOO_MANY:
        return GiveUp(f"it ended {recent} times within {WINDOW:.0f} s, the last time with {how}")
    row = crashes_in_a_row(history)
    return Restart(min(LONGEST_DELAY, FIRST_DELAY * 2 ** (row - 1)), f"{how}, {row} in a row")


def crashes_in_a_row(history: Sequence[Crash]) -> int:
    """Crashes since the last stable run, the one that ended that run included."""
    row = 0
    for crash in reversed(history):
        row += 1
        if crash.ended - crash.started >= STABLE:
            break
    return row


def ended_with(code: int | None) -> str:
    """An exit code in words."""
    if code is None:
        return "no sign of being ready"
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"  # a real-time signal has no name
