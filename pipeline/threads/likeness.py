"""How like a story is to a thread, and what speaks against it all the same."""

from __future__ import annotations

import math
from typing import Final, Literal, NamedTuple

import msgspec

from pipeline.threads.postings import Weighted
from pipeline.threads.shape import Shape
from pipeline.threads.story import Story, key

VetoKind = Literal["numbers", "actors"]

THRESHOLD: Final = 0.15
"""Score from which on a story joins: the best on real events, all sets together."""

CLOSE: Final = 0.15
"""How much of a thread's own closeness is asked on top: stories of one event are as like each other as they are like
the new one, a story of its twin is not. Grows with the thread, whose closeness is known the better."""

SAME_YEAR: Final = 0.04
OTHER_YEAR: Final = 0.07
"""Added when story and thread name a common year, taken away when both name years and none is common."""

DAY: Final = 0.04
"""Added when all stories of the thread name a weekday that the new one names, taken away when all name others, and
else in proportion: news tell the day of an event, and twins are seldom of one weekday. .03 and .05 are as good."""

LENGTH: Final = 0.02
USUAL_LENGTH: Final = 5.5
"""Logarithm of 245 words. A long text tells of more than its event, so that less of it is shared."""

ANSWERED: Final = 0.06
"""Added when the same party is accused, or denies: a denial and the charge it answers often share few words."""

FRESH: Final = 3 * 86_400
HALVED: Final = 14 * 86_400
"""Seconds. The score is halved when a thread has been quiet for `FRESH` and `HALVED` more. No measured set has dates;
most follow-ups come within days, and after weeks an event of the same kind is likelier another one."""

CERTAIN: Final = 0.9
"""Parties that differ are no veto from here on: the texts are nearly the same, and one of them was misread."""

REVISED: Final = 0.5
"""By how much two measures with a decimal may differ."""

SHOWN: Final = 6
"""Terms that a join keeps."""


class Veto(msgspec.Struct, frozen=True, kw_only=True):
    """A thread that is like enough, and still not the same."""

    thread: str
    score: float
    kind: VetoKind
    why: str
    """One sentence for people."""


class Likeness(NamedTuple):
    """A thread and how like a story is to it: 0 to 1."""

    thread: str
    score: float


def likeness(thread: str, story: Story, terms: Weighted, length: float, shape: Shape) -> Likeness:
    """The score of a story, whose vector has this length, and a thread."""
    score = shape.cosine(terms, length)
    size = len(shape.stories)
    if size > 1:
        score -= CLOSE * shape.closeness * (size - 1) / (size + 1)
    if story.years and shape.years:
        score += SAME_YEAR if any(year in shape.years for year in story.years) else -OTHER_YEAR
    if story.days and shape.days:
        score += DAY * _same_day(story, shape) / size
    score += LENGTH * (min(7.0, math.log(20 + story.length)) - USUAL_LENGTH)
    if _answers(story, shape):
        score += ANSWERED
    late = shape.away(story.when) - FRESH
    if late > 0:
        score *= 0.5 ** (late / HALVED)
    return Likeness(thread, max(0.0, min(1.0, score)))


def _same_day(story: Story, shape: Shape) -> int:
    """Stories that name a weekday of the story's, less those that name others."""
    return sum(times if any(day in days for day in story.days) else -times for days, times in shape.days.items())


def _answers(story: Story, shape: Shape) -> bool:
    return any(one in shape.accused for one in story.accused)


def vetoes(story: Story, shape: Shape, like: Likeness) -> Veto | None:
    """What makes it another story; None if nothing does."""
    for what in dict.fromkeys(number.names for number in story.numbers):
        own = sorted(number.value for number in story.numbers if number.names == what)
        others = sorted(shape.numbers.get(what, ()))
        if others and not any(_agree(one, other) for one in own for other in others):
            why = f"It tells of “{what}…” {', '.join(own)}, the thread of {', '.join(others[:3])}."
            return Veto(thread=like.thread, score=round(like.score, 4), kind="numbers", why=why)
    if like.score < CERTAIN and (differ := _accused_differ(story, shape)):
        ours, theirs = (", ".join(sorted(some)[:3]) for some in differ)
        why = f"It is about {ours}, the thread about {theirs}."
        return Veto(thread=like.thread, score=round(like.score, 4), kind="actors", why=why)
    return None


def _agree(one: str, other: str) -> bool:
    """Whether two numbers may name one thing. Measures are revised: a quake of 6.3 was of 6.1 at first."""
    return one == other or ("." in one and "." in other and abs(float(one) - float(other)) <= REVISED + 1e-9)


def _accused_differ(story: Story, shape: Shape) -> tuple[set[str], set[str]] | None:
    """Who is accused here and there, if both are known and none in common: countries, else names.

    Who accuses is no reason: others repeat a charge. A name is written in many ways, so one that differs says something
    only where nothing of it is in the other text.
    """
    ours, theirs = set(story.accused), set(shape.accused)
    if not ours or not theirs or ours & theirs:
        return None
    if all(one.isupper() for one in (*ours, *theirs)):
        return ours, theirs
    if any(one.isupper() for one in (*ours, *theirs)):
        return None
    terms = {key(term) for term, _ in story.terms}
    here = any(key(word) in terms for name in theirs for word in name.split())
    there = any(key(word) in shape.terms for name in ours for word in name.split())
    return None if here or there else (ours, theirs)


def strongest(story: Story, shape: Shape) -> tuple[tuple[str, float], ...]:
    """The common terms that the score is made of, with their shares, largest first."""
    products = [(term, weight * shape.terms.get(key(term), 0)) for term, weight in story.terms]
    total = sum(product for _, product in products) or 1
    kept = sorted((one for one in products if one[1]), key=lambda one: (-one[1], one[0]))[:SHOWN]
    return tuple((term, round(product / total, 3)) for term, product in kept)


def reason(story: Story, shape: Shape, like: Likeness, shares: tuple[tuple[str, float], ...], threshold: float) -> str:
    """The sentence that goes with a join."""
    words = ", ".join(f"“{term}”" for term, _ in shares[:4])
    crossed = ", and the same party is accused" if _answers(story, shape) else ""
    return f"Shares {words} with {len(shape.stories)} stories{crossed}: {like.score:.2f}, {threshold:.2f} is enough."
