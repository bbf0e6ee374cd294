"""Whose claim a noun is, and against whom: US claims, claims by Moscow, обвинения США, allegations against X."""

from __future__ import annotations

from typing import Final

from pipeline.rules.actors import SPOKES
from pipeline.rules.phrases import REACH, known, known_first, leading, run_back, up_to_second
from pipeline.rules.reading import (
    ABOUT,
    ACCUSATIONS,
    AGAINST,
    ARTICLE,
    BE,
    BREAK,
    BY,
    CLAIMS,
    GENITIVE,
    LINK,
    OF,
    PRONOUN,
    SKIP,
    STRONG,
    THAT,
    VERB,
    WE,
    Phrase_,
    Reading,
)
from pipeline.rules.syntax import bracket

OWNER_REACH: Final = 4
"""Words between a noun and its owner before it: "Iranian spy boat charges"."""


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
            certain = at == noun + 1 or (at + 1 < reading.end and reading.tags[at + 1] & ARTICLE)
            return found if found and (certain or known(reading, found)) else None
    return None


def claim_noun(reading: Reading, first: int, last: int) -> int | None:
    """The noun of what a verb denies: behind it, or before it where verbs come last."""
    order = reading.frame.order
    if order == "sov":
        return _claim_in(reading, range(first - 1, reading.clause_start(first) - 1, -1))
    found = _claim_in(reading, range(last + 1, min(reading.end, last + 1 + REACH)))
    if found is None and order == "v2" and (opened := bracket(reading, first)) is not None:
        return _claim_in(reading, range(opened + 1, first))
    return found


def claim_before(reading: Reading, verb: int) -> int | None:
    """The noun of what is said of a claim, before the verb of saying: "claims by X are false, says Y"."""
    return _claim_in(reading, range(verb - 1, reading.clause_start(verb) - 1, -1))


def source(reading: Reading, noun: int) -> Phrase_ | None:
    """Who an accusation comes from, behind what it is about: "accusations of fraud from former players"."""
    for at in range(noun + 1, min(reading.end, noun + 1 + REACH)):
        if reading.stops[at] or reading.tags[at] & (BREAK | VERB):
            return None
        marks = reading.tags[at] & BY or (reading.tags[at] & OF and not reading.tags[at] & ABOUT)
        if marks and at not in reading.hit_at:
            found = reading.phrase_after(at + 1)
            return found if found and known(reading, found) else None
    return None


def _claim_in(reading: Reading, places: range) -> int | None:
    for at in places:
        if reading.tags[at] & (ACCUSATIONS | CLAIMS):
            return at
        if reading.stops[at] == STRONG or (reading.tags[at] & (BREAK | THAT) and at not in reading.hit_at):
            return _owned_claim(reading, at) if places.step > 0 else None
    return None


def _owned_claim(reading: Reading, at: int) -> int | None:
    """A noun behind what it is about and its mark: 否认 受贿 的 | 指控, denies taking bribes 's charge."""
    for mark in range(at + 1, min(reading.end - 1, at + REACH)):
        if reading.stops[mark] or reading.frame.capitals:
            return None
        if reading.tags[mark] & GENITIVE:
            return mark + 1 if reading.tags[mark + 1] & (ACCUSATIONS | CLAIMS) else None
    return None


def _owner_before(reading: Reading, noun: int, start: int) -> Phrase_ | None:
    for at in range(noun - 1, max(start, noun - OWNER_REACH) - 1, -1):
        if at + 1 == noun and reading.frame.owner and reading.plural_owner(at):
            return reading.phrase_before(at)  # actresses' allegations
        tags, listed = reading.tags[at], at in reading.hit_at
        if reading.stops[at + 1] or (tags & (BREAK | VERB | THAT | LINK | BE | SKIP) and not listed):
            return None
        if tags & GENITIVE and at > start and not listed:
            return reading.phrase_before(at - 1)
        if tags & ARTICLE and tags & (PRONOUN | WE) and not listed:  # its claims
            return leading(reading, reading.clause_start(at, breaks=True))
        if "before" in reading.frame.owner and _owns(reading, at, noun):
            return run_back(reading, at, start)
    return None


def _owner_after(reading: Reading, noun: int) -> Phrase_ | None:
    at = noun + 1
    if at + 1 < reading.end and not reading.tags[at] and reading.tags[at + 1] & BY:
        at += 1  # a report made by X
    if at >= reading.end or reading.stops[at]:
        return None
    if reading.tags[at] & (BY | OF) and at not in reading.hit_at:
        found = reading.phrase_after(at + 1)
        if found and (known(reading, found) or reading.tags[at] & BY):
            return found
        return None
    if "after" in reading.frame.owner and (found := reading.phrase_after(at)) and known_first(reading, found):
        return up_to_second(reading, found)
    return None


def _owns(reading: Reading, at: int, noun: int) -> bool:
    """Whether a bare name owns a noun: one of the list, or right before it; a place in quotation marks does not."""
    if at not in reading.hit_at:
        return reading.named(at) and at == noun - 1 and not reading.quoted(noun)
    if reading.role(at):
        return reading.hit_at[at].named.code != SPOKES
    return True
