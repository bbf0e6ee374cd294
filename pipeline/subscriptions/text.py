"""What subscriptions are asked about: an event's story, read once for all of them.

Words are looked for in the titles of the article and of the thread, in the article's lead, and in its body and the
quotes that the thread and the event have for evidence. A story whose event has no article at hand (time went by, a
person decided) has its words and its outlet from the thread.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from pipeline.records import Mention, StoryEvent, Thread
from pipeline.records.thread import Evidence, Parties
from pipeline.rules.folding import FORMS, Folded, fold
from pipeline.rules.match import Match, Text, find
from pipeline.rules.query import AnyOf, Phrase, Term, Word
from pipeline.rules.tokens import MAX_FIELD_LENGTH, sentences
from pipeline.subscriptions.query import MIN_THREAD, Wanted

_BETWEEN: Final = "\n\n"
"""Ends a sentence, so that no phrase reaches from one text into the next."""

_NAME_WORDS: Final = 16
"""Words of a name that are looked at: the longest names of ministries have so many."""

_COUNTRY: Final = 3
"""Letters of a code that are a country: `RUS` of `RUSMIL`."""

_DOMAIN: Final = "domain:"


@dataclass(frozen=True, slots=True)
class StoryText:
    """An event of a story as queries see it."""

    text: Text
    words: Mapping[str, Sequence[int]]
    """Its words, folded, and what else they count as, with their positions."""

    properties: Sequence[str]
    """`name:value` of each attribute, as `SubscriptionIndex` looks them up."""


def matches(query: Wanted, text: StoryText) -> bool:
    """Whether a query is for a story: the definition, which the index must be equal to."""
    return bool(find(query.tree, text.text))


def story_text(told: StoryEvent, owner_of: Callable[[str, str], str]) -> StoryText:
    """What queries see of an event. ``owner_of``: the owner's name by registrable domain and outlet; "" if unknown."""
    language, texts = _texts(told)
    places = _places(texts, language)
    attributes = {name: frozenset(values) for name, values in _attributes(told, language, owner_of).items()}
    return StoryText(
        text=Text({}, attributes, _numbers(told.thread), _Terms(places), extents=True),
        words=places,
        properties=tuple(f"{name}:{value}" for name, values in attributes.items() for value in values),
    )


def _texts(told: StoryEvent) -> tuple[str, tuple[str, str, str]]:
    """The language, and title, lead and body."""
    article, thread = told.article, told.thread
    language = thread.language if thread else article.language if article else ""
    title, lead, body = (article.title, article.lead, article.body) if article else ("", "", "")
    title, lead, body = title[:MAX_FIELD_LENGTH], lead[:MAX_FIELD_LENGTH], body[:MAX_FIELD_LENGTH]
    if thread and thread.title != title:
        title = f"{title}{_BETWEEN}{thread.title}"
    return language, (title, lead, _BETWEEN.join([body, *dict.fromkeys(one.quote for one in _evidence(told))]))


def _evidence(told: StoryEvent) -> Iterator[Evidence]:
    yield from told.event.evidence
    if thread := told.thread:
        yield thread.claim
        yield from (one for one in (thread.first_allegation, thread.first_denial) if one)
        for parties in (thread.accusers, thread.accused, thread.deniers):
            yield from (one.first for one in parties.named)


def _places(texts: Iterable[str], language: str) -> dict[str, list[int]]:
    """Positions of each word and of what else it counts as, in text order."""
    forms = FORMS.get(language)
    places: dict[str, list[int]] = {}
    for field, text in enumerate(texts):
        whole = Folded(text)
        for sentence in sentences(field, text):
            for position, word in enumerate(whole.words(sentence.start, sentence.end), sentence.position):
                places.setdefault(word, []).append(position)
                if forms:
                    for form in forms(word):
                        places.setdefault(form, []).append(position)
    return places


def _attributes(told: StoryEvent, language: str, owner_of: Callable[[str, str], str]) -> Mapping[str, Iterable[str]]:
    article, thread, flags = told.article, told.thread, told.flags
    if article:
        domain, outlet = article.domain, article.outlet
    else:
        source, outlet = (thread.claim.source, thread.claim.outlet) if thread else ("", "")
        domain = source.removeprefix(_DOMAIN) if source.startswith(_DOMAIN) else ""
    alleged = [one for one in flags if one.kind == "allegation"]
    denied = [one for one in flags if one.kind == "denial"]
    acting = _named([*(one.actor for one in (*alleged, *denied)), *(one.target for one in denied)])
    return {
        "kind": {one.kind for one in flags},
        "event": {told.event.kind},
        "state": {thread.state} if thread else (),
        "lang": {language} if language else (),
        "thread": [thread.id[:length] for length in range(MIN_THREAD, len(thread.id) + 1)] if thread else (),
        "actor": acting | (_parties(thread.accusers) | _parties(thread.deniers) if thread else set()),
        "target": _named(one.target for one in alleged) | (_parties(thread.accused) if thread else set()),
        "outlet": {*_runs(outlet), fold(domain)} - {""},
        "owner": _runs(owner_of(domain, outlet)),
    }


def _named(mentions: Iterable[Mention | None]) -> set[str]:
    return {value for one in mentions if one for value in (*_runs(one.name), *_codes(one.code))}


def _parties(parties: Parties) -> set[str]:
    return {value for one in parties.named for value in (*_runs(one.name), *_codes(one.code))}


def _codes(code: str) -> set[str]:
    """A code and its country."""
    return {fold(code), fold(code[:_COUNTRY])} if code else set()


@lru_cache(maxsize=1 << 12)
def _runs(name: str) -> frozenset[str]:
    """A folded name and each part of it: whoever asks for "Herald" means "The Daily Herald" too."""
    words = fold(name).split()[:_NAME_WORDS]
    return frozenset(
        " ".join(words[start:end]) for start in range(len(words)) for end in range(start + 1, len(words) + 1)
    )


def _numbers(thread: Thread | None) -> Mapping[str, float]:
    if thread is None:
        return {}
    numbers = {"sources": thread.telling.independent, "articles": thread.members}
    return numbers if thread.lag_seconds is None else {**numbers, "lag": thread.lag_seconds}


class _Terms(dict[Term, list[Match]]):
    """Matches of words, phrases and lists of them, each found when it is first asked for."""

    def __init__(self, places: Mapping[str, Sequence[int]]) -> None:
        super().__init__()
        self._places = places
        self._sorted: list[str] = []

    def __missing__(self, term: Term) -> list[Match]:
        if isinstance(term, AnyOf):
            found = sorted({match for one in term.terms for match in self._of(one)})
        else:
            found = self._of(term)
        self[term] = found
        return found

    def _of(self, term: Word | Phrase) -> list[Match]:
        if isinstance(term, Word):
            return [((place, place),) for place in self._at(term)]
        starts = set(self._at(term.words[0]))
        for nth, word in enumerate(term.words[1:], 1):
            if not starts:
                break
            starts.intersection_update([place - nth for place in self._at(word)])
        return [((start, start + len(term.words) - 1),) for start in sorted(starts)]

    def _at(self, word: Word) -> Sequence[int]:
        if not word.prefix:
            return self._places.get(word.text, ())
        self._sorted = self._sorted or sorted(self._places)
        number = bisect_left(self._sorted, word.text)
        found: set[int] = set()
        while number < len(self._sorted) and self._sorted[number].startswith(word.text):
            found.update(self._places[self._sorted[number]])
            number += 1
        return sorted(found)
