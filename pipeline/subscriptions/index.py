"""Which of many queries a story matches, found without looking at most of them.

As Lucene's Monitor and Elasticsearch's percolator do it: every query is stored under terms of which a story must have
one, the rarest that it requires; a term is a word, the beginning of a word or an attribute. A story looks up what it
has, and of the queries found there those are evaluated whose other terms it has too. A query that requires nothing
("NOT lang:ru", "sources:>2") is evaluated for every story. Queries that ask for the same are stored once.

All is in dictionaries: to put or remove one of 100,000 queries touches the few terms that it is stored under.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from sys import intern
from typing import Final

from pipeline.rules.query import (
    MIN_PREFIX,
    And,
    AnyOf,
    Attribute,
    In,
    Near,
    Not,
    NotNear,
    Or,
    Phrase,
    Query,
    Unless,
    Word,
)
from pipeline.rules.ways import letters
from pipeline.subscriptions.holds import holds
from pipeline.subscriptions.query import Wanted
from pipeline.subscriptions.text import StoryText

_LETTER_SHARE: Final = 0.3
_RAREST: Final = 0.001
"""Stories that have a word, roughly: fewer by each letter, down to this share. What counts is the order of two shares,
and only for speed."""

_SHARES: Final = {"kind": 0.6, "lang": 0.4, "state": 0.4, "event": 0.3, "thread": 0.0001}
_NAME_SHARE: Final = 0.02
"""Stories that have one value of an attribute; of any other attribute."""

_CROWD: Final = 20
"""Queries under one term, from which on it is taken for a frequent one: many ask for what is often in the news."""

Cost = Callable[[str], float]


class _Stored:
    """A query, who asked it, the terms that it is stored under, and those without which no story matches it."""

    __slots__ = ("ids", "needs", "terms", "tree")

    def __init__(self, tree: Query, terms: tuple[str, ...], needs: tuple[str, ...]) -> None:
        self.tree, self.terms, self.needs = tree, terms, needs
        self.ids: list[str] = []


class SubscriptionIndex:
    """Queries by id, under their rarest required terms. `matching` is equal to asking `matches` of each."""

    def __init__(self, entries: Iterable[tuple[str, Wanted]] = ()) -> None:
        self._by_id: dict[str, _Stored] = {}
        self._by_tree: dict[Query, _Stored] = {}
        self._under: dict[str, dict[_Stored, None]] = {}
        self._lengths: dict[str, Counter[int]] = {}
        """Of the beginnings of words that queries look for: how many of each length, by their first letters."""

        self._always: dict[_Stored, None] = {}
        for name, query in entries:
            self.put(name, query)

    def __len__(self) -> int:
        return len(self._by_id)

    def put(self, name: str, query: Wanted) -> None:
        """Store a query, in place of what had this id."""
        self.remove(name)
        stored = self._by_tree.get(query.tree) or self._store(query.tree)
        stored.ids.append(name)
        self._by_id[name] = stored

    def remove(self, name: str) -> None:
        """Forget a query; nothing happens if it is not there."""
        stored = self._by_id.pop(name, None)
        if stored is not None:
            stored.ids.remove(name)
            if not stored.ids:
                self._drop(stored)

    def matching(self, text: StoryText) -> set[str]:
        """Ids of the queries that are for a story."""
        there = set(self._terms(text))
        found = dict(self._always)
        for term in self._under.keys() & there:
            for stored in self._under[term]:
                if there.issuperset(stored.needs):
                    found[stored] = None
        return {name for stored in found if holds(stored.tree, text) for name in stored.ids}

    def _terms(self, text: StoryText) -> Iterator[str]:
        """All terms of the story that queries may look for."""
        yield from text.words
        yield from text.properties
        lengths = self._lengths
        for word in text.words:
            for length in lengths.get(word[:MIN_PREFIX], ()):
                yield word[:length] + "*"

    def _store(self, tree: Query) -> _Stored:
        terms = _required(tree, self._cost)
        needs = _needed(tree)
        if terms is None:
            stored = _Stored(tree, (), ())
            self._always[stored] = None
        else:
            stored = _Stored(tree, _shared(terms), _shared(needs - terms if len(terms) == 1 else needs))
        for term in stored.terms:
            self._under.setdefault(term, {})[stored] = None
        for term in _beginnings(stored):
            self._lengths.setdefault(term[:MIN_PREFIX], Counter())[len(term) - 1] += 1
        self._by_tree[tree] = stored
        return stored

    def _drop(self, stored: _Stored) -> None:
        del self._by_tree[stored.tree]
        self._always.pop(stored, None)
        for term in stored.terms:
            del self._under[term][stored]
            if not self._under[term]:
                del self._under[term]
        for term in _beginnings(stored):
            head, length = term[:MIN_PREFIX], len(term) - 1
            self._lengths[head][length] -= 1
            if not self._lengths[head][length]:
                del self._lengths[head][length]
            if not self._lengths[head]:
                del self._lengths[head]

    def _cost(self, term: str) -> float:
        """How often what is stored under a term is looked at, roughly."""
        return _share(term) * max(1.0, len(self._under.get(term, ())) / _CROWD)


def _shared(terms: Iterable[str]) -> tuple[str, ...]:
    """Terms, each kept in memory once, however many queries look for it."""
    return tuple(map(intern, sorted(terms)))


def _beginnings(stored: _Stored) -> Iterator[str]:
    return (term for term in (*stored.terms, *stored.needs) if term[-1] == "*")


def _share(term: str) -> float:
    name, colon, _ = term.partition(":")
    if colon:
        return _SHARES.get(name, _NAME_SHARE)
    return max(_RAREST, _LETTER_SHARE ** letters(Word(term.rstrip("*"))))


def _required(query: Query, cost: Cost) -> frozenset[str] | None:
    """Terms of which a story that matches has one, the rarest such; None if it needs none."""
    match query:
        case Word() | Attribute():
            return frozenset({_term(query)})
        case Phrase(parts) | And(parts):
            return _rarest([_required(part, cost) for part in parts], cost)
        case Near(left, right):
            return _rarest([_required(left, cost), _required(right, cost)], cost)
        case AnyOf(parts) | Or(parts):
            return _all([_required(part, cost) for part in parts])
        case Not(keep) | NotNear(keep) | Unless(keep) | In(_, keep):
            return _required(keep, cost)
        case _:
            return None


def _rarest(some: list[frozenset[str] | None], cost: Cost) -> frozenset[str] | None:
    return min((one for one in some if one is not None), key=lambda terms: sum(map(cost, terms)), default=None)


def _all(some: list[frozenset[str] | None]) -> frozenset[str] | None:
    return None if None in some else frozenset().union(*(one for one in some if one is not None))


def _needed(query: Query) -> frozenset[str]:
    """Terms of which a story that matches has each."""
    match query:
        case Word() | Attribute():
            return frozenset({_term(query)})
        case Phrase(parts) | And(parts):
            return frozenset().union(*map(_needed, parts))
        case Near(left, right):
            return _needed(left) | _needed(right)
        case AnyOf(parts) | Or(parts):
            return frozenset.intersection(*map(_needed, parts))
        case Not(keep) | NotNear(keep) | Unless(keep) | In(_, keep):
            return _needed(keep)
        case _:
            return frozenset()


def _term(query: Word | Attribute) -> str:
    """A word stands for itself, `begi*` for what begins so, `name:value` for an attribute: no folded word has a star or
    a colon in it."""
    if isinstance(query, Attribute):
        return f"{query.name}:{query.value}"
    return query.text + "*" * query.prefix
