"""Dead letters: a record that cannot be handled, kept with its bytes and the reason, on `<topic>.dead`.

That one was sent back to its topic is told behind it, by a mark: a record without a value, whose headers name it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pipeline import __version__

PREFIX: Final = "counterclaim-"
"""Of the headers that we add; the record's own headers are kept beside them."""

RETRIED: Final = "retried"
"""The header of a mark: partition and offset of the dead letter that was sent back."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What goes to the dead-letter topic: the original value and key, and headers that tell where it came from."""

    topic: str
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


def dead_topic(topic: str) -> str:
    """Name of a topic's dead-letter topic."""
    return f"{topic}.dead"


def dead_letter(
    *,
    topic: str,
    partition: int,
    offset: int,
    key: bytes | None,
    value: bytes,
    headers: tuple[tuple[str, bytes], ...],
    error: Exception,
) -> DeadLetter:
    """The dead letter for one record, or for one article of a batch (then ``value`` is the article's own bytes)."""
    ours = {
        "topic": topic,
        "partition": str(partition),
        "offset": str(offset),
        "error": type(error).__name__,
        "reason": str(error)[:500],
        "version": __version__,
    }
    added = tuple((PREFIX + name, text.encode()) for name, text in ours.items())
    return DeadLetter(dead_topic(topic), key, value, headers + added)


def retried_mark(topic: str, partition: int, offset: int, key: bytes | None, author: str) -> DeadLetter:
    """The mark for a dead letter at that place of the dead-letter topic ``topic``: it was sent back. It belongs on the
    same partition."""
    ours = {RETRIED: f"{partition}/{offset}", "author": author, "version": __version__}
    return DeadLetter(topic, key, b"", tuple((PREFIX + name, text.encode()) for name, text in ours.items()))
