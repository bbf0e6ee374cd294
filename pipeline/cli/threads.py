"""`counterclaim threads list|show`: dispute threads as they are, and what happened to one."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table

from pipeline.cli.late import Verb, late
from pipeline.cli.options import ConfigOption, JsonOption, config_dir
from pipeline.cli.tables import print_table
from pipeline.errors import RecordError, UsageError
from pipeline.feeds.report import span
from pipeline.kafka import read_log, read_table
from pipeline.logs import visible
from pipeline.readable import event_pieces, who
from pipeline.records import Evidence, Thread, ThreadEvent, thread_events, threads
from pipeline.records.thread import MAX_SOURCES, Side, State
from pipeline.settings.load import load_settings
from pipeline.topics import THREAD_EVENTS, THREADS

VERBS = (
    Verb(
        "split",
        "pipeline.cli.threads_change:split",
        "Give these articles a thread of their own. Of the two, the one with the first article keeps the id.",
    ),
    Verb(
        "merge",
        "pipeline.cli.threads_change:merge",
        "Merge a thread into another of the same language; what comes to it later goes there too.",
    ),
    Verb(
        "move",
        "pipeline.cli.threads_change:move",
        "Move articles to another thread of the same language; their later texts and copies stay there.",
    ),
    Verb(
        "mark",
        "pipeline.cli.threads_change:mark",
        "Mark a claim as conceded by the accused, or retracted by the accuser: no machine can tell for certain.",
    ),
)

threads_app = typer.Typer(
    name="threads",
    cls=late(*VERBS),
    help="Dispute threads: who claims what, who denies it; and what people decide about them.",
    no_args_is_help=True,
)

ThreadArgument = Annotated[str, typer.Argument(metavar="THREAD", help="Its id, or the beginning of it.")]


@threads_app.command("list")
def list_threads(
    state: Annotated[
        State | None, typer.Option("--state", help="Only threads in this state.", show_default=False)
    ] = None,
    language: Annotated[str | None, typer.Option("--language", help="Only threads in this language: en.")] = None,
    most: Annotated[int, typer.Option("--count", "-n", min=1, help="At most so many.")] = 50,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List threads, the newest activity first; those that were merged into another are left out.

    counterclaim threads list --state disputed
    """
    found = [one for one in read_threads(_servers(config)).values() if not one.merged_into]
    found = [one for one in found if state in (None, one.state) and language in (None, one.language)]
    found.sort(key=lambda one: (one.last_activity, one.id), reverse=True)
    if as_json:
        print(_json(found[:most]))
        return
    table = Table("thread", "state", "last activity", "articles", "sources", "who, against whom", "denied by", "claim")
    table.box = None
    for one in found[:most]:
        table.add_row(*_row(one))
    print_table(table)
    rest = f", {len(found) - most} more: --count {len(found)}" if len(found) > most else ""
    print(f"{len(found[:most])} threads{rest}")


@threads_app.command("show")
def show(thread: ThreadArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show one thread: both sides with their first quotes, and everything that happened to it.

    counterclaim threads show 3f2a
    """
    servers = _servers(config)
    one = find(read_threads(servers), thread)
    events = read_events(servers, one.id)
    if as_json:
        print(_json({"thread": one, "events": events}))
        return
    for name, text in _lines(one):
        print(f"{name:>16}  {text}")
    for event in events:
        print("\n" + "".join(piece.text for piece in event_pieces(event)))


def read_threads(bootstrap: Sequence[str]) -> dict[str, Thread]:
    """All threads, by id. Blocks; raises KafkaError. A record that cannot be read is left out."""
    found: dict[str, Thread] = {}
    for value in read_table(bootstrap, THREADS).values():
        with suppress(RecordError):
            one = threads.decode(value)
            found[one.id] = one
    return found


def read_events(bootstrap: Sequence[str], thread_id: str) -> list[ThreadEvent]:
    """What is still kept of what happened to a thread, in its order; each event once. Blocks; raises KafkaError."""
    found: dict[str, ThreadEvent] = {}
    for message in read_log(bootstrap, THREAD_EVENTS):
        if message.key == thread_id.encode() and message.value is not None:
            with suppress(RecordError):
                event = thread_events.decode(message.value)
                found.setdefault(event.id, event)
    return list(found.values())


def find(known: dict[str, Thread], named: str) -> Thread:
    """The thread whose id begins so.

    Raises:
        UsageError: there is none, or several.
    """
    found = [one for name, one in known.items() if named and name.startswith(named.lower())]
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(f"{named}: no such thread; `counterclaim threads list` shows those that there are")
    raise UsageError(f"{named}: {len(found)} threads begin so; say more of the id")


def _servers(config: Any) -> tuple[str, ...]:
    return load_settings(config_dir(config), os.environ).kafka.servers


def _row(one: Thread) -> list[str]:
    return [
        one.id,
        one.state,
        one.last_activity.astimezone().strftime("%Y-%m-%d %H:%M"),
        f"{one.members}" + (f", {one.copies} copies" if one.copies else ""),
        _independent(one.telling),
        f"{who(one.accusers)} → {who(one.accused)}",
        who(one.deniers) if one.denying.articles else "",
        visible(one.claim.quote),
    ]


def _lines(one: Thread) -> Iterator[tuple[str, str]]:
    yield "thread", one.id
    if one.merged_into:
        yield "merged into", one.merged_into
    if one.split_from:
        yield "split from", one.split_from
    yield "state", one.state
    if one.decision is not None:
        yield "decided by", visible(f"{one.decision.author}: {one.decision.comment or 'no comment'}")
    yield "claim", visible(f"“{one.claim.quote}”")
    for name, parties in (("accusers", one.accusers), ("accused", one.accused), ("deniers", one.deniers)):
        others = f", and {parties.others} statements of others" if parties.others else ""
        named = ", ".join(f"{visible(party.name)} ({party.articles})" for party in parties.named)
        yield name, (named or "not named") + others
    for name, found in (("first allegation", one.first_allegation), ("first denial", one.first_denial)):
        if found is not None:
            yield name, _quoted(found)
    yield "lag", "not known" if one.lag_seconds is None else span(one.lag_seconds)
    yield "articles", f"{one.members}, {one.copies} of them copies; {_independent(one.telling)} independent sources"
    for name, side in (("alleging", one.alleging), ("denying", one.denying)):
        yield name, f"{side.articles} articles; sources: {visible(', '.join(side.sources)) or 'none'}"
    if one.apart:
        yield "kept apart from", ", ".join(one.apart)


def _quoted(found: Evidence) -> str:
    when = found.published.astimezone().strftime("%Y-%m-%d %H:%M")
    return visible(f"{when}  {found.outlet}: “{found.quote}”  {found.link}")


def _independent(side: Side) -> str:
    return f"{side.independent}{' or more' if side.independent >= MAX_SOURCES else ''}"


def _json(value: Any) -> str:
    return json.dumps(msgspec.to_builtins(value), ensure_ascii=False)
