"""Who denies or accuses, against whom, and what: read off the words around a match.

One algorithm for all languages, steered by the `frame` of the rule file. It looks for the word of the match that tells
most (a verb of denying or accusing before a noun of it before a verb of saying), and then for the noun phrases that
stand to it as subject, object, agent or owner; a headline's colon and dash are tried last. What is not found stays
unknown. The approach is that of shallow event coders (Schrodt's TABARI, 2011): no parse, only what is near a cue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from pipeline.records import Mention, Span
from pipeline.rules.actors import Actors
from pipeline.rules.gazetteer import Gazetteer, Hit
from pipeline.rules.lexicon import Frame
from pipeline.rules.naming import is_person, mention, span
from pipeline.rules.query import Query
from pipeline.rules.reading import (
    ABOUT,
    ACCUSATIONS,
    ACCUSE,
    ACCUSED,
    ALLEGE,
    ARTICLE,
    BE,
    BY,
    CLAIMS,
    DENIALS,
    DENIED,
    DENY,
    HEARSAY,
    LINK,
    NOUN,
    OF,
    PARTICIPLE,
    PERSON,
    PRONOUN,
    RELATIVE,
    SAY,
    SKIP,
    STRONG,
    THAT,
    WE,
    Phrase_,
    Reading,
    Tagger,
)
from pipeline.rules.statement import Attribute, Statement, Who
from pipeline.rules.syntax import (
    against,
    agent,
    claim_noun,
    leading,
    object_,
    owner,
    patient,
    runs,
    sayer,
    speaker_before,
    speaker_behind,
    subject,
    trailing,
)
from pipeline.rules.tokens import SENTENCE_SHIFT, Cut, cut, sentences, words

MAX_CLAIM: Final = 30
"""Words of a claim: more is another sentence that lost its full stop."""

LONG_WORD: Final = 4
"""Letters of a word that, shared by two mentions, tells that they are one: *Ebbers*, *Bernie Ebbers*."""

BODY: Final = 2
"""Number of the field whose sentences are not searched for what the headline leaves out."""

MAX_BACK: Final = 6
"""Sentences back in which "he" or "the ministry" is looked for."""

_DENIAL: Final = (DENY, DENIED, DENIALS, SAY)
_ALLEGATION: Final = (ACCUSE, ACCUSED, ALLEGE, HEARSAY, ACCUSATIONS, CLAIMS, SAY)

_Read = Callable[[Cut], Reading]


def attribution(language: str, frame: Frame, parts: Mapping[str, Query], actors: Actors) -> Attribute:
    """The attribution of one language. ``parts``: the words that stand under each key of the frame."""
    tagger = Tagger(language, parts)
    gazetteer = Gazetteer(language, actors, capitals=frame.capitals)

    def attribute(statement: Statement) -> Who:
        def read(one: Cut) -> Reading:
            return Reading(one, statement.texts[one.sentence.field], tagger, gazetteer, frame)

        position = statement.match[0][0] >> SENTENCE_SHIFT << SENTENCE_SHIFT
        here = next((one for one in statement.where if one.sentence.position == position), None)
        if here is None:
            return Who()
        who = _Search(statement, here, read).who()
        if here.sentence.field < BODY and (who.actor is None or who.target is None):
            for other in statement.where:
                if other.sentence.field < BODY and other is not here:
                    who = _filled(who, _Search(statement, other, read).who())
        return who

    return attribute


def _filled(who: Who, other: Who) -> Who:
    """What a headline leaves out, if another sentence of title and lead tells it of the same people."""
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


class _Cue(NamedTuple):
    """The word of a match that tells most: what it is, and where it begins and ends."""

    part: int
    first: int
    last: int


class _Found(NamedTuple):
    """Phrases, and where the claim begins and must end."""

    actor: Phrase_ | None = None
    target: Phrase_ | None = None
    claim: tuple[int, int] | None = None


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
        cue = self._cue()
        found = self._of(cue) if cue else self._wrong()
        words = (cue.first, cue.last) if cue else self.atoms[0]
        actor = self._mention(found.actor, words)
        if actor is None:
            actor = self._mention(self._speaker(cue), words)
        target = self._mention(found.target, words)
        if actor and target and target.span.start < actor.span.end and actor.span.start < target.span.end:
            target = None
        return Who(actor, target, self._claim(found.claim))

    # -- the cue

    def _cue(self) -> _Cue | None:
        reading = self.reading
        for part in _DENIAL if self.denial else _ALLEGATION:
            for first, last in self.atoms:
                for at in range(first, last + 1):
                    if reading.tags[at] & part and self._plays(at, part):
                        end = at
                        while end < last and reading.tags[end + 1] & part and not reading.stops[end + 1]:
                            end += 1
                        return _Cue(part, at, end)
        return self._saying()

    def _saying(self) -> _Cue | None:
        """Where the match is what somebody says: the verb of saying nearest before it, or else behind it."""
        reading, first = self.reading, self.atoms[0][0]
        says = [at for at in range(reading.end) if reading.tags[at] & SAY and self._plays(at, SAY)]
        before = [at for at in says if at < first and reading.clause_start(first) <= at]
        at = before[-1] if before else next(iter(says), None)
        return None if at is None else _Cue(SAY, at, at)

    def _plays(self, at: int, part: int) -> bool:
        """Whether a word that can be several things is this one here: claims, charges, alleged, charged (that)."""
        reading = self.reading
        tags = reading.tags[at]
        before = reading.tags[at - 1] if at else 0
        behind = reading.tags[at + 1] if at + 1 < reading.end else 0
        if part in (ACCUSE, ALLEGE) and before & BE and not tags & (PARTICIPLE | HEARSAY):
            return False  # was suspect in
        if part == ACCUSE and tags & ALLEGE:
            return not behind & THAT
        if part not in (ALLEGE, SAY) or not tags & (NOUN | HEARSAY):
            return part != CLAIMS or bool(behind & THAT)
        if before & (ARTICLE | LINK | BE) or (behind & (LINK | BY | BE) and at + 1 not in reading.hit_at):
            return False
        if tags & HEARSAY:
            return bool(behind & (THAT | PRONOUN)) or (at + 1 < reading.end and reading.named(at + 1))
        return not any(reading.tags[place] & DENY for place in range(max(0, at - 6), at))

    def _of(self, cue: _Cue) -> _Found:
        part, first, last = cue
        if part in (DENY, DENIED):
            passive = part == DENIED or self._passive(first, last)
            return self._denied(first, last) if passive else self._denies(first, last)
        if part in (ACCUSE, ACCUSED):
            passive = part == ACCUSED or self._passive(first, last)
            return self._accused(first, last) if passive else self._accuses(first, last)
        if part == ALLEGE:
            return self._alleges(first, last)
        if part == HEARSAY:
            return self._hearsay(first, last)
        if part == SAY:
            return self._says(first, last)
        return self._denial_noun(first) if part == DENIALS else self._accusation_noun(first)

    def _passive_cue(self, cue: _Cue) -> bool:
        return cue.part in (DENIED, ACCUSED) or (cue.part in (DENY, ACCUSE) and self._passive(cue.first, cue.last))

    def _passive(self, first: int, last: int) -> bool:
        """Whether a participle is one of the passive here: was accused, accused of, accused by, (they) are accused."""
        reading = self.reading
        if not any(reading.tags[at] & PARTICIPLE for at in range(first, last + 1)):
            return False
        at = first - 1
        while at >= 0 and reading.tags[at] & SKIP and not reading.tags[at] & BE and not reading.stops[at + 1]:
            at -= 1
        if at >= 0 and reading.tags[at] & BE and not reading.stops[at + 1]:
            return True
        behind = last + 1
        while behind < reading.end and reading.tags[behind] & SKIP and not reading.stops[behind]:
            behind += 1
        if behind >= reading.end or reading.stops[behind]:
            return not self.denial or self._is_claim(patient(reading, first))
        if reading.tags[behind] & BY:
            return True
        return not self.denial and bool(reading.tags[behind] & ABOUT) and not self._pronoun_before(first)

    def _pronoun_before(self, first: int) -> bool:
        return first > 0 and bool(self.reading.tags[first - 1] & (PRONOUN | WE)) and not self.reading.stops[first]

    def _is_claim(self, phrase: Phrase_ | None) -> bool:
        return phrase is not None and any(self.reading.tags[at] & NOUN for at in range(phrase[0], phrase[1] + 1))

    # -- each kind of cue

    def _denies(self, first: int, last: int) -> _Found:
        reading = self.reading
        actor = subject(reading, first, last)
        noun = claim_noun(reading, first, last)
        if noun is None:
            return _Found(actor, self._accuser(actor), self._after(last + 1))
        start = last + 1 if noun > last else reading.clause_start(first)
        target = owner(reading, noun, actor[1] + 1 if actor and noun < first else start)
        target = target if target != actor else None
        return _Found(actor, target or self._accuser(actor), self._content(noun, start))

    def _denied(self, first: int, last: int) -> _Found:
        reading = self.reading
        what = patient(reading, first)
        noun = next((at for at in range(what[0], what[1] + 1) if reading.tags[at] & NOUN), None) if what else None
        target = owner(reading, noun, what[0]) if what and noun is not None else None
        return _Found(agent(reading, first, last), target, (what[0], what[1] + 1) if what else None)

    def _accuses(self, first: int, last: int) -> _Found:
        reading = self.reading
        target = object_(reading, first, last)
        actor = subject(reading, first, last)
        if target is None and actor and self._pronoun_before(first) and reading.frame.order == "svo":
            target = reading.phrase_before(first - 2)  # groups he accused of …
        if target == actor or (target and not self._named(target) and not self._about(target[1] + 1)):
            return _Found(actor)  # suspects arson
        return _Found(actor, target, self._about(target[1] + 1 if target else last + 1))

    def _accused(self, first: int, last: int) -> _Found:
        by = agent(self.reading, first, last)
        return _Found(by, patient(self.reading, first), self._about(by[1] + 1 if by and by[0] > last else last + 1))

    def _alleges(self, first: int, last: int) -> _Found:
        return _Found(subject(self.reading, first, last), self._blamed(last + 1), self._after(last + 1))

    def _says(self, first: int, last: int) -> _Found:
        reading = self.reading
        actor = sayer(reading, first)
        if self.denial:
            noun = claim_noun(reading, first, last)
            target = owner(reading, noun, last + 1) if noun is not None else None
            return _Found(actor, target, self._content(noun, last + 1) if noun is not None else None)
        if actor is not None and actor[0] > last:
            return _Found(actor)
        blamed = self._blamed(last + 1)
        return _Found(actor, blamed if reading.titled else self._named(blamed), self._after(last + 1))

    def _named(self, phrase: Phrase_ | None) -> Phrase_ | None:
        """A phrase with a name or a role in it: what a verb of saying is followed by may be anything."""
        known = phrase and any(
            self.reading.named(at) or self.reading.role(at) for at in range(phrase[0], phrase[1] + 1)
        )
        return phrase if known else None

    def _hearsay(self, first: int, last: int) -> _Found:
        """Allegedly, faces: the subject is the accused; of an *alleged fraud by X*, X."""
        reading = self.reading
        behind = agent(reading, first, last)
        if first == 0 or reading.stops[first] or reading.tags[first - 1] & (LINK | ARTICLE):
            return _Found(None, behind, self._after(last + 1))
        return _Found(None, patient(reading, first) or behind, self._after(last + 1))

    def _wrong(self) -> _Found:
        """Where only the wrong itself is matched, "he misled investors": whoever did it."""
        if self.denial:
            return _Found()
        found = subject(self.reading, *self.atoms[0])
        pronoun = found and found[0] == found[1] and self.reading.tags[found[0]] & (PRONOUN | WE)
        return _Found(None, found if pronoun else self._named(found))

    def _denial_noun(self, noun: int) -> _Found:
        """X's denial, denial by X, X issues a denial."""
        reading = self.reading
        actor = owner(reading, noun, 0)
        if actor is None and not (noun > 0 and reading.tags[noun - 1] & LINK):
            actor = leading(reading, reading.clause_start(noun))
        return _Found(actor, None, self._about(noun + 1))

    def _accusation_noun(self, noun: int) -> _Found:
        """X's accusations, accusations by X; against X, that X did; X denies accusations, X faces accusations."""
        reading = self.reading
        clause = noun + 1 < reading.end and (reading.tags[noun + 1] & THAT or "after" not in reading.frame.owner)
        target = against(reading, noun) or (self._named(self._blamed(noun + 1)) if clause else None)
        verb = next((at for at in range(noun - 1, max(-1, noun - 7), -1) if reading.tags[at] & (DENY | HEARSAY)), None)
        if verb is not None and target is None:
            target = subject(reading, verb, verb)
        actor = owner(reading, noun, verb + 1 if verb is not None else 0)
        return _Found(None if actor == target else actor, target, self._about(noun + 1) or self._content(noun, noun))

    def _accuser(self, actor: Phrase_ | None) -> Phrase_ | None:
        """Who accuses in the same sentence: "Kabul denies it sheltered rebels after Islamabad accused it"."""
        reading = self.reading
        for at in range(reading.end):
            if reading.tags[at] & ACCUSE and not self._passive(at, at) and reading.frame.order == "svo":
                found = subject(reading, at, at)
                if found and found != actor and not reading.tags[found[0]] & (PRONOUN | WE):
                    return found if any(map(reading.named, range(found[0], found[1] + 1))) else None
        return None

    def _blamed(self, at: int) -> Phrase_ | None:
        """The subject of a clause that alleges: claims (that) X did; a name, or whatever stands before the wrong."""
        reading = self.reading
        while (
            at < reading.end and reading.tags[at] & (THAT | SKIP) and at not in reading.hit_at and not reading.stops[at]
        ):
            at += 1
        if at >= reading.end or reading.stops[at] == STRONG or reading.tags[at] & (LINK | PRONOUN | WE):
            return None
        wrong = next((first for first, _ in self.atoms if first > at), None)
        if (found := leading(reading, at)) is not None and (wrong is None or found[1] < wrong):
            return found
        if wrong is not None and wrong - at <= 4 and (found := reading.phrase_after(at)):
            return (found[0], min(found[1], wrong - 1))
        return None

    # -- who speaks, where no verb tells

    def _speaker(self, cue: _Cue | None) -> Phrase_ | None:
        """Who speaks, by a headline's colon or dash or by a verb of saying elsewhere in the sentence."""
        reading = self.reading
        first, last = self.atoms[0][0], max(end for _, end in self.atoms)
        stated = self.denial or not any(reading.tags[at] & NOUN for at in range(first, last + 1))
        if stated and (found := speaker_behind(reading, last)) is not None:
            return found
        if not self.denial and cue is not None and self._passive_cue(cue) and not self._in_relative(first):
            return trailing(reading)
        if cue is not None and (cue.part not in (DENY, DENIALS, SAY, ALLEGE) or self._passive_cue(cue)):
            return None
        found = speaker_before(reading, first)
        if found is not None and (self.denial or reading.quoted(found[1] + 1) or (stated and self._person(found))):
            return found
        if self.denial and cue is None:
            found = subject(reading, first, last) or leading(reading, reading.clause_start(first))
            return found if found is not None and found[1] < first else None
        return None

    def _in_relative(self, first: int) -> bool:
        start = max((at for at in range(1, first + 1) if self.reading.stops[at]), default=0)
        return any(self.reading.tags[at] & RELATIVE for at in range(start, first))

    def _person(self, phrase: Phrase_) -> bool:
        """Not a country, whose name before a colon tells where something happened."""
        hits = [self.reading.hit_at[at] for at in range(phrase[0], phrase[1] + 1) if at in self.reading.hit_at]
        return not hits or any(hit.named.kind == "role" for hit in hits)

    # -- names

    def _mention(self, phrase: Phrase_ | None, cue: Phrase_) -> Mention | None:
        reading = self.reading
        if phrase is None or (phrase[0] <= cue[1] and cue[0] <= phrase[1]):
            return None
        if phrase[0] == phrase[1] and reading.tags[phrase[0]] & (PRONOUN | WE) and phrase[0] not in reading.hit_at:
            return self._antecedent(phrase)
        before: tuple[Hit, ...] = ()
        if reading.tags[phrase[0]] & ARTICLE and any(map(reading.role, range(phrase[0], phrase[1] + 1))):
            before = tuple(self._hits_before(phrase[0]))
        return mention(reading, phrase, before)

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
        for reading in reversed(list(self._earlier())):
            yield from (hit for hit in reading.hits if hit.named.kind != "role")
        yield from (hit for hit in self.reading.hits if hit.named.kind != "role" and hit.last < place)

    def _earlier(self) -> Iterator[Reading]:
        """Sentences before this one, the nearest first; then those of the fields before."""
        texts, here = self.statement.texts, self.here.sentence
        for field in range(here.field, -1, -1):
            before = [one for one in sentences(field, texts[field]) if field < here.field or one.start < here.start]
            for one in reversed(before[-MAX_BACK:]):
                yield self.read(cut(texts, one))

    # -- the claim

    def _after(self, at: int) -> tuple[int, int] | None:
        """What follows, without the word that begins a clause."""
        reading = self.reading
        while (
            at < reading.end and not reading.stops[at] and reading.tags[at] & (THAT | SKIP) and at not in reading.hit_at
        ):
            at += 1
        return (at, reading.clause_end(at)) if at < reading.end and reading.stops[at] != STRONG else None

    def _about(self, at: int) -> tuple[int, int] | None:
        """What follows of, over, that …; nothing where none of these follows."""
        reading = self.reading
        for place in range(at, min(at + 3, reading.end)):
            if reading.stops[place]:
                return None
            if reading.tags[place] & (ABOUT | THAT):
                return self._after(place + 1)
        return None

    def _content(self, noun: int, start: int) -> tuple[int, int] | None:
        """What a claim is about: "claims that …", "reports of …"; without that, the phrase itself: "layoff rumours"."""
        reading = self.reading
        behind = self._about(noun + 1)
        if behind and not reading.tags[noun + 1] & OF:
            return behind
        first = start
        while first < noun and reading.tags[first] & (ARTICLE | SKIP):
            first += 1
        return (min(first, noun), noun + 1)

    def _claim(self, where: tuple[int, int] | None) -> Span | None:
        if where is None or where[0] >= where[1]:
            return None
        return span(self.reading, (where[0], min(where[1], where[0] + MAX_CLAIM) - 1))
