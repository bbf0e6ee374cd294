"""A text as hashes: of its word shingles, and of the names and numbers in it.

A *shingle* is a run of consecutive folded words (Broder, "On the resemblance and containment of documents", 1997):
three of them, or six characters where each character is a word. Shingles of different languages never meet, since the
language is hashed with them.

Each word is hashed once (XXH3, 64 bits), and a shingle's hash is a sum of its words' hashes, each multiplied by its own
odd number, mixed at the end by MurmurHash3's finaliser: a handful of operations on whole arrays. Hashes of words are
kept, since the same few thousand words are most of every text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_digest, xxh3_64_intdigest

from pipeline.records import Article
from pipeline.rules.folding import words

Hashes = NDArray[np.uint64]
N = TypeVar("N", bound=np.generic)

WORDS: Final = 3
"""Of a shingle. Two meet by chance too often; four lose too many to each changed word (PERFORMANCE of both: bench)."""

CHARACTERS: Final = 6
"""Of a shingle in a language that writes no blanks: a Chinese word has two."""

WITHOUT_BLANKS: Final = frozenset({"zh", "ja"})

MAX_WORDS: Final = 20_000
"""Looked at, of a text: more than any article has; bounds the work on a hostile feed."""

KNOWN: Final = 1 << 19
"""Characters of the words whose hashes are kept: some 65,000 words, 12 MB. When there are more, it begins anew."""

_ENDS: Final = ".!?:…\"'“”‘’«»()-–—|•*"
"""Behind one of these a capital says nothing."""

_AROUND: Final = ".,;:!?…()[]\"'“”‘’„«»"

_ODD: Final = tuple(map(np.uint64, (
    0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5, 0x85EBCA77C2B2AE63,
    0xD6E8FEB86659FD93,
)))  # fmt: skip
"""One for each place in a shingle: the golden ratio and xxHash's primes."""
_MURMUR: Final = (np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53), np.uint64(33))

_WORD: Final = np.dtype([("hash", "<u8"), ("number", "?")])

_INSIDE, _BLANK, _CAPITAL, _END = range(4)
"""What a character may be: of a word; between words; the capital that a word may begin with; the end of a sentence."""

_PLANES: Final = 0x20000
"""Behind these characters there are only such as stand inside of words."""


class Text(NamedTuple):
    """A text's distinct hashes, sorted."""

    shingles: Hashes
    anchors: Hashes
    """Of names and numbers."""


class _Known(dict[str, bytes]):
    """Word → its hash, and whether it is a number, as the bytes of a `_WORD`."""

    def __init__(self) -> None:
        super().__init__()
        self.characters = 0

    def __missing__(self, word: str) -> bytes:
        number = b"\1" if word[0].isdigit() else b"\0"
        row = self[word] = xxh3_64_digest(word.encode(errors="replace"))[::-1] + number
        self.characters += len(word)
        return row


_known = _Known()


def text_of(article: Article) -> Text:
    """Title, lead and body, one after the other, as hashes."""
    told = f"{article.lead}\n{article.body}" if article.lead not in article.body else article.body
    found = _hashed(words(f"{article.title}\n{told}")[:MAX_WORDS])
    hashes = found["hash"].astype(np.uint64)
    anchors = (hashes[found["number"]], _hashed(_names(told))["hash"])
    return Text(_shingled(hashes, article.language), distinct(np.concatenate(anchors)))


def shingles(found: Sequence[str], language: str) -> Hashes:
    """Distinct hashes of the shingles of folded words, sorted. A text shorter than a shingle has none."""
    return _shingled(_hashed(found)["hash"].astype(np.uint64), language)


def _shingled(each: Hashes, language: str) -> Hashes:
    width = CHARACTERS if language in WITHOUT_BLANKS else WORDS
    size = len(each) - width + 1
    if size <= 0:
        return each[:0]
    total = each[:size] * _ODD[0]
    for place in range(1, width):
        total += each[place : place + size] * _ODD[place]
    total += _of_language(language)
    return distinct(_mixed(total))


def distinct(values: NDArray[N]) -> NDArray[N]:
    """Each of them once, sorted. Sorts ``values`` in place: a tenth of what `np.unique` costs for a few hundred."""
    values.sort()
    first = np.ones(len(values), np.bool_)
    np.not_equal(values[1:], values[:-1], out=first[1:])
    return values[first]


def _hashed(found: Iterable[str]) -> NDArray[np.void]:
    """A `_WORD` of each word."""
    global _known
    if _known.characters > KNOWN:
        _known = _Known()
    return np.frombuffer(b"".join(map(_known.__getitem__, found)), _WORD)


@lru_cache(maxsize=256)
def _of_language(language: str) -> np.uint64:
    return np.uint64(xxh3_64_intdigest(language.encode()))


def _mixed(values: Hashes) -> Hashes:
    first, second, shift = _MURMUR
    values ^= values >> shift
    values *= first
    values ^= values >> shift
    values *= second
    values ^= values >> shift
    return values


def _names(text: str) -> set[str]:
    """Words written with a capital within a sentence, and nowhere without: names, mostly. A script without capitals has
    none. In a German text these are all nouns, which tell two texts apart as well."""
    each, kinds = text.split(), _kinds(text)
    blank = kinds == _BLANK
    turns = (blank[1:] != blank[:-1]).nonzero()[0][int(blank[:1].any()) :]  # a word's last letter, the blank before one
    begins = turns[1::2] + 1
    named = (kinds.take(begins) == _CAPITAL) & (kinds.take(turns[: 2 * len(begins) : 2]) != _END)
    found = {each[place].strip(_AROUND).casefold() for place in (named.nonzero()[0] + 1).tolist()}
    return found.difference(found.intersection(each))


def _kinds(text: str) -> NDArray[np.uint8]:
    """What each character of a text is."""
    if text.isascii():
        return np.frombuffer(text.encode().translate(_ASCII_KINDS), np.uint8)
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
    return _table_of_kinds().take(codes, mode="clip")


def _kind(character: str) -> int:
    if character in _ENDS:
        return _END
    if character.isspace():
        return _BLANK
    return _CAPITAL if character.isupper() else _INSIDE


@cache
def _table_of_kinds() -> NDArray[np.uint8]:
    """Of each character; 20 ms, when the first text comes that needs it."""
    return np.fromiter(map(_kind, map(chr, range(_PLANES))), np.uint8, _PLANES)


_ASCII_KINDS: Final = bytes(map(_kind, map(chr, range(256))))
