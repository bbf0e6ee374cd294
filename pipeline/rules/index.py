"""Which of many stored queries can match an article at all, found before any word of it is cut.

As Lucene's Monitor and Elasticsearch's percolator do it: every query is stored under its rarest required words. One
pass of an Aho-Corasick automaton (Aho & Corasick 1975) over the folded text finds these and all others that a query
requires, in groups of each of which one must be there; an article without them costs that pass and nothing else. So
"report" alone brings no rule about denied reports into play. The index may name a query that does not match, but never
leaves out one that does: the tests hold it to that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from ahocorasick_rs import AhoCorasick, Implementation

from pipeline.rules.query import Query, Word
from pipeline.rules.ways import Group, Rarity, Way, letters, ways

_SHORTEST: Final = 3
_EVERYWHERE: Final = frozenset(
    (
        "the",
        "and",
        "der",
        "die",
        "das",
        "und",
        "den",
        "les",
        "des",
        "los",
        "las",
        "del",
        "que",
        "una",
        "che",
        "non",
        "per",
    )
)
"""Words with fewer letters, and these, are in nearly every sentence of their language: an article has hundreds."""


class Stored(NamedTuple):
    """Queries that are stored under a word and need the same besides; groups of words by their numbers."""

    queries: tuple[int, ...]
    here: frozenset[int]
    """Of each of these groups a word must be in the same sentence."""

    anywhere: frozenset[int]
    """Of each of these a word must be somewhere in the article."""

    fields: int

    def fits(self, field: int, there: AbstractSet[int]) -> bool:
        """Whether the queries can match in a sentence of this field that has words of these groups."""
        return bool(self.fields >> field & 1) and self.here <= there


class Hits(NamedTuple):
    """Words of the index in a text, from its start to its end: their numbers, and the places where they begin."""

    words: Sequence[int]
    places: Sequence[int]
    stored: Mapping[int, Sequence[Stored]]
    """Under which words queries are stored that the article can match, and which these are."""


class Index:
    """Stored queries under their rarest required words."""

    def __init__(self, queries: Sequence[Query]) -> None:
        rarity = Rarity(queries)
        stored: dict[Word, dict[Way, list[int]]] = {}
        groups: dict[Group, int] = {}
        for number, query in enumerate(queries):
            for way in ways(query, rarity) or ():
                first, *rest = sorted(way.groups, key=rarity.frequency)
                needs = way._replace(groups=tuple(filter(_tells, rest)), elsewhere=tuple(filter(_tells, way.elsewhere)))
                for group in needs.groups + needs.elsewhere:
                    groups.setdefault(group, len(groups))
                for word in first:
                    under = stored.setdefault(word, {}).setdefault(needs, [])
                    if number not in under[-1:]:
                        under.append(number)
        memberships: dict[Word, list[int]] = {word: [] for word in stored}
        for group, number in groups.items():
            for word in group:
                memberships.setdefault(word, []).append(number)
        self._groups = tuple(map(tuple, memberships.values()))
        self._stored = tuple(
            tuple(_stored(way, under, groups) for way, under in stored.get(word, {}).items()) for word in memberships
        )
        # In folded text blanks, and nothing else, stand around words.
        literals = [f" {word.text}" + ("" if word.prefix else " ") for word in memberships]
        # The DFA is three times as fast as the other implementations here, and small for thousands of words.
        self._automaton = AhoCorasick(literals, implementation=Implementation.DFA) if literals else None

    def hits(self, folded: str) -> Hits | None:
        """The required words that are in a folded text; None if no query can match."""
        if self._automaton is None:
            return None
        found = self._automaton.find_matches_as_indexes(f" {folded} ", overlapping=True)
        words = {word for word, _, _ in found}
        there = {group for word in words for group in self._groups[word]}
        stored = {
            word: some
            for word in words
            if (under := self._stored[word]) and (some := [one for one in under if one.anywhere <= there])
        }
        if not stored:
            return None
        # They come by their ends, and so by their beginnings too: none holds a blank before its last character.
        numbers, places, _ = zip(*found, strict=True)
        return Hits(numbers, places, stored)

    def fitting(self, hits: Hits, first: int, behind: int, field: int) -> set[int]:
        """Queries that can match in a sentence of a field: in it are the hits from ``first`` to before ``behind``."""
        words = set(hits.words[first:behind])
        there = {group for word in words for group in self._groups[word]}
        stored = (one for word in words for one in hits.stored.get(word, ()))
        return {query for one in stored if one.fits(field, there) for query in one.queries}


def _tells(group: Group) -> bool:
    """Whether looking for it is worth its while: one word that is in nearly every sentence, and it tells nothing."""
    return all(letters(word) >= _SHORTEST and word.text not in _EVERYWHERE for word in group)


def _stored(way: Way, queries: Sequence[int], groups: Mapping[Group, int]) -> Stored:
    here = frozenset(groups[group] for group in way.groups)
    return Stored(tuple(queries), here, here | {groups[group] for group in way.elsewhere}, way.fields)
