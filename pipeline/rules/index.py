"""Which of many stored queries can match an article at all, found before any word of it is cut.

As Lucene's Monitor and Elasticsearch's percolator do it: every query is stored under its rarest required words. One
pass of an Aho-Corasick automaton (Aho & Corasick 1975) over the folded text finds the places where such a word may
begin; an article without any costs that pass and nothing else. What else a query requires of the sentence is kept
beside the word, so that "report" alone brings no rule about denied reports into play. The index may name a query that
does not match, but never leaves out one that does: the tests hold it to that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Final, NamedTuple

from ahocorasick_rs import AhoCorasick, Implementation

from pipeline.records import FIELDS
from pipeline.rules.query import And, AnyOf, In, Near, Not, NotNear, Or, Phrase, Query, Unless, Word

_LETTER_RARITY: Final = 0.3
"""How much rarer one more letter makes a word, roughly; only the order of two estimates counts, and only for speed."""

_MOST_WAYS: Final = 64
"""Ways to satisfy one NEAR that are told apart; with more, its sides are stored by their words alone."""

_EVERY_FIELD: Final = (1 << len(FIELDS)) - 1

Group = frozenset[Word]


class Way(NamedTuple):
    """One way in which a query can match: of each group a word must be there, in a sentence of these fields (bits)."""

    groups: tuple[Group, ...]
    fields: int = _EVERY_FIELD


class Stored(NamedTuple):
    """A query, stored under a word. ``others``: of each of these groups a word must be in the same sentence."""

    query: int
    others: tuple[frozenset[str], ...]
    fields: int

    def fits(self, field: int, words: Sequence[str]) -> bool:
        """Whether the query can match in a sentence with these words, in this field."""
        return bool(self.fields >> field & 1) and not any(other.isdisjoint(words) for other in self.others)


class Hit(NamedTuple):
    """A place in the folded text where a required word begins, and the queries stored under it."""

    place: int
    stored: tuple[Stored, ...]


class Index:
    """Stored queries under their rarest required words."""

    def __init__(self, queries: Sequence[Query]) -> None:
        stored: dict[Word, dict[Stored, None]] = {}
        for number, query in enumerate(queries):
            for way in ways(query) or ():
                first, *rest = sorted(way.groups, key=_frequency)
                kept = Stored(number, tuple(other for group in rest if (other := _texts(group))), way.fields)
                for word in first:
                    stored.setdefault(word, {})[kept] = None
        self._stored = tuple(tuple(kept) for kept in stored.values())
        # In folded text blanks, and nothing else, stand around words.
        literals = [f" {word.text}" + ("" if word.prefix else " ") for word in stored]
        # The DFA is three times as fast as the other implementations here, and small for thousands of words.
        self._automaton = AhoCorasick(literals, implementation=Implementation.DFA) if literals else None

    def hits(self, folded: str) -> list[Hit]:
        """Where required words begin in a folded text, in text order."""
        if self._automaton is None:
            return []
        found = self._automaton.find_matches_as_indexes(f" {folded} ", overlapping=True)
        return sorted(Hit(start, self._stored[number]) for number, start, _ in found)


def ways(query: Query) -> list[Way] | None:
    """All ways in which a query can match; of queries about the whole article, those of the part that is rarest.

    None: it can match without any word.
    """
    match query:
        case Word():
            return [Way((frozenset({query}),))]
        case Phrase(words):
            return [Way(tuple(frozenset({word}) for word in words))]
        case AnyOf(terms):
            single = frozenset(term for term in terms if isinstance(term, Word))
            phrases = [way for term in terms if isinstance(term, Phrase) for way in ways(term) or ()]
            return [Way((single,)), *phrases] if single else phrases
        case Near(left, right):
            return _both(ways(left), ways(right))
        case And(parts):
            return min((found for part in parts if (found := ways(part)) is not None), key=_cost, default=None)
        case Or(parts):
            return _any(map(ways, parts))
        case Not(keep) | NotNear(keep) | Unless(keep):
            return ways(keep)
        case In(field, inner):
            found = ways(inner)
            return found and [Way(way.groups, way.fields & 1 << FIELDS.index(field)) for way in found]
        case _:
            return None


def _both(left: list[Way] | None, right: list[Way] | None) -> list[Way] | None:
    if left is None or right is None:
        return right if left is None else left
    if len(left) * len(right) > _MOST_WAYS:  # the rarer side is looked for, so it is the one to keep apart
        left, right = (left, _joined(right)) if _cost(left) < _cost(right) else (_joined(left), right)
    if len(left) * len(right) > _MOST_WAYS:
        left, right = _joined(left), _joined(right)
    return [Way(a.groups + b.groups, a.fields & b.fields) for a, b in product(left, right)]


def _joined(some: list[Way]) -> list[Way]:
    """One way instead of several: a word of the rarest group of any."""
    words = frozenset(word for way in some for word in min(way.groups, key=_frequency))
    return [Way((words,))]


def _any(parts: Iterable[list[Way] | None]) -> list[Way] | None:
    gathered: list[Way] = []
    for part in parts:
        if part is None:
            return None
        gathered += part
    return gathered


def _cost(some: list[Way]) -> float:
    return sum(min(map(_frequency, way.groups)) for way in some)


def _frequency(words: Group) -> float:
    return sum(_LETTER_RARITY ** len(word.text) for word in words)


def _texts(group: Group) -> frozenset[str]:
    """The words of a group, to be looked for as they are; none if one of them is only the beginning of a word."""
    return frozenset() if any(word.prefix for word in group) else frozenset(word.text for word in group)
