"""`counterclaim feeds add|pause|resume|remove|import|export`: the list of feeds, changed while the pollers run.

Each reads the list, decides what to write, and writes it; what is there already is not written again, so a command that
was cut short is simply given again.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer
import yaml
from pydantic import ValidationError

from pipeline.cli.options import ConfigOption, JsonOption, config_dir, read_files
from pipeline.cli.tables import with_progress
from pipeline.documents import sentence, strictly
from pipeline.errors import UsageError
from pipeline.feeds.listing import Changes, as_feed, effective, from_file
from pipeline.feeds.outline import Outline, read_outline, write_opml
from pipeline.feeds.shared import count_partitions, read_list, write_list
from pipeline.kafka import Publisher
from pipeline.records import FeedRecord
from pipeline.settings.checks import check_url, feed_key
from pipeline.settings.load import load_feeds, load_settings
from pipeline.settings.models import Feed, Settings

Known = Mapping[str, FeedRecord]

AT_ONCE: Final = 100
"""Records of a long import between two steps of its bar."""

UrlArgument = Annotated[str, typer.Argument(metavar="URL", help="The feed's address.")]
OutletOption = Annotated[str | None, typer.Option("--outlet", help="The name readers know: BBC News.")]
OwnerOption = Annotated[str | None, typer.Option("--owner", help="Who controls it in the end. Default: the outlet.")]
CountryOption = Annotated[str | None, typer.Option("--country", help="ISO 3166-1 code of the outlet's country: GB.")]
LanguageOption = Annotated[str | None, typer.Option("--language", help="ISO 639-1 code of its language: en.")]
FullTextOption = Annotated[str | None, typer.Option("--full-text", help="Fetch pages: never, flagged or always.")]
IntervalOption = Annotated[float | None, typer.Option("--interval", help="Seconds between two polls.")]


def add(
    url: UrlArgument,
    outlet: OutletOption = None,
    owner: OwnerOption = None,
    country: CountryOption = None,
    language: LanguageOption = None,
    interval: IntervalOption = None,
    full_text: FullTextOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a feed, or change one that is there; the pollers follow within seconds, and no file changes that any more.

    Of a feed that is there already, only what is given is changed. A feed that was removed is polled again.

        counterclaim feeds add https://news.example/rss --outlet "The News" --country GB --language en
    """
    said = {"outlet": outlet, "owner": owner, "country": country, "language": language, "interval_seconds": interval}
    said["full_text"] = full_text
    given = {name: value for name, value in said.items() if value is not None}

    def change(known: Known) -> Changes:
        key = _key(url)
        before = known.get(key)
        values: dict[str, Any] = {"url": url}
        if before is not None:
            values = as_feed(before).model_dump(exclude_none=True)
        values |= given
        if before is None and "outlet" in values:
            values.setdefault("owner", values["outlet"])
        try:
            feed = strictly(Feed, values)
        except ValidationError as error:
            found = [sentence(detail, Feed) for detail in error.errors(include_url=False)]
            raise UsageError("\n".join(f"{url}: {text}" for text in found)) from error
        paused = before is not None and before.paused and not before.removed
        return {key: msgspec.structs.replace(from_file(feed), source="runtime", paused=paused)}

    _say(url, _change(config, change), as_json, "listed; the pollers take it up within seconds")


def pause(url: UrlArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Stop polling a feed until it is resumed; it stays in the list, and what is known of it is kept.

    A feed of a file stays paused at every start, until it is resumed or leaves the file.

        counterclaim feeds pause https://news.example/rss
    """
    changes = _change(config, lambda known: _replaced(known, url, paused=True))
    _say(url, changes, as_json, "paused; `counterclaim feeds resume` has it polled again")


def resume(url: UrlArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Poll a feed again that was paused or removed, or whose server had said that it is gone for good (410).

    counterclaim feeds resume https://news.example/rss
    """
    now = datetime.now(UTC)
    changes = _change(config, lambda known: _replaced(known, url, gone=True, paused=False, removed=False, resumed=now))
    _say(url, changes, as_json, "resumed; the pollers take it up within seconds")


def remove(url: UrlArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Remove a feed. It stays removed if a file lists it, also after the next start, until it is resumed or added.

    counterclaim feeds remove https://news.example/rss
    """
    changes = _change(config, lambda known: _replaced(known, url, removed=True))
    _say(url, changes, as_json, "removed; `counterclaim feeds resume` brings it back")


def import_feeds(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="OPML, or one address a line; - is standard input.")],
    owner: OwnerOption = None,
    country: CountryOption = None,
    language: LanguageOption = None,
    interval: IntervalOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; change nothing.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add all feeds of a list that are not there yet. Options stand for what the list does not say of a feed.

        counterclaim feeds import subscriptions.opml --country GB --language en --dry-run

    What is there is not changed, and what was removed stays removed, so an import can be repeated, also after it was
    cut short. As with `add`, no file changes these feeds any more. A line that is wrong is said with its number, and
    left out; exit code 1 if there is one.
    """
    said = {"owner": owner, "country": country, "language": language, "interval_seconds": interval}
    ((_, data),) = read_files([file])
    outline = read_outline(data, {name: value for name, value in said.items() if value is not None})
    there: dict[str, FeedRecord] = {}

    def change(known: Known) -> Changes:
        there.update(known)
        return additions(outline, known)

    added = [record.url for record in _change(config, change, dry_run=dry_run).values() if record]
    removed = [feed.url for _, feed in outline.feeds if (one := there.get(feed_key(feed.url))) and one.removed]
    known = len(outline.feeds) - len(added) - len(removed)
    if as_json:
        faults = [{"line": fault.line, "why": fault.why} for fault in outline.faults]
        told = {"added": added, "known": known, "removed": removed, "faults": faults, "dry_run": dry_run}
        print(json.dumps(told, ensure_ascii=False))
    else:
        for fault in outline.faults:
            print(f"{file}:{fault.line}: {fault.why}", file=sys.stderr)
        for url in removed:
            print(f"{url}: was removed, and stays so: `counterclaim feeds resume` brings it back", file=sys.stderr)
        word = "would be added" if dry_run else "added"
        print(
            f"{len(added)} feeds {word}; {known} were there, {len(removed)} were removed before, "
            f"{len(outline.faults)} lines are wrong"
        )
    if outline.faults:
        raise typer.Exit(1)


def export_feeds(
    opml: Annotated[bool, typer.Option("--opml", help="As OPML 2.0, for other readers.")] = False,
    config: ConfigOption = None,
) -> None:
    """Print the list as it is now, as a feeds.yaml or as OPML; an import of it elsewhere makes the same list.

        counterclaim feeds export --opml > subscriptions.opml

    Feeds that were removed are not in it; paused ones are, as any other: a pause is not exported.
    """
    settings = load_settings(config_dir(config), os.environ)
    known = effective(load_feeds(settings), read_list(settings.kafka.servers))
    feeds = [as_feed(record) for _, record in sorted(known.items()) if not record.removed]
    if opml:
        print(write_opml(feeds), end="")
    else:
        plain = [feed.model_dump(exclude_none=True) for feed in feeds]
        print(yaml.safe_dump({"feeds": plain}, allow_unicode=True, sort_keys=False), end="")


def additions(outline: Outline, known: Known) -> Changes:
    """The records of an imported list that are new; one that was removed at run time stays removed. Pure."""
    return {
        feed_key(feed.url): msgspec.structs.replace(from_file(feed), source="runtime")
        for _, feed in outline.feeds
        if feed_key(feed.url) not in known
    }


def _replaced(known: Known, url: str, *, gone: bool = False, **values: Any) -> Changes:
    """The listed feed with these values; ``gone``: one that was removed may be meant."""
    key = _key(url)
    record = known.get(key)
    if record is None or (record.removed and not gone):
        raise UsageError(f"{url}: no such feed is listed; `counterclaim feeds status` shows those that are")
    return {key: msgspec.structs.replace(record, **values)}


def _key(url: str) -> str:
    try:
        return feed_key(check_url(url))
    except ValueError as error:
        raise UsageError(str(error)) from error  # it shows the address, without a password


def _change(config: Path | None, change: Callable[[Known], Changes], *, dry_run: bool = False) -> Changes:
    """Read the list, decide, write what changes; what that is."""
    settings = load_settings(config_dir(config), os.environ)
    known = effective(load_feeds(settings), read_list(settings.kafka.servers))
    changes = {key: record for key, record in change(known).items() if known.get(key) != record}
    if changes and not dry_run:
        asyncio.run(_write(settings, changes))
    return changes


async def _write(settings: Settings, changes: Changes) -> None:
    partitions = await asyncio.to_thread(count_partitions, settings.kafka.servers)
    async with Publisher(settings.kafka.servers) as publisher:
        keys = list(changes)
        parts = [keys[begin : begin + AT_ONCE] for begin in range(0, len(keys), AT_ONCE)]
        for part in with_progress(parts, "writing", len(parts)):
            await write_list(publisher, {key: changes[key] for key in part}, partitions)


def _say(url: str, changes: Changes, as_json: bool, what: str) -> None:
    if as_json:
        print(json.dumps({"url": url, "changed": bool(changes)}, ensure_ascii=False))
    else:
        print(f"{url}: {what}" if changes else f"{url}: nothing to change")
