"""Silence: an allegation that nobody has denied for so long. Time passes for threads by logged ticks alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from pipeline.records.thread import Thread, ThreadEvent
from pipeline.threads.events import Cause

HOURS: Final = (24, 72)
"""Hours after which silence is told, unless the settings say otherwise."""


def due(thread: Thread, hours: Sequence[int] = HOURS) -> datetime | None:
    """When the thread's next silence is to be told, if nobody denies it before; None when there is none to tell."""
    began = thread.first_allegation
    left = [one for one in hours if one > thread.silence_told]
    if began is None or thread.state != "alleged" or thread.merged_into or not left:
        return None
    return began.published + timedelta(hours=min(left))


def tick(thread: Thread, cause: Cause, hours: Sequence[int] = HOURS) -> tuple[Thread, tuple[ThreadEvent, ...]]:
    """The thread when it has become that late, and `silent` if it is so long without a denial.

    A worker that was away tells the longest silence only.
    """
    raise NotImplementedError
