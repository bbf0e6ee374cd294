"""The syntax tree of a query: small, frozen, compared by value.

A node is *local* when each of its matches lies in one sentence (words, phrases, NEAR and what is made of them); AND,
NOT and attributes speak about the article as a whole. Only local nodes can stand beside NEAR and UNLESS.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pipeline.records import Field

AttributeName = Literal["actor", "outlet", "lang", "kind"]


@dataclass(frozen=True, slots=True)
class Word:
    """One word, folded; with ``prefix`` every word that begins so (`accus*`)."""

    text: str
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """Any one of several words: what a list of single words becomes."""

    words: frozenset[Word]


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that follow each other, with nothing between."""

    words: tuple[Word, ...]


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


Query = Word | Words | Phrase | Near | NotNear | Unless | In | Or | And | Not | Attribute


def is_local(query: Query) -> bool:
    """Whether every match lies within one sentence."""
    match query:
        case Or(parts):
            return all(map(is_local, parts))
        case In(_, inner):
            return is_local(inner)
        case And() | Not() | Attribute():
            return False
        case _:
            return True


def either(parts: tuple[Query, ...]) -> Query:
    """Any of the parts, single words gathered into one `Words`, which is looked up at once."""
    words: set[Word] = set()
    others: list[Query] = []
    for part in parts:
        match part:
            case Word():
                words.add(part)
            case Words(inner):
                words |= inner
            case Or(inner_parts):
                others.extend(inner_parts)
            case _:
                others.append(part)
    gathered = {word for other in others if isinstance(other, Words) for word in other.words} | words
    rest: list[Query] = [other for other in dict.fromkeys(others) if not isinstance(other, Words)]
    if gathered:
        rest.insert(0, Words(frozenset(gathered)))
    return rest[0] if len(rest) == 1 else Or(tuple(rest))


def attributes(query: Query) -> frozenset[str]:
    """Names of the attributes that a query asks for."""
    match query:
        case Attribute(name, _):
            return frozenset({name})
        case And(parts) | Or(parts):
            return frozenset().union(*map(attributes, parts))
        case Not(keep, drop):
            return attributes(keep) | attributes(drop)
        case In(_, inner):
            return attributes(inner)
        case _:
            return frozenset()
