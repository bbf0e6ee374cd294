"""Which noun phrase stands to a verb or noun as subject, object, agent, owner or speaker.

Each function takes a `Reading` and places in it, and returns a phrase or None: pure, and blind to meaning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pipeline.rules.actors import SPOKES
from pipeline.rules.reading import (
    ACCUSATIONS,
    AGAINST,
    ARTICLE,
    BE,
    BREAK,
    BY,
    CLAIMS,
    GENITIVE,
    LINK,
    NOUN,
    OBJECT,
    OF,
    PRONOUN,
    RELATIVE,
    SAY,
    SKIP,
    SOFT,
    STRONG,
    THAT,
    VERB,
    WE,
    Phrase_,
    Reading,
)

OWNER_REACH: Final = 4
"""Words between a noun and its owner before it: "Iranian spy boat charges"."""

REACH: Final = 8
"""Words between a verb and the noun whose owner is the target: "rejected a string of hotly disputed US claims"."""

AGENT_REACH: Final = 12
"""Words between a passive and its agent."""

MAX_SPEAKER: Final = 6
"""Words of whoever stands before or after a headline's colon or dash."""

_COLON: Final = re.compile("[:：]")
_APOSTROPHE: Final = re.compile("['’ʼ]")


def subject(reading: Reading, first: int, last: int) -> Phrase_ | None:
    """The subject of a verb that runs from a word to a word; a pronoun is a phrase of one word."""
    order = reading.frame.order
    if order == "sov":
        return _first_run(reading, first)
    if order == "v2" and (auxiliary := _bracket(reading, first)) is not None:
        first = last = auxiliary
    found = _nominative(reading, _subject_before(reading, first))
    if found is not None and not _is_object(reading, found):
        return found
    opens = found is not None or order in ("vso", "v2") or _opens(reading, first)
    return _nominative(reading, _subject_after(reading, last)) if opens else None


def patient(reading: Reading, first: int) -> Phrase_ | None:
    """The subject of a passive: who is accused, or what is denied."""
    if reading.frame.order == "sov":
        return _first_run(reading, first)
    agent = _agent_before(reading, first)
    return _subject_before(reading, agent[0] - 1 if agent else first)


def agent(reading: Reading, first: int, last: int) -> Phrase_ | None:
    """Who acts in a passive: accused by X; von X beschuldigt."""
    end = min(reading.end, last + 1 + AGENT_REACH)
    for at in range(last + 1, end):
        if reading.stops[at] == STRONG or reading.tags[at] & BREAK:
            break
        if reading.tags[at] & BY:
            return reading.phrase_after(at + 1)
    return _agent_before(reading, first)


def object_(reading: Reading, first: int, last: int) -> Phrase_ | None:
    """Who is accused by an active verb."""
    order = reading.frame.order
    if order == "sov":
        return next(
            (run for run in runs(reading, reading.clause_start(first), first) if _marked(reading, run[1])), None
        )
    at = last + 1
    if order == "vso" and (doer := _subject_after(reading, last)) and subject(reading, first, last) == doer:
        at = doer[1] + 1
    while at < reading.end and reading.stops[at] != STRONG and reading.tags[at] & (AGAINST | SKIP):
        if at in reading.hit_at:
            break
        at += 1
    if at < reading.end and reading.tags[at] & (PRONOUN | WE) and not reading.tags[at] & ARTICLE:
        return at, at
    found = reading.phrase_after(at)
    return _one(reading, found) if found and order == "vso" else found


def owner(reading: Reading, noun: int, start: int) -> Phrase_ | None:
    """Whose claim it is: US claims, Moscow's claims, claims by Moscow, обвинения США. ``start``: no further back."""
    found = _owner_before(reading, noun, start)
    return found if found is not None else _owner_after(reading, noun)


def against(reading: Reading, noun: int) -> Phrase_ | None:
    """Whom an accusation is against: allegations against X."""
    for at in range(noun + 1, min(reading.end, noun + 1 + REACH)):
        if reading.stops[at] or reading.tags[at] & BREAK:
            return None
        if reading.tags[at] & AGAINST and at not in reading.hit_at:
            found = reading.phrase_after(at + 1)
            return found if found and _known(reading, found) else None
    return None


def claim_noun(reading: Reading, first: int, last: int) -> int | None:
    """The noun of what a verb denies: behind it, or before it where verbs come last."""
    if reading.frame.order == "sov":
        behind: Iterator[int] = iter(range(first - 1, reading.clause_start(first) - 1, -1))
    else:
        behind = iter(range(last + 1, min(reading.end, last + 1 + REACH)))
    for at in behind:
        if reading.tags[at] & (ACCUSATIONS | CLAIMS):
            return at
        if reading.stops[at] == STRONG or (reading.tags[at] & (BREAK | THAT) and at not in reading.hit_at):
            return None
    return None


def speaker_behind(reading: Reading, last: int) -> Phrase_ | None:
    """Who a headline's last colon or dash says it is from: "'…': X", "… - X"."""
    tail = max((at for at in range(1, reading.end) if reading.stops[at] == STRONG), default=0)
    if tail > last and reading.end - tail <= MAX_SPEAKER and reading.gap(tail).strip() not in ("[", "]", "|", "..."):
        found = reading.phrase_after(tail)
        if found is not None and (found[1] == reading.end - 1 or reading.tags[found[1] + 1] & SAY):
            return found
    return None


def speaker_before(reading: Reading, first: int) -> Phrase_ | None:
    """Who stands before a headline's colon: "X: …"."""
    colon = next((at for at in range(1, first + 1) if _COLON.search(reading.gap(at))), 0)
    start = reading.clause_start(colon - 1) if colon else 0
    if colon and colon - start <= MAX_SPEAKER:
        return reading.phrase_before(colon - 1)
    return None


def sayer(reading: Reading, say: int) -> Phrase_ | None:
    """The subject of a verb of saying: X says; "…", says X."""
    behind = reading.phrase_after(say + 1) if reading.stops[say] or reading.quoted(say) else None
    if behind is not None:
        return behind
    return subject(reading, say, say)


def trailing(reading: Reading) -> Phrase_ | None:
    """Whoever a sentence ends with: "…, the prosecutor said"."""
    last = reading.end - 1
    if last < 2 or not reading.tags[last] & SAY:
        return None
    found = reading.phrase_before(last - 1)
    return found if found and reading.stops[found[0]] == SOFT else None


def leading(reading: Reading, start: int) -> Phrase_ | None:
    """The name with which a clause begins, up to the first word that is no part of one."""
    last = None
    article = bool(reading.tags[start] & ARTICLE) if start < reading.end else False
    for at in range(start, min(reading.end, start + MAX_SPEAKER + 2)):
        tags = reading.tags[at]
        if at > start and reading.stops[at]:
            break
        opens = at == start and not tags and not reading.titled and reading.frame.capitals
        if reading.named(at) or reading.role(at) or (opens and reading.written[at][:1].isupper()):
            last = at
            continue
        inside = tags & (ARTICLE | GENITIVE) or (tags & LINK and last is not None)
        if not inside and (tags or not article or at - start > 2):
            if article and last is None and at > start + 1 and tags & (BE | SKIP | VERB):
                last = at - 1  # the priest was
            break
    return (start, last) if last is not None else None


def _subject_before(reading: Reading, verb: int) -> Phrase_ | None:
    at, stops, tags = verb - 1, reading.stops, reading.tags
    while at >= 0 and tags[at] & (SKIP | BE) and at not in reading.hit_at and not stops[at + 1]:
        at -= 1
    if at < 0 or stops[at + 1] == STRONG:
        return None
    if stops[at + 1] == SOFT:
        return _over_comma(reading, at)
    if tags[at] & (PRONOUN | WE) and at not in reading.hit_at:
        return at, at
    if tags[at] & RELATIVE and at not in reading.hit_at:
        return reading.phrase_before(at - 1)
    if tags[at] & BREAK:
        return leading(reading, reading.clause_start(at))
    return reading.phrase_before(at)


def _over_comma(reading: Reading, at: int) -> Phrase_ | None:
    """The subject before an apposition, "X, a former minister, denied"; or of the clause, "X resigns, denies"."""
    opened = next((place for place in range(at, 0, -1) if reading.stops[place]), 0)
    if opened and reading.stops[opened] == SOFT:
        if all(reading.named(place) for place in range(opened, at + 1)):
            return opened, at
        if not reading.tags[opened] & (BREAK | VERB) and (found := reading.phrase_before(opened - 1)) is not None:
            return found
    return leading(reading, reading.clause_start(at))


def _subject_after(reading: Reading, last: int) -> Phrase_ | None:
    at = last + 1
    while at < reading.end and not reading.stops[at] and reading.tags[at] & SKIP and at not in reading.hit_at:
        at += 1
    if at >= reading.end or reading.stops[at] or (reading.tags[at] & (AGAINST | NOUN) and at not in reading.hit_at):
        return None
    found = reading.phrase_after(at)
    if found is None or not _known(reading, found):
        return None
    return _one(reading, _before_noun(reading, found))


def _before_noun(reading: Reading, phrase: Phrase_) -> Phrase_:
    """A phrase up to a noun of what is denied: نفت إيران | اتهامات."""
    ends = (at for at in range(phrase[0] + 1, phrase[1] + 1) if reading.tags[at] & NOUN and at not in reading.hit_at)
    return phrase[0], next(ends, phrase[1] + 1) - 1


def _one(reading: Reading, phrase: Phrase_) -> Phrase_:
    """A phrase up to where a second name begins: اتهمت إيران | إسرائيل."""
    seen = False
    for hit in reading.hits:
        if phrase[0] <= hit.first <= phrase[1] and hit.named.kind in ("country", "seat", "organisation"):
            if seen:
                return phrase[0], hit.first - 1
            seen = True
    return phrase


def _bracket(reading: Reading, verb: int) -> int | None:
    """The auxiliary that opens the bracket which a participle closes: *hat* die Vorwürfe *zurückgewiesen*."""
    for at in range(verb - 1, -1, -1):
        if reading.stops[at + 1] or reading.tags[at] & (BREAK | THAT | RELATIVE):
            return None
        if reading.tags[at] & BE and at not in reading.hit_at:
            return at
    return None


def _opens(reading: Reading, verb: int) -> bool:
    """Whether a verb is the first word of its clause."""
    at = verb
    while at > 0 and not reading.stops[at] and reading.tags[at - 1] & SKIP:
        at -= 1
    return bool(reading.stops[at])


def _nominative(reading: Reading, phrase: Phrase_ | None) -> Phrase_ | None:
    """A phrase, unless its name is in a case that no subject has."""
    if phrase is None or not reading.frame.case:
        return phrase
    if phrase[0] > 0 and reading.tags[phrase[0] - 1] & LINK:
        return phrase  # в Киеве опровергли
    hits = [hit for hit in reading.hits if phrase[0] <= hit.first <= phrase[1] and hit.named.kind != "people"]
    return None if hits and hits[0].inflected else phrase


def _is_object(reading: Reading, phrase: Phrase_) -> bool:
    """Whether what stands before a verb is what is denied: "Обвинения отвергла Россия"."""
    return any(
        reading.tags[at] & (ACCUSATIONS | CLAIMS) and at not in reading.hit_at for at in range(phrase[0], phrase[1] + 1)
    )


def _agent_before(reading: Reading, first: int) -> Phrase_ | None:
    """X 被 Y 指控; wird von Y beschuldigt."""
    for at in range(first - 1, max(-1, first - 1 - REACH), -1):
        if reading.stops[at + 1] or reading.tags[at] & (BREAK | VERB):
            return None
        if reading.tags[at] & BY and at + 1 < first:
            found = reading.phrase_after(at + 1)
            return (found[0], min(found[1], first - 1)) if found else None
    return None


def _owner_before(reading: Reading, noun: int, start: int) -> Phrase_ | None:
    for at in range(noun - 1, max(start, noun - OWNER_REACH) - 1, -1):
        tags, listed = reading.tags[at], at in reading.hit_at
        if reading.stops[at + 1] or (tags & (BREAK | VERB | THAT | LINK | BE | SKIP) and not listed):
            return None
        if tags & GENITIVE and at > start and not listed:
            return reading.phrase_before(at - 1)
        if tags & ARTICLE and tags & (PRONOUN | WE) and not listed:  # its claims
            return leading(reading, reading.clause_start(at, breaks=True))
        if "before" in reading.frame.owner and _owns(reading, at, noun):
            return _run_back(reading, at, start)
    return None


def _owns(reading: Reading, at: int, noun: int) -> bool:
    """Whether a bare name owns a noun: one of the list, or right before it; a place in quotation marks does not."""
    if at not in reading.hit_at:
        return reading.named(at) and at == noun - 1 and not reading.quoted(noun)
    if reading.role(at):
        return reading.hit_at[at].named.code != SPOKES
    return True


def _owner_after(reading: Reading, noun: int) -> Phrase_ | None:
    at = noun + 1
    if at + 1 < reading.end and not reading.tags[at] and reading.tags[at + 1] & BY:
        at += 1  # a report made by X
    if at >= reading.end or reading.stops[at]:
        return None
    if reading.tags[at] & (BY | OF) and at not in reading.hit_at:
        found = reading.phrase_after(at + 1)
        if found and (_known(reading, found) or reading.tags[at] & BY):
            return found
        return None
    if "after" in reading.frame.owner and (found := reading.phrase_after(at)) and _known_first(reading, found):
        return _one(reading, found)
    return None


def _run_back(reading: Reading, last: int, start: int) -> Phrase_:
    first = last
    while first > start and not reading.stops[first] and (reading.named(first - 1) or reading.role(first - 1)):
        first -= 1
    return first, last


def _known(reading: Reading, phrase: Phrase_) -> bool:
    """Whether a phrase holds a name or a role word."""
    return any(reading.named(at) or reading.role(at) for at in range(phrase[0], phrase[1] + 1))


def _known_first(reading: Reading, phrase: Phrase_) -> bool:
    at = phrase[0]
    while at < phrase[1] and reading.tags[at] & ARTICLE:
        at += 1
    return reading.named(at) or reading.role(at)


# -- verbs at the end


def _first_run(reading: Reading, verb: int) -> Phrase_ | None:
    """The first name of a clause that is neither owner nor object."""
    start = reading.clause_start(verb)
    for run in runs(reading, start, verb):
        before = reading.tags[run[0] - 1] if run[0] > start else 0
        owned = before & NOUN and "after" in reading.frame.owner
        if not (owned or before & (AGAINST | BY | OF) or _marked(reading, run[1]) or _nominative(reading, run) is None):
            return run
    at = start
    while (
        at < verb
        and at - start < MAX_SPEAKER
        and not (reading.tags[at] & ~ARTICLE)
        and not (at > start and reading.stops[at])
    ):
        at += 1
    ends = at > start and (reading.stops[at] == SOFT or bool(reading.tags[at] & NOUN))
    return (start, at - 1) if ends and at < verb else None


def runs(reading: Reading, start: int, end: int) -> Iterator[Phrase_]:
    """Names with the role words beside them, in text order, from a word up to another."""
    at = start
    while at < end:
        if not (reading.named(at) or reading.role(at)):
            at += 1
            continue
        first = last = at
        while at + 1 < end and not reading.stops[at + 1]:
            at += 1
            if reading.named(at) or reading.role(at):
                last = at
            elif not (_suffix(reading, at) or reading.tags[at] & GENITIVE) or at > last + 1:
                break
        yield first, last
        at = last + 1


def _suffix(reading: Reading, at: int) -> bool:
    """Whether a word is an ending behind an apostrophe: İran'ın."""
    return at < reading.end and bool(_APOSTROPHE.fullmatch(reading.gap(at)))


def _marked(reading: Reading, last: int) -> bool:
    """Whether what follows a name marks it as object or owner."""
    behind = last + 1
    return behind < reading.end and (bool(reading.tags[behind] & (OBJECT | GENITIVE)) or _suffix(reading, behind))
