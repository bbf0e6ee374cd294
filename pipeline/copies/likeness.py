"""Is one text a copy of another, from their sketches alone? Pure; the thresholds with their reasons.

A copy is strict: a wrong merge is worse than a missed one. Three things must hold.

- Enough is shared: the greater of the two containments, less its standard error, is at least `CONTAINED`. Cutting,
  extending, and boilerplate around leave it near 1; one word in ten changed leaves .7.
- What is shared is no small piece of a long text: the lesser containment is at least `LEAST`. So a digest of six
  stories does not make one of them a copy of another.
- The names and numbers agree: routine reports (quakes, results, court cases) share their frame, texts that quote one
  speech share the quote, and what they differ in is who and how many.

Measured by `counterclaim evaluate --copies`; docs/accuracy.md has the figures.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

import numpy as np

from pipeline.copies.sketch import MAX_ANCHORS, Sample, Sketch, shared

CONTAINED: Final = 0.4
SURENESS: Final = 1.25
"""Standard errors of the estimate that are taken off."""

LEAST: Final = 0.2
MIN_SHARED: Final = 6
MIN_COMPARED: Final = 8
"""Hashes of the smaller sample: with less, an estimate says nothing."""

MIN_ANCHORS: Final = 4
"""Names and numbers that the text with fewer must have for them to count as evidence."""

ANCHORS_AGREE: Final = 0.6
ANCHORS_AGREE_APART: Final = 0.7
"""Share of them that is in the other text too: where nearly all of one text is in the other, and where it is not."""

NEARLY_ALL: Final = 0.8
WITHOUT_ANCHORS: Final = 0.9
"""Containment asked for where there are too few names and numbers to tell."""

WITHOUT_CAPITALS: Final = frozenset({"ar", "fa", "ur", "he", "zh", "ja", "ko", "hi", "bn", "th", "ka", "am"})
CONTAINED_WITHOUT_CAPITALS: Final = 0.55
"""The same for languages whose script has no capitals: names cannot be told there, so numbers are all there is."""

MIN_EXACT: Final = 6
"""Shingles that a headline alone must have to be a copy of another: eight words."""

Kind = Literal["same", "cut", "extended", "changed"]
KINDS: Final[tuple[Kind, ...]] = ("same", "cut", "extended", "changed")


class Likeness(NamedTuple):
    """How much of each text is in the other."""

    containment: float
    """Share of this text that is in that one."""

    contained: float
    """Share of that text that is in this one."""


def likeness(this: Sketch, that: Sketch, language: str, common: Sample | None = None) -> Likeness | None:
    """How this text is a copy of that one; None when it is none.

    ``common``: hashes of this text that too many unlike texts have. They count on neither side.
    """
    if this.is_short or that.is_short:
        same = len(this.hashes) >= MIN_EXACT and np.array_equal(this.hashes, that.hashes)
        return Likeness(1.0, 1.0) if same and this.shift == that.shift else None
    shift = max(this.shift, that.shift)
    one, other = this.at(shift), that.at(shift)
    both = shared(one, other)
    number, size_of_one, size_of_other = len(both), len(one), len(other)
    if common is not None and len(common):
        number -= len(shared(common, both))
        size_of_one -= len(shared(common, one))
        size_of_other -= len(shared(common, other))
    if number < MIN_SHARED or min(size_of_one, size_of_other) < MIN_COMPARED:
        return None
    found = Likeness(number / size_of_one, number / size_of_other)
    most, size = max((found.containment, size_of_one), (found.contained, size_of_other))
    error = (most * (1 - most) / size) ** 0.5
    if min(found) < LEAST or most - SURENESS * error < CONTAINED:
        return None
    return found if _anchored(this.anchors, that.anchors, most, language) else None


def kind(found: Likeness) -> Kind:
    """What was done to the text: nothing to speak of, cut down, extended, or changed throughout."""
    if min(found) >= NEARLY_ALL:
        return "same"
    if found.containment >= NEARLY_ALL:
        return "cut"
    return "extended" if found.contained >= NEARLY_ALL else "changed"


def why(found: Likeness) -> str:
    """One sentence for people."""
    this, that = (f"{share:.0%}".replace("%", " %") for share in found)
    return {
        "same": f"The same text: {this} of it is in the other, {that} of the other in it.",
        "cut": f"Cut down: {this} of it is in the other text, of which it has {that}.",
        "extended": f"Extended: it has {that} of the other text, which is {this} of this one.",
        "changed": f"Changed: {this} of it is in the other text, and {that} of the other in it.",
    }[kind(found)]


def _anchored(this: Sample, that: Sample, most: float, language: str) -> bool:
    """Whether names and numbers allow it. Compared is the stretch that both samples cover."""
    end = min((sample[-1] for sample in (this, that) if len(sample) == MAX_ANCHORS), default=None)
    if end is not None:
        this, that = (sample[: int(sample.searchsorted(end, "right"))] for sample in (this, that))
    fewer = min(len(this), len(that))
    agree = len(shared(this, that)) / fewer if fewer else 1.0
    if fewer >= MIN_ANCHORS:
        return agree >= (ANCHORS_AGREE if most >= NEARLY_ALL else ANCHORS_AGREE_APART)
    least = CONTAINED_WITHOUT_CAPITALS if language in WITHOUT_CAPITALS else WITHOUT_ANCHORS
    return most >= least and agree >= ANCHORS_AGREE
