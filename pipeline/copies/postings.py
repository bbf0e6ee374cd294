"""Which texts have a shingle: one numpy array, of bounded size, and a dozen operations on whole arrays a text.

A hash table of buckets of eight slots; a slot is 32 bits, twelve of the hash and twenty for the number of the text. A
bucket takes its slots in turn, so what it loses when it is full is its oldest. Losing one is harmless: a text is found
by any few of its shingles, and compared by its sketch, never by what the table says.

Nothing here depends on what was dropped before: two tables of one size into which the same texts went in the same order
hold the same, whichever older texts the one had and has dropped.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.copies.sketch import Sample

Numbers = NDArray[np.intp]

NUMBER_BITS: Final = 20
MAX_NUMBER: Final = (1 << NUMBER_BITS) - 1
"""Texts are numbered from 1 to this; a table has so many at the most."""

_WAYS: Final = 8
WAY_BITS: Final = 3
"""log2 of it."""
_FIRST_BITS: Final = 12
"""log2 of the buckets of the smallest table: 128 kB."""

_LOAD: Final = 0.85
"""Share of the slots that may be taken. One posting in twelve is then lost to full buckets (Poisson), but a copy
shares many. At .7 it is one in twenty-five, and a text takes a fifth more memory."""

_GOLDEN: Final = np.uint32(0x9E3779B1)
_TAG_SHIFT: Final = np.uint32(NUMBER_BITS)
_ONE: Final = np.uint32(1)
_NUMBERS: Final = np.uint32(MAX_NUMBER)
_LAST_WAY: Final = np.uint8(_WAYS - 1)
_NEXT: Final = np.uint8(1)


COMMON: Final = 4
"""A shingle that so many unlike texts have is a template's or boilerplate, and counts for nothing."""


class Found(NamedTuple):
    """What the table has on a text's hashes."""

    buckets: Numbers
    """Of each hash."""

    tags: NDArray[np.uint32]
    """Of each hash."""

    at: Numbers
    """Of each posting: eight times the place of its hash, and its place in the bucket."""

    numbers: Numbers
    """Of each posting: which text it names."""

    often: NDArray[np.bool_] | None
    """Of each hash: whether it is common. None: not one is."""


class Postings:
    """Hash → numbers of texts. ``level``: the table has 2^level times the smallest size."""

    def __init__(self, level: int = 0) -> None:
        self.level = level
        self._shift = np.uint32(32 - _FIRST_BITS - level)
        buckets = 1 << (_FIRST_BITS + level)
        self._slots = np.zeros(buckets * _WAYS, np.uint32)
        self._turn = np.zeros(buckets, np.uint8)

    @property
    def nbytes(self) -> int:
        """Bytes of the table."""
        return self._slots.nbytes + self._turn.nbytes

    def has_room(self, postings: int) -> bool:
        """Whether so many postings fill it no more than they should."""
        return postings <= _LOAD * len(self._slots)

    def find(self, hashes: Sample) -> Found:
        """All postings of some hashes, some of which may be false: twelve bits are not the hash."""
        mixed = hashes * _GOLDEN
        buckets = (mixed >> self._shift).astype(np.intp)
        tags = mixed << _TAG_SHIFT
        numbers = self._slots.reshape(-1, _WAYS).take(buckets, axis=0)
        numbers ^= tags[:, None]  # where the tag agrees, the number is left, and that is small
        numbers = numbers.ravel()
        at = (numbers - _ONE < _NUMBERS).nonzero()[0]  # 0, an empty slot, wraps around
        often = np.bincount(at >> WAY_BITS, minlength=len(hashes)) >= COMMON
        return Found(buckets, tags, at, numbers[at].astype(np.intp), often if often.any() else None)

    def put(self, found: Found, number: int, instead: NDArray[np.bool_]) -> None:
        """Post a text under the hashes that were looked for. ``instead``: which postings it takes the place of."""
        if instead.any():
            self._clear(found, instead)
        turn = self._turn.take(found.buckets)
        self._slots[(found.buckets << WAY_BITS) + (turn & _LAST_WAY)] = found.tags | np.uint32(number)
        self._turn[found.buckets] = turn + _NEXT

    def drop(self, hashes: Sample, number: int) -> None:
        """Remove the postings of a text."""
        found = self.find(hashes)
        self._clear(found, found.numbers == number)

    def _clear(self, found: Found, some: NDArray[np.bool_]) -> None:
        at = found.at[some]
        self._slots[(found.buckets[at >> WAY_BITS] << WAY_BITS) + (at & (_WAYS - 1))] = 0
