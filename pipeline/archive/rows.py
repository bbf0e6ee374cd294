"""A record's rows, one function a table. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from pipeline.records import (
    Alert,
    Article,
    Delivery,
    Flag,
    FlaggedArticle,
    Parties,
    Span,
    Thread,
    ThreadEvent,
)

Row = dict[str, Any]

Verdict = Literal["new", "copy", "revision", "flagged"]


def article(one: FlaggedArticle) -> Row:
    """A flagged article."""
    it, copy = one.article, one.article.copy
    return {
        "id": it.id,
        "text_hash": it.text_hash,
        "url": text(it.url),
        "link": text(it.link),
        "feed": text(it.feed),
        "outlet": text(it.outlet),
        "domain": text(it.domain),
        "title": text(it.title),
        "lead": text(it.lead),
        "body": text(it.body),
        "authors": _doc(it.authors),
        "language": it.language,
        "published": it.published,
        "published_source": it.published_source,
        "fetched": it.fetched,
        "text_source": it.text_source,
        "backlog": it.backlog,
        "revision_of": it.revision_of,
        "copy_of": copy.original if copy else "",
        "copy_group": copy.group if copy else it.id,
        "source": text(it.source),
        "ruleset": one.ruleset,
        "flagged": one.flagged,
    }


def flags(one: FlaggedArticle) -> Iterator[Row]:
    """Its flags, each id once."""
    for number, flag in enumerate({flag.id: flag for flag in one.flags}.values()):
        yield {
            "article": one.article.id,
            "id": flag.id,
            "number": number,
            "kind": flag.kind,
            "category": text(flag.category),
            "rule": text(flag.rule),
            "version": flag.version,
            "score": flag.score,
            "actor": text(flag.actor.name) if flag.actor else "",
            "actor_code": text(flag.actor.code) if flag.actor else "",
            "target": text(flag.target.name) if flag.target else "",
            "target_code": text(flag.target.code) if flag.target else "",
            "historic": flag.historic,
        }


def evidence(one: FlaggedArticle) -> Iterator[Row]:
    """The words that show them."""
    for flag in {flag.id: flag for flag in one.flags}.values():
        for number, (role, span) in enumerate(_spans(flag)):
            yield {
                "article": one.article.id,
                "flag": flag.id,
                "number": number,
                "role": role,
                "field": span.field,
                "start_at": span.start,
                "end_at": span.end,
                "quote": text(span.quote),
            }


def _spans(flag: Flag) -> Iterator[tuple[str, Span]]:
    for span in flag.spans:
        yield "cue", span
    if flag.actor is not None:
        yield "actor", flag.actor.span
    if flag.target is not None:
        yield "target", flag.target.span
    if flag.claim is not None:
        yield "claim", flag.claim


def thread(one: Thread, log: int) -> Row:
    """A thread; ``log`` numbers the log that it is of."""
    return {
        "id": one.id,
        "log": log,
        "position": one.position,
        "revision": one.revision,
        "language": one.language,
        "state": one.state,
        "claim": text(one.claim.quote),
        "accusers": _named(one.accusers),
        "accused": _named(one.accused),
        "deniers": _named(one.deniers),
        "first_activity": one.first_activity,
        "last_activity": one.last_activity,
        "lag_seconds": one.lag_seconds,
        "articles": one.members,
        "copies": one.copies,
        "sources": one.telling.independent,
        "alleging": one.alleging.independent,
        "denying": one.denying.independent,
        "merged_into": one.merged_into,
        "doc": _doc(one),
    }


def event(one: ThreadEvent) -> Row:
    """What happened to a thread."""
    return {
        "id": one.id,
        "thread": one.thread,
        "kind": one.kind,
        "happened": one.when,
        "processed": one.processed,
        "language": one.language,
        "state": one.state or "",
        "was": one.before or "",
        "what": text(one.what),
        "names": text(", ".join(one.names)),
        "number": one.number,
        "author": text(one.author),
        "comment": text(one.comment),
        "doc": _doc(one),
    }


def alert(one: Alert) -> Row:
    """What became of a match."""
    return {
        "id": one.id,
        "subscription": one.subscription,
        "outcome": one.outcome,
        "reason": text(one.reason),
        "thread": one.story.thread,
        "event": one.event.id,
        "kind": one.event.kind,
        "language": one.story.language,
        "title": text(one.story.title),
        "first": one.first,
        "message": one.message,
        "fetched": one.fetched,
        "decided": one.decided,
        "doc": _doc(one),
    }


def delivery(one: Delivery) -> Row:
    """An attempt to deliver."""
    return {
        "id": one.id,
        "attempt": one.attempt,
        "began": one.began,
        "ended": one.ended,
        "subscription": one.subscription,
        "channel": one.channel,
        "channel_type": one.channel_type,
        "address": text(one.address),
        "outcome": one.outcome,
        "status": one.status,
        "error": text(one.error),
        "next_try": one.next_try,
        "message": one.message.id,
        "kind": one.message.kind,
        "thread": one.message.thread,
        "doc": _doc(one),
    }


def verdict(one: Article) -> Verdict:
    """How an article is counted: a later text of a known one, a copy of another, or new."""
    if one.revision_of:
        return "revision"
    return "copy" if one.copy is not None and one.copy.original != one.id else "new"


def hour(one: Article) -> datetime:
    """The hour that it is counted in."""
    return one.fetched.replace(minute=0, second=0, microsecond=0)


def mark(one: Article, kind: str) -> bytes:
    """What keeps a text from being counted twice: 16 bytes of BLAKE2b over article, text, and counted or flagged."""
    return hashlib.blake2b(f"{kind}|{one.id}|{one.text_hash}".encode(), digest_size=16).digest()


def _named(parties: Parties) -> str:
    return text(", ".join(_each(parties)))


def _each(parties: Parties) -> Sequence[str]:
    return [party.name for party in parties.named]


def _doc(value: Any) -> str:
    r"""JSON text. PostgreSQL keeps no NUL, neither as a character nor as `\u0000`."""
    encoded = msgspec.json.encode(value).decode()
    return encoded.replace("\\u0000", "\\ufffd") if "\\u0000" in encoded else encoded


def text(value: str) -> str:
    """PostgreSQL keeps no NUL: the replacement character takes its place, so that offsets stay."""
    return value.replace("\x00", "\ufffd") if "\x00" in value else value
