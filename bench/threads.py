"""What it costs to find a story's thread among 50,000 remembered stories: ``python -m bench.threads``.

Beside it, in the same run: every story compared, as numpy does it in one go (a sparse matrix times a vector), which is
what the bounded index saves. Stories are of our own making: 32 terms each, drawn as words are (Zipf) without the
commonest; every tenth tells of an event that is in the index. ``--articles FILE`` measures the making of stories too,
on the texts of a labelled file. JSON goes to ``bench/out/threads.json``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path
from random import Random

import numpy as np

from pipeline.evaluate.clusters import read_events
from pipeline.threads.join import Entry, Threads
from pipeline.threads.story import MAX_TERMS, UNIT, Story
from pipeline.threads.terms import story_of

OUT = Path("bench/out/threads.json")
STORIES = 50_000
PROBES = 2_000
ROUNDS = 3
TARGET = 300.0
"""Microseconds of CPU: a join, at the most."""
WORDS = 100_000
LEFT_OUT = 500
"""The commonest words are no terms."""
TOLD_AGAIN = 10
"""One story in so many tells of an event that is remembered."""


def stories(count: int, first: int, dice: Random, told: Sequence[Story] = ()) -> list[Story]:
    """Stories of our own making."""
    ranks = range(LEFT_OUT, WORDS)
    weights = list(accumulate(1 / rank for rank in ranks))
    made = []
    for number in range(first, first + count):
        words = {f"w{rank:05d}": None for rank in dice.choices(ranks, cum_weights=weights, k=2 * MAX_TERMS)}
        if told and number % TOLD_AGAIN == 0:
            words = {**{term: None for term, _ in dice.choice(told).terms[::2]}, **words}
        kept = sorted(list(words)[:MAX_TERMS], reverse=True)  # the rarer, the heavier
        heights = [MAX_TERMS + 8 - place for place in range(len(kept))]
        length = sum(height * height for height in heights) ** 0.5
        terms = tuple((term, round(UNIT * height / length)) for term, height in zip(kept, heights, strict=True))
        made.append(Story(id=f"{number:032x}", language="en", when=0, terms=terms, length=245))
    return made


def everything(known: Sequence[Story]) -> Callable[[Story], float]:
    """Compares a story with every other: the largest product, by numpy."""
    numbers: dict[str, int] = {}
    flat = [(numbers.setdefault(term, len(numbers)), weight) for story in known for term, weight in story.terms]
    columns = np.array([column for column, _ in flat])
    weights = np.array([weight for _, weight in flat], dtype=np.float32)
    starts = np.array(list(accumulate((len(story.terms) for story in known[:-1]), initial=0)))
    vector = np.zeros(len(numbers), dtype=np.float32)

    def nearest(story: Story) -> float:
        vector[:] = 0
        for term, weight in story.terms:
            if term in numbers:
                vector[numbers[term]] = weight
        return float(np.add.reduceat(vector[columns] * weights, starts).max())

    return nearest


def each(work: Callable[[Story], object], probes: Sequence[Story]) -> list[float]:
    """Microseconds of CPU of each call."""
    taken = []
    for story in probes:
        began = time.process_time_ns()
        work(story)
        taken.append((time.process_time_ns() - began) / 1000)
    return taken


def main() -> None:
    """Measure, print, write; ends with 1 when a join costs more than the target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stories", type=int, default=STORIES)
    parser.add_argument("--articles", type=Path)
    options = parser.parse_args()
    dice = Random(7)
    known = stories(options.stories, 0, dice)
    probes = stories(PROBES, options.stories, dice, known[-1000:])
    threads = Threads()
    began = time.process_time()
    for seq, story in enumerate(known):
        threads.add(Entry(story, story.id, seq))
    adding = (time.process_time() - began) / len(known) * 1e6
    brute = everything(known)
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(ROUNDS):
        ours += each(threads.join, probes)
        theirs += each(brute, probes[:100])
    found = sum(threads.join(story).joined is not None for story in probes[::TOLD_AGAIN])
    rows = {
        "join": statistics.median(ours),
        "join, mean": statistics.mean(ours),
        "join, 99 of 100": sorted(ours)[len(ours) * 99 // 100],
        "add": adding,
        "every story compared, numpy": statistics.median(theirs),
    }
    if options.articles:
        articles = [line.article for line in read_events(options.articles.read_bytes(), options.articles)]
        story_of(articles[0])
        began = time.process_time()
        for article in articles:
            story_of(article)
        rows["article → story, mean"] = (time.process_time() - began) / len(articles) * 1e6
    for name, cost in rows.items():
        print(f"{name:32} {cost:8.0f} µs")
    ratio, again = rows["every story compared, numpy"] / rows["join"], PROBES // TOLD_AGAIN
    print(f"{ratio:.0f} times faster; {found} of {again} told again found")
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({"stories": options.stories, "microseconds": rows, "found": found}, indent=2))
    raise SystemExit(rows["join, mean"] > TARGET)


if __name__ == "__main__":
    main()
