"""`counterclaim evaluate`: precision, recall and F1 of the rules on labelled lines; how well copies are found, and
how well articles about one event come into one thread."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import ConfigOption, JsonOption, read_files
from pipeline.cli.rules import RulesOption, open_rules
from pipeline.errors import UsageError
from pipeline.evaluate.bootstrap import RESAMPLES, SEED
from pipeline.evaluate.clusters import clusters_as_json, clusters_as_text, measure_threads, read_events
from pipeline.evaluate.copied import copies_as_json, copies_as_text, measure, read_lines
from pipeline.evaluate.examples import strongest
from pipeline.evaluate.gold import read_gold
from pipeline.evaluate.layout import as_json, as_text, wrong_as_text
from pipeline.evaluate.orders import measure_orders, orders_as_json, orders_as_text
from pipeline.evaluate.score import Part, chosen, judge, report
from pipeline.rules import Rules
from pipeline.rules.explain import Explainers

EXAMPLES = 5

GoldOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--gold",
        metavar="FILE.jsonl",
        help="Labelled lines: {id, headline, lead?, language?, stratum?, denial, allegation, debunk, non_denial}, "
        "1, 0 or null for not scored; or {id, headline, stance}. May be given several times.",
    ),
]
CopiesOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--copies",
        metavar="FILE.jsonl",
        help="Measure how well copies are found, on edits of these texts and on pairs that must stay apart: "
        "{text, title?, event?, topic?, language?}. May be given several times, instead of --gold.",
    ),
]
ThreadsOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--threads",
        metavar="FILE.jsonl",
        help="Measure how well articles about one event come into one thread, in several orders of arrival: "
        "{event, text, title?, lead?, language?, published?}. May be given several times, instead of --gold.",
    ),
]
OrdersOption = Annotated[
    int | None,
    typer.Option(
        "--orders",
        metavar="N",
        min=1,
        help="With --threads: measure instead how threads and copies differ when the articles arrive in N other "
        "orders, by polls half an hour apart and wholly shuffled. Labels do not matter then.",
    ),
]
MoreArgument = Annotated[list[Path] | None, typer.Argument(metavar="[FILE.jsonl]…", help="More files of the kind.")]
ExamplesOption = Annotated[
    int, typer.Option("--examples", min=0, help="False flags and misses shown of each class; 0 shows none.")
]
HeldOutOption = Annotated[
    Part,
    typer.Option(
        "--held-out",
        help="Lines that nobody tunes on (a third, by id; all of a folder set_aside): show their figures beside the "
        "others, hide them, or only them. Their errors are never printed.",
    ),
]
ResamplesOption = Annotated[int, typer.Option("--resamples", min=0, help="Bootstrap resamples; 0: no intervals.")]
SeedOption = Annotated[int, typer.Option("--seed", help="Of the resamples, and of the edits of --copies.")]


def evaluate(
    gold: GoldOption = None,
    files: MoreArgument = None,
    copies: CopiesOption = None,
    threads: ThreadsOption = None,
    orders: OrdersOption = None,
    rules: RulesOption = None,
    config: ConfigOption = None,
    examples: ExamplesOption = EXAMPLES,
    held_out: HeldOutOption = "show",
    resamples: ResamplesOption = RESAMPLES,
    seed: SeedOption = SEED,
    as_json_: JsonOption = False,
) -> None:
    """Measure the rules on labelled lines: for each class, stratum and language, with intervals and errors.

    Each line is judged by the rules of its own language. Flags of the category `legal` do not count.

        counterclaim evaluate --gold tests/gold/en.jsonl
        counterclaim evaluate --gold labelled.jsonl --rules my-rules --json | jq .scopes
        counterclaim evaluate --copies texts.jsonl
        counterclaim evaluate --threads events.jsonl
        counterclaim evaluate --threads events.jsonl --orders 5
    """
    _check_asked(gold, copies, threads, orders)
    if copies:
        _copies([*copies, *(files or [])], seed, as_json_)
        return
    if threads:
        loaded = open_rules(rules, config)[1]
        if orders:
            _orders([*threads, *(files or [])], loaded, orders, as_json_)
        else:
            _threads([*threads, *(files or [])], loaded, examples, resamples, seed, as_json_)
        return
    assert gold
    given = [line for name, data in read_files([*gold, *(files or [])]) for line in read_gold(data, Path(name))]
    lines = chosen(given, held_out)
    if not lines:
        raise UsageError(f"no line is left to score with --held-out {held_out}")
    written, loaded = open_rules(rules, config)
    judged = list(judge(loaded, lines))
    found = report(judged, loaded.hash, resamples, seed)
    wrong = strongest(judged, examples, Explainers(written, loaded) if examples else {})
    if as_json_:
        print(json.dumps(as_json(found, wrong), ensure_ascii=False))
        return
    for text in as_text(found):
        print(text)
    for one in wrong:
        print("\n" + "\n".join(wrong_as_text(one)))


def _check_asked(
    gold: list[Path] | None, copies: list[Path] | None, threads: list[Path] | None, orders: int | None
) -> None:
    given = sum(map(bool, (gold, copies, threads)))
    if given > 1:
        raise UsageError("--gold, --copies and --threads measure different things: give one of them")
    if orders and not threads:
        raise UsageError("--orders goes with --threads FILE.jsonl")
    if not given:
        raise UsageError("nothing to measure: give --gold, --copies or --threads FILE.jsonl")


def _copies(files: list[Path], seed: int, as_json_: bool) -> None:
    found = measure([line for name, data in read_files(files) for line in read_lines(data, Path(name))], seed)
    if as_json_:
        print(json.dumps(copies_as_json(found)))
        return
    for text in copies_as_text(found):
        print(text)


def _threads(files: list[Path], rules: Rules, examples: int, resamples: int, seed: int, as_json_: bool) -> None:
    for name, data in read_files(files):
        found = measure_threads(read_events(data, Path(name)), rules, resamples=resamples, seed=seed)
        if as_json_:
            print(json.dumps({"file": name, **clusters_as_json(found)}, ensure_ascii=False))
        else:
            print("\n".join(clusters_as_text(name, found, examples)) + "\n")


def _orders(files: list[Path], rules: Rules, orders: int, as_json_: bool) -> None:
    for name, data in read_files(files):
        found = measure_orders(read_events(data, Path(name)), rules, orders=orders)
        if as_json_:
            print(json.dumps({"file": name, **orders_as_json(found)}, ensure_ascii=False))
        else:
            print("\n".join(orders_as_text(name, found)) + "\n")
