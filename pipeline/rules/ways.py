"""What a query needs: the ways in which it can match, as groups of words of each of which one must be there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import product
from typing import Final, NamedTuple

from pipeline.records import FIELDS
from pipeline.rules.query import And, AnyOf, In, Near, Not, NotNear, Or, Phrase, Query, Unless, Word, words

_LETTER_RARITY: Final = 0.3
"""How much rarer one more letter makes a word, roughly; only the order of two estimates counts, and only for speed."""

_CROWD: Final = 20
"""Queries that may ask for a word before it is taken for a frequent one, in proportion to their number."""

_FIRST_HAN: Final = "\u3000"
_HAN_LETTERS: Final = 4
_LONG: Final = 4
"""Letters of a word that a phrase is told by."""

_MOST_WAYS: Final = 64
"""Ways to satisfy one NEAR that are told apart; with more, its sides are stored by their words alone."""

_EVERY_FIELD: Final = (1 << len(FIELDS)) - 1

Group = frozenset[Word]


class Way(NamedTuple):
    """One way in which a query can match: of each group a word must be there, in a sentence of these fields (bits).

    ``elsewhere``: of each of these groups a word must be anywhere in the article.
    """

    groups: tuple[Group, ...]
    fields: int = _EVERY_FIELD
    elsewhere: tuple[Group, ...] = ()


def letters(word: Word) -> int:
    """How many letters a word has; a Han character tells as much as four."""
    return len(word.text) * (1 if word.text < _FIRST_HAN else _HAN_LETTERS)


class Rarity:
    """How rare words are, guessed: long ones are, and those that few queries ask for."""

    def __init__(self, queries: Iterable[Query] = ()) -> None:
        self._asked = Counter(word for query in queries for word in set(words(query)))
        self._known: dict[Group, float] = {}

    def frequency(self, words: Group) -> float:
        """Of any of these words in a text; only the order of two figures counts, and only for speed."""
        known = self._known.get(words)
        if known is None:
            known = self._known[words] = sum(
                _LETTER_RARITY ** letters(word) * max(1.0, self._asked[word] / _CROWD) for word in words
            )
        return known

    def cost(self, some: Sequence[Way]) -> float:
        """How often one of these ways has to be looked at, its rarest group being what is looked for."""
        return sum(min(map(self.frequency, way.groups)) for way in some)


_BY_LENGTH: Final = Rarity()


def ways(query: Query, rarity: Rarity = _BY_LENGTH) -> list[Way] | None:
    """All ways in which a query can match; of queries about the whole article, those of the part that is rarest.

    None: it can match without any word.
    """
    match query:
        case Word():
            return [Way((frozenset({query}),))]
        case Phrase(words):
            return [Way(tuple(frozenset({word}) for word in _telling(words)))]
        case AnyOf(terms):
            single = frozenset(term for term in terms if isinstance(term, Word))
            phrases = [way for term in terms if isinstance(term, Phrase) for way in ways(term, rarity) or ()]
            return [Way((single,)), *phrases] if single else phrases
        case Near(left, right):
            return _both(ways(left, rarity), ways(right, rarity), rarity)
        case And(parts):
            return _all([some for part in parts if (some := ways(part, rarity)) is not None], rarity)
        case Or(parts):
            return _any(ways(part, rarity) for part in parts)
        case Not(keep) | NotNear(keep) | Unless(keep):
            return ways(keep, rarity)
        case In(field, inner):
            found = ways(inner, rarity)
            return found and [way._replace(fields=way.fields & 1 << FIELDS.index(field)) for way in found]
        case _:
            return None


def needs_a_word(query: Query) -> bool:
    """Whether a query can match only where some word is: whether it has `ways`."""
    match query:
        case Word() | Phrase() | AnyOf():
            return True
        case Near(left, right):
            return needs_a_word(left) or needs_a_word(right)
        case And(parts):
            return any(map(needs_a_word, parts))
        case Or(parts):
            return all(map(needs_a_word, parts))
        case Not(keep) | NotNear(keep) | Unless(keep) | In(_, keep):
            return needs_a_word(keep)
        case _:
            return False


def _telling(words: Sequence[Word]) -> Sequence[Word]:
    """Words of a phrase without those that are in nearly every article ("part *in*"), unless there are no others."""
    return [word for word in words if letters(word) >= _LONG] or words


def _all(parts: list[list[Way]], rarity: Rarity) -> list[Way] | None:
    """The ways of the part that is rarest; the others must match too, anywhere in the article."""
    if not parts:
        return None
    rarest, *others = sorted(parts, key=rarity.cost)
    elsewhere = tuple(group for some in others for way in _joined(some, rarity) for group in way.groups)
    return [way._replace(elsewhere=way.elsewhere + elsewhere) for way in rarest]


def _both(left: list[Way] | None, right: list[Way] | None, rarity: Rarity) -> list[Way] | None:
    if left is None or right is None:
        return right if left is None else left
    if len(left) * len(right) > _MOST_WAYS:  # the rarer side is looked for, so it is the one to keep apart
        if rarity.cost(left) < rarity.cost(right):
            right = _joined(right, rarity)
        else:
            left = _joined(left, rarity)
    if len(left) * len(right) > _MOST_WAYS:
        left, right = _joined(left, rarity), _joined(right, rarity)
    return [Way(a.groups + b.groups, a.fields & b.fields) for a, b in product(left, right)]


def _joined(some: list[Way], rarity: Rarity) -> list[Way]:
    """One way instead of several: a word of the rarest group of any."""
    words = frozenset(word for way in some for word in min(way.groups, key=rarity.frequency))
    return [Way((words,))]


def _any(parts: Iterable[list[Way] | None]) -> list[Way] | None:
    gathered: list[Way] = []
    for part in parts:
        if part is None:
            return None
        gathered += part
    return gathered
