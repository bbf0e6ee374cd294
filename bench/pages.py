"""How well the text of article pages is found, and what it costs: ``python -m bench.pages --pages DIR``.

DIR holds web pages (``<id>.html.gz``) and ``ground-truth.json``: ``{id: {"articleBody": text, …}}``, as in the article
extraction benchmark of Scrapinghub. The measure is that benchmark's: F1 on 4-shingles of tokens, averaged over the
pages; precision and recall likewise. Each way reads every page in turn, interleaved, so that a slow moment of the
machine hits all of them; the time is CPU time of this process, the median over the rounds of the mean per page.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean, median
from time import process_time
from typing import NamedTuple

import trafilatura

from pipeline.errors import PageError
from pipeline.feeds.clean import clean_html
from pipeline.pages.extract import decoded, extract

SHINGLE = 4
NOW = datetime(2026, 1, 1, tzinfo=UTC)

_TOKEN = re.compile(r"\w+")

Way = Callable[[bytes], str]


class Score(NamedTuple):
    """Of one page's text, or the mean of many."""

    precision: float
    recall: float
    f1: float


def shingles(text: str) -> Counter[tuple[str, ...]]:
    """Every stretch of four tokens; of a shorter text, the text."""
    tokens = _TOKEN.findall(text)
    return Counter(tuple(tokens[place : place + SHINGLE]) for place in range(max(1, len(tokens) - SHINGLE + 1)))


def score(wanted: str, found: str) -> Score:
    """How much of ``found`` is wanted, and how much of ``wanted`` is found."""
    truth, text = shingles(wanted), shingles(found)
    hits = sum((truth & text).values())
    precision, recall = hits / text.total(), hits / truth.total()
    return Score(precision, recall, 2 * precision * recall / (precision + recall) if hits else 0.0)


def ours(body: bytes) -> str:
    """What goes into an article's body."""
    try:
        return extract(body, url="http://page.example/", content_type="", now=NOW).text
    except PageError:
        return ""


def by_trafilatura(*, precise: bool) -> Way:
    """trafilatura alone: as it comes, without the readers' comments; or asked for precision."""

    def extracted(body: bytes) -> str:
        return trafilatura.extract(decoded(body, ""), include_comments=False, favor_precision=precise) or ""

    return extracted


WAYS: dict[str, Way] = {
    "trafilatura": by_trafilatura(precise=False),
    "trafilatura, favor_precision": by_trafilatura(precise=True),
    "feed cleaning (clean_html)": lambda body: clean_html(decoded(body, "")),
    "ours, with metadata": ours,
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    truth = json.loads((options.pages / "ground-truth.json").read_text(encoding="utf-8"))
    pages = {name: gzip.decompress((options.pages / f"{name}.html.gz").read_bytes()) for name in sorted(truth)}
    spent: dict[str, list[float]] = {name: [] for name in WAYS}
    scores: dict[str, dict[str, Score]] = {name: {} for name in WAYS}
    for way in WAYS.values():
        way(next(iter(pages.values())))  # what is made at first use is not the page's cost
    for _ in range(options.rounds):
        total = dict.fromkeys(WAYS, 0.0)
        for name, body in pages.items():
            for label, way in WAYS.items():
                began = process_time()
                text = way(body)
                total[label] += process_time() - began
                scores[label][name] = score(truth[name]["articleBody"], text)
        for label, seconds in total.items():
            spent[label].append(1000 * seconds / len(pages))
    size = fmean(len(body) for body in pages.values()) / 1000
    print(f"{len(pages)} pages of {size:.0f} KB on average; means a page")
    for label, found in scores.items():
        means = [fmean(column) for column in zip(*found.values(), strict=True)]
        print(
            f"{label:30} F1 {means[2]:.4f}  precision {means[0]:.3f}  recall {means[1]:.3f}  "
            f"{median(spent[label]):5.1f} ms"
        )


if __name__ == "__main__":
    main()
