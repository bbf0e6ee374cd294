"""What people decide about threads: split, merge, move, mark. A decision is remembered, and no article undoes it.

Whoever keeps the members says where they are; these functions say where they are to be. A thread's id never changes:
of two threads that come of a split, the one with its first article keeps it.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pipeline.records.thread import Command, Thread, ThreadEvent
from pipeline.threads.events import Cause
from pipeline.threads.member import Member

MAX_APART = 32
"""Threads that a thread remembers to be kept apart from; the newest stay."""


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """What a command changes."""

    threads: tuple[Thread, ...] = ()
    """As they are now; a new one last."""

    members: tuple[Member, ...] = ()
    """Those that changed thread, pinned to it."""

    events: tuple[ThreadEvent, ...] = ()


def merge(command: Command, one: Thread, other: Thread, members: Sequence[Member], cause: Cause) -> Decided:
    """``one`` goes into ``other``; ``members`` are those of both."""
    raise NotImplementedError


def split(command: Command, thread: Thread, members: Sequence[Member], taken: frozenset[str], cause: Cause) -> Decided:
    """The named articles get a thread of their own. ``taken``: ids of threads that exist."""
    raise NotImplementedError


def move(
    command: Command, thread: Thread, members: Sequence[Member], into: Thread, there: Sequence[Member], cause: Cause
) -> Decided:
    """The named articles go from ``thread``, with its ``members``, to ``into``, with ``there``."""
    raise NotImplementedError


def mark(command: Command, thread: Thread, cause: Cause) -> Decided:
    """The thread is conceded or retracted, or neither any more."""
    raise NotImplementedError


def refuse(command: Command, why: str, cause: Cause) -> ThreadEvent:
    """What is told of a command that cannot be done."""
    raise NotImplementedError
