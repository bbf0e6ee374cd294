"""Syntax tree × words → matches.

A *match* is the words that satisfy a query: its *atoms*, each a (first, last) position, in text order. A query's result
is the set of all its matches, sorted. Every operator is a function on such sets, so the meaning of a query does not
depend on how it is evaluated; a naive evaluation in the tests is the definition in code.
"""

from __future__ import annotations

import operator
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import accumulate, islice, repeat
from typing import Final, NamedTuple

from pipeline.records import FIELDS
from pipeline.rules.folding import Forms
from pipeline.rules.query import (
    MIN_PREFIX,
    And,
    AnyOf,
    Attribute,
    Comparator,
    Compare,
    Everything,
    In,
    Leaf,
    Near,
    Not,
    NotNear,
    Or,
    Phrase,
    Query,
    Term,
    Unless,
    Word,
)
from pipeline.rules.tokens import FIELD_SHIFT, Cut

Atom = tuple[int, int]
Match = tuple[Atom, ...]

Range = tuple[int, int]

ANYWHERE: Final[Range] = (0, 1 << 62)
"""The range of positions of the whole article."""


_NOTHING: Final[list[Match]] = []

MOST_PAIRS: Final = 10_000
"""Pairs of words that make a NEAR: no text that anybody wrote has a tenth of that. Bounds the work on a hostile one."""

_MOST_KNOWN: Final = 1 << 14
"""Words remembered with what is stored under them: more than a day's news uses often, and some two megabytes."""


class Text(NamedTuple):
    """What a query is evaluated on: the matches of each leaf, and the article's attributes, folded."""

    postings: Mapping[int, list[Match]]
    attributes: Mapping[str, AbstractSet[str]]
    numbers: Mapping[str, float] = {}
    terms: Mapping[Term, list[Match]] = {}
    """Matches of the terms of queries that were not stored."""

    extents: bool = False
    """Whether all that counts of a NEAR is where it begins and ends, and its first `MOST_PAIRS` at that: for queries
    without UNLESS, whose words nobody is shown."""


class _Under(NamedTuple):
    """What begins with a word, and to which leaves it belongs."""

    single: tuple[int, ...]
    """The word alone."""

    phrases: Mapping[str, Sequence[tuple[list[str], tuple[int, ...]]]]
    """By the next word: all words that must follow, as they are."""

    others: Sequence[tuple[tuple[Word, ...], tuple[int, ...]]]
    """Those to be compared otherwise: beginnings of words, words with forms."""


_Leaves = dict[tuple[Word, ...], list[int]]
"""Leaves by the words that must follow."""


class Vocabulary:
    """All words and phrases that a set of queries asks for; turns sentences into postings of just these.

    ``forms``: what a word of the text counts as, beside itself.
    """

    def __init__(self, forms: Forms | None = None) -> None:
        self._forms = forms
        self._leaves: dict[Term, Leaf] = {}
        self._exact: dict[str, _Leaves] = {}
        self._prefixes: dict[str, dict[str, _Leaves]] = {}  # under their first letters, MIN_PREFIX of them

        self._known: dict[str, _Under | tuple[()]] = {}  # what is under words that were seen

    def store(self, query: Query) -> Query:
        """The query with its words, phrases and lists replaced by leaves."""
        match query:
            case Word() | Phrase() | AnyOf():
                return self._leaf(query)
            case Near(left, right, distance, ordered):
                return Near(self.store(left), self.store(right), distance, ordered)
            case NotNear(keep, drop, distance, ordered):
                return NotNear(self.store(keep), self.store(drop), distance, ordered)
            case Unless(keep, drop):
                return Unless(self.store(keep), self.store(drop))
            case Not(keep, drop):
                return Not(self.store(keep), self.store(drop))
            case In(field, inner):
                return In(field, self.store(inner))
            case Or(parts):
                return Or(tuple(map(self.store, parts)))
            case And(parts):
                return And(tuple(map(self.store, parts)))
            case Attribute() | Compare() | Everything() | Leaf():
                return query

    def postings(
        self, sentences: Sequence[Cut], wanted: Sequence[AbstractSet[int]] | None = None
    ) -> dict[int, list[Match]]:
        """Matches of every leaf in these sentences, sorted; with ``wanted``, of these leaves in each of them."""
        found: dict[int, list[Match]] = {}
        known = self._known
        for (sentence, cut), leaves_here in zip(sentences, wanted or repeat(None, len(sentences)), strict=True):
            begin = sentence.position
            behind = [*cut[1:], ""]
            for place, word in enumerate(cut):
                # Most words are under nothing: one look-up in a dictionary is all they may cost.
                if (under := known.get(word)) is None:
                    under = self._look_up(word)
                if not under:
                    continue
                single, phrases, others = under
                some = [(0, single)] if single else []
                if (following := phrases.get(behind[place])) is not None:
                    some += [
                        (len(rest), leaves)
                        for rest, leaves in following
                        if len(rest) == 1 or cut[place + 1 : place + 1 + len(rest)] == rest
                    ]
                some += [(len(rest), leaves) for rest, leaves in others if self._follow(cut, place + 1, rest)]
                for length, leaves in some:
                    match = ((begin + place, begin + place + length),)
                    for leaf in leaves:
                        if leaves_here is None or leaf in leaves_here:
                            found.setdefault(leaf, []).append(match)
        return {leaf: sorted(set(matches)) if len(matches) > 1 else matches for leaf, matches in found.items()}

    def _look_up(self, word: str) -> _Under | tuple[()]:
        gathered: dict[tuple[Word, ...], dict[int, None]] = {}
        for form in (word, *self._forms(word)) if self._forms else (word,):
            starts = self._prefixes.get(form[:MIN_PREFIX], {}).items()
            for some in (self._exact.get(form, {}), *(some for prefix, some in starts if form.startswith(prefix))):
                for rest, leaves in some.items():
                    gathered.setdefault(rest, {}).update(dict.fromkeys(leaves))
        single = tuple(gathered.pop((), {}))
        phrases: dict[str, list[tuple[list[str], tuple[int, ...]]]] = {}
        others: list[tuple[tuple[Word, ...], tuple[int, ...]]] = []
        for rest, belong in gathered.items():
            if self._forms is None and not any(one.prefix for one in rest):
                phrases.setdefault(rest[0].text, []).append(([one.text for one in rest], tuple(belong)))
            else:
                others.append((rest, tuple(belong)))
        under = _Under(single, phrases, others) if single or phrases or others else ()
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[word] = under
        return under

    def _follow(self, cut: Sequence[str], place: int, rest: Sequence[Word]) -> bool:
        following = cut[place : place + len(rest)]
        return len(following) == len(rest) and all(map(self._fits, following, rest))

    def _fits(self, word: str, wanted: Word) -> bool:
        if self._forms is not None and any(_fits(form, wanted) for form in self._forms(word)):
            return True
        return _fits(word, wanted)

    def _leaf(self, term: Term) -> Leaf:
        leaf = self._leaves.get(term)
        if leaf is None:
            self._known.clear()
            leaf = self._leaves[term] = Leaf(len(self._leaves))
            for one in term.terms if isinstance(term, AnyOf) else (term,):
                first, *rest = one.words if isinstance(one, Phrase) else (one,)
                if first.prefix:
                    under = self._prefixes.setdefault(first.text[:MIN_PREFIX], {}).setdefault(first.text, {})
                else:
                    under = self._exact.setdefault(first.text, {})
                under.setdefault(tuple(rest), []).append(leaf.number)
        return leaf


def _fits(word: str, wanted: Word) -> bool:
    return word.startswith(wanted.text) if wanted.prefix else word == wanted.text


def find(query: Query, text: Text, within: Range = ANYWHERE) -> list[Match]:
    """All matches of a query, sorted. ``within``: the range of positions to look in."""
    found: list[Match] = _FIND[type(query)](query, text, within)
    return found


def _find_leaf(query: Leaf, text: Text, within: Range) -> list[Match]:
    found = text.postings.get(query.number, _NOTHING)
    return found if within is ANYWHERE else _inside(found, within)


def _find_term(query: Term, text: Text, within: Range) -> list[Match]:
    found = text.terms[query]
    return found if within is ANYWHERE else _inside(found, within)


def _find_or(query: Or, text: Text, within: Range) -> list[Match]:
    found = [one for part in query.parts if (one := _FIND[type(part)](part, text, within))]
    return sorted(set().union(*found)) if len(found) > 1 else found[0] if found else _NOTHING


def _find_near(query: Near, text: Text, within: Range) -> list[Match]:
    if not (first := find(query.left, text, within)):
        return first
    then = find(query.right, text, within)
    if text.extents:
        pairs = islice(_pairs(first, then, query.distance, ordered=query.ordered), MOST_PAIRS)
        return sorted({((low(one), high(one)),) for one in pairs})
    return sorted(set(_pairs(first, then, query.distance, ordered=query.ordered)))


def _find_not_near(query: NotNear, text: Text, within: Range) -> list[Match]:
    if not (kept := find(query.keep, text, within)):
        return kept
    return _not_near(kept, find(query.drop, text, within), query.distance, ordered=query.ordered)


def _find_unless(query: Unless, text: Text, within: Range) -> list[Match]:
    kept = find(query.keep, text, within)
    return _unless(kept, find(query.drop, text, within)) if kept else kept


def _find_in(query: In, text: Text, within: Range) -> list[Match]:
    return find(query.query, text, _narrow(within, FIELDS.index(query.field)))


def _find_and(query: And, text: Text, within: Range) -> list[Match]:
    firsts = []
    for part in query.parts:
        if not (found := find(part, text, within)):
            return _NOTHING
        firsts.append(found[0])
    return [_union(firsts)]


def _find_not(query: Not, text: Text, within: Range) -> list[Match]:
    kept = find(query.keep, text, within)
    return [] if kept and find(query.drop, text, within) else kept


def _find_attribute(query: Attribute, text: Text, _: Range) -> list[Match]:
    return [()] if query.value in text.attributes.get(query.name, ()) else []


def _find_compare(query: Compare, text: Text, _: Range) -> list[Match]:
    number = text.numbers.get(query.name)
    return [()] if number is not None and _HOLDS[query.comparator](number, query.value) else []


def _find_everything(_: Everything, __: Text, ___: Range) -> list[Match]:
    return [()]


_HOLDS: Final[Mapping[Comparator, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
}


_FIND: Final[Mapping[type, Callable[..., list[Match]]]] = {
    Leaf: _find_leaf,
    Or: _find_or,
    Near: _find_near,
    NotNear: _find_not_near,
    Unless: _find_unless,
    In: _find_in,
    And: _find_and,
    Not: _find_not,
    Attribute: _find_attribute,
    Compare: _find_compare,
    Everything: _find_everything,
    **dict.fromkeys((Word, Phrase, AnyOf), _find_term),
}
"""By kind of node. Looked up, since matching the kinds one after the other
took half the time of a flag."""


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


def _inside(matches: list[Match], within: tuple[int, int]) -> list[Match]:
    if within == ANYWHERE:
        return matches
    return matches[bisect_left(matches, ((within[0], 0),)) : bisect_left(matches, ((within[1], 0),))]


def _pairs(left: list[Match], right: list[Match], distance: int, *, ordered: bool) -> Iterator[Match]:
    if left and right:
        yield from _followed(left, right, distance)
        if not ordered:
            yield from _followed(right, left, distance)


def _followed(first: list[Match], then: list[Match], distance: int) -> Iterator[Match]:
    """Each first with each that begins after it, at most ``distance`` words between."""
    starts = [low(match) for match in then]
    for one in first:
        end = high(one)
        for other in then[bisect_right(starts, end) : bisect_right(starts, end + 1 + distance)]:
            yield one + other


def _not_near(keep: list[Match], drop: list[Match], distance: int, *, ordered: bool) -> list[Match]:
    if not drop:
        return keep
    reach_back = 0 if ordered else distance + 1
    starts = [low(other) for other in drop]
    farthest = list(accumulate(map(high, drop), max))  # end of any that begins no later

    def is_near(one: Match) -> bool:
        before = bisect_right(starts, high(one) + distance + 1)
        return before > 0 and farthest[before - 1] >= low(one) - reach_back

    return [one for one in keep if not is_near(one)]


def _unless(keep: list[Match], drop: list[Match]) -> list[Match]:
    return [one for one in keep if not any(_unmakes(other, one) for other in drop)]


def _unmakes(blocker: Match, match: Match) -> bool:
    """Whether they share a word, and the blocker's completion is not farther off than that of the match."""
    ends = low(blocker), high(blocker)
    covers = ends[0] <= low(match) and high(match) <= ends[1] and ends != (low(match), high(match))
    if covers and len(match) > 1:
        return False
    return any(a <= d and c <= b for a, b in blocker for c, d in match)
