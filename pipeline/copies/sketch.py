"""FracMinHash: a fixed share of a text's shingle hashes, and what two such samples tell of two texts.

Irber et al., "Lightweight compositional analysis of metagenomes with FracMinHash and minimum metagenome covers" (2022);
Broder's mod-m sketches (1997) are the same idea. All hashes below 2^32 / 2^s are kept, so that the share of one sample
that is in the other estimates the *containment* of one text in the other, which a fixed number of minima (MinHash)
cannot when one text is much shorter: a story cut to a third has a Jaccard similarity of .33 and a containment of 1.

``s`` follows from the length of the text: a short one keeps all its hashes, a long one every eighth or fewer. Samples
of different shares are compared at the smaller share, since every hash that is kept at ``s + 1`` is kept at ``s``.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.copies.shingles import Text, distinct

Sample = NDArray[np.uint32]

MAX_HASHES: Final = 80
"""A text keeps at most about so many: at a containment of .6 the estimate's standard deviation is then .05."""

MAX_ANCHORS: Final = 24
"""Names and numbers kept: those with the smallest hashes, the same in every text that has them."""

MIN_SHINGLES: Final = 12
"""A text with fewer, such as a headline alone, is a copy only of the very same words."""

_BITS: Final = 32
_LOWER: Final = np.uint64(64 - _BITS)
_HEAD: Final = struct.Struct("<BBH")


@dataclass(frozen=True, slots=True)
class Sketch:
    """What is kept of a text. Hashes are the upper 32 bits of 64, sorted, distinct."""

    shift: int
    """Kept are hashes below 2^(32 - shift)."""

    hashes: Sample
    anchors: Sample

    def at(self, shift: int) -> Sample:
        """The sample with a smaller share, of a ``shift`` that is no smaller than its own."""
        if shift == self.shift:
            return self.hashes
        return self.hashes[: int(self.hashes.searchsorted(np.uint32(1 << (_BITS - shift))))]

    @property
    def is_short(self) -> bool:
        """Whether the text has too few shingles to be sampled or compared by share: a headline alone."""
        return self.shift == 0 and len(self.hashes) < MIN_SHINGLES

    @property
    def encoded(self) -> bytes:
        """As bytes, little-endian, whatever the machine."""
        head = _HEAD.pack(self.shift, len(self.anchors), len(self.hashes))
        return head + self.hashes.astype("<u4", copy=False).tobytes() + self.anchors.astype("<u4", copy=False).tobytes()


def sketch(text: Text) -> Sketch:
    """The sketch of a text. Deterministic: it depends on nothing but the hashes."""
    number = len(text.shingles)
    shift = 0
    while number > MAX_HASHES << shift:
        shift += 1
    below = (
        text.shingles if not shift else text.shingles[: int(text.shingles.searchsorted(np.uint64(1 << (64 - shift))))]
    )
    anchors = distinct((text.anchors >> _LOWER).astype(np.uint32))
    return Sketch(shift, distinct((below >> _LOWER).astype(np.uint32)), anchors[:MAX_ANCHORS])


def decoded(data: bytes) -> Sketch:
    """A sketch from its bytes, without copying them."""
    shift, anchors, hashes = _HEAD.unpack_from(data)
    return Sketch(
        shift,
        np.frombuffer(data, "<u4", hashes, _HEAD.size),
        np.frombuffer(data, "<u4", anchors, _HEAD.size + 4 * hashes),
    )


def shared(one: Sample, other: Sample) -> Sample:
    """What is in both of two sorted samples of distinct hashes."""
    if not len(one) or not len(other):
        return one[:0]
    both: Sample = one[other.take(other.searchsorted(one), mode="clip") == one]
    return both
