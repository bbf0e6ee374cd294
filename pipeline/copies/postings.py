"""Which texts have a shingle: one numpy array, of bounded size, and some fifteen operations on whole arrays a text.

A hash table of buckets of eight slots; a slot is 32 bits, the upper twelve of the hash and twenty for the number of the
text. What is posted to a full bucket takes the place of its oldest. Losing one is harmless: a text is found by any few
of its shingles, and compared by its sketch, never by what the table says.

It grows by linear hashing (Litwin, "Linear hashing: a new tool for file and table addressing", 1980): bucket after
bucket is split in two, a thousand at a time, in a tenth of a millisecond, so that no text waits until a table of
millions was made anew. Which half a posting goes to is told by the next bit of its hash, and that is at hand.

Nothing here depends on what was dropped before: two tables that had the same sizes when the same texts went in hold the
same of these, whichever older texts the one had and has dropped. A bucket never lets a text go that is newer than
another it has, so the older ones are gone before they could matter.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.copies.sketch import Sample

Numbers = NDArray[np.intp]
Slots = NDArray[np.uint32]

NUMBER_BITS: Final = 20
MAX_NUMBER: Final = (1 << NUMBER_BITS) - 1
"""Texts are numbered from 1 to this, in a ring; a table has so many at the most."""

_WAYS: Final = 8
WAY_BITS: Final = 3
"""log2 of it."""

_FIRST_BITS: Final = 12
SMALLEST: Final = 1 << _FIRST_BITS
"""Buckets of the smallest table: 128 kB."""

CHUNK: Final = 1 << 10
"""Buckets that are split at a time."""

_MOST_MORE: Final = 1 << 17
"""Buckets that memory is asked for ahead, at the most: 4 MB."""

LOAD: Final = 0.75
"""Share of the slots that may be taken. Buckets that are yet to be split have up to twice as many postings as the
others, so that one posting in twenty is lost to full buckets (Poisson), but a copy shares many."""

_ONE: Final = np.uint32(1)
_AGE_SHIFT: Final = np.uint32(32 - NUMBER_BITS)
_NUMBERS: Final = np.uint32(MAX_NUMBER)
_TAGS: Final = np.uint32(0xFFFFFFFF ^ MAX_NUMBER)


COMMON: Final = 4
"""A shingle that so many unlike texts have is a template's or boilerplate, and counts for nothing."""


class Found(NamedTuple):
    """What the table has on a text's hashes."""

    hashes: Sample
    tags: Slots
    """Of each hash: what of it is kept in a slot."""

    buckets: Numbers
    """Of each hash."""

    slots: Slots
    """Of each hash: all of its bucket, as it was."""

    at: Numbers
    """Of each posting: eight times the place of its hash, and its place in the bucket."""

    numbers: Slots
    """Of each posting: which text it names."""

    @property
    def common(self) -> NDArray[np.bool_]:
        """Of each hash: whether it is common."""
        return np.bincount(self.at >> WAY_BITS, minlength=len(self.hashes)) >= COMMON


class Postings:
    """Hash → numbers of texts. ``buckets``: how many it begins with, `SMALLEST` or what another grew to."""

    def __init__(self, buckets: int = SMALLEST) -> None:
        self.buckets = buckets
        self._slots = np.zeros((buckets, _WAYS), np.uint32)
        """Memory that has no bucket yet may follow the last. No view of it outlives a call: it may be moved."""
        self._later = np.zeros((buckets if buckets < 1 << NUMBER_BITS else 0, _WAYS), np.uint8)
        """Of each slot: the bits of its hash that choose the bucket in a larger table, and are not in the slot. Needed
        up to 2^20 buckets."""
        self._address()

    @property
    def nbytes(self) -> int:
        """Bytes of the table."""
        return self._slots.nbytes + self._later.nbytes

    def has_room(self, postings: int) -> bool:
        """Whether so many postings fill it no more than they should."""
        return postings <= LOAD * _WAYS * self.buckets

    def grow(self) -> None:
        """Split the next buckets."""
        first, last, end = self.buckets - self._half, self.buckets, self.buckets + CHUNK
        if end > len(self._slots):
            self._reserve(end + min(end // 8, _MOST_MORE))
        old, bit = self._slots[first : first + CHUNK], self._half.bit_length() - 1
        if bit < NUMBER_BITS:
            later = self._later[first : first + CHUNK]
            self._later[last:end] = later
            moves = later & np.uint8(1 << (bit - _FIRST_BITS)) != 0
        else:
            moves = old & np.uint32(1 << bit) != 0
        np.copyto(self._slots[last:end], old, where=moves)
        old[moves] = 0
        self.buckets = end
        self._address()

    def find(self, hashes: Sample) -> Found:
        """All postings of some hashes, some of which may be false: a slot has not all of the hash."""
        buckets = hashes & self._mask
        np.subtract(buckets, self._fold, out=buckets, where=buckets >= self._end)
        places = buckets.astype(np.intp)
        slots = self._slots.take(places, axis=0)
        tags = hashes & _TAGS
        near = (slots ^ tags[:, None]).ravel()  # where the hash agrees, the number is left, and that is small
        at = (near - _ONE < _NUMBERS).nonzero()[0]  # 0, an empty slot of a small hash, wraps around
        return Found(hashes, tags, places, slots, at, near.take(at))

    def put(self, found: Found, number: int, instead: NDArray[np.bool_] | None = None) -> None:
        """Post the next text under the hashes that were looked for just before.

        ``instead``: which postings it takes the place of.
        """
        slots = found.slots
        if instead is not None:
            self._clear(found, instead)
            slots = self._slots.take(found.buckets, axis=0)
        age = slots << _AGE_SHIFT  # alone in the upper bits, numbers may be compared around the ring
        age -= np.uint32(number << (32 - NUMBER_BITS))
        np.copyto(age, 0, where=slots == 0)
        at = found.buckets << WAY_BITS
        at += age.argmin(axis=1)
        self._slots.reshape(-1)[at] = found.tags | np.uint32(number)
        if len(self._later):
            self._later.reshape(-1)[at] = found.hashes >> np.uint32(_FIRST_BITS) & np.uint32(0xFF)

    def drop(self, hashes: Sample, number: int) -> None:
        """Remove the postings of a text."""
        found = self.find(hashes)
        self._clear(found, found.numbers == number)

    def _clear(self, found: Found, some: NDArray[np.bool_]) -> None:
        at = found.at[some]
        self._slots[found.buckets[at >> WAY_BITS], at & (_WAYS - 1)] = 0

    def _address(self) -> None:
        """How a hash finds its bucket: by its lower bits, one more of them where the bucket was split already."""
        self._half = 1 << (self.buckets.bit_length() - 1)
        self._mask = np.uint32(2 * self._half - 1)
        self._end, self._fold = np.uint32(self.buckets), np.uint32(self._half)
        if self._half >= 1 << NUMBER_BITS:
            self._later = np.zeros((0, _WAYS), np.uint8)

    def _reserve(self, buckets: int) -> None:
        """More memory, without copying it where the system can move pages."""
        self._slots.resize((buckets, _WAYS), refcheck=False)
        if len(self._later):
            self._later.resize((buckets, _WAYS), refcheck=False)
