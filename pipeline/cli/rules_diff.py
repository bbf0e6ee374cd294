"""`counterclaim rules diff`: what a change of the rules changes, on a file of articles or on what the topic holds."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, get_args

import msgspec
import typer

from pipeline.backtest import backtest
from pipeline.cli.options import ConfigOption, JsonOption, config_dir, parse_since, read_files
from pipeline.cli.rules import open_rules
from pipeline.cli.tables import with_progress
from pipeline.errors import RecordError, UsageError
from pipeline.evaluate.compare import Change, Comparison, Dated, Difference, Volume, compare
from pipeline.evaluate.layout import quotes
from pipeline.feeds.files import read_documents
from pipeline.kafka import Message, begin_offsets, end_offsets, read_log
from pipeline.logs import visible
from pipeline.readable import parties
from pipeline.records import Flag, Kind, decode_batch
from pipeline.rules import Rules, load_rules
from pipeline.settings.load import load_settings
from pipeline.topics import ARTICLES_DEDUPED, ARTICLES_RETENTION

CURRENT: Final = "current"
EXAMPLES: Final = 10
CHANGES: Final[tuple[Change, ...]] = get_args(Change)
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


OldArgument = Annotated[
    str, typer.Argument(metavar="OLD", help="Folder of rule files, or `current`: those of the configuration.")
]
NewArgument = Annotated[str, typer.Argument(metavar="NEW", help="The same, for the rules to compare with.")]
ArticlesOption = Annotated[
    list[Path] | None,
    typer.Option("--articles", metavar="FILE", help="Articles as `backtest` reads them. May be given several times."),
]
SinceOption = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="7d",
        help=f"Articles that came to the topic in that time: 30m, 12h, 7d. It keeps {ARTICLES_RETENTION.days} days.",
    ),
]
ExamplesOption = Annotated[
    int, typer.Option("--examples", min=0, help="Flags shown of each rule that gained, lost or changed some.")
]


def diff(
    old: OldArgument,
    new: NewArgument,
    articles: ArticlesOption = None,
    since: SinceOption = None,
    examples: ExamplesOption = EXAMPLES,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two rule sets on the same articles: flags gained, lost and changed, and how many a day.

    Nothing is published and nothing committed, so nothing alerts. Duplicates count once. The days of a file are those
    of publication, the days of the topic those of arrival (UTC).

        counterclaim rules diff current my-rules --since 7d
        counterclaim rules diff current my-rules --articles articles.jsonl --json | jq .by_rule
    """
    if bool(articles) == bool(since):
        raise UsageError("say either --articles FILE or --since 7d")
    now = datetime.now(UTC)
    back = parse_since(since) if since else None
    before, after = (_rules(name, config) for name in (old, new))
    if back is None:
        found = compare(_of_files(articles or [], now), before, after, examples)
        skipped = 0
    else:
        if back > ARTICLES_RETENTION:
            print(f"{ARTICLES_DEDUPED} keeps {ARTICLES_RETENTION.days} days: older articles are gone", file=sys.stderr)
        reading = Reading(now - back)
        servers = load_settings(config_dir(config), os.environ).kafka.servers
        found = compare(reading.articles(_messages(servers)), before, after, examples)
        skipped = reading.unreadable
    if skipped:
        print(f"{skipped} records or articles could not be read and are left out", file=sys.stderr)
    if as_json:
        print(json.dumps(to_json(found), ensure_ascii=False))
        return
    for line in lines(found):
        print(line)


@dataclass(slots=True)
class Reading:
    """Articles of the records that came since then, each revision once however often it was sent."""

    since: datetime
    unreadable: int = 0
    _seen: set[tuple[str, str]] = field(default_factory=set)

    def articles(self, messages: Iterable[Message]) -> Iterator[Dated]:
        """Those of each record; a heartbeat's are none."""
        for message in messages:
            if message.value is None or message.timestamp < self.since:
                continue
            try:
                batch, bad = decode_batch(message.value)
            except RecordError:
                self.unreadable += 1
                continue
            self.unreadable += len(bad)
            for article in batch.articles if batch.heartbeat is None else ():
                key = (article.id, article.text_hash)
                if key not in self._seen:
                    self._seen.add(key)
                    yield Dated(message.timestamp.date(), article)


def lines(found: Comparison) -> Iterator[str]:
    """A comparison for people."""
    days = sorted(day for day in found.articles if day)
    when = f", {days[0]} to {days[-1]}" if days else ""
    yield f"{found.articles.total()} articles{when}; rule set {found.old} → {found.new}"
    yield ", ".join(f"{found.changes[change]} {change}" for change in CHANGES)
    if found.by_rule:
        yield from _table("rule", found.by_rule)
        yield from _table("language", found.by_language)
    yield from _volume(found)
    for change in CHANGES:
        for one in (one for one in found.differences if one.change == change):
            yield ""
            yield from _difference(one)


def to_json(found: Comparison) -> dict[str, Any]:
    """A comparison for machines."""
    return {
        "old": found.old,
        "new": found.new,
        "articles": found.articles.total(),
        **{change: found.changes[change] for change in CHANGES},
        "by_rule": _counts(found.by_rule),
        "by_language": _counts(found.by_language),
        "by_day": [
            {
                "day": str(day) if day else None,
                "articles": found.articles[day],
                "old": {kind: found.before[day, kind] for kind in KINDS},
                "new": {kind: found.after[day, kind] for kind in KINDS},
            }
            for day in sorted(found.articles, key=str)
        ],
        "differences": [
            {
                "change": one.change,
                "what": list(one.what),
                "article": one.article.id,
                "url": one.article.url,
                "language": one.article.language,
                "title": one.article.title,
                "old": msgspec.to_builtins(one.old),
                "new": msgspec.to_builtins(one.new),
            }
            for one in found.differences
        ],
    }


def _counts(counts: Counter[tuple[str, Change]]) -> dict[str, dict[Change, int]]:
    return {key: {change: counts[key, change] for change in CHANGES} for key in sorted({key for key, _ in counts})}


def _rules(name: str, config: Path | None) -> Rules:
    if name == CURRENT:
        return open_rules(None, config)[1]
    folder = Path(name)
    if not folder.is_dir():
        raise UsageError(f"{name}: is no folder of rule files; `{CURRENT}` is the configured one")
    return load_rules(folder)


def _of_files(files: Sequence[Path], now: datetime) -> Iterator[Dated]:
    lines = read_documents(read_files(files), now)
    # Without rules: who flags them is for the comparison to say.
    for _, result in with_progress(backtest(lines, Rules([], ""), now), "comparing", len(lines)):
        if result.duplicate_of is None:
            when = result.line.when
            yield Dated(when.astimezone(UTC).date() if when else None, result.article)


def _messages(servers: tuple[str, ...]) -> Iterable[Message]:
    begins, ends = begin_offsets(servers, [ARTICLES_DEDUPED]), end_offsets(servers, [ARTICLES_DEDUPED])
    total = sum(end - begins[partition] for partition, end in ends.items())
    return with_progress(read_log(servers, ARTICLES_DEDUPED), "comparing", total)


def _table(name: str, counts: Counter[tuple[str, Change]]) -> Iterator[str]:
    yield ""
    yield f"{name:40}" + "".join(f"{change:>9}" for change in CHANGES)
    for key in sorted({key for key, _ in counts}):
        yield f"{visible(key):40}" + "".join(f"{counts[key, change]:9}" for change in CHANGES)


def _volume(found: Comparison) -> Iterator[str]:
    kinds = [kind for kind in KINDS if any(one == kind for _, one in (*found.before, *found.after))]
    if not kinds:
        return
    yield ""
    yield f"{'day (UTC)':12}{'articles':>9}  " + "".join(f"{kind:18}" for kind in kinds) + "old → new"

    def row(name: str, articles: int, before: Volume, after: Volume) -> str:
        cells = (f"{_of(before, kind)} → {_of(after, kind)}" for kind in kinds)
        return f"{name:12}{articles:9}  " + "".join(f"{cell:18}" for cell in cells).rstrip()

    for day in sorted(found.articles, key=str):
        yield row(str(day or "no date"), found.articles[day], _on(found.before, day), _on(found.after, day))
    if len(found.articles) > 1:
        yield row("all", found.articles.total(), found.before, found.after)


def _on(volume: Volume, day: object) -> Volume:
    return Counter({key: number for key, number in volume.items() if key[0] == day})


def _of(volume: Volume, kind: Kind) -> int:
    return sum(number for (_, one), number in volume.items() if one == kind)


def _difference(one: Difference) -> Iterator[str]:
    day = f"{one.day}  " if one.day else ""
    what = f" ({', '.join(one.what)})" if one.what else ""
    outlet = f"{visible(one.article.outlet)}: " if one.article.outlet else ""
    yield f"{one.change} {one.flag.rule}{what}  {day}{outlet}{visible(one.article.title)}"
    for name, flag in (("old", one.old), ("new", one.new)):
        if flag is not None:
            yield f"    {name} {_told(flag)}"


def _told(flag: Flag) -> str:
    named = f", {who}" if (who := parties(flag)) else ""
    historic = ", historic" if flag.historic else ""
    return f"{flag.rule} {flag.kind}/{flag.category} {flag.score:g}: {quotes(flag.spans)}{named}{historic}"
