"""Precision, recall and F1 of the shipped rules on labelled headlines: ``python -m bench.accuracy --gold FILE``.

A line of the gold file is ``{"id", "headline", "lead", "denial": 1|0|null, "allegation": 1|0|null, …}``; null is not
scored. A flag of category `legal` is a purely legal step and does not count as an allegation.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.records import Article, Kind
from pipeline.resources import shipped
from pipeline.rules import Rules, load_rules

KINDS: tuple[Kind, ...] = ("denial", "allegation")


class Counts(NamedTuple):
    """Right, wrong and missed."""

    hit: int
    false: int
    missed: int

    def __str__(self) -> str:
        precision = self.hit / max(1, self.hit + self.false)
        recall = self.hit / max(1, self.hit + self.missed)
        f1 = 2 * self.hit / max(1, 2 * self.hit + self.false + self.missed)
        counts = f"(right {self.hit}, false {self.false}, missed {self.missed})"
        return f"P {precision:.3f}  R {recall:.3f}  F1 {f1:.3f}  {counts}"


def held_out(line: dict[str, Any]) -> bool:
    """Whether a line is in the third that nobody tunes on; by its id, so that it never changes sides."""
    return int.from_bytes(hashlib.blake2b(str(line["id"]).encode(), digest_size=4).digest()) % 3 == 0


def flagged(rules: Rules, line: dict[str, Any]) -> set[Kind]:
    """Kinds that the rules flag in a line."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    title, lead = line["headline"], line.get("lead") or ""
    article = Article(
        id="0", text_hash="", url="", domain="", title=title, lead=lead, language=line.get("language", "en"),
        published=at, fetched=at,
    )  # fmt: skip
    return {flag.kind for flag in rules.flags(article) if flag.category != "legal"}


def count(kind: Kind, lines: Iterable[tuple[dict[str, Any], set[Kind]]]) -> Counts:
    """Right, wrong and missed for one kind."""
    pairs = [(line[kind], kind in found) for line, found in lines if line[kind] is not None]
    return Counts(pairs.count((1, True)), pairs.count((0, True)), pairs.count((1, False)))


def wrong(kind: Kind, lines: Iterable[tuple[dict[str, Any], set[Kind]]]) -> Iterator[str]:
    """What went wrong, for people to read."""
    for line, found in lines:
        if line[kind] is not None and bool(line[kind]) != (kind in found):
            verdict = "missed" if line[kind] else "false "
            yield f"{verdict} {kind}: {line['headline']} | {(line.get('lead') or '')[:200]}"


def main() -> None:
    """Print the figures; with ``--errors`` also what is wrong, outside the held-out third."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gold", type=Path, required=True)
    parser.add_argument("--rules", type=Path, default=shipped("config") / "rules")
    parser.add_argument("--errors", action="store_true")
    options = parser.parse_args()
    rules = load_rules(options.rules)
    lines = [json.loads(text) for text in options.gold.read_text(encoding="utf-8").splitlines()]
    all_lines = [(line, flagged(rules, line)) for line in lines]
    tuned = [pair for pair in all_lines if not held_out(pair[0])]
    for kind in KINDS:
        print(f"{kind:10} all      {count(kind, all_lines)}")
        print(f"{kind:10} tuned on {count(kind, tuned)}")
        print(f"{kind:10} held out {count(kind, (pair for pair in all_lines if held_out(pair[0])))}")
    if options.errors:
        print("\n".join(text for kind in KINDS for text in wrong(kind, tuned)))


if __name__ == "__main__":
    main()
