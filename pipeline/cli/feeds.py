"""`counterclaim feeds status|show|find`: how feeds fare, why each is polled when it is, where a site keeps its own."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table

from pipeline.cli.late import Verb, late
from pipeline.cli.options import ConfigOption, JsonOption, config_dir
from pipeline.cli.tables import print_table
from pipeline.errors import UsageError
from pipeline.feeds.discovery import Found, find
from pipeline.feeds.fetch import Fetcher
from pipeline.feeds.listing import effective
from pipeline.feeds.parser_pool import ParserPool
from pipeline.feeds.report import FeedReport, reports, span
from pipeline.feeds.shared import read_list
from pipeline.feeds.state import load_states
from pipeline.settings.checks import check_url, feed_key
from pipeline.settings.load import load_feeds, load_settings
from pipeline.settings.models import PollSettings

VERBS = (
    Verb(
        "add",
        "pipeline.cli.feeds_change:add",
        "Add a feed, or change one that is there; the pollers follow within seconds, and no file changes "
        "that any more.",
    ),
    Verb(
        "pause",
        "pipeline.cli.feeds_change:pause",
        "Stop polling a feed until it is resumed; it stays in the list, and what is known of it is kept.",
    ),
    Verb(
        "resume",
        "pipeline.cli.feeds_change:resume",
        "Poll a feed again that was paused or removed, or whose server had said that it is gone for good (410).",
    ),
    Verb(
        "remove",
        "pipeline.cli.feeds_change:remove",
        "Remove a feed. It stays removed if a file lists it, also after the next start, until it is resumed or added.",
    ),
    Verb(
        "import",
        "pipeline.cli.feeds_change:import_feeds",
        "Add all feeds of a list that are not there yet. Options stand for what the list does not say of a feed.",
    ),
    Verb(
        "export",
        "pipeline.cli.feeds_change:export_feeds",
        "Print the list as it is now, as a feeds.yaml or as OPML; an import of it elsewhere makes the same list.",
    ),
)

feeds_app = typer.Typer(
    name="feeds",
    cls=late(*VERBS),
    help="The feeds: how they fare, which there are, and where a site keeps its own.",
    epilog="What is decided by command wins over feeds.yaml, also at the next start: what was added is changed "
    "and removed by command only, what was paused or removed stays so though a file lists it. "
    "All else follows the file.",
    no_args_is_help=True,
)

UrlArgument = Annotated[str, typer.Argument(metavar="URL", help="The feed, as it is listed.")]


@feeds_app.command("status")
def status(
    failing: Annotated[bool, typer.Option("--failing", help="Only feeds that need somebody.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show every feed: state, last success, last item, interval and why, known share, gaps, errors in words.

    counterclaim feeds status --failing
    """
    found = _reports(config)
    shown = [one for one in found if one.health in {"failing", "gone", "quiet"} or one.overdue] if failing else found
    if as_json:
        print(json.dumps([_plain(one) for one in shown], ensure_ascii=False))
        return
    now = datetime.now(UTC)
    table = Table("state", "outlet", "last success", "last item", "every", "known", "gaps", "feed and reason", box=None)
    for one in shown:
        table.add_row(*_row(one, now))
    print_table(table)
    healths = Counter(one.health for one in found)
    print(f"{len(found)} feeds: " + ", ".join(f"{count} {name}" for name, count in sorted(healths.items())))


@feeds_app.command("show")
def show(url: UrlArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show one feed, and everything that was weighed for its next poll.

    counterclaim feeds show https://news.example/rss.xml
    """
    one = _listed(url, _reports(config))
    if as_json:
        print(json.dumps(_plain(one), ensure_ascii=False))
        return
    for name, text in _lines(one, datetime.now(UTC)):
        print(f"{name:>13}  {text}")


@feeds_app.command("find")
def find_feeds(
    url: Annotated[str, typer.Argument(metavar="URL", help="A site, a section's page, or a feed.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find a site's feeds: what its page and its robots.txt name, else the usual places. Each is fetched and tried.

        counterclaim feeds find https://news.example/

    Exit code 1 if there is none.
    """
    settings = load_settings(config_dir(config), os.environ)
    try:
        address = check_url(url)
    except ValueError as error:
        raise UsageError(str(error)) from error  # it shows the address, without a password
    found = asyncio.run(_find(address, settings.poll))
    if as_json:
        print(json.dumps([_plain(one) for one in found], ensure_ascii=False))
    else:
        now = datetime.now(UTC)
        table = Table("feed", "title", "items", "newest", "why", box=None)
        for one in found:
            table.add_row(one.url, one.title, str(one.items), _ago(one.newest, now), one.why)
        if found:
            print_table(table)
        else:
            print(f"{url}: no feed found; look for a link on its pages", file=sys.stderr)
    if not found:
        raise typer.Exit(1)


async def _find(url: str, settings: PollSettings) -> tuple[Found, ...]:
    pool = ParserPool(1, settings.parse_timeout_seconds)
    try:
        async with Fetcher(settings) as fetcher:
            return await find(url, fetcher=fetcher, parser=pool)
    finally:
        await pool.close()


def _reports(config: Any) -> list[FeedReport]:
    settings = load_settings(config_dir(config), os.environ)
    records = effective(load_feeds(settings), read_list(settings.kafka.servers))
    return reports(records.values(), load_states(settings.kafka.servers), datetime.now(UTC))


def _listed(url: str, found: Sequence[FeedReport]) -> FeedReport:
    try:
        key = feed_key(check_url(url))
    except ValueError as error:
        raise UsageError(str(error)) from error  # it shows the address, without a password
    for one in found:
        if feed_key(one.url) == key:
            return one
    raise UsageError(f"{url}: no such feed is listed; `counterclaim feeds status` shows those that are")


def _row(one: FeedReport, now: datetime) -> list[str]:
    known = "" if one.seen_share is None else f"{one.seen_share:.0%}"
    every = "" if one.interval_seconds is None else span(one.interval_seconds)
    state = f"{one.health}, overdue" if one.overdue else one.health
    return [
        state,
        one.outlet,
        _ago(one.last_success, now),
        _ago(one.last_item, now),
        every,
        known,
        str(one.gaps or ""),
        f"{one.url}  {one.reason}",
    ]


def _lines(one: FeedReport, now: datetime) -> Iterator[tuple[str, str]]:
    yield "feed", one.url
    if one.fetched_from:
        yield "fetched from", f"{one.fetched_from} (it moved for good)"
    yield "outlet", one.outlet
    yield "state", one.health + (f", {one.failures} failures in a row" if one.failures else "")
    yield "last success", _ago(one.last_success, now) or "never"
    yield "last item", _ago(one.last_item, now) or "none yet"
    if one.left_out:
        yield "items", f"the newest {one.items:,} of {one.items + one.left_out:,}; the others are left out"
    if one.seen_share is not None:
        yield "known share", f"{one.seen_share:.0%} of the last changed body"
    if one.gaps:
        yield "gaps", f"{one.gaps}, at most {span(one.gap_seconds)} altogether, the last {_ago(one.last_gap, now)}"
    if one.next_poll is not None:
        yield (
            "next poll",
            f"{one.next_poll.isoformat(timespec='seconds')}{', overdue: is a poller running?' * one.overdue}",
        )
    yield "because", one.reason
    for other in one.considered:
        yield "weighed", other


def _ago(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return ""
    seconds = (now - moment).total_seconds()
    return f"{span(seconds)} ago" if seconds >= 0 else f"in {span(-seconds)}"


def _plain(one: FeedReport | Found) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(one).items()}
