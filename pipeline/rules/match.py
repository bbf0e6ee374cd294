"""Syntax tree × words → matches.

A *match* is the words that satisfy a query: its *atoms*, each a (first, last) position, in text order. A query's result
is the set of all its matches, sorted. Every operator is a function on such sets, so the meaning of a query does not
depend on how it is evaluated; a naive evaluation in the tests is the definition in code.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from pipeline.records import FIELDS
from pipeline.rules.query import And, Attribute, In, Near, Not, NotNear, Or, Phrase, Query, Unless, Word, Words
from pipeline.rules.tokens import FIELD_SHIFT, Sentence, words

Atom = tuple[int, int]
Match = tuple[Atom, ...]
Leaf = Word | Words
Postings = Mapping[Leaf, Sequence[int]]

ANYWHERE: Final = (0, 1 << 62)
"""The range of positions of the whole article."""


class Text(NamedTuple):
    """What a query is evaluated on: where the words it asks for stand, and the article's attributes, folded."""

    postings: Postings
    attributes: Mapping[str, str]


class Vocabulary:
    """All words that a set of queries asks for; turns sentences into postings of just these."""

    def __init__(self, queries: Iterable[Query]) -> None:
        exact: dict[str, set[Leaf]] = {}
        prefixes: dict[str, set[Leaf]] = {}
        for leaf in {leaf for query in queries for leaf in leaves(query)}:
            for word in leaf.words if isinstance(leaf, Words) else (leaf,):
                (prefixes if word.prefix else exact).setdefault(word.text, set()).add(leaf)
        self._exact = {text: tuple(found) for text, found in exact.items()}
        self._prefixes = {text: tuple(found) for text, found in prefixes.items()}
        self._lengths = sorted({len(text) for text in prefixes})

    def postings(self, texts: Sequence[str], sentences: Iterable[Sentence]) -> dict[Leaf, list[int]]:
        """Positions of every leaf in these sentences. Sentences in text order; ``texts`` by number of the field."""
        found: dict[Leaf, list[int]] = {}
        for sentence in sentences:
            text = texts[sentence.field][sentence.start : sentence.end]
            for position, word in enumerate(words(text), sentence.position):
                for leaf in self._leaves(word):
                    places = found.setdefault(leaf, [])
                    if not places or places[-1] != position:
                        places.append(position)
        return found

    def _leaves(self, word: str) -> Iterator[Leaf]:
        yield from self._exact.get(word, ())
        for length in self._lengths:
            if length > len(word):
                return
            yield from self._prefixes.get(word[:length], ())


def leaves(query: Query) -> Iterator[Leaf]:
    """The words that a query looks up."""
    match query:
        case Word() | Words():
            yield query
        case Phrase(parts):
            yield from parts
        case Or(parts) | And(parts):
            for part in parts:
                yield from leaves(part)
        case Near(left, right) | NotNear(left, right) | Unless(left, right) | Not(left, right):
            yield from leaves(left)
            yield from leaves(right)
        case In(_, inner):
            yield from leaves(inner)
        case Attribute():
            return


def find(query: Query, text: Text, within: tuple[int, int] = ANYWHERE) -> list[Match]:
    """All matches of a query, sorted. ``within``: the range of positions to look in."""
    match query:
        case Word() | Words():
            return [((position, position),) for position in _positions(query, text.postings, within)]
        case Phrase(parts):
            return _phrase(parts, text.postings, within)
        case Or(parts):
            return sorted({found for part in parts for found in find(part, text, within)})
        case Near(left, right, distance, ordered):
            return _near(find(left, text, within), find(right, text, within), distance, ordered=ordered)
        case NotNear(keep, drop, distance, ordered):
            return _not_near(find(keep, text, within), find(drop, text, within), distance, ordered=ordered)
        case Unless(keep, drop):
            kept = find(keep, text, within)
            return _unless(kept, find(drop, text, within)) if kept else kept
        case In(field, inner):
            return find(inner, text, _narrow(within, FIELDS.index(field)))
        case And() | Not() | Attribute():
            return _of_article(query, text, within)


def _of_article(query: And | Not | Attribute, text: Text, within: tuple[int, int]) -> list[Match]:
    match query:
        case And(parts):
            found = [find(part, text, within) for part in parts]
            return [_union(one[0] for one in found)] if all(found) else []
        case Not(keep, drop):
            return [] if find(drop, text, within) else find(keep, text, within)
        case Attribute(name, value):
            return [()] if text.attributes.get(name) == value else []


def low(match: Match) -> int:
    """First position of a match in one sentence."""
    return match[0][0]


def high(match: Match) -> int:
    """Last position of a match in one sentence."""
    return match[-1][1]


def _narrow(within: tuple[int, int], field: int) -> tuple[int, int]:
    return max(within[0], field << FIELD_SHIFT), min(within[1], (field + 1) << FIELD_SHIFT)


def _union(matches: Iterable[Match]) -> Match:
    return tuple(sorted({atom for match in matches for atom in match}))


def _positions(leaf: Leaf, postings: Postings, within: tuple[int, int]) -> Sequence[int]:
    places = postings.get(leaf, ())
    if within == ANYWHERE:
        return places
    return places[bisect_left(places, within[0]) : bisect_left(places, within[1])]


def _phrase(parts: tuple[Word, ...], postings: Postings, within: tuple[int, int]) -> list[Match]:
    starts: Iterable[int] = _positions(parts[0], postings, within)
    for place, part in enumerate(parts[1:], 1):
        later = set(postings.get(part, ()))
        starts = [start for start in starts if start + place in later]
    return [((start, start + len(parts) - 1),) for start in starts]


def _near(left: list[Match], right: list[Match], distance: int, *, ordered: bool) -> list[Match]:
    if not left or not right:
        return []
    found = set(_followed(left, right, distance))
    if not ordered:
        found.update(_followed(right, left, distance))
    return sorted(found)


def _followed(first: list[Match], then: list[Match], distance: int) -> Iterator[Match]:
    """Each first with each that begins after it, at most ``distance`` words between."""
    starts = [low(match) for match in then]
    for one in first:
        end = high(one)
        for other in then[bisect_right(starts, end) : bisect_right(starts, end + 1 + distance)]:
            yield one + other


def _not_near(keep: list[Match], drop: list[Match], distance: int, *, ordered: bool) -> list[Match]:
    reach_back = 0 if ordered else distance + 1
    return [
        one
        for one in keep
        if not any(low(other) <= high(one) + distance + 1 and high(other) >= low(one) - reach_back for other in drop)
    ]


def _unless(keep: list[Match], drop: list[Match]) -> list[Match]:
    return [one for one in keep if not any(_unmakes(other, one) for other in drop)]


def _unmakes(blocker: Match, match: Match) -> bool:
    """Whether they share a word, and the blocker's completion is not farther off than that of the match."""
    ends = low(blocker), high(blocker)
    covers = ends[0] <= low(match) and high(match) <= ends[1] and ends != (low(match), high(match))
    if covers and len(match) > 1:
        return False
    return any(a <= d and c <= b for a, b in blocker for c, d in match)
