"""What an article says now that it did not, and the reverse: two texts of one source compared."""

from __future__ import annotations

import msgspec

from pipeline.records.article import Article
from pipeline.records.thread import Change
from pipeline.threads.member import Reading, Statement


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """One change of stance. ``old`` is None for what was added, ``new`` for what was removed."""

    change: Change
    old: Statement | None
    new: Statement | None


def compare(old: Reading, new: Reading, article: Article) -> tuple[Shift, ...]:
    """What changed between two texts of one source."""
    raise NotImplementedError
