"""The syntax tree of a query: small, frozen, compared by value.

A node is *local* when each of its matches lies in one sentence (words, phrases, NEAR and what is made of them); AND,
NOT, attributes and numbers speak about the article as a whole. Only local nodes can stand beside NEAR and UNLESS.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from pipeline.records import Field

MIN_PREFIX: Final = 2
"""Letters before a `*`: with fewer it would match a good part of all words."""

AttributeName = Literal["actor", "target", "outlet", "owner", "lang", "kind", "state", "event", "thread"]

NumberName = Literal["sources", "articles", "lag"]
Comparator = Literal["<", "<=", "=", ">=", ">"]


@dataclass(frozen=True, slots=True)
class Word:
    """One word, folded; with ``prefix`` every word that begins so (`accus*`)."""

    text: str
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that follow each other, with nothing between."""

    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Any one of several words and phrases, looked up at once: what a list is."""

    terms: frozenset[Word | Phrase]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A `Word`, `Phrase` or `AnyOf` of a stored query: its number in the vocabulary of all stored queries."""

    number: int


@dataclass(frozen=True, slots=True)
class Near:
    """Left and right with at most ``distance`` words between; left first, if ``ordered``."""

    left: Query
    right: Query
    distance: int
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class NotNear:
    """Matches of ``keep`` that no match of ``drop`` overlaps or has within ``distance`` words (after it if ordered)."""

    keep: Query
    drop: Query
    distance: int
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class Unless:
    """Matches of ``keep`` that no blocker unmakes.

    A match of ``drop`` unmakes a match when the two share a word; but not when the match has several parts and the
    blocker strictly covers it: then what completes the match stands nearer than what completes the blocker.
    """

    keep: Query
    drop: Query


@dataclass(frozen=True, slots=True)
class In:
    """``query`` in one field of the article."""

    field: Field
    query: Query


@dataclass(frozen=True, slots=True)
class Or:
    """Matches of any part."""

    parts: tuple[Query, ...]


@dataclass(frozen=True, slots=True)
class And:
    """One match, made of the first match of each part; none if one part has none."""

    parts: tuple[Query, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Matches of ``keep``, if the article has no match of ``drop``."""

    keep: Query
    drop: Query


@dataclass(frozen=True, slots=True)
class Attribute:
    """A property of the article, not of its text: one match without words, or none."""

    name: AttributeName
    value: str


@dataclass(frozen=True, slots=True)
class Compare:
    """A number of the story, against a value: one match without words, or none. What has no such number has none."""

    name: NumberName
    comparator: Comparator
    value: float


@dataclass(frozen=True, slots=True)
class Everything:
    """One match without words, always."""


Term = Word | Phrase | AnyOf

Query = Word | Phrase | AnyOf | Leaf | Near | NotNear | Unless | In | Or | And | Not | Attribute | Compare | Everything
"""`Compare` and `Everything` are of subscriptions alone."""


def is_local(query: Query) -> bool:
    """Whether every match lies within one sentence."""
    match query:
        case Or(parts):
            return all(map(is_local, parts))
        case In(_, inner):
            return is_local(inner)
        case And() | Not() | Attribute() | Compare() | Everything():
            return False
        case _:
            return True


def either(parts: tuple[Query, ...]) -> Query:
    """Any of the parts; words and phrases are gathered into one `AnyOf`."""
    terms: set[Word | Phrase] = set()
    others: list[Query] = []
    for part in parts:
        match part:
            case Word() | Phrase():
                terms.add(part)
            case AnyOf(inner):
                terms |= inner
            case Or(inner_parts):
                terms.update(term for one in inner_parts if isinstance(one, AnyOf) for term in one.terms)
                others += [one for one in inner_parts if not isinstance(one, AnyOf)]
            case _:
                others.append(part)
    gathered: list[Query] = [AnyOf(frozenset(terms))] if terms else []
    whole = gathered + list(dict.fromkeys(others))
    return whole[0] if len(whole) == 1 else Or(tuple(whole))


def nodes(query: Query) -> Iterator[Query]:
    """The query and all that it is made of, down to its words."""
    yield query
    for part in _parts(query):
        yield from nodes(part)


def _parts(query: Query) -> Iterable[Query]:
    match query:
        case Phrase(parts) | AnyOf(parts) | Or(parts) | And(parts):
            return parts
        case Near(one, other) | NotNear(one, other) | Unless(one, other) | Not(one, other):
            return one, other
        case In(_, inner):
            return (inner,)
        case _:
            return ()


def attributes(query: Query) -> frozenset[str]:
    """Names of the attributes that a query asks for."""
    return frozenset(node.name for node in nodes(query) if isinstance(node, Attribute))


def leaves(query: Query) -> Iterator[int]:
    """Numbers of the leaves of a stored query."""
    return (node.number for node in nodes(query) if isinstance(node, Leaf))


def words(query: Query) -> Iterator[Word]:
    """The words that a query asks for, as often as it does."""
    return (node for node in nodes(query) if isinstance(node, Word))
