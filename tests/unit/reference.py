"""The meaning of a query, written down naively: what `pipeline.rules.match` must be equal to.

No postings, no indexes, no early ends: every operator looks at everything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from itertools import product
from types import MappingProxyType
from typing import NamedTuple

from pipeline.rules.query import (
    And,
    AnyOf,
    Attribute,
    Compare,
    Everything,
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

Matches = set[tuple[tuple[int, int], ...]]


class Place(NamedTuple):
    """One word of an article: its position, the field that it stands in, and what else it counts as."""

    position: int
    field: str
    word: str
    forms: tuple[str, ...] = ()


def evaluate(
    query: Query,
    places: list[Place],
    attributes: Mapping[str, AbstractSet[str]],
    numbers: Mapping[str, float] = MappingProxyType({}),
) -> Matches:
    """All matches of a query in these words."""

    def of(inner: Query) -> Matches:
        return evaluate(inner, places, attributes, numbers)

    match query:
        case Word() | Phrase():
            return _terms(query, places)
        case AnyOf(parts) | Or(parts):
            return set().union(*map(of, parts))
        case Near() | NotNear() | Unless():
            return _nearness(query, of)
        case In(field, inner):
            return evaluate(inner, [p for p in places if p.field == field], attributes, numbers)
        case And(parts):
            found = [of(part) for part in parts]
            return {tuple(sorted({atom for one in found for atom in min(one)}))} if all(found) else set()
        case Not(keep, drop):
            return set() if of(drop) else of(keep)
        case Attribute(name, value):
            return {()} if value in attributes.get(name, ()) else set()
        case _:
            return {()} if _holds(query, numbers) else set()


def _holds(query: Query, numbers: Mapping[str, float]) -> bool:
    match query:
        case Everything():
            return True
        case Compare(name, comparator, value) if name in numbers:
            order = "=" if numbers[name] == value else "<" if numbers[name] < value else ">"
            return order in comparator
        case Compare():
            return False
        case _:
            raise AssertionError(query)


def _terms(query: Word | Phrase, places: list[Place]) -> Matches:
    wanted = query.words if isinstance(query, Phrase) else (query,)
    by_position = {place.position: place for place in places}
    return {
        ((start, start + len(wanted) - 1),)
        for start in by_position
        if all(start + n in by_position and _is(by_position[start + n], word) for n, word in enumerate(wanted))
    }


def _nearness(query: Near | NotNear | Unless, of: Callable[[Query], Matches]) -> Matches:
    match query:
        case Near(left, right, distance, ordered):
            pairs = list(product(of(left), of(right)))
            found = {a + b for a, b in pairs if 0 <= _between(a, b) <= distance}
            return found if ordered else found | {b + a for a, b in pairs if 0 <= _between(b, a) <= distance}
        case NotNear(keep, drop, distance, ordered):
            return {a for a in of(keep) if not any(_is_near(a, b, distance, ordered) for b in of(drop))}
        case Unless(keep, drop):
            return {a for a in of(keep) if not any(_unmade(a, b) for b in of(drop))}


def _is(place: Place, word: Word) -> bool:
    some = (place.word, *place.forms)
    return any(one.startswith(word.text) for one in some) if word.prefix else word.text in some


def _between(a: tuple[tuple[int, int], ...], b: tuple[tuple[int, int], ...]) -> int:
    """Words between the end of a and the beginning of b; negative when b does not come after a."""
    return min(first for first, _ in b) - max(last for _, last in a) - 1


def _is_near(a: tuple[tuple[int, int], ...], b: tuple[tuple[int, int], ...], distance: int, ordered: bool) -> bool:
    after, before = _between(a, b), _between(b, a)
    overlap = after < 0 and before < 0
    return overlap or 0 <= after <= distance or (not ordered and 0 <= before <= distance)


def _unmade(a: tuple[tuple[int, int], ...], b: tuple[tuple[int, int], ...]) -> bool:
    covered = {n for first, last in b for n in range(first, last + 1)}
    shares = any(n in covered for first, last in a for n in range(first, last + 1))
    extent_a = (min(f for f, _ in a), max(x for _, x in a))
    extent_b = (min(f for f, _ in b), max(x for _, x in b))
    farther = extent_b != extent_a and extent_b[0] <= extent_a[0] and extent_b[1] >= extent_a[1]
    return shares and not (len(a) > 1 and farther)
