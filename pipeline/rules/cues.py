"""The word of a match that tells most, and who stands how to it: each kind of cue has its own way to name people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from pipeline.rules.contents import about, after, content
from pipeline.rules.owners import against, claim_before, claim_noun, owner, source
from pipeline.rules.phrases import known, leading
from pipeline.rules.reading import (
    ABOUT,
    ACCUSATIONS,
    ACCUSE,
    ACCUSED,
    AGAINST,
    ALLEGE,
    ARTICLE,
    BE,
    BREAK,
    BY,
    CLAIMS,
    DENIALS,
    DENIED,
    DENY,
    GENITIVE,
    HEARSAY,
    LINK,
    NOUN,
    PARTICIPLE,
    PRONOUN,
    RELATIVE,
    SAY,
    SKIP,
    STRONG,
    THAT,
    WE,
    Phrase_,
    Reading,
)
from pipeline.rules.speakers import sayer, speaker_before, speaker_behind, trailing
from pipeline.rules.syntax import agent, alleged, bracket, object_, patient, subject

_DENIAL: Final = (DENY, DENIED, DENIALS, SAY)
_ALLEGATION: Final = (ACCUSE, ACCUSED, ALLEGE, HEARSAY, ACCUSATIONS, CLAIMS, SAY)
_SAYS: Final = (SAY, ALLEGE)


class Cue(NamedTuple):
    """The word of a match that tells most: what it is, and where it begins and ends."""

    part: int
    first: int
    last: int


class Found(NamedTuple):
    """Phrases, and where the claim begins and ends."""

    actor: Phrase_ | None = None
    target: Phrase_ | None = None
    claim: tuple[int, int] | None = None


class Cues:
    """The cues of one sentence. ``atoms``: the words of the match in it, first and last."""

    def __init__(self, reading: Reading, atoms: Sequence[Phrase_], *, denial: bool) -> None:
        self.reading, self.atoms, self.denial = reading, atoms, denial

    def cue(self) -> Cue | None:
        """The word of the match that tells most; a verb of saying near by, if the match has none."""
        reading = self.reading
        for part in _DENIAL if self.denial else _ALLEGATION:
            for first, last in self.atoms:
                for at in range(first, last + 1):
                    if reading.tags[at] & part and self._plays(at, part):
                        end = at
                        while end < last and reading.tags[end + 1] & part and not reading.stops[end + 1]:
                            end += 1
                        return Cue(part, self._begin(at) if part == SAY else at, end)
        return self._saying()

    def _saying(self) -> Cue | None:
        """Where the match is what somebody says: the verb of saying nearest before it, or else behind it."""
        reading, first = self.reading, self.atoms[0][0]
        says = [
            at for at in range(reading.end) if any(reading.tags[at] & part and self._plays(at, part) for part in _SAYS)
        ]
        before = [at for at in says if at < first and reading.clause_start(first) <= at]
        last = before[-1] if before else next(iter(says), None)
        if last is None:
            return None if self.denial else self._accusing()
        return Cue(SAY, self._begin(last), last)

    def _accusing(self) -> Cue | None:
        """Where the match is but the wrong: the nearest word before it that accuses, "coach *blamed* for abuse"."""
        reading, first = self.reading, self.atoms[0][0]
        for at in range(first - 1, reading.clause_start(first) - 1, -1):
            for part in (ACCUSE, ACCUSED, HEARSAY):
                if reading.tags[at] & part and self._plays(at, part):
                    return Cue(part, at, at)
        return None

    def _begin(self, at: int) -> int:
        """The first word of a verb of saying of several: according to; tells the court."""
        while at > 0 and self.reading.tags[at] & self.reading.tags[at - 1] & SAY and not self.reading.stops[at]:
            at -= 1
        return at

    @property
    def deeds(self) -> list[Phrase_]:
        """The words of the match that tell the wrong: neither who says it nor that it is said."""
        reading = self.reading
        found = [
            (first, last)
            for first, last in self.atoms
            if not reading.tags[first] & SAY
            and not (first in reading.hit_at and last in reading.hit_at)
            and not (len(self.atoms) > 1 and reading.stops[first] == STRONG and reading.stops[last + 1] == STRONG)
        ]
        return found or list(self.atoms)

    def _plays(self, at: int, part: int) -> bool:
        """Whether a word that can be several things is this one here: claims, charges, alleged, charged (that)."""
        reading = self.reading
        tags = reading.tags[at]
        before = reading.tags[at - 1] if at else 0
        following = reading.skip(at + 1, SKIP)
        behind = reading.tags[following] if following < reading.end else 0
        if part in (ALLEGE, SAY) and tags & THAT:
            return False  # the second word of "claims that"
        bare = following >= reading.end or bool(reading.stops[following]) or behind & (LINK | BE)
        if part in (ACCUSE, ALLEGE) and before & BE and bare and not tags & (PARTICIPLE | HEARSAY):
            return False  # was suspect in
        if part == ACCUSATIONS and any(behind & one and self._plays(following, one) for one in _SAYS):
            return False  # lawsuit says
        if part == ACCUSE and tags & ACCUSED:
            return False  # to blame
        if part == ACCUSE and tags & ALLEGE:
            return not behind & THAT
        faced = any(reading.tags[place] & HEARSAY for place in range(max(0, at - 6), at))
        if part not in (ALLEGE, SAY) or not tags & (NOUN | HEARSAY):
            return part != CLAIMS or faced or bool(behind & (THAT | ABOUT | AGAINST))
        if faced and bare and tags & NOUN:
            return False  # guards face torture claims
        if before & (ARTICLE | LINK | BE | GENITIVE) or (behind & (LINK | BY | BE) and at + 1 not in reading.hit_at):
            return False
        if tags & HEARSAY:
            return bool(behind & (THAT | PRONOUN)) or (at + 1 < reading.end and reading.named(at + 1))
        return not any(reading.tags[place] & DENY for place in range(max(0, at - 6), at))

    def found(self, cue: Cue | None) -> Found:
        """Actor, target and claim, as the cue's kind tells them."""
        if cue is None:
            return self._wrong()
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

    def _passive_cue(self, cue: Cue) -> bool:
        return cue.part in (DENIED, ACCUSED) or (cue.part in (DENY, ACCUSE) and self._passive(cue.first, cue.last))

    def _passive(self, first: int, last: int) -> bool:
        """Whether a participle is one of the passive here: was accused, accused of, accused by, (they) are accused."""
        reading = self.reading
        if not any(reading.tags[at] & PARTICIPLE for at in range(first, last + 1)):
            return False
        if reading.frame.order == "v2" and (auxiliary := bracket(reading, first)) is not None:
            return bool(reading.tags[auxiliary] & BE)
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

    def _denies(self, first: int, last: int) -> Found:
        reading = self.reading
        actor = subject(reading, first, last)
        noun = claim_noun(reading, first, last)
        if noun is None:
            return Found(actor, self._accuser(actor), after(self.reading, last + 1))
        start = last + 1 if noun > last else reading.clause_start(first)
        target = owner(reading, noun, actor[1] + 1 if actor and noun < first else start)
        target = target if target != actor else None
        return Found(actor, target or self._accuser(actor), content(self.reading, noun, start))

    def _denied(self, first: int, last: int) -> Found:
        reading = self.reading
        what = patient(reading, first)
        noun = next((at for at in range(what[0], what[1] + 1) if reading.tags[at] & NOUN), None) if what else None
        target = owner(reading, noun, what[0]) if what and noun is not None else None
        return Found(agent(reading, first, last), target, (what[0], what[1] + 1) if what else None)

    def _accuses(self, first: int, last: int) -> Found:
        reading = self.reading
        target = object_(reading, first, last)
        actor = subject(reading, first, last)
        if target is None and actor and self._pronoun_before(first) and reading.frame.order == "svo":
            target = reading.phrase_before(first - 2)  # groups he accused of …
        if target == actor and actor and actor[0] > last:
            target = patient(reading, first)  # Москву обвинила Варшава
        if target == actor or (target and not self._named(target) and not about(self.reading, target[1] + 1)):
            return Found(actor)  # suspects arson
        return Found(actor, target, about(self.reading, target[1] + 1 if target else last + 1))

    def _accused(self, first: int, last: int) -> Found:
        by = agent(self.reading, first, last)
        return Found(
            by, patient(self.reading, first), about(self.reading, by[1] + 1 if by and by[0] > last else last + 1)
        )

    def _alleges(self, first: int, last: int) -> Found:
        if self.reading.stops[first] and (behind := self._named(sayer(self.reading, first))) and behind[0] > last:
            return Found(behind)
        actor = subject(self.reading, first, last)
        if self.reading.frame.order == "sov":
            return Found(actor, alleged(self.reading, first, actor))
        blamed = self._blamed(last + 1) or self._named(agent(self.reading, first, last))  # alleges fraud by X
        if blamed is None and last + 1 < self.reading.end and self._marks_accused(first, last):
            blamed = object_(self.reading, first, last)  # denuncian a un sacerdote
        if (
            blamed is None
            and actor
            and actor[1] < first
            and self.reading.stops[actor[0]]
            and self.reading.stops[last + 1]
        ):
            blamed = leading(self.reading, self.reading.clause_start(first))  # X did it, Y alleges
        return Found(actor, blamed if blamed != actor else None, after(self.reading, last + 1))

    def _marks_accused(self, first: int, last: int) -> bool:
        tags, stops = self.reading.tags, self.reading.stops
        return not stops[last + 1] and bool((tags[last + 1] | (tags[last] if last > first else 0)) & AGAINST)

    def _says(self, first: int, last: int) -> Found:
        reading = self.reading
        actor = sayer(reading, first)
        if self.denial:
            noun = claim_noun(reading, first, last)
            start = last + 1
            if noun is None and (noun := claim_before(reading, first)) is not None:  # claims by X are false, says Y
                start = reading.clause_start(first)
            target = owner(reading, noun, start) if noun is not None else None
            claim = content(self.reading, noun, start) if noun is not None else None
            return Found(actor, target if target != actor else None, claim)
        deed = self.deeds[-1]
        own = actor is not None and actor[0] <= deed[1] and deed[0] <= actor[1]  # lawsuit says
        if (first > deed[1] and not own) or (actor is not None and actor[0] > last):
            target = self._wrong().target  # X lied, residents say; according to residents, X lied
            return Found(actor, target if target != actor else None)
        blamed = self._blamed(last + 1)
        blamed = blamed if reading.titled else self._named(blamed)
        return Found(actor, blamed or self._named(agent(reading, first, last)), after(self.reading, last + 1))

    def _named(self, phrase: Phrase_ | None) -> Phrase_ | None:
        """A phrase with a name or a role in it: what a verb of saying is followed by may be anything."""
        return phrase if phrase and known(self.reading, phrase) else None

    def _hearsay(self, first: int, last: int) -> Found:
        """Allegedly, faces: the subject is the accused; of an *alleged fraud by X*, X."""
        reading = self.reading
        behind = agent(reading, first, last)
        if first == 0 or reading.stops[first] or reading.tags[first - 1] & (LINK | ARTICLE):
            at = first - 1
            while at > 0 and reading.tags[at] & (LINK | ARTICLE) and not reading.stops[at]:
                at -= 1
            if behind is None and 0 < at < first - 1 and reading.tags[at] & (PARTICIPLE | ACCUSED):
                behind = patient(reading, at)  # coach blamed for alleged abuse
            return Found(None, behind, after(self.reading, last + 1))
        return Found(None, patient(reading, first) or behind, after(self.reading, last + 1))

    def _wrong(self) -> Found:
        """Where only the wrong itself is matched, "he misled investors": whoever did it."""
        if self.denial:
            return Found()
        found = subject(self.reading, *self.deeds[0])
        pronoun = found and found[0] == found[1] and self.reading.tags[found[0]] & (PRONOUN | WE)
        whole = found and found[0] == self.reading.clause_start(found[0])  # the clause has no other beginning
        return Found(None, found if pronoun or whole else self._named(found))

    def _denial_noun(self, noun: int) -> Found:
        """X's denial, denial by X, X issues a denial."""
        reading = self.reading
        actor = owner(reading, noun, 0)
        if actor is None and not (noun > 0 and reading.tags[noun - 1] & LINK):
            actor = leading(reading, reading.clause_start(noun))
        return Found(actor, None, about(self.reading, noun + 1))

    def _accusation_noun(self, noun: int) -> Found:
        """X's accusations, accusations by X; against X, that X did; X denies accusations, X faces accusations."""
        reading = self.reading
        clause = noun + 1 < reading.end and (reading.tags[noun + 1] & THAT or "after" not in reading.frame.owner)
        target = against(reading, noun) or (self._named(self._blamed(noun + 1)) if clause else None)
        verb = next((at for at in range(noun - 1, max(-1, noun - 7), -1) if reading.tags[at] & (DENY | HEARSAY)), None)
        if verb is not None and target is None:
            begin = verb
            while begin > 0 and reading.tags[begin - 1] & reading.tags[verb] & HEARSAY and not reading.stops[begin]:
                begin -= 1  # hit by
            target = subject(reading, begin, verb)
        actor = owner(reading, noun, verb + 1 if verb is not None else 0) or source(reading, noun)
        if target is None and actor is not None and reading.frame.order == "sov":
            target = alleged(reading, noun, actor)  # Ankara'dan Şam'a suçlama
        if actor is None and verb is None and target is not None:
            actor = self._raises(noun)
        return Found(
            None if actor == target else actor,
            target,
            about(self.reading, noun + 1) or content(self.reading, noun, noun),
        )

    def _raises(self, noun: int) -> Phrase_ | None:
        """Who raises an accusation: "X levels accusations at Y", "X erhebt Vorwürfe gegen Y"."""
        for at in range(noun - 1, max(-1, noun - 5), -1):
            if self.reading.stops[at + 1] or self.reading.tags[at] & (BREAK | LINK):
                return None
            if self.reading.tags[at] & (SAY | ALLEGE | ACCUSE):
                return self._named(subject(self.reading, at, at)) or leading(
                    self.reading, self.reading.clause_start(at)
                )
        return None

    def _accuser(self, actor: Phrase_ | None) -> Phrase_ | None:
        """Who accuses in the same sentence: "Kabul denies it sheltered rebels after Islamabad accused it"."""
        reading = self.reading
        for at in range(reading.end):
            if reading.tags[at] & ACCUSE and reading.frame.order == "svo":
                found = agent(reading, at, at) if self._passive(at, at) else subject(reading, at, at)
                if found and found != actor and not reading.tags[found[0]] & (PRONOUN | WE):
                    return self._named(found)
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
            return (found[0], min(found[1], wrong - 1)) if found[1] + 1 >= reading.back_to(wrong) else None
        return None

    def speaker(self, cue: Cue | None) -> Phrase_ | None:
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
        found = speaker_before(reading, first if self.denial else self.deeds[0][0])
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
