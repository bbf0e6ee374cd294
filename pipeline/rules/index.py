"""Which of many stored queries can match an article at all, found before any word of it is cut.

As Lucene's Monitor and Elasticsearch's percolator do it: every query is stored under its rarest required words. One
pass of an Aho-Corasick automaton (Aho & Corasick 1975) over the folded text finds the places where such a word may
begin; an article without any costs that pass and nothing else. What else a query requires of the sentence is kept
beside the word, so that "report" alone brings no rule about denied reports into play. The index may name a query that
does not match, but never leaves out one that does: the tests hold it to that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import NamedTuple

from ahocorasick_rs import AhoCorasick, Implementation

from pipeline.rules.query import Query, Word
from pipeline.rules.ways import Group, Rarity, Way, ways


class Needed(NamedTuple):
    """A group of words: those to be looked for as they are, and beginnings of words with a blank in front."""

    words: frozenset[str]
    beginnings: tuple[str, ...]


class There(dict[int, bool]):
    """Of which groups a word is among these words; looked up when it is first asked."""

    def __init__(self, groups: Sequence[Needed], words: Sequence[str]) -> None:
        self._groups, self._words = groups, words
        self._set: frozenset[str] | None = None
        self._text = ""

    def __missing__(self, number: int) -> bool:
        if self._set is None:
            self._set = frozenset(self._words)
        words, beginnings = self._groups[number]
        found = not words.isdisjoint(self._set)
        if beginnings and not found:
            self._text = self._text or " " + " ".join(self._words)
            found = any(beginning in self._text for beginning in beginnings)
        self[number] = found
        return found


class Stored(NamedTuple):
    """Queries that are stored under a word and need the same besides; groups of words by their numbers."""

    queries: tuple[int, ...]
    here: tuple[int, ...]
    """Of each of these groups a word must be in the same sentence."""

    anywhere: tuple[int, ...]
    """Of each of these a word must be somewhere in the article."""

    fields: int

    def fits(self, field: int, there: There) -> bool:
        """Whether the queries can match in a sentence of this field with these words."""
        return bool(self.fields >> field & 1) and all(map(there.__getitem__, self.here))


class Hit(NamedTuple):
    """A place in the folded text where a required word begins, and the queries stored under it."""

    place: int
    stored: Sequence[Stored]


class Index:
    """Stored queries under their rarest required words."""

    def __init__(self, queries: Sequence[Query]) -> None:
        rarity = Rarity(queries)
        groups: dict[Group, int] = {}
        stored: dict[Word, dict[Way, list[int]]] = {}
        for number, query in enumerate(queries):
            for way in ways(query, rarity) or ():
                first, *rest = sorted(way.groups, key=rarity.frequency)
                for group in (*rest, *way.elsewhere):
                    groups.setdefault(group, len(groups))
                needs = way._replace(groups=tuple(rest))
                for word in first:
                    under = stored.setdefault(word, {}).setdefault(needs, [])
                    if number not in under[-1:]:
                        under.append(number)
        self._groups = tuple(map(_needed, groups))
        self._stored = tuple(
            tuple(
                Stored(
                    tuple(under), _numbers(way.groups, groups), _numbers(way.groups + way.elsewhere, groups), way.fields
                )
                for way, under in some.items()
            )
            for some in stored.values()
        )
        # In folded text blanks, and nothing else, stand around words.
        literals = [f" {word.text}" + ("" if word.prefix else " ") for word in stored]
        # The DFA is three times as fast as the other implementations here, and small for thousands of words.
        self._automaton = AhoCorasick(literals, implementation=Implementation.DFA) if literals else None

    def there(self, words: Sequence[str]) -> There:
        """What queries need, among these words."""
        return There(self._groups, words)

    def hits(self, folded: str) -> list[Hit]:
        """Where required words begin in a folded text, in text order, with the queries that the article can match."""
        if self._automaton is None:
            return []
        text = f" {folded} "
        found = self._automaton.find_matches_as_indexes(text, overlapping=True)
        if not found:
            return []
        there = There(self._groups, text.split())
        stored = {
            number: [one for one in self._stored[number] if all(map(there.__getitem__, one.anywhere))]
            for number in {number for number, _, _ in found}
        }
        hits = [Hit(start, some) for number, start, _ in found if (some := stored[number])]
        return sorted(hits, key=itemgetter(0))


def _numbers(some: Sequence[Group], groups: Mapping[Group, int]) -> tuple[int, ...]:
    return tuple(groups[group] for group in some)


def _needed(group: Group) -> Needed:
    return Needed(
        frozenset(word.text for word in group if not word.prefix),
        tuple(f" {word.text}" for word in group if word.prefix),
    )
