"""Parse every file of a folder of captured feeds, both ways: `python -m bench.feeds --feeds FOLDER`.

Says which files the reader of plain feeds takes, why the others are left to feedparser, whether the articles are the
same (they must be), and what each step costs, in milliseconds of the mean and of the median file and as ratios of one
run. Then it holds the articles against feedparser's entries: items and dates that feedparser has and we have not. Items
without any text (a picture, a video) are named, not lost; dates of year 1 are none. Prints one JSON object, and ends
with 1 if anything differs, was lost or refused.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from time import perf_counter
from typing import Any

import feedparser

from pipeline.errors import ParseError
from pipeline.feeds.dates import EARLIEST
from pipeline.feeds.parse import parse
from pipeline.feeds.parse.plain import Odd, read_plain


@dataclass(frozen=True)
class Captured:
    """Stands for the feed that a file was captured from."""

    url: str
    outlet: str = "captured"
    language: str = ""


@dataclass
class Report:
    """What was found in all files together."""

    files: int = 0
    refused: dict[str, str] = field(default_factory=dict)
    items: int = 0
    articles: int = 0
    without_text: dict[str, int] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)
    dates: int = 0
    undated: list[str] = field(default_factory=list)
    clamped: int = 0
    other_dates: list[str] = field(default_factory=list)
    linkless: int = 0
    shared_ids: dict[str, int] = field(default_factory=dict)
    without_lead_and_body: int = 0
    plain: int = 0
    odd: dict[str, int] = field(default_factory=dict)
    differ: list[str] = field(default_factory=list)
    plain_ms: dict[str, dict[str, float]] = field(default_factory=dict)
    all_ms: dict[str, dict[str, float]] = field(default_factory=dict)


def measure(path: Path, report: Report, fetched: datetime) -> None:
    """Parse one file both ways and add what differs."""
    body = path.read_bytes()
    report.files += 1
    reference: Any = feedparser.parse(BytesIO(body), sanitize_html=False, resolve_relative_uris=False)
    feed = Captured(f"https://feeds.example.org/{path.name}")
    try:
        ours = parse(body, feed=feed, headers={}, fetched=fetched)
    except ParseError as error:
        report.refused[path.name] = f"{error.reason} (feedparser: {len(reference.entries)} items)"
        return
    if ours != parse(body, feed=feed, headers={}, fetched=fetched, by_the_book=True):
        report.differ.append(path.name)
    report.items += len(reference.entries)
    report.articles += len(ours.articles)
    if ours.skipped:
        report.without_text[path.name] = ours.skipped
    if len(reference.entries) != len(ours.articles) + ours.skipped:
        report.lost[path.name] = len(reference.entries) - len(ours.articles) - ours.skipped
    shared = len(ours.articles) - len({article.id for article in ours.articles})
    if shared:
        report.shared_ids[path.name] = shared
    for article in ours.articles:
        report.linkless += not article.url
        report.without_lead_and_body += not (article.lead or article.body)
    if len(reference.entries) == len(ours.articles):
        for entry, article in zip(reference.entries, ours.articles, strict=True):
            _dates(path.name, entry, article.published, article.published_source, report)


def _dates(name: str, entry: Any, published: datetime, source: str, report: Report) -> None:
    parsed = dict.get(entry, "published_parsed") or dict.get(entry, "updated_parsed")
    if parsed is None or parsed[0] < EARLIEST.year:
        return
    report.dates += 1
    report.clamped += source == "clamped"
    text = f"{name}: {dict.get(entry, 'published') or dict.get(entry, 'updated')}"
    if source == "fetched":
        report.undated.append(text)
    elif source == "feed" and tuple(parsed[:6]) != published.utctimetuple()[:6]:
        report.other_dates.append(f"{text} → {published}")


@cache
def keys(body: bytes) -> tuple[str, ...]:
    """Of a body's items, as a poller remembers them."""
    return parse(body, feed=Captured(""), headers={}, fetched=datetime.now(UTC)).keys


STEPS: dict[str, Callable[[bytes, datetime], object]] = {
    "feedparser as it comes": lambda body, _: feedparser.parse(BytesIO(body)),
    "feedparser, bare": lambda body, _: feedparser.parse(
        BytesIO(body), sanitize_html=False, resolve_relative_uris=False
    ),
    "plain": lambda body, _: read_plain(body, {}),
    "articles by feedparser": lambda body, now: parse(
        body, feed=Captured(""), headers={}, fetched=now, by_the_book=True
    ),
    "no new articles": lambda body, now: parse(body, feed=Captured(""), headers={}, fetched=now, known=keys(body)),
    "articles": lambda body, now: parse(body, feed=Captured(""), headers={}, fetched=now),
}


def timed(bodies: list[bytes], fetched: datetime, runs: int) -> dict[str, dict[str, float]]:
    """Milliseconds a file of each step: the best of several runs in turn; `ratio` is against `articles`."""
    best: dict[str, list[float]] = {name: [float("inf")] * len(bodies) for name in STEPS}
    for _ in range(runs):
        for place, body in enumerate(bodies):
            for name, step in STEPS.items():
                began = perf_counter()
                step(body, fetched)
                best[name][place] = min(best[name][place], (perf_counter() - began) * 1e3)
    ours = sum(best["articles"])
    return {
        name: {
            "mean": round(statistics.fmean(each), 2),
            "median": round(statistics.median(each), 2),
            "ratio": round(sum(each) / ours, 2),
        }
        for name, each in best.items()
        if each
    }


def main() -> int:
    """Measure all files of the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--feeds", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    report = Report()
    fetched = datetime.now(UTC)
    odd: Counter[str] = Counter()
    plain, parsed = [], []
    for path in sorted(options.feeds.iterdir()):
        measure(path, report, fetched)
        if path.name in report.refused:
            continue
        body = path.read_bytes()
        parsed.append(body)
        read = read_plain(body, {})
        if isinstance(read, Odd):
            odd[read.reason] += 1
        else:
            plain.append(body)
    report.plain, report.odd = len(plain), dict(odd.most_common())
    report.plain_ms, report.all_ms = timed(plain, fetched, options.runs), timed(parsed, fetched, options.runs)
    print(json.dumps(asdict(report), indent=1, ensure_ascii=False))
    return 1 if report.differ or report.lost or report.undated or report.refused else 0


if __name__ == "__main__":
    sys.exit(main())
