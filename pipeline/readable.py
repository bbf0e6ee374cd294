"""Records of every topic as lines for people, and as JSON for machines. Pure.

A record that cannot be read is shown as such, with its size and the reason: a tail never stops at a bad record.
Everything that comes from outside passes `visible`, so that no text can steer the terminal.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Final

import msgspec

from pipeline import readable_alerts
from pipeline.errors import RecordError
from pipeline.kafka import Message
from pipeline.lines import BOLD, DIM, RED, YELLOW, Line, Piece, flat, local
from pipeline.logs import visible
from pipeline.records import (
    FIELDS,
    Article,
    Command,
    Flag,
    Flagged,
    FlaggedArticle,
    Parties,
    ThreadEvent,
    Tick,
    batches,
    copy_groups,
    feed_records,
    feed_states,
    flagged,
    page_requests,
    page_results,
    story_events,
    thread_events,
    thread_inputs,
    threads,
)
from pipeline.records.dead import PREFIX, RETRIED, dead_topic
from pipeline.topics import (
    ARTICLES_DEDUPED,
    ARTICLES_FRESH,
    ARTICLES_RAW,
    COPIES,
    FEED_STATE,
    FEEDS,
    FLAGS,
    PAGES_REQUESTS,
    PAGES_RESULTS,
    STORY_EVENTS,
    THREAD_EVENTS,
    THREADS,
    THREADS_IN,
    TOPICS,
)

CONTEXT: Final = 60
"""Characters shown on each side of a quote, at most; words stay whole."""

CUT: Final = "…"


def readable(message: Message) -> Line:
    """One record of any of our topics."""
    if message.topic in _DEAD:
        return _dead(message)
    show = _SHOWN.get(message.topic)
    if show is None:
        return _unreadable(message, "no form is known for this topic")
    if message.value is None:
        return Line((Piece(f"{local(message.timestamp)}  deleted  {_text(message.key)}"),))
    try:
        return show(message.value)
    except RecordError as error:
        return _unreadable(message, str(error))


def as_json(message: Message) -> str:
    """The record with its place, as one line of JSON. A value or header that is not UTF-8 (or a value that is not JSON)
    is given in base64, under a name that says so."""
    fields: dict[str, object] = {
        "topic": message.topic,
        "partition": message.partition,
        "offset": message.offset,
        "timestamp": message.timestamp,
        "key": None if message.key is None else _text(message.key),
        "headers": {name: value.decode(errors="backslashreplace") for name, value in message.headers},
    }
    return msgspec.json.encode(fields | _value(message.value)).decode()


def _value(value: bytes | None) -> dict[str, object]:
    if value is None:
        return {"value": None}
    try:
        return {"value": msgspec.json.decode(value)}
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {"value_base64": base64.b64encode(value).decode()}


def _flagged(value: bytes) -> Line:
    record = flagged.decode(value)
    if record.heartbeat is not None:
        return Line((Piece(f"{local(record.flagged)}  heartbeat  partition {record.heartbeat}", DIM),), heartbeat=True)
    article = record.article
    pieces = [
        Piece(f"{local(record.flagged)}  "),
        Piece(", ".join(sorted({flag.kind for flag in record.flags})), BOLD),
        Piece(f"  {visible(article.outlet)}: {flat(article.title)}\n"),
    ]
    for quote in _quotes(record):
        pieces += [Piece("    "), *quote, Piece("\n")]
    return Line((*pieces, Piece(f"    {visible(article.url)}", DIM)))


def _quotes(record: FlaggedArticle) -> list[list[Piece]]:
    """Each flag's rule, who says it against whom, whether it is old, and its quotes within the text around them."""
    return [
        [
            Piece(f"{flag.kind} ({visible(flag.rule)})"),
            *([Piece(f" {who}", BOLD)] if (who := parties(flag)) else []),
            Piece(", historic: " if flag.historic else ": "),
            *_in_context(record.article, flag),
        ]
        for flag in record.flags
    ]


def parties(flag: Flag) -> str:
    """`actor → target` as the list of actors calls them; `?` is not named; "" if neither is."""
    if flag.actor is None and flag.target is None:
        return ""
    actor, target = (visible(one.name) if one else "?" for one in (flag.actor, flag.target))
    return actor if flag.target is None else f"{actor} → {target}"


def _in_context(article: Article, flag: Flag) -> list[Piece]:
    """The spans with what stands between and around them; far apart, only the ends of what is between."""
    style = BOLD + (RED if flag.kind == "denial" else YELLOW)
    pieces: list[Piece] = []
    ends = dict.fromkeys(FIELDS, 0)
    after = ""
    for span in flag.spans:
        text = getattr(article, span.field)
        if 0 < ends[span.field] <= span.start <= ends[span.field] + 2 * CONTEXT:
            before = text[ends[span.field] : span.start]
        else:
            before = _run_up(text, span.start)
            if pieces:
                before = f"{after.removesuffix(CUT)} … {before.removeprefix(CUT).lstrip()}"
        pieces += [Piece(flat(before), DIM), Piece(flat(span.quote), style)]
        after = _run_out(text, span.end)
        ends[span.field] = span.end
    return [*pieces, Piece(flat(after), DIM)]


def _run_up(text: str, start: int) -> str:
    """The words before a quote, at most `CONTEXT` characters."""
    if start <= CONTEXT:
        return text[:start]
    space = text.find(" ", start - CONTEXT, start)
    return f"{CUT}{text[max(space, start - CONTEXT) : start]}"


def _run_out(text: str, end: int) -> str:
    """The words after a quote, at most `CONTEXT` characters."""
    if len(text) - end <= CONTEXT:
        return text[end:]
    space = text.rfind(" ", end, end + CONTEXT)
    return f"{text[end : space if space >= 0 else end + CONTEXT]} {CUT}"


def _batch(value: bytes) -> Line:
    batch = batches.decode(value)
    if batch.heartbeat is not None:
        return Line((Piece(f"{local(batch.fetched)}  heartbeat  partition {batch.heartbeat}", DIM),), heartbeat=True)
    pieces = [Piece(f"{local(batch.fetched)}  {visible(batch.key)}  {len(batch.articles)} articles", BOLD)]
    pieces += [Piece("\n    " + _headline(article)) for article in batch.articles]
    return Line(tuple(pieces))


def _headline(article: Article) -> str:
    language = visible(article.language) or "?"
    again = " (revised)" if article.revision_of else ""
    return f"{language}  {visible(article.outlet)}: {flat(article.title)}{again}"


def _copy_group(value: bytes) -> Line:
    group = copy_groups.decode(value)
    text = f"  {visible(group.outlet) or '?'}, {local(group.published)}  {visible(group.url)}\n"
    ids = f"    {group.original} instead of {group.was}, in group {group.group}"
    return Line((Piece(f"{local(group.at)}  "), Piece("earlier original", BOLD), Piece(text), Piece(ids, DIM)))


def _feed_state(value: bytes) -> Line:
    state = feed_states.decode(value)
    failures = f", {state.failures} failures in a row" if state.failures else ""
    text = f"{local(state.last_poll)}  {state.outcome}{failures}  {visible(state.url)}\n"
    return Line((Piece(text), Piece(f"    next poll {local(state.next_poll)}: {visible(state.reason)}", DIM)))


def _page_request(value: bytes) -> Line:
    request = page_requests.decode(value)
    why = f"{request.why} {request.look}" if request.why == "look" else request.why
    text = f"{local(request.asked)}  wanted, {why}  {visible(request.url)}\n"
    return Line((Piece(text), Piece(f"    {flat(request.article.title)}", DIM)))


def _page_result(value: bytes) -> Line:
    result = page_results.decode(value)
    reason = f": {visible(result.reason)}" if result.reason else ""
    return Line((Piece(f"{local(result.finished)}  {result.outcome}  {visible(result.url)}{reason}"),))


def _feed_record(value: bytes) -> Line:
    record = feed_records.decode(value)
    by = "by the file" if record.source == "file" else "at run time"
    what = "removed at run time" if record.removed else f"paused, listed {by}" if record.paused else f"listed {by}"
    text = f"{visible(record.outlet)} ({visible(record.country)}, {visible(record.language)}), {what}"
    return Line((Piece(f"{visible(record.url)}\n"), Piece(f"    {text}", DIM)))


def _thread(value: bytes) -> Line:
    thread = threads.decode(value)
    merged = f", merged into {thread.merged_into}" if thread.merged_into else ""
    count = f"{thread.members} articles, {thread.telling.independent} sources{merged}"
    sides = f"{who(thread.accusers)} → {who(thread.accused)}; denied by {who(thread.deniers)}"
    return Line(
        (
            Piece(f"{local(thread.last_activity)}  "),
            Piece(thread.state, BOLD),
            Piece(f"  {sides}  {count}\n    {flat(thread.claim.quote)}\n"),
            Piece(f"    {thread.id}", DIM),
        )
    )


def who(parties: Parties, most: int = 3) -> str:
    """The first few parties of a role; `?` if nobody is named."""
    names = [visible(one.name) for one in parties.named]
    more = " …" if len(names) > most or parties.others else ""
    return (", ".join(names[:most]) or "?") + more


def _thread_event(value: bytes) -> Line:
    event = thread_events.decode(value)
    if event.heartbeat is not None:
        return Line((Piece(f"{local(event.when)}  heartbeat  partition {event.heartbeat}", DIM),), heartbeat=True)
    return Line(tuple(event_pieces(event)))


def event_pieces(event: ThreadEvent) -> list[Piece]:
    """An event: when, what, whose decision, why an article joined, the quotes, and the thread."""
    state = f"  ({event.before} → {event.state})" if event.before and event.before != event.state else ""
    pieces = [Piece(f"{local(event.when)}  "), Piece(event.kind, BOLD), Piece(f"  {flat(event.what)}{state}\n")]
    if event.author:
        comment = f": {flat(event.comment)}" if event.comment else ""
        pieces.append(Piece(f"    by {flat(event.author)}{comment}\n"))
    if event.member is not None:
        link = visible(event.evidence[0].link) if event.evidence else ""
        pieces.append(Piece(f"    article {event.member.article}  {link}\n", DIM))
    if event.member is not None and event.member.score:
        terms = ", ".join(flat(term) for term, _ in event.member.terms[:5])
        because = f"    {event.member.score:.2f}: {flat(event.member.reason)}{f' ({terms})' if terms else ''}\n"
        pieces.append(Piece(because, DIM))
    for one in event.evidence:
        pieces += [Piece(f"    {flat(one.outlet)}: “"), Piece(flat(one.quote), YELLOW), Piece("”\n")]
    others = f" ↔ {', '.join(event.others)}" if event.others else ""
    return [*pieces, Piece(f"    {event.thread}{others}", DIM)]


def _story_event(value: bytes) -> Line:
    told = story_events.decode(value)
    if told.heartbeat is not None:
        text = f"{local(told.event.when)}  heartbeat  partition {told.heartbeat}"
        return Line((Piece(text, DIM),), heartbeat=True)
    title = "" if told.thread is None else f"\n    {told.thread.state}: {flat(told.thread.claim.quote)}"
    return Line((*event_pieces(told.event), Piece(title)))


def _thread_input(value: bytes) -> Line:
    what = thread_inputs.decode(value).what
    if isinstance(what, Tick):
        return Line((Piece(f"{local(what.time)}  tick  partition {what.partition}", DIM),), heartbeat=True)
    if isinstance(what, Command):
        into = f" into {visible(what.into)}" if what.into else ""
        text = f"{local(what.given)}  {what.do} {what.thread}{into}, by {flat(what.author)}: {flat(what.comment)}"
        return Line((Piece(text),))
    return _thread_article(what)


def _thread_article(what: Flagged) -> Line:
    fetched = local(what.article.fetched)
    if what.heartbeat is not None:
        return Line((Piece(f"{fetched}  heartbeat  partition {what.heartbeat}", DIM),), heartbeat=True)
    kinds = ", ".join(sorted({flag.kind for flag in what.flags})) or "no flags"
    return Line((Piece(f"{fetched}  "), Piece(kinds, BOLD), Piece(f"  {_headline(what.article)}")))


def _dead(message: Message) -> Line:
    headers = {name: visible(value.decode(errors="backslashreplace")) for name, value in message.headers}
    ours = {name.removeprefix(PREFIX): text for name, text in headers.items() if name.startswith(PREFIX)}
    if RETRIED in ours:
        text = f"{local(message.timestamp)}  sent back  {message.topic}/{ours[RETRIED]}, by {ours.get('author', '?')}"
        return Line((Piece(text, DIM),))
    place = f"{ours.get('topic', '?')}[{ours.get('partition', '?')}]@{ours.get('offset', '?')}"
    size = len(message.value or b"")
    others = "".join(f"\n    {name}: {text}" for name, text in headers.items() if not name.startswith(PREFIX))
    return Line(
        (
            Piece(f"{local(message.timestamp)}  {place}  "),
            Piece(ours.get("error", "no reason given"), BOLD + RED),
            Piece(f"\n    {ours.get('reason', '')}\n    {size} bytes, key {_text(message.key)}{others}"),
        )
    )


def _unreadable(message: Message, reason: str) -> Line:
    place = f"{message.topic}[{message.partition}]@{message.offset}"
    text = f"{local(message.timestamp)}  {place}  unreadable, {len(message.value or b'')} bytes: {visible(reason)}"
    return Line((Piece(text, RED),))


def _text(key: bytes | None) -> str:
    return "none" if key is None else visible(key.decode(errors="backslashreplace"))


_SHOWN: Final[dict[str, Callable[[bytes], Line]]] = {
    FLAGS: _flagged,
    ARTICLES_RAW: _batch,
    ARTICLES_FRESH: _batch,
    ARTICLES_DEDUPED: _batch,
    COPIES: _copy_group,
    THREADS: _thread,
    THREAD_EVENTS: _thread_event,
    STORY_EVENTS: _story_event,
    THREADS_IN: _thread_input,
    FEEDS: _feed_record,
    FEED_STATE: _feed_state,
    PAGES_REQUESTS: _page_request,
    PAGES_RESULTS: _page_result,
    **readable_alerts.SHOWN,
}
_DEAD: Final = {dead_topic(topic.name) for topic in TOPICS}
