"""What the join knows of an article: its weightiest terms, its numbers, and who stands against whom.

A story is small and bounded, so that it can be kept in a table and everything else built anew from it. Weights are
whole numbers: their sums are the same in whatever order they are added, so an index that was rebuilt decides as the one
that was lost.
"""

from __future__ import annotations

from typing import Final

import msgspec

MAX_TERMS: Final = 32
"""Terms of a story. Twice as many gain nothing on real events, and cost memory."""

UNIT: Final = 1000
"""Length of a story's vector: weights are thousandths of it."""

STEM: Final = 5
"""Letters by which words are compared: accuse and accusation, Россия and России. Two dozen suffix strippers would not
know names, nor the twelve languages alike; between 5 and 6 real events do not tell the difference."""

MAX_NUMBERS: Final = 12
MAX_YEARS: Final = 8
MAX_PARTIES: Final = 6


class Number(msgspec.Struct, frozen=True, array_like=True, order=True):
    """A number that names something: "the 12th package", "flight 370"; no count of anything."""

    value: str
    names: str
    """The word it goes with, as it is compared: its first `STEM` letters."""


class Story(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """An article as it is compared with others. Two stories with one `id` are revisions of one article."""

    id: str
    """The article's id."""

    language: str
    when: int
    """When the article was published, in seconds since 1970: the event time that decay and expiry count in."""

    terms: tuple[tuple[str, int], ...]
    """Term (a folded word, or two that follow each other) and weight, heaviest first, ties by term; at most
    `MAX_TERMS`. The sum of the weights' squares is about `UNIT` squared."""

    length: int = 0
    """Words of its text that were looked at."""

    numbers: tuple[Number, ...] = ()
    """Of title and lead, sorted."""

    years: tuple[int, ...] = ()
    """Years that the text names, sorted."""

    accusers: tuple[str, ...] = ()
    """Who accuses, and whose claim is denied: a country's code, or a folded name where there is none. Sorted."""

    accused: tuple[str, ...] = ()
    """Who is accused, and who denies; as `accusers`."""

    kinds: tuple[str, ...] = ()
    """Kinds of its flags, sorted; empty for an article without flags."""

    group: str = ""
    """Id of its copy group; "" where it is no copy. Members of a group are in one thread."""

    days: tuple[int, ...] = ()
    """Weekdays that its beginning names, 0 is Monday; sorted."""


def key(term: str) -> str:
    """By what a term is compared: the first `STEM` letters of its words."""
    if " " not in term:
        return term[:STEM]
    first, _, second = term.partition(" ")
    return f"{first[:STEM]} {second[:STEM]}"
