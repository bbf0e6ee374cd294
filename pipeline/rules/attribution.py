"""Who denies or accuses, against whom, and what: read off the words around a match.

One algorithm for all languages, steered by the `frame` of the rule file. It looks for the word of the match that tells
most (a verb of denying or accusing before a noun of it before a verb of saying), and then for the noun phrases that
stand to it as subject, object, agent or owner; a headline's colon and dash are tried last. What is not found stays
unknown. The approach is that of shallow event coders (Schrodt's TABARI, 2011): no parse, only what is near a cue.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Final

from pipeline.records import Mention, Span
from pipeline.rules.actors import Actors
from pipeline.rules.cues import Cues
from pipeline.rules.gazetteer import Gazetteer, Hit
from pipeline.rules.lexicon import Frame
from pipeline.rules.naming import is_person, mention, span
from pipeline.rules.phrases import leading, runs
from pipeline.rules.query import Query
from pipeline.rules.reading import (
    ACCUSE,
    ACCUSED,
    ALLEGE,
    DENIED,
    DENY,
    PERSON,
    PRONOUN,
    SAY,
    WE,
    Phrase_,
    Reading,
    Tagger,
)
from pipeline.rules.speakers import sayer, speaker_before, speaker_behind
from pipeline.rules.statement import Attribute, Statement, Who
from pipeline.rules.tokens import SENTENCE_SHIFT, Cut, Sentence, cut, sentences, words

MAX_CLAIM: Final = 30
"""Words of a claim: more is another sentence that lost its full stop."""

LONG_WORD: Final = 4
"""Letters of a word that, shared by two mentions, tells that they are one: *Ebbers*, *Bernie Ebbers*."""

BODY: Final = 2
"""Number of the field after title and lead."""

MAX_READINGS: Final = 16
"""Sentences that are kept read, for the next flag of the same article."""

MAX_BACK: Final = 3
"""Sentences back in which "he" or "the ministry" is looked for."""


_Read = Callable[[Cut], Reading]


def attribution(language: str, frame: Frame, parts: Mapping[str, Query], actors: Actors) -> Attribute:
    """The attribution of one language. ``parts``: the words that stand under each key of the frame."""
    tagger = Tagger(language, parts)
    gazetteer = Gazetteer(language, actors, capitals=frame.capitals)

    readings: OrderedDict[tuple[Sentence, str], Reading] = OrderedDict()

    def attribute(statement: Statement) -> Who:
        def read(one: Cut) -> Reading:
            """A sentence is read once for all flags of an article."""
            key = one.sentence, statement.texts[one.sentence.field]
            found = readings.get(key)
            if found is None:
                found = readings[key] = Reading(one, key[1], tagger, gazetteer, frame)
                if len(readings) > MAX_READINGS:
                    readings.popitem(last=False)
            return found

        position = statement.match[0][0] >> SENTENCE_SHIFT << SENTENCE_SHIFT
        here = next((one for one in statement.where if one.sentence.position == position), None)
        if here is None:
            return Who()
        who = _Search(statement, here, read).who()
        if here.sentence.field < BODY and (who.actor is None) != (who.target is None):
            others = (one for one in statement.where if here.sentence.field < one.sentence.field < BODY)
            if (other := next(others, None)) is not None:
                who = _filled(who, _Search(statement, other, read).who())
        return who

    return attribute


@lru_cache(maxsize=8)
def _sentences(field: int, text: str) -> tuple[Sentence, ...]:
    """All sentences of a field; kept for the next flag of the same article."""
    return tuple(sentences(field, text))


def _filled(who: Who, other: Who) -> Who:
    """What a headline leaves out, if its lead tells it of the same people."""
    if who.actor is None and other.actor and _same(who.target, other.target):
        return who._replace(actor=other.actor)
    if who.target is None and other.target and _same(who.actor, other.actor):
        return who._replace(target=other.target)
    return who


def _same(one: Mention | None, other: Mention | None) -> bool:
    """Whether two mentions share a name, a code or a longer word."""
    if one is None or other is None:
        return False
    shared = {word for word in words(one.span.quote) if len(word) >= LONG_WORD}.intersection(words(other.span.quote))
    return one.name == other.name or bool(shared)


def _is_one(actor: Mention, target: Mention) -> bool:
    """Whether two mentions are one: they overlap, or a pronoun was taken for the actor ("prosecutors accuse him")."""
    if (actor.name, actor.code) == (target.name, target.code):
        return True
    return target.span.start < actor.span.end and actor.span.start < target.span.end


class _Search:
    """The search for the actors of one statement."""

    def __init__(self, statement: Statement, here: Cut, read: _Read) -> None:
        self.statement, self.here, self.read = statement, here, read
        self.reading = reading = read(here)
        self.denial = statement.kind != "allegation"
        atoms = [(first - reading.position, last - reading.position) for first, last in statement.match]
        self.atoms = [(first, last) for first, last in atoms if 0 <= first <= last < reading.end]
        if not self.atoms:  # a sentence beside that of the match
            parts = DENY | DENIED if self.denial else ACCUSE | ACCUSED | ALLEGE
            self.atoms = [(at, at) for at in range(reading.end) if reading.tags[at] & parts]

    def who(self) -> Who:
        """The answer."""
        if not self.atoms:
            return Who()
        cues = Cues(self.reading, self.atoms, denial=self.denial)
        cue = cues.cue()
        found = cues.found(cue)
        where = (cue.first, cue.last) if cue else cues.deeds[0]
        actor = self._mention(found.actor, where)
        if actor is None and self.statement.kind != "debunk":  # "FAKE: …" names nobody
            actor = self._mention(cues.speaker(cue), where)
        target = self._mention(found.target, where)
        if actor and target and _is_one(actor, target):
            target = None
        return Who(actor, target, self._claim(found.claim))

    def _mention(self, phrase: Phrase_ | None, cue: Phrase_) -> Mention | None:
        reading = self.reading
        phrase = self._beside_match(phrase)
        if phrase is None or (phrase[0] <= cue[1] and cue[0] <= phrase[1]):
            return None
        if phrase[0] == phrase[1] and reading.tags[phrase[0]] & (PRONOUN | WE) and phrase[0] not in reading.hit_at:
            return self._antecedent(phrase)
        return mention(reading, phrase, self._hits_before(phrase[0]))

    def _beside_match(self, phrase: Phrase_ | None) -> Phrase_ | None:
        """A phrase without what the rule matched, unless that is a name: "baseless", Orbis says."""
        if phrase is None or not any(first <= phrase[1] and phrase[0] <= last for first, last in self.atoms):
            return phrase
        others = any(last < phrase[0] or phrase[1] < first for first, last in self.atoms)
        if not self.denial and others and self.reading.stops[phrase[0]]:
            return phrase  # a rule may ask for who accuses: "witness says …"
        matched = {at for first, last in self.atoms for at in range(first, last + 1)} - self.reading.hit_at.keys()
        while phrase is not None and matched.intersection(range(phrase[0], phrase[1] + 1)):
            last = max(matched.intersection(range(phrase[0], phrase[1] + 1)))
            phrase = (last + 1, phrase[1]) if last < phrase[1] else None
        return phrase

    def _antecedent(self, phrase: Phrase_) -> Mention | None:
        reading, at = self.reading, phrase[0]
        if reading.tags[at] & WE:
            first, last = self.atoms[0][0], max(end for _, end in self.atoms)
            said = speaker_behind(reading, last) or speaker_before(reading, min(first, at))
            said = said or next((sayer(reading, say) for say in range(reading.end) if reading.tags[say] & SAY), None)
            return mention(reading, said) if said and not said[0] <= at <= said[1] else None
        person = bool(reading.tags[at] & PERSON)
        found = next((one for one in self._names_in(reading, at, person=person)), None)
        for earlier in self._earlier() if found is None else ():
            if found := next(self._names_in(earlier, earlier.end, person=person), None):
                break
        return Mention(name=found.name, code=found.code, span=span(reading, phrase)) if found else None

    @staticmethod
    def _names_in(reading: Reading, end: int, *, person: bool) -> Iterator[Mention]:
        """Whom "it" or "she" may mean: whoever the sentence begins with; of persons, any that is named before."""
        own = leading(reading, reading.clause_start(end - 1)) if end else None
        for run in ((own,) if own else ()) if not person else (*((own,) if own else ()), *runs(reading, 0, end)):
            if run[1] < end and (found := mention(reading, run)) and (not person or is_person(reading, run)):
                yield found

    def _hits_before(self, place: int) -> Iterator[Hit]:
        """Names of the list before a word, the nearest first."""
        yield from (hit for hit in reversed(self.reading.hits) if hit.named.kind != "role" and hit.last < place)
        for reading in self._earlier():
            yield from (hit for hit in reversed(reading.hits) if hit.named.kind != "role")

    def _earlier(self) -> Iterator[Reading]:
        """Sentences before this one, the nearest first; then those of the fields before."""
        texts, here = self.statement.texts, self.here.sentence
        before = (
            one
            for field in range(here.field, -1, -1)
            for one in reversed(_sentences(field, texts[field]))
            if field < here.field or one.start < here.start
        )
        return (self.read(cut(texts, one)) for one in islice(before, MAX_BACK))

    def _claim(self, where: tuple[int, int] | None) -> Span | None:
        if where is None or where[0] >= where[1]:
            return None
        return span(self.reading, (where[0], min(where[1], where[0] + MAX_CLAIM) - 1))
