"""What the join knows of an article: its weightiest terms, its numbers, and who stands against whom.

A story is small and bounded, so that it can be kept in a table and everything else built anew from it. Weights are
whole numbers: their sums are the same in whatever order they are added, so an index that was rebuilt decides as the one
that was lost.
"""

from __future__ import annotations

from typing import Final

import msgspec

MAX_TERMS: Final = 32
"""Terms of a story. On real events fewer lose stories, more only cost (bench.threads)."""

MAX_NUMBERS: Final = 12
MAX_NAMES: Final = 6


class Number(msgspec.Struct, frozen=True, array_like=True):
    """A number that a text tells, and what it counts."""

    value: float
    counts: str
    """Folded word of what is counted: "package" in "the 12th package"; "" where the text does not tell."""


class Story(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """An article as it is compared with others. Two stories with one `id` are revisions of one article."""

    id: str
    """The article's id."""

    language: str
    when: int
    """When the article was published, in seconds since 1970: the event time that decay and expiry count in."""

    terms: tuple[tuple[str, int], ...]
    """Term and weight, heaviest first, ties by term; at most `MAX_TERMS`. The weights' squares sum to about 10**6."""

    numbers: tuple[Number, ...] = ()
    actors: tuple[str, ...] = ()
    """Who denies or accuses: countries and codes, folded names where there is no code. Sorted."""

    targets: tuple[str, ...] = ()
    """Whose claim is denied, who is accused; as `actors`."""

    kinds: tuple[str, ...] = ()
    """Kinds of its flags, sorted; empty for an article without flags."""

    group: str = ""
    """Id of its copy group; "" where it is no copy. Members of a group are in one thread."""
