"""How far a claim has spread, in independent sources: not in feeds, editions and copies."""

from __future__ import annotations

from typing import Final

from pipeline.records.thread import Thread

STEPS: Final = (2, 3, 5, 10, 20)
"""Numbers of independent sources that are told, each once."""


def reached(thread: Thread) -> int:
    """The highest step that the thread's sources reach; 0 below the first."""
    return max((step for step in STEPS if step <= thread.telling.independent), default=0)
