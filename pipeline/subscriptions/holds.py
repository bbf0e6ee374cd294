"""Whether a query matches, without telling where: what the index asks of the queries that it finds.

Equal to asking `find` for all matches, which has lists of places for every word; here a word is looked up, and one
pair of words that stand near each other is enough.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from pipeline.records import FIELDS
from pipeline.rules.match import Match, find
from pipeline.rules.query import And, AnyOf, Attribute, Everything, In, Near, Not, Or, Phrase, Query, Word
from pipeline.rules.tokens import FIELD_SHIFT
from pipeline.subscriptions.text import StoryText


def holds(query: Query, story: StoryText) -> bool:
    """Whether a query matches a story."""
    answer = _HOLDS.get(type(query))
    return answer(query, story) if answer else bool(find(query, story.text))


def _word(query: Word, story: StoryText) -> bool:
    return bool(story.text.terms[query]) if query.prefix else query.text in story.words


def _phrase(query: Phrase, story: StoryText) -> bool:
    for word in query.words:
        if not word.prefix and word.text not in story.words:
            return False
    return bool(story.text.terms[query])


def _any_of(query: AnyOf, story: StoryText) -> bool:
    return any(_word(term, story) if isinstance(term, Word) else _phrase(term, story) for term in query.terms)


def _and(query: And, story: StoryText) -> bool:
    for part in query.parts:  # noqa: SIM110  # a generator costs as much as the look-up of a word
        if not holds(part, story):
            return False
    return True


def _or(query: Or, story: StoryText) -> bool:
    for part in query.parts:  # noqa: SIM110
        if holds(part, story):
            return True
    return False


def _not(query: Not, story: StoryText) -> bool:
    return holds(query.keep, story) and not holds(query.drop, story)


def _near(query: Near, story: StoryText) -> bool:
    if not (holds(query.left, story) and holds(query.right, story)):
        return False
    left, right = find(query.left, story.text), find(query.right, story.text)
    return _follows(left, right, query.distance) or (not query.ordered and _follows(right, left, query.distance))


def _follows(first: Sequence[Match], then: Sequence[Match], distance: int) -> bool:
    """Whether one of these begins behind one of the first, with at most so many words between."""
    starts = [match[0][0] for match in then]
    for match in first:
        end = match[-1][1]
        place = bisect_right(starts, end)
        if place < len(starts) and starts[place] <= end + 1 + distance:
            return True
    return False


def _in(query: In, story: StoryText) -> bool:
    inner = query.query
    if isinstance(inner, Word):
        return _word_in(inner, query, story)
    if isinstance(inner, AnyOf):
        return any(_word_in(term, query, story) for term in inner.terms)
    return bool(find(query, story.text))


def _word_in(term: Word | Phrase, where: In, story: StoryText) -> bool:
    if isinstance(term, Phrase) or term.prefix:
        return holds(term, story) and bool(find(In(where.field, term), story.text))
    places = story.words.get(term.text)
    if places is None:
        return False
    field = FIELDS.index(where.field)
    place = bisect_left(places, field << FIELD_SHIFT)
    return place < len(places) and places[place] >> FIELD_SHIFT == field


def _attribute(query: Attribute, story: StoryText) -> bool:
    return query.value in story.text.attributes.get(query.name, ())


def _everything(_: Everything, __: StoryText) -> bool:
    return True


_HOLDS: Final[Mapping[type, Callable[[Any, StoryText], bool]]] = {
    Word: _word,
    Phrase: _phrase,
    AnyOf: _any_of,
    And: _and,
    Or: _or,
    Not: _not,
    Near: _near,
    In: _in,
    Attribute: _attribute,
    Everything: _everything,
}
