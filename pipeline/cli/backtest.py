"""`counterclaim backtest`: try the rules on files of articles, without a broker."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Annotated, Final, get_args

import typer

from pipeline.backtest import Result, as_json, backtest, count
from pipeline.cli.options import ConfigOption, read_files
from pipeline.cli.rules import RulesOption, rules_dir
from pipeline.cli.tables import with_progress
from pipeline.errors import UsageError
from pipeline.feeds.files import Line, read_documents
from pipeline.records import Kind
from pipeline.rules import Rules, load_rules

STDOUT: Final = "-"

ArticlesOption = Annotated[
    list[Path],
    typer.Option(
        "--articles",
        metavar="FILE",
        help="Articles: .jsonl or .json ({id, title, lead?, body?, url?, outlet?, language?, published?}), or one page "
        "as .html or .txt. May be given again; - is standard input.",
    ),
]
OutputOption = Annotated[
    str, typer.Option("--json", metavar="OUT.jsonl", help="Where the results go, one a line; - is standard output.")
]
AllThreadsOption = Annotated[
    bool, typer.Option("--all-threads", help="Join articles without flags into threads too, by their words alone.")
]


def run_backtest(
    articles: ArticlesOption,
    output: OutputOption = STDOUT,
    rules: RulesOption = None,
    config: ConfigOption = None,
    all_threads: AllThreadsOption = False,
) -> None:
    """Flag the articles of files with the same code as the stream: cleaning, duplicates, languages, copies, rules,
    threads.

    They are processed in the order of their publication, and written in the order of the input. One that is wrong ends
    it with exit code 2, and nothing is written.

        counterclaim backtest --articles articles.jsonl --json flags.jsonl
        counterclaim backtest --articles articles.jsonl --rules my-rules | jq .flags
        counterclaim backtest --articles articles.jsonl --all-threads | jq .thread
    """
    started = perf_counter()
    now = datetime.now(UTC)
    lines = read_documents(read_files(articles), now)
    loaded = load_rules(rules_dir(rules, config))
    results = _in_input_order(lines, loaded, now, all_threads)
    write(output, (json.dumps(as_json(result), ensure_ascii=False) for result in results))
    print(_summary(results, loaded, perf_counter() - started), file=sys.stderr)


def write(output: str, lines: Iterable[str]) -> None:
    """The lines to a file, whole or not at all; or to standard output.

    Raises:
        UsageError: the file cannot be written.
    """
    if output == STDOUT:
        sys.stdout.writelines(f"{line}\n" for line in lines)
        return
    path = Path(output)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with unfinished.open("w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
        unfinished.replace(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def _in_input_order(lines: list[Line], rules: Rules, now: datetime, all_threads: bool) -> list[Result]:
    steps = backtest(lines, rules, now, all_threads=all_threads)
    results: dict[int, Result] = dict(with_progress(steps, "flagging", len(lines)))
    return [results[place] for place in range(len(lines))]


def _summary(results: list[Result], rules: Rules, seconds: float) -> str:
    counts = count(results)
    kinds = ", ".join(f"{counts[kind]} {kind}" for kind in get_args(Kind))
    return (
        f"{counts['articles']} articles, {counts['duplicates']} duplicates, {counts['copies']} copies, "
        f"{counts['revisions']} revisions, {counts['threads']} threads; flags: "
        f"{kinds}; rule set {rules.hash}; {seconds:.1f} s"
    )
