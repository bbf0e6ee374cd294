"""What is denied or alleged: the words behind a verb, behind "of" or "that", or the noun itself.

Each function returns the first word of the claim and one behind its last.
"""

from __future__ import annotations

from pipeline.rules.reading import ABOUT, ARTICLE, NOUN, OF, SKIP, STRONG, THAT, Reading


def after(reading: Reading, at: int) -> tuple[int, int] | None:
    """What follows, without the word that begins a clause."""
    while at < reading.end and not reading.stops[at] and reading.tags[at] & (THAT | SKIP) and at not in reading.hit_at:
        at += 1
    return (at, reading.clause_end(at)) if at < reading.end and reading.stops[at] != STRONG else None


def about(reading: Reading, at: int) -> tuple[int, int] | None:
    """What follows of, over, that …; nothing where none of these follows."""
    for place in range(at, min(at + 3, reading.end)):
        if reading.stops[place]:
            return None
        if reading.tags[place] & (ABOUT | THAT):
            return after(reading, place + 1)
    return None


def content(reading: Reading, noun: int, start: int) -> tuple[int, int] | None:
    """What a claim is about: "claims that …", "reports of …"; without that, the phrase itself: "layoff rumours"."""
    behind = about(reading, noun + 1)
    if behind and not reading.tags[noun + 1] & OF:
        return behind
    first = start
    while first < noun and reading.tags[first] & (ARTICLE | SKIP):
        first += 1
    last = noun
    while not reading.frame.capitals and last + 1 < reading.end and reading.tags[last] & reading.tags[last + 1] & NOUN:
        last += 1  # 指控: a word of several characters
    return (min(first, noun), last + 1)
