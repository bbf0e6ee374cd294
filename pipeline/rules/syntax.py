"""Which noun phrase stands to a verb or noun as subject, object, agent, owner or speaker.

Each function takes a `Reading` and places in it, and returns a phrase or None: pure, and blind to meaning.
"""

from __future__ import annotations

from typing import Final

from pipeline.rules.phrases import MAX_SPEAKER, REACH, known, leading, marked, runs, up_to_second
from pipeline.rules.reading import (
    ABOUT,
    ACCUSATIONS,
    AGAINST,
    ARTICLE,
    BE,
    BREAK,
    BY,
    CLAIMS,
    HAVE,
    LINK,
    NOUN,
    OF,
    PARTICIPLE,
    PREPOSITION,
    PRONOUN,
    RELATIVE,
    SKIP,
    SOFT,
    STRONG,
    THAT,
    VERB,
    WE,
    Phrase_,
    Reading,
)

MAX_HEADS: Final = 2
"""Words behind a name that are one thing with it: "Brightwater book publisher"."""

AGENT_REACH: Final = 12
"""Words between a passive and its agent."""


def subject(reading: Reading, first: int, last: int) -> Phrase_ | None:
    """The subject of a verb that runs from a word to a word; a pronoun is a phrase of one word."""
    order = reading.frame.order
    if order == "sov":
        return _first_run(reading, first)
    if order == "v2" and (auxiliary := bracket(reading, first)) is not None:
        first = last = auxiliary
    before = _subject_before(reading, first)
    found = _nominative(reading, before)
    fixed = order == "svo" and not reading.frame.case  # no object stands before its verb
    if found is not None and (fixed or not _is_object(reading, found)):
        return found
    opens = before is not None or order in ("vso", "v2") or _opens(reading, first)
    return _nominative(reading, _subject_after(reading, last)) if opens else None


def patient(reading: Reading, first: int) -> Phrase_ | None:
    """The subject of a passive: who is accused, or what is denied."""
    if reading.frame.order == "sov":
        return _first_run(reading, first)
    if reading.frame.order == "v2" and (auxiliary := bracket(reading, first)) is not None:
        return _subject_before(reading, auxiliary)
    doer = _agent_before(reading, first)
    return _subject_before(reading, doer[0] - 1 if doer else first)


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
        return next((run for run in runs(reading, reading.clause_start(first), first) if marked(reading, run[1])), None)
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
    return up_to_second(reading, found) if found and order == "vso" else _with_head(reading, found)


def _with_head(reading: Reading, phrase: Phrase_ | None) -> Phrase_ | None:
    """A name with the noun behind it that what it is accused of follows: accuses Brightwater *publisher* of."""
    if phrase is None or not reading.frame.capitals or reading.titled or not reading.named(phrase[1]):
        return phrase
    head = phrase[1] + 1
    while head < reading.end and head <= phrase[1] + MAX_HEADS and not (reading.stops[head] or reading.tags[head]):
        head += 1
    follows = head < reading.end and not reading.stops[head] and bool(reading.tags[head] & ABOUT)
    return (phrase[0], head - 1) if follows else phrase


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
    found = reading.phrase_before(at)
    link = found[0] - 1 if found else 0
    if link > 0 and tags[link] & LINK and tags[link - 1] & PARTICIPLE and not stops[link]:
        return _subject_before(reading, link - 1)  # an official accused of theft denies
    return found


def _over_comma(reading: Reading, at: int) -> Phrase_ | None:
    """The subject before an apposition, "X, a former minister, denied"; or of the clause, "X resigns, denies"."""
    opened = next((place for place in range(at, 0, -1) if reading.stops[place]), 0)
    while (
        opened and reading.stops[opened] == SOFT and (reading.tags[opened] & LINK or reading.written[opened].isdigit())
    ):
        at = opened - 1  # Jana Holt, 52, of Ardley, denies
        opened = next((place for place in range(at, 0, -1) if reading.stops[place]), 0)
        if not opened:
            return reading.phrase_before(at)
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
    if reading.frame.case and at + 1 < reading.end and not reading.stops[at] and reading.tags[at] & PREPOSITION:
        at += 1  # отвергли в Кремле
    if at >= reading.end or reading.stops[at] or (reading.tags[at] & (AGAINST | NOUN) and at not in reading.hit_at):
        return None
    found = reading.phrase_after(at)
    if found is None or not known(reading, found):
        return None
    return up_to_second(reading, _before_noun(reading, found))


def _before_noun(reading: Reading, phrase: Phrase_) -> Phrase_:
    """A phrase up to a noun of what is denied: نفت إيران | اتهامات."""
    ends = (at for at in range(phrase[0] + 1, phrase[1] + 1) if reading.tags[at] & NOUN and at not in reading.hit_at)
    return phrase[0], next(ends, phrase[1] + 1) - 1


def bracket(reading: Reading, verb: int) -> int | None:
    """The auxiliary that opens the bracket which a participle closes: *hat* die Vorwürfe *zurückgewiesen*."""
    for at in range(verb - 1, -1, -1):
        if reading.stops[at + 1] or reading.tags[at] & (BREAK | THAT | RELATIVE):
            return None
        if reading.tags[at] & (BE | HAVE) and at not in reading.hit_at:
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


def _first_run(reading: Reading, verb: int) -> Phrase_ | None:
    """The first name of a clause that is neither owner nor object."""
    start = reading.clause_start(verb)
    for run in runs(reading, start, verb):
        before = reading.tags[run[0] - 1] if run[0] > start else 0
        owned = before & NOUN and "after" in reading.frame.owner
        if not (owned or before & (AGAINST | BY | OF) or marked(reading, run[1]) or _nominative(reading, run) is None):
            return run
    at = start
    object_starts = next((run[0] for run in runs(reading, start, verb) if marked(reading, run[1])), None)
    while (
        at < (verb if object_starts is None else object_starts)
        and at - start < MAX_SPEAKER
        and not (reading.tags[at] & ~ARTICLE)
        and not (at > start and reading.stops[at])
    ):
        at += 1
    ends = at > start and (at == object_starts or reading.stops[at] == SOFT or bool(reading.tags[at] & NOUN))
    return (start, at - 1) if ends and at < verb else None


def alleged(reading: Reading, first: int, actor: Phrase_ | None) -> Phrase_ | None:
    """Who did it, in a clause before a verb of alleging: "X, Y'nin …diğini iddia etti"."""
    start = actor[1] + 1 if actor else reading.clause_start(first)
    return next((run for run in runs(reading, start, first) if marked(reading, run[1])), None)
