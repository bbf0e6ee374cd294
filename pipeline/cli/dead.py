"""`counterclaim dead list|show|retry`: records that could not be handled, and how they are given another try."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich.table import Table

from pipeline.cli.options import ConfigOption, JsonOption, config_dir, login
from pipeline.cli.tables import print_table
from pipeline.dead import Letter, back, chosen, letters, mark, refuse_states
from pipeline.errors import UsageError
from pipeline.kafka import Publisher, read_log
from pipeline.logs import visible
from pipeline.records import dead_topic
from pipeline.settings.load import load_settings
from pipeline.topics import TOPICS

ASK_ABOVE: Final = 20
"""Records that are sent back without a question."""

dead_app = typer.Typer(
    name="dead",
    help="Records that could not be handled: what they are, why, and another try for them.",
    no_args_is_help=True,
)

TopicOption = Annotated[
    str | None, typer.Option("--topic", help="Only those of this topic: articles.raw.", show_default=False)
]
ErrorOption = Annotated[
    str | None, typer.Option("--error", help="Only those that died of this error: UndecodableError.")
]


@dead_app.command("list")
def list_letters(
    topic: TopicOption = None,
    error: ErrorOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the dead letters, the oldest first: where each is, why it died, and whether it was sent back.

    counterclaim dead list --topic articles.raw
    """
    found = _read(_servers(config), topic, error)
    if as_json:
        print(json.dumps([one.as_builtins() for one in found], ensure_ascii=False))
        return
    table = Table("dead letter", "died", "error", "bytes", "retried", "why")
    table.box = None
    for one in found:
        retried = "" if one.retried is None else f"{one.retried.astimezone():%Y-%m-%d %H:%M}"
        died = f"{one.died.astimezone():%Y-%m-%d %H:%M}"
        table.add_row(one.place, died, visible(one.error), str(len(one.value)), retried, visible(one.reason)[:200])
    print_table(table)
    print(f"{len(found)} dead letters, {sum(one.retried is not None for one in found)} of them sent back")


@dead_app.command("show")
def show(
    place: Annotated[str, typer.Argument(metavar="PLACE", help="As `dead list` has it: articles.raw/3/17.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one dead letter whole: where it came from, why it died, its headers and its bytes.

    counterclaim dead show articles.raw/3/17
    """
    (one,) = chosen(_read(_servers(config), place.split("/")[0], None), [place])
    headers = {name: value.decode(errors="backslashreplace") for name, value in one.headers}
    text = one.value.decode(errors="backslashreplace")
    if as_json:
        print(json.dumps(one.as_builtins() | {"headers": headers, "value": text}, ensure_ascii=False))
        return
    said = {name: value for name, value in one.as_builtins().items() if value not in (None, "")}
    for name, value in (said | headers).items():
        print(f"{visible(name):>12}  {visible(str(value))}")
    print("\n" + "\n".join(map(visible, _pretty(text).split("\n"))))


@dead_app.command("retry")
def retry(
    places: Annotated[
        list[str] | None, typer.Argument(metavar="PLACE…", help="As `dead list` has them: articles.raw/3/17.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that were not sent back yet.")] = False,
    topic: TopicOption = None,
    error: ErrorOption = None,
    author: Annotated[str | None, typer.Option("--author", help="Who does it. Default: the login name.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be sent.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Also states: they may replace newer ones.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help=f"Do not ask, also above {ASK_ABOVE}.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send dead letters back to where they came from, as they were; they stay in the list, as retried.

    Mend what they died of first, or they die again. Name them, or give --all, with --topic or --error to narrow it.
    A state (`threads`: the newest record of each key) goes back with --force only: it may be older than what is there.

        counterclaim dead retry articles.raw/3/17
        counterclaim dead retry --all --error NewerSchemaError --dry-run
    """
    if bool(places) == everything:
        raise UsageError("name the dead letters to send back, or say --all")
    servers = _servers(config)
    found = _read(servers, topic, error)
    wanted = chosen(found, places or []) if places else [one for one in found if one.retried is None]
    if not force:
        refuse_states(wanted)
    if not dry_run and not yes and len(wanted) > ASK_ABOVE:
        typer.confirm(f"Send {len(wanted)} records back?", abort=True, err=True)
    if not dry_run:
        asyncio.run(_send_back(servers, wanted, author or login()))
    if as_json:
        sent = [one.place for one in wanted]
        print(json.dumps({"sent": [] if dry_run else sent, "would_send": sent if dry_run else []}))
        return
    for name, count in sorted(Counter(one.topic for one in wanted).items()):
        print(f"{name}: {count} {'would go' if dry_run else 'went'} back")
    if not wanted:
        print("nothing to send back")


async def _send_back(servers: Sequence[str], wanted: Sequence[Letter], author: str) -> None:
    """One after the other, so that a partition's records keep their order; each is marked once it is acknowledged."""
    async with Publisher(servers) as publisher:
        for one in wanted:
            record = back(one)
            await publisher.send(
                record.topic, record.value, key=record.key, partition=record.partition, headers=record.headers
            )
            done = mark(one, author)
            await publisher.send(done.topic, done.value, key=done.key, partition=one.partition, headers=done.headers)


def _read(servers: Sequence[str], topic: str | None, error: str | None) -> list[Letter]:
    with ThreadPoolExecutor() as threads:  # each waits for the broker most of the time
        read = threads.map(lambda name: list(read_log(servers, name)), _dead_topics(topic))
    found = letters(message for messages in read for message in messages)
    return [one for one in found if error in (None, one.error)]


def _dead_topics(topic: str | None) -> list[str]:
    there = [one.name for one in TOPICS if one.name.endswith(dead_topic(""))]
    if topic is None:
        return there
    wanted = topic if topic.endswith(dead_topic("")) else dead_topic(topic)
    if wanted not in there:
        of = ", ".join(name.removesuffix(dead_topic("")) for name in there)
        raise UsageError(f"nothing dies on {topic!r}: say one of {of}")
    return [wanted]


def _pretty(text: str) -> str:
    try:
        return msgspec.json.format(text, indent=2)
    except msgspec.DecodeError:
        return text


def _servers(config: Path | None) -> tuple[str, ...]:
    return load_settings(config_dir(config), os.environ).kafka.servers
