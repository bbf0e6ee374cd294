"""`counterclaim silences add|list|remove`: what nobody is to be told of for some time."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import msgspec
import typer
from rich.table import Table

from pipeline.cli.options import ConfigOption, JsonOption, config_dir, login, parse_since
from pipeline.cli.tables import print_table
from pipeline.errors import UsageError
from pipeline.kafka import Publisher
from pipeline.logs import visible
from pipeline.records import Silence, encode
from pipeline.settings.load import load_settings
from pipeline.settings.models import Settings
from pipeline.subscriptions.checks import check_query
from pipeline.subscriptions.file import read_list, read_silences
from pipeline.topics import ALERTS_RETENTION, SILENCES

LONGEST: Final = timedelta(days=366)
"""What is not wanted for longer belongs into the queries."""

silences_app = typer.Typer(
    name="silences",
    help="What nobody is to be told of for some time: a known story, a flood of follow-ups.",
    epilog="What a silence holds back is never told, but `counterclaim alerts list --outcome silenced` shows it. "
    "To stop one subscription altogether, pause it; to choose other stories, change its query.",
    no_args_is_help=True,
)


@silences_app.command("add")
def add(
    lasts: Annotated[str, typer.Option("--for", metavar="2h", help="How long from now: 30m, 12h, 7d.")],
    query: Annotated[str, typer.Option("--query", "-q", help="Stories that match: docs/subscriptions.md.")] = "",
    subscription: Annotated[
        str, typer.Option("--subscription", "-s", metavar="ID", help="For this subscription only.")
    ] = "",
    comment: Annotated[str, typer.Option("--comment", "-m", help="Why; others will want to know.")] = "",
    author: Annotated[str | None, typer.Option("--author", help="Who decides. Default: the login name.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Silence stories: nobody, or one subscription, is told of those that match, until it runs out.

    counterclaim silences add --query '"silver spoons"' --for 2h --comment "we have it"

    counterclaim silences add --query thread:45133c1a --for 24h --comment "we know this one"

    counterclaim silences add --subscription energy --for 12h --comment "moving office"
    """
    settings = load_settings(config_dir(config), os.environ)
    now = datetime.now(UTC)
    known = read_list(settings.kafka.servers) if subscription else {}
    if subscription and (subscription not in known or known[subscription].removed):
        raise UsageError(f"{subscription}: no such subscription; `counterclaim subscriptions list` shows them")
    silence = make_silence(query, subscription, parse_since(lasts), author or login(), comment, now)
    before = read_silences(settings.kafka.servers)
    asyncio.run(_write(settings, {silence.id: silence} | dict.fromkeys(outdated(before, now))))
    if as_json:
        print(json.dumps(msgspec.to_builtins(silence), ensure_ascii=False))
        return
    until = silence.until.astimezone().strftime("%Y-%m-%d %H:%M")
    print(f"{silence.id}: silent until {until}; `counterclaim silences remove {silence.id}` ends it")


@silences_app.command("list")
def list_silences(
    everything: Annotated[bool, typer.Option("--all", help="Those that have run out too.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the silences that hold: of which stories, for whom, how long, who decided and why.

    counterclaim silences list
    """
    settings = load_settings(config_dir(config), os.environ)
    now = datetime.now(UTC)
    found = [one for one in read_silences(settings.kafka.servers).values() if everything or one.until > now]
    found.sort(key=lambda one: (one.until, one.id))
    if as_json:
        print(json.dumps([msgspec.to_builtins(one) for one in found], ensure_ascii=False))
        return
    table = Table("silence", "until", "subscription", "query", "author", "comment", box=None)
    for one in found:
        until = one.until.astimezone().strftime("%Y-%m-%d %H:%M") + ("" if one.until > now else ", over")
        query = visible(one.query) or "every story"
        table.add_row(one.id, until, one.subscription or "all", query, visible(one.author), visible(one.comment))
    print_table(table)
    print(f"{len(found)} silences")


@silences_app.command("remove")
def remove(
    id: Annotated[str, typer.Argument(metavar="ID", help="The silence's id, as `list` has it.")],  # noqa: A002
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a silence before it runs out; stories are told again from now on.

    counterclaim silences remove 4f1c09aa
    """
    settings = load_settings(config_dir(config), os.environ)
    if id not in read_silences(settings.kafka.servers):
        raise UsageError(f"{id}: no such silence; `counterclaim silences list` shows those that there are")
    asyncio.run(_write(settings, {id: None}))
    print(json.dumps({"id": id, "removed": True}) if as_json else f"{id}: removed")


def make_silence(query: str, subscription: str, lasts: timedelta, author: str, comment: str, now: datetime) -> Silence:
    """A silence from ``now`` on.

    Raises:
        UsageError: the query is wrong, or it would silence everything, or for too long.
    """
    try:
        check_query(query)
    except ValueError as error:
        raise UsageError(f"--query: {error}") from error
    if not query.strip() and not subscription:
        raise UsageError("this would silence every story for everybody: say --query, --subscription, or both")
    if not timedelta() < lasts <= LONGEST:
        raise UsageError(f"--for: a silence lasts at least a minute and at most {LONGEST.days} days")
    return Silence(
        id=secrets.token_hex(4),
        query=query,
        subscription=subscription,
        since=now,
        until=now + lasts,
        author=author,
        comment=comment,
    )


def outdated(known: Mapping[str, Silence], now: datetime) -> list[str]:
    """Silences that ran out before the oldest alert that is still kept: nothing refers to them any more. Pure."""
    return [name for name, one in known.items() if one.until < now - ALERTS_RETENTION]


async def _write(settings: Settings, changes: Mapping[str, Silence | None]) -> None:
    async with Publisher(settings.kafka.servers) as publisher:
        for name, silence in changes.items():
            await publisher.send(SILENCES, None if silence is None else encode(silence), key=name.encode())
