"""Which of many stored queries can match an article at all, found before any word of it is cut.

As Lucene's Monitor and Elasticsearch's percolator do it: every query is stored under its rarest required word. One pass
of an Aho-Corasick automaton (Aho & Corasick 1975) over the folded text finds the places where such a word may begin;
an article without any costs that pass and nothing else. The index may name a query that does not match, but never
leaves out one that does: the tests hold it to that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from ahocorasick_rs import AhoCorasick, Implementation

from pipeline.rules.query import And, AnyOf, In, Near, Not, NotNear, Or, Phrase, Query, Unless, Word

_LETTER_RARITY: Final = 0.3
"""How much rarer one more letter makes a word, roughly; only the order of two estimates counts, and only for speed."""


class Hit(NamedTuple):
    """A place in the folded text where a required word begins, and the queries that require it."""

    place: int
    queries: tuple[int, ...]


class Index:
    """Stored queries under their rarest required words."""

    def __init__(self, queries: Sequence[Query]) -> None:
        stored: dict[Word, list[int]] = {}
        for number, query in enumerate(queries):
            for word in required(query) or ():
                stored.setdefault(word, []).append(number)
        self._words = tuple(stored)
        self._queries = tuple(tuple(numbers) for numbers in stored.values())
        literals = [word.text for word in self._words]
        # The DFA is three times as fast as the other implementations here, and small for thousands of words.
        self._automaton = AhoCorasick(literals, implementation=Implementation.DFA) if literals else None

    def hits(self, folded: str) -> list[Hit]:
        """Where required words may begin in a folded text, in text order of their ends."""
        if self._automaton is None:
            return []
        found = self._automaton.find_matches_as_indexes(folded, overlapping=True)
        return [
            Hit(start, self._queries[number]) for number, start, end in found if self._fits(folded, number, start, end)
        ]

    def _fits(self, folded: str, number: int, start: int, end: int) -> bool:
        """Whether a whole word may stand here. A mark that `isalnum` does not count lets through too much, never too
        little."""
        if start and _inside_word(folded[start - 1]):
            return False
        return self._words[number].prefix or not _inside_word(folded[end : end + 1])


def required(query: Query) -> frozenset[Word] | None:
    """Words of which every match of the query has at least one; the rarest such set. None: it can match without any."""
    match query:
        case Word():
            return frozenset({query})
        case Phrase(words):
            return _rarest(frozenset({word}) for word in words)
        case AnyOf(terms):
            return _any(map(required, terms))
        case Near(left, right):
            return _rarest((required(left), required(right)))
        case And(parts):
            return _rarest(map(required, parts))
        case Or(parts):
            return _any(map(required, parts))
        case Not(keep) | NotNear(keep) | Unless(keep):
            return required(keep)
        case In(_, inner):
            return required(inner)
        case _:
            return None


def _any(sets: Iterable[frozenset[Word] | None]) -> frozenset[Word] | None:
    gathered: frozenset[Word] = frozenset()
    for words in sets:
        if words is None:
            return None
        gathered |= words
    return gathered


def _rarest(sets: Iterable[frozenset[Word] | None]) -> frozenset[Word] | None:
    return min((words for words in sets if words is not None), key=_frequency, default=None)


def _frequency(words: frozenset[Word]) -> float:
    return sum(_LETTER_RARITY ** len(word.text) for word in words)


def _inside_word(character: str) -> bool:
    return character.isalnum() or character == "_"
