"""A text as hashes: of its word shingles, and of the names and numbers in it.

A *shingle* is a run of consecutive folded words (Broder, "On the resemblance and containment of documents", 1997):
three of them, or six characters where each character is a word. Shingles of different languages never meet, since the
language is hashed with them.

Each word is hashed once (XXH3, 64 bits), and a shingle's hash is a sum of its words' hashes, each multiplied by its own
odd number, mixed at the end by MurmurHash3's finaliser: a handful of operations on whole arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

from pipeline.records import Article
from pipeline.rules.folding import words

Hashes = NDArray[np.uint64]

WORDS: Final = 3
"""Of a shingle. Two meet by chance too often; four lose too many to each changed word (PERFORMANCE of both: bench)."""

CHARACTERS: Final = 6
"""Of a shingle in a language that writes no blanks: a Chinese word has two."""

WITHOUT_BLANKS: Final = frozenset({"zh", "ja"})

MAX_WORDS: Final = 20_000
"""Looked at, of a text: more than any article has; bounds the work on a hostile feed."""

_ENDS: Final = ".!?:…\"'“”‘’«»()-–—|•*"
"""Behind one of these a capital says nothing."""

_AROUND: Final = ".,;:!?…()[]\"'“”‘’„«»"

_ODD: Final = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5, 0x85EBCA77C2B2AE63,
     0xD6E8FEB86659FD93], dtype=np.uint64,
)  # fmt: skip
"""One for each place in a shingle: the golden ratio and xxHash's primes."""
_MURMUR: Final = (np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53), np.uint64(33))


class Text(NamedTuple):
    """A text's distinct hashes, sorted."""

    shingles: Hashes
    anchors: Hashes
    """Of names and numbers."""


def text_of(article: Article) -> Text:
    """Title, lead and body, one after the other, as hashes."""
    told = f"{article.lead}\n{article.body}" if article.lead not in article.body else article.body
    found = words(f"{article.title}\n{told}")[:MAX_WORDS]
    hashes = shingles(found, article.language)
    return Text(hashes, _hashed(sorted(_numbers(found) | _names(told))))


def shingles(found: Sequence[str], language: str) -> Hashes:
    """Distinct hashes of the shingles of folded words, sorted. A text shorter than a shingle has none."""
    width = CHARACTERS if language in WITHOUT_BLANKS else WORDS
    size = len(found) - width + 1
    if size <= 0:
        return np.empty(0, np.uint64)
    each = _hashed(found)
    total = np.full(size, xxh3_64_intdigest(language.encode()), np.uint64)
    for place in range(width):
        total += each[place : place + size] * _ODD[place]
    return np.unique(_mixed(total))


def _hashed(found: Sequence[str]) -> Hashes:
    if not found:
        return np.empty(0, np.uint64)
    each = "\n".join(found).encode(errors="replace").split(b"\n")  # one call, not one for each word
    return np.fromiter(map(xxh3_64_intdigest, each), np.uint64, len(found))


def _mixed(values: Hashes) -> Hashes:
    first, second, shift = _MURMUR
    values ^= values >> shift
    values *= first
    values ^= values >> shift
    values *= second
    values ^= values >> shift
    return values


def _numbers(found: Sequence[str]) -> set[str]:
    return {word for word in set(found) if word[0].isdigit()}


def _names(text: str) -> set[str]:
    """Words written with a capital within a sentence, and nowhere without: names, mostly. A script without capitals has
    none. In a German text these are all nouns, which tell two texts apart as well."""
    each = text.split()
    found = {word for before, word in pairwise(each) if word[0].isupper() and before[-1] not in _ENDS}
    small = set(each)
    return {name for word in found if (name := word.strip(_AROUND).casefold()) and name not in small}
