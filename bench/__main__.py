"""Run all contenders in turn, several times, and print medians and ratios; JSON goes to ``bench/out/stream.json``.

python -m bench                      # all, three times: about eight minutes
python -m bench --runs 1 --only ours tutorial
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from bench.stream.articles import articles
from bench.stream.trial import Job, Result, run
from pipeline.resources import shipped
from pipeline.rules import load_rules

OUT = Path("bench/out/stream.json")
CONTENDERS: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("tutorial", (1,)),
    ("tutorial, one agent", (1,)),
    ("ours", (1, 4, 16)),
    ("ours, all stages", (4,)),
    ("forward only", (1, 4, 16)),
    ("raw aiokafka", (1, 4, 16)),
    ("raw kafka-python", (1, 4, 16)),
)
"""Each with the batch sizes it runs at. The tutorial knows no batches; it deduplicates and flags, and so does "ours".
"All stages" is the whole worker: copies, threads and the matching of alerts come on top."""
WARM_UP = 400
TARGET = 4.0
"""Ours at batches of 4 against the tutorial's two agents."""


def prepare(count: int) -> Job:
    """The articles, and which of them the rules flag."""
    rules = load_rules(shipped("config") / "rules")
    warm_up, main = articles(WARM_UP), articles(count, first=WARM_UP)
    return Job(warm_up, main, frozenset(article.id for article in [*warm_up, *main] if rules.flags(article)))


async def measure(options: argparse.Namespace) -> list[Result]:
    """Contenders interleaved, so that a machine that gets slower does so for all of them."""
    job = prepare(options.articles)
    results = []
    for _ in range(options.runs):
        for name, sizes in CONTENDERS:
            for size in sizes if name in options.only else ():
                with tempfile.TemporaryDirectory(prefix="counterclaim-bench-") as directory:
                    results.append(await run(name, size, job, Path(directory)))
                last = results[-1]
                print(f"{last.name}, {last.batch}: {last.microseconds:.0f} µs an article, lost {last.lost}", flush=True)
    return results


def table(results: Sequence[Result]) -> list[dict[str, float | int | str]]:
    """Medians of the runs, and the speed against the tutorial's two agents."""
    medians: dict[tuple[str, int], float] = {}
    for name, batch in dict.fromkeys((result.name, result.batch) for result in results):
        medians[name, batch] = statistics.median(r.microseconds for r in results if (r.name, r.batch) == (name, batch))
    tutorial = medians.get(("tutorial", 1), float("nan"))
    return [
        {
            "name": name,
            "batch": batch,
            "us_per_article": round(cost, 1),
            "articles_per_second_and_core": round(1e6 / cost),
            "against_tutorial": round(tutorial / cost, 2),
            "lost": sum(r.lost for r in results if (r.name, r.batch) == (name, batch)),
        }
        for (name, batch), cost in medians.items()
    ]


def main() -> None:
    """Measure, print, write; ends with 1 when an article was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--articles", type=int, default=8_000)
    parser.add_argument("--only", nargs="+", default=[name for name, _ in CONTENDERS])
    options = parser.parse_args()
    results = asyncio.run(measure(options))
    rows = table(results)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({"table": rows, "runs": [asdict(result) for result in results]}, indent=2))
    print(
        "\n| | batch | µs CPU an article | articles/s/core | against the tutorial | lost |\n|---|---|---|---|---|---|"
    )
    for row in rows:
        print(
            f"| {row['name']} | {row['batch']} | {row['us_per_article']} | {row['articles_per_second_and_core']:,} "
            f"| {row['against_tutorial']} | {row['lost']} |"
        )
    print(f"\nTarget: ours at batches of 4 at least {TARGET:g} times the tutorial. Runs: {OUT}")
    raise SystemExit(any(result.lost for result in results))


if __name__ == "__main__":
    main()
