"""Parse every file of a folder of captured feeds and hold it against feedparser: `python -m bench.feeds FOLDER`.

Counts items and dates that feedparser has and we have not, and prints one JSON object. Items without any text (a
picture, a video) are named, not lost; dates of year 1 are none. Ends with 1 if anything was lost or refused.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from time import perf_counter
from typing import Any

import feedparser

from pipeline.errors import ParseError
from pipeline.feeds.dates import EARLIEST
from pipeline.feeds.parse import parse


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
    feedparser_seconds: float = 0.0
    ours_seconds: float = 0.0


def measure(path: Path, report: Report, fetched: datetime) -> None:
    """Parse one file both ways and add what differs."""
    body = path.read_bytes()
    report.files += 1
    began = perf_counter()
    reference: Any = feedparser.parse(BytesIO(body), sanitize_html=False, resolve_relative_uris=False)
    middle = perf_counter()
    try:
        ours = parse(body, feed=Captured(f"https://feeds.example.org/{path.name}"), headers={}, fetched=fetched)
    except ParseError as error:
        report.refused[path.name] = f"{error.reason} (feedparser: {len(reference.entries)} items)"
        return
    report.feedparser_seconds += middle - began
    report.ours_seconds += perf_counter() - middle
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


def main(folder: str) -> int:
    """Measure all files of ``folder``."""
    report = Report()
    fetched = datetime.now(UTC)
    for path in sorted(Path(folder).iterdir()):
        measure(path, report, fetched)
    print(json.dumps(asdict(report), indent=1, ensure_ascii=False))
    return 1 if report.lost or report.undated or report.refused else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
