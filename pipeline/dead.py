"""Dead letters as a person looks at them: what died and why, what was sent back, and how a record goes back. Pure.

A record goes back as it was: its bytes, key and headers, to the partition that it came from, where its stage finds it
behind everything else. An article that died alone goes back in a batch of its own. Whatever is done twice by that is
done once, because everything goes by ids that are hashes of content.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import msgspec

from pipeline.errors import UsageError
from pipeline.kafka import Message
from pipeline.records.codec import wrap_article
from pipeline.records.dead import PREFIX, RETRIED, DeadLetter, dead_topic, retried_mark
from pipeline.topics import ARTICLES_DEDUPED, ARTICLES_FRESH, ARTICLES_RAW, TOPICS

BATCHED: Final = frozenset({ARTICLES_RAW, ARTICLES_FRESH, ARTICLES_DEDUPED})
"""Topics of batches, of which an article may die alone."""

STATES: Final = frozenset(topic.name for topic in TOPICS if topic.cleanup == "compact")
"""Topics that keep the newest record of each key: what goes back there becomes the newest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One dead letter."""

    topic: str
    """The topic that it died on; its dead-letter topic has it."""

    partition: int
    offset: int
    """Both on the dead-letter topic."""

    died: datetime
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...]
    """Its own."""

    ours: dict[str, str]
    """What we said of it: `topic`, `partition`, `offset`, `error`, `reason`, `version`."""

    retried: datetime | None = None
    """When it was last sent back."""

    author: str = ""
    """Who sent it back."""

    @property
    def place(self) -> str:
        """Names it: `articles.raw/3/17`."""
        return f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def error(self) -> str:
        """Class of the error."""
        return self.ours.get("error", "")

    @property
    def reason(self) -> str:
        """The error in words."""
        return self.ours.get("reason", "")

    def as_builtins(self) -> dict[str, Any]:
        """As a line of JSON shows it; the bytes stay on the topic."""
        return {
            "place": self.place,
            "died": self.died.isoformat(),
            "key": None if self.key is None else self.key.decode(errors="backslashreplace"),
            "bytes": len(self.value),
            **{name: self.ours.get(name, "") for name in ("partition", "offset", "error", "reason", "version")},
            "retried": None if self.retried is None else self.retried.isoformat(),
            "author": self.author,
        }


@dataclass(frozen=True, slots=True)
class Return:
    """A record on its way back. ``partition`` None: by its key."""

    topic: str
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...]
    partition: int | None


def letters(messages: Iterable[Message]) -> list[Letter]:
    """The dead letters among the records of dead-letter topics, oldest first; each knows whether it was sent back."""
    found: dict[str, Letter] = {}
    marks: list[tuple[str, Message, str]] = []
    for message in messages:
        ours = {
            name.removeprefix(PREFIX): value.decode(errors="backslashreplace")
            for name, value in message.headers
            if name.startswith(PREFIX)
        }
        source = message.topic.removesuffix(dead_topic(""))
        if RETRIED in ours:
            marks.append((f"{source}/{ours[RETRIED]}", message, ours.get("author", "")))
            continue
        letter = Letter(
            topic=source,
            partition=message.partition,
            offset=message.offset,
            died=message.timestamp,
            key=message.key,
            value=message.value or b"",
            headers=tuple(one for one in message.headers if not one[0].startswith(PREFIX)),
            ours=ours,
        )
        found[letter.place] = letter
    for place, message, author in marks:
        if place in found:  # else retention took the letter before its mark
            found[place] = replace(found[place], retried=message.timestamp, author=author)
    return sorted(found.values(), key=lambda one: (one.died, one.place))


def chosen(known: Sequence[Letter], places: Sequence[str]) -> list[Letter]:
    """The letters at these places.

    Raises:
        UsageError: names those that are not there.
    """
    by_place = {one.place: one for one in known}
    by_place |= {f"{dead_topic(one.topic)}/{one.partition}/{one.offset}": one for one in known}
    missing = [place for place in places if place not in by_place]
    if missing:
        raise UsageError(f"no such dead letter: {', '.join(missing)}; `counterclaim dead list` shows those there are")
    return [by_place[place] for place in places]


def refuse_states(wanted: Iterable[Letter]) -> None:
    """Raises UsageError if one is a state, which may be older than what its topic has of its key by now."""
    states = [one.place for one in wanted if one.topic in STATES]
    if states:
        raise UsageError(
            f"{', '.join(states)}: these topics keep the newest record of each key, and what goes back would replace a "
            "newer one. The next change of the same key comes by itself; --force sends them back all the same"
        )


def back(letter: Letter) -> Return:
    """The record as it goes back to its topic."""
    partition = letter.ours.get("partition", "")
    value = letter.value
    if letter.topic in BATCHED and _is_article(value):
        key = (letter.key or b"").decode(errors="replace")
        value = wrap_article(value, f"dead:{letter.place}", key, letter.died)
    return Return(letter.topic, letter.key, value, letter.headers, int(partition) if partition.isdecimal() else None)


def mark(letter: Letter, author: str) -> DeadLetter:
    """What tells that a letter was sent back; it belongs on the letter's own partition."""
    return retried_mark(dead_topic(letter.topic), letter.partition, letter.offset, letter.key, author)


def _is_article(value: bytes) -> bool:
    try:
        plain = msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return isinstance(plain, dict) and "articles" not in plain
