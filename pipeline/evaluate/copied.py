"""How well copies are found: edits of given texts that must be, and pairs of unlike texts that must not.

Each pair is judged by an empty index that takes the first in and looks for the second, so a frame is never known as a
common one: the stream has it easier. What is *true* of a pair is the containment of their whole sets of shingles, of
which the index has samples.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from pipeline.copies.copies import Copies, Limits
from pipeline.copies.likeness import CONTAINED
from pipeline.copies.shingles import Text, text_of
from pipeline.errors import UsageError
from pipeline.evaluate.bootstrap import SEED, Rate
from pipeline.evaluate.edits import EDITS, SHORTEST, Written, frame_pair, furnished, names, quoting, renamed
from pipeline.evaluate.layout import rate
from pipeline.evaluate.wilson import share
from pipeline.records import Article, ArticleBatch

DRAWN: Final = 10_000
"""Pairs drawn of each kind that can be drawn without end: frames, quotes, boilerplate. With those of the given texts
that share an event or a topic, more than 30,000 on any set of some size."""

MIN_RENAMED: Final = 8
"""Different names and numbers that a text must have to become another report when they are replaced."""

BANDS: Final = (0.0, 0.2, 0.4, 0.6, 0.8, 1.01)
"""Of true containment, from each to the next."""

HIGH: Final = 0.6
"""Copies that share this much must be found."""

CUT: Final = ("first half", "any half")

_NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)


class Line(msgspec.Struct, frozen=True):
    """One line of a file. Two texts of one event or topic that are no reprints of each other must stay apart."""

    text: str
    title: str = ""
    event: str | int | None = None
    topic: str | int | None = None
    language: str = "en"

    @property
    def written(self) -> Written:
        """Its text."""
        return Written(self.title, self.text)

    @property
    def words(self) -> int:
        """How many it has."""
        return len(self.text.split())


class Judged(NamedTuple):
    """A pair: what it is, whether the second was taken for a copy of the first, and the truth."""

    name: str
    found: bool
    containment: float
    """Of the whole texts; 0 where it was not looked at, of drawn pairs that were not merged."""


@dataclass(frozen=True, slots=True)
class CopyReport:
    """Everything that was judged."""

    texts: int
    reprints: int
    """Pairs of one event that share too much to be called unlike; not judged."""

    edits: tuple[Judged, ...]
    others: tuple[Judged, ...]
    seed: int = SEED
    bands: tuple[tuple[float, float], ...] = field(default=tuple(pairwise(BANDS)))

    def recall(self, name: str) -> Rate:
        """Of one edit."""
        return _rate(one for one in self.edits if one.name == name)

    def recall_between(self, low: float, high: float) -> Rate:
        """Of the edits whose true containment is in a band."""
        return _rate(one for one in self.edits if low <= one.containment < high)

    @property
    def cut(self) -> Rate:
        """Recall of cut-down copies."""
        return _rate(one for one in self.edits if one.name in CUT)

    def false(self, name: str | None = None) -> Rate:
        """Share of unlike pairs that were merged: of one kind, or all."""
        return _rate(one for one in self.others if name in (None, one.name))


def read_lines(data: bytes, name: Path) -> list[Line]:
    """The texts of a file.

    Raises:
        UsageError: names file and line of the first that is not as it must be.
    """
    found = []
    for number, line in enumerate(data.splitlines(), 1):
        if line.strip():
            try:
                found.append(msgspec.json.decode(line, type=Line))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise UsageError(f"{name}:{number}: is no text: {error}; needed: text; title, event, topic") from error
    return found


def measure(lines: Sequence[Line], seed: int = SEED, drawn: int = DRAWN) -> CopyReport:
    """Edit each text in every way, draw the pairs that must stay apart, and judge them all.

    Raises:
        UsageError: fewer than two texts are long enough to be edited.
    """
    long = [line for line in lines if line.words >= SHORTEST]
    if len(long) < 2:
        raise UsageError(f"at least two texts of {SHORTEST} words are needed")
    dice = Random(seed)  # noqa: S311  # statistics, no secret
    edits = tuple(_edited(long, dice))
    related, reprints = _related(lines)
    others = (*related, *(_judged(*pair) for pair in _drawn(long, dice, drawn)))
    return CopyReport(len(lines), reprints, edits, others, seed)


def _edited(lines: Sequence[Line], dice: Random) -> Iterator[Judged]:
    texts = [line.text for line in lines]
    for line in lines:
        article = _article(line.written, line.language)
        index, whole = _remembering(article), text_of(article)
        for edit in EDITS:
            changed = _article(edit.change(line.written, texts, dice), line.language, 2)
            yield Judged(edit.name, index.look(changed) is not None, containment(whole, text_of(changed)))


def _related(lines: Sequence[Line]) -> tuple[list[Judged], int]:
    """Pairs of one topic and of one event; and how many were reprints."""
    texts = [(_article(line.written, line.language, 2), line) for line in lines]
    hashed = [text_of(article) for article, _ in texts]
    judged, reprints = [], 0
    for place, (_, line) in enumerate(texts):
        index = _remembering(_article(line.written, line.language))
        for other in range(place):
            that, there = texts[other]
            twin = line.topic is not None and line.topic == there.topic and line.event != there.event
            same = line.event is not None and line.event == there.event
            if not (twin or same):
                continue
            shared = containment(hashed[place], hashed[other])
            if same and shared >= CONTAINED:
                reprints += 1
                continue
            judged.append(Judged("one event" if same else "one topic", index.look(that) is not None, shared))
    return judged, reprints


def _drawn(lines: Sequence[Line], dice: Random, number: int) -> Iterator[tuple[str, Written, Written]]:
    english = [line for line in lines if len(names(line.written)) >= MIN_RENAMED]
    for line in english:
        yield "other names in one text", line.written, renamed(line.written, dice)
    for _ in range(number):
        yield "one frame", *frame_pair(dice)
        first, second = _strangers(lines, dice)
        yield "one quote", *quoting(first, second, dice)
        yield "same boilerplate", *furnished(first, second, dice)


def _strangers(lines: Sequence[Line], dice: Random) -> tuple[Written, Written]:
    """Two texts of different events, if there are any."""
    for _ in range(100):
        first, second = dice.sample(lines, 2)
        if first.event is None or first.event != second.event:
            break
    return first.written, second.written


def _judged(name: str, first: Written, second: Written) -> Judged:
    one, other = _article(first), _article(second, number=2)
    found = _remembering(one).look(other) is not None
    return Judged(name, found, containment(text_of(one), text_of(other)) if found else 0.0)


def _remembering(article: Article) -> Copies:
    index = Copies(0, Limits(documents=1))
    index.take("", ArticleBatch(id="", key="", fetched=_NOW, articles=(article,)), 0)
    return index


def containment(one: Text, other: Text) -> float:
    """The greater of the two true containments."""
    fewer = min(len(one.shingles), len(other.shingles))
    return len(np.intersect1d(one.shingles, other.shingles, assume_unique=True)) / fewer if fewer else 0.0


def _article(text: Written, language: str = "en", number: int = 1) -> Article:
    return Article(
        id=f"{number:032x}", text_hash="", url="", domain="", title=text.title, body=text.body, language=language,
        published=_NOW, fetched=_NOW,
    )  # fmt: skip


def _rate(judged: Iterable[Judged]) -> Rate:
    found = [one.found for one in judged]
    return share(sum(found), len(found))


def kinds(judged: Iterable[Judged]) -> list[str]:
    """The names of pairs, in order."""
    return list(dict.fromkeys(one.name for one in judged))


def per_10_000(one: Rate) -> str:
    """`0.00 [0.00 1.20]`."""
    return " ".join(
        f"{'' if place != 1 else '['}{value * 10_000:.2f}{']' if place == 2 else ''}"
        for place, value in enumerate(one)
        if value is not None
    )


def copies_as_text(report: CopyReport) -> Iterator[str]:
    """The report, line by line."""
    yield f"{report.texts} texts, {len(report.edits)} edits, {len(report.others)} unlike pairs, seed {report.seed}"
    yield f"({report.reprints} pairs of one event share {CONTAINED:.0%} or more: reprints, not judged)"
    yield ""
    yield f"{'edits found':32}{'pairs':>7}  recall [95 %]"
    for name in kinds(report.edits):
        yield f"{name:32}{sum(one.name == name for one in report.edits):7}  {rate(report.recall(name))}"
    for low, high in report.bands:
        number = sum(low <= one.containment < high for one in report.edits)
        yield f"{f'containment {low:.1f} to {min(high, 1):.1f}':32}{number:7}  {rate(report.recall_between(low, high))}"
    yield f"{'containment of .6 or more':32}{'':7}  {rate(report.recall_between(HIGH, BANDS[-1]))}"
    yield f"{'cut down':32}{'':7}  {rate(report.cut)}"
    yield ""
    yield f"{'unlike pairs merged':32}{'pairs':>7}  merged  in 10,000 [95 %]"
    for kind in (*kinds(report.others), None):
        some = [one for one in report.others if kind in (None, one.name)]
        merged = sum(one.found for one in some)
        yield f"{kind or 'all':32}{len(some):7}  {merged:6}  {per_10_000(report.false(kind))}"


def copies_as_json(report: CopyReport) -> dict[str, Any]:
    """The report for machines. Shares are `{"value", "low", "high"}`."""
    return {
        "texts": report.texts,
        "reprints": report.reprints,
        "seed": report.seed,
        "recall": {name: report.recall(name)._asdict() for name in kinds(report.edits)},
        "recall_by_containment": [
            {"from": low, "to": min(high, 1.0), **report.recall_between(low, high)._asdict()}
            for low, high in report.bands
        ],
        "recall_at_0.6": report.recall_between(HIGH, BANDS[-1])._asdict(),
        "recall_cut_down": report.cut._asdict(),
        "pairs": {name: sum(one.name == name for one in report.others) for name in kinds(report.others)},
        "false_merges": {name: report.false(name)._asdict() for name in kinds(report.others)},
        "false_merges_all": {"pairs": len(report.others), **report.false()._asdict()},
    }
