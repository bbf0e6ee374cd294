"""What one article says in a thread: its statements, read off its flags. Small, so that it can be kept in a table.

Flags that look back (`historic`) are no part of a dispute: they begin no thread and change none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

import msgspec

from pipeline.records.article import FIELDS, Article, Field, PublishedSource
from pipeline.records.flag import Flag, Kind, Mention, Span
from pipeline.records.thread import MAX_LINK_BYTES, MAX_NAME_BYTES, MAX_QUOTE_BYTES, Evidence

MAX_STATEMENTS: Final = 12
"""Statements that are kept of one text, the most prominent first."""

Who = tuple[str, str]
"""Name and code of somebody; ("", "") where the text does not tell."""

NOBODY: Final[Who] = ("", "")


class Statement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody says something against somebody, in one text."""

    kind: Kind
    who: Who = NOBODY
    """Who denies or accuses."""

    whom: Who = NOBODY
    """Whose claim is denied, who is accused."""

    quote: Span
    """The stretch of text that has the cue, both parties and the claim, if they stand in one field."""

    claim: Span | None = None
    text_hash: str

    @property
    def key(self) -> tuple[str, str, str]:
        """Names the statement across revisions of its text."""
        return self.kind, party_key(self.who), party_key(self.whom)


class Reading(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One text of an article: what its feed gives, or its page."""

    source: str
    """`feed` or `page`. Only texts of one source are compared: a page says more than the feed did, not news."""

    text_hash: str
    ruleset: str = ""
    statements: tuple[Statement, ...] = ()


class Member(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An article in a thread: a row of the table, under the article's id."""

    article: str
    thread: str
    position: int
    """Offset in `threads.in` of the text that was first flagged: members stand in this order."""

    read: int
    """Offset of the text that was read last; an input that is not behind it was taken in already."""

    language: str
    title: str
    published: datetime
    published_source: PublishedSource = "feed"
    outlet: str = ""
    link: str = ""
    source: str = ""
    copy_of: str = ""
    """The original, as it was known when the article came; "" where it is no copy."""

    group: str
    """Its copy group: its own id where it is no copy."""

    flagged: datetime
    """When the text that was first flagged was fetched: what looking again counts from."""

    readings: tuple[Reading, ...] = ()
    """At most one of each source, the newest last."""

    withdrew: bool = False
    """It alleged once, and does not any more."""

    pinned: str = ""
    """Id of the command that put it into its thread."""

    @property
    def statements(self) -> tuple[Statement, ...]:
        """What it says now, in all its texts; each statement once."""
        return tuple(_each_once(one for reading in reversed(self.readings) for one in reading.statements))

    def says(self, kind: Kind) -> bool:
        """Whether it has a statement of that kind."""
        return any(one.kind == kind for one in self.statements)


def read(article: Article, flags: Sequence[Flag], position: int, ruleset: str = "") -> Member | None:
    """The article as a member of a thread of its own; None if its flags are no reason for one."""
    reading = read_text(article, flags, ruleset)
    if not reading.statements:
        return None
    copy = copy_of(article)
    return Member(
        article=article.id,
        thread=article.id,
        position=position,
        read=position,
        language=article.language,
        title=cut(article.title, MAX_QUOTE_BYTES),
        published=article.published,
        published_source=article.published_source,
        outlet=cut(article.outlet, MAX_NAME_BYTES),
        link=_whole(article.link or article.url, MAX_LINK_BYTES),
        source=cut(article.source or f"domain:{article.domain}", MAX_NAME_BYTES),
        copy_of=copy,
        group=_group(article),
        flagged=article.fetched,
        readings=(reading,),
    )


def read_text(article: Article, flags: Sequence[Flag], ruleset: str = "") -> Reading:
    """What this text of the article says."""
    found = (statement(article, flag) for flag in flags if not flag.historic)
    prominent = sorted(found, key=lambda one: (FIELDS.index(one.quote.field), one.quote.start, one.key))
    kept = tuple(_each_once(prominent))[:MAX_STATEMENTS]
    return Reading(source=article.text_source, text_hash=article.text_hash, ruleset=ruleset, statements=kept)


def statement(article: Article, flag: Flag) -> Statement:
    """What a flag says, with the stretch of text that shows it."""
    return Statement(
        kind=flag.kind,
        who=_who(flag.actor),
        whom=_who(flag.target),
        quote=_stretch(article, flag),
        claim=_short(flag.claim),
        text_hash=article.text_hash,
    )


def evidence(member: Member, quote: Span, text_hash: str) -> Evidence:
    """A quote of a member, with where it stands."""
    return Evidence(
        article=member.article,
        text_hash=text_hash,
        published=member.published,
        published_source=member.published_source,
        quote=quote.quote,
        field=quote.field,
        start=quote.start,
        outlet=member.outlet,
        source=member.source,
        link=member.link,
    )


def party_key(who: Who) -> str:
    """What makes two mentions one party: the code, or the name where there is none; "" for nobody."""
    name, code = who
    return code or " ".join(name.casefold().split())


def copy_of(article: Article) -> str:
    """The article that this one is a copy of; "" if it is none, or the original that came late."""
    copy = article.copy
    return "" if copy is None or copy.original == article.id else copy.original


def cut(text: str, most: int) -> str:
    """The beginning of a text, at most ``most`` bytes of UTF-8."""
    return text if 4 * len(text) <= most else text.encode()[:most].decode(errors="ignore")


def _group(article: Article) -> str:
    return article.id if article.copy is None else article.copy.group


def _who(mention: Mention | None) -> Who:
    return NOBODY if mention is None else (cut(mention.name, MAX_NAME_BYTES), cut(mention.code, MAX_NAME_BYTES))


def _stretch(article: Article, flag: Flag) -> Span:
    """From the first to the last word that the flag rests on, within the field of its first span."""
    if not flag.spans:
        return Span(field="title", start=0, end=0, quote="")
    mentions = [one.span for one in (flag.actor, flag.target) if one is not None]
    claims = [flag.claim] if flag.claim is not None else []
    field: Field = flag.spans[0].field
    spans = [one for one in (*flag.spans, *mentions, *claims) if one.field == field]
    start, end = min(one.start for one in spans), max(one.end for one in spans)
    text: str = getattr(article, field)
    whole = Span(field=field, start=start, end=end, quote=text[start:end])
    if len(whole.quote.encode()) <= MAX_QUOTE_BYTES:
        return whole
    first = flag.spans[0]  # the parties stand too far away: the cue and what follows it
    return Span(field=field, start=first.start, end=end, quote=cut(text[first.start : end], MAX_QUOTE_BYTES))


def _short(span: Span | None) -> Span | None:
    if span is None:
        return None
    return Span(field=span.field, start=span.start, end=span.end, quote=cut(span.quote, MAX_QUOTE_BYTES))


def _whole(text: str, most: int) -> str:
    return text if len(text.encode()) <= most else ""


def _each_once(statements: Iterable[Statement]) -> Iterator[Statement]:
    seen: set[tuple[str, str, str]] = set()
    for one in statements:
        if one.key not in seen:
            seen.add(one.key)
            yield one
