"""Flags: what a rule found in an article, with the words that show it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from pipeline.records.article import Article, Field
from pipeline.records.values import Record, require_aware

Kind = Literal["denial", "allegation", "debunk", "non_denial"]
"""`debunk`: a third party shows a claim to be false. `non_denial`: somebody declines to deny."""


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of an article's text: ``getattr(article, field)[start:end] == quote``, in code points."""

    field: Field
    start: int
    end: int
    quote: str


class Mention(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody whom a text names."""

    name: str
    """As the list of actors calls it; outside that list, as the text does."""

    code: str = ""
    """ISO 3166 alpha-3 and role, as CAMEO writes it (`USAGOV`, `PRKMIL`); "" for a name outside the list of actors."""

    span: Span
    """Where it is named; for "the ministry" or "he", where that stands, and `name` is who is meant."""


class Flag(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One rule's match. `spans` is minimal: the cue and what completes it, in text order, never the whole title."""

    id: str
    kind: Kind
    category: str
    rule: str
    version: int
    score: float
    spans: tuple[Span, ...]
    actor: Mention | None = None
    """Who denies or accuses; None where the text does not tell."""

    target: Mention | None = None
    """Whose claim is denied; who is accused."""

    claim: Span | None = None
    """What is denied or alleged."""

    historic: bool = False
    """The text looks back on it: an anniversary, a trial of decades ago."""


class FlaggedArticle(Record, frozen=True, kw_only=True, omit_defaults=True):
    """An article with at least one flag (or a heartbeat, which arrives here whatever the rules say)."""

    article: Article
    flags: tuple[Flag, ...]
    ruleset: str
    """Hash of the rule set that made the flags: 12 hex digits."""

    flagged: datetime
    """When it was flagged, by the worker's clock; outside the determinism promise."""

    heartbeat: int | None = None

    def __post_init__(self) -> None:
        require_aware(self.flagged)


def flag_id(article_id: str, rule: str, spans: Sequence[Span]) -> str:
    """Id of a flag: 16 hex digits of BLAKE2b over article, rule and spans, so that a replay gives the same."""
    what = "|".join([article_id, rule, *(f"{s.field}:{s.start}:{s.end}" for s in spans)])
    return hashlib.blake2b(what.encode(), digest_size=8).hexdigest()
