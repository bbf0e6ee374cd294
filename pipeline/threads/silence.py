"""Silence: an allegation that nobody has denied for so long. Time passes for threads by logged ticks alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from pipeline.records.thread import Thread, ThreadEvent
from pipeline.threads.events import Cause, changed, event

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
    """The thread when it has become that late (the cause's time), and `silent` if it is so long without a denial.

    A refusal to comment is no denial. A worker that was away tells the longest silence only.
    """
    began, when = thread.first_allegation, due(thread, hours)
    if began is None or when is None or when > cause.when:
        return thread, ()
    number = max(one for one in hours if began.published + timedelta(hours=one) <= cause.when)
    after = msgspec.structs.replace(thread, silence_told=number)
    what = f"No denial is known {number} hours after the first allegation."
    silent = event(after, "silent", cause, what, number=number, evidence=(began,))
    return changed(thread, after, cause, [silent])
