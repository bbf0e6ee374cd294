"""Write the figures of docs/accuracy.md anew: ``python -m bench.accuracy_report --data FOLDER``.

The page is prose with blocks of figures between ``<!-- figures: name -->`` and ``<!-- end -->``; only these are
replaced. FOLDER holds `flags_dev.jsonl`, `emergent_train.jsonl` and the files of `TEXTS`; without it their blocks stay
as they are. Costs are those that ``python -m bench.rules`` measured last. No text of a line is written, only ids.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.actors import LABELS, Outcome, outcomes
from bench.first_run import FIRST_RUN, GOLD, SET_ASIDE, measured
from bench.rules import OUT as COSTS
from pipeline.errors import UsageError
from pipeline.evaluate.bootstrap import RESAMPLES, SEED, Rate, score
from pipeline.evaluate.clusters import SHUFFLES, Clustered, measure_threads, read_events
from pipeline.evaluate.copied import CUT, HIGH, CopyReport, Line, kinds, measure, per_10_000, read_lines
from pipeline.evaluate.examples import Wrong, strongest
from pipeline.evaluate.gold import CLASSES, ClassName, Gold, held_out, read_gold
from pipeline.evaluate.layout import decimals, rate
from pipeline.evaluate.metrics import Counts
from pipeline.evaluate.orders import measure_orders
from pipeline.evaluate.orders import said as kind_of_order
from pipeline.evaluate.score import ALL, TUNED, UNTOUCHED, Judged, Report, judge, report
from pipeline.resources import shipped
from pipeline.rules import Rules, load_rules

PAGE = Path(__file__).parent.parent / "docs" / "accuracy.md"
COMMAND = "python -m bench.accuracy_report --data FOLDER"
TEXTS = ("events_dev.jsonl", "wikinews_events_dev.jsonl")
"""Whole articles, by event: copies are made of them."""
SCOPES = (ALL, TUNED, UNTOUCHED)
SHOWN: tuple[ClassName, ...] = ("denial", "allegation")
"""Of each language; the other two classes have a few lines each, and are told together."""

THREADS = GOLD / "threads.jsonl"
EVENTS = ("events_dev.jsonl", "wikinews_events_dev.jsonl")

_BLOCK = re.compile(r"(<!-- figures: (?P<name>[a-z_]+) -->\n).*?(<!-- end -->)", re.DOTALL)

Lines = Iterable[str]


def filled(page: str, blocks: Mapping[str, Lines]) -> str:
    """The page with these blocks replaced; others stay.

    Raises:
        UsageError: the page has no such block.
    """
    missing = blocks.keys() - {found["name"] for found in _BLOCK.finditer(page)}
    if missing:
        raise UsageError(f"the page has no block {', '.join(sorted(missing))}")

    def replaced(found: re.Match[str]) -> str:
        lines = blocks.get(found["name"])
        return found[0] if lines is None else found[1] + "\n" + "\n".join(lines) + "\n\n" + found[3]

    return _BLOCK.sub(replaced, page)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """A table in Markdown."""
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(map(str, row))} |"


def classes(found: Report, only: Sequence[ClassName] = CLASSES) -> Iterator[str]:
    """Each class on all lines, on those tuned on, on the others; and the gap."""
    rows: list[Sequence[object]] = []
    for name in only:
        for scope in SCOPES:
            if name in found.scopes[scope]:
                one = found.scopes[scope][name]
                hit, false, missed, _ = one.counts
                figures = (rate(one.precision), rate(one.recall), rate(one.f1))
                rows.append((name, scope, one.counts.lines, *figures, f"{hit} / {false} / {missed}"))
        sides = [found.scopes[scope].get(name) for scope in (TUNED, UNTOUCHED)]
        tuned, untouched = (side.f1.value if side else None for side in sides)
        if tuned is not None and untouched is not None:
            rows.append((name, "gap", "", "", "", f"{tuned - untouched:+.3f}", ""))
    yield from table(("class", "lines", "scored", "precision", "recall", "F1", "right / false / missed"), rows)


def false_flags(found: Report) -> Iterator[str]:
    """Of each stratum."""
    rows = [(name, one.lines, one.flagged, f"{one.per_hundred:.2f}") for name, one in found.false_flags.items()]
    yield from table(("stratum", "lines", "flagged falsely", "in 100"), rows)


def errors(judged: Sequence[Judged]) -> Iterator[str]:
    """Ids of the errors outside the untouched third, by class; of false flags with the rule."""
    wrong = strongest(judged, len(judged), {})
    for name in CLASSES:
        for verdict in ("false", "missed"):
            some = [one for one in wrong if (one.name, one.verdict) == (name, verdict)]
            if some:
                yield f"- {name}, {verdict}: {', '.join(sorted(map(_named, some)))}"


def _named(one: Wrong) -> str:
    rules = sorted({flag.rule for flag in one.flags})
    return f"`{one.line.id}`" + (f" ({', '.join(rules)})" if rules else "")


def languages(found: Mapping[str, Any]) -> Iterator[str]:
    """Each language's denials and allegations, then all together."""
    rows = []
    for name, scores in [*found["languages"].items(), ("all", found["scopes"][ALL])]:
        cells = [_plain(scores.get(one)) for one in SHOWN]
        rows.append((name, *cells, _plain(_pooled(scores))))
    yield from table(("language", *(f"{one}: P / R / F1" for one in SHOWN), "debunk, non-denial: P / R / F1"), rows)
    false = found["false_flags"].get("hard_negative")
    if false:
        yield ""
        yield f"Hard negatives flagged falsely: {false['flagged']} of {false['lines']}."


def named(found: Mapping[str, Any]) -> Iterator[str]:
    """Actors and targets of each language, then of all."""
    rows = [(name, *map(_right, of.values())) for name, of in found["who"].items()]
    yield from table(("language", "actor right where one is named", "target"), [*rows, ("all", *_all_right(found))])


def _all_right(found: Mapping[str, Any]) -> list[str]:
    keys = ("actor", "target")
    total = [sum((Counter(of[key]) for of in found["who"].values()), Counter[str]()) for key in keys]
    return [_right(one) for one in total]


def _right(verdicts: Mapping[str, int]) -> str:
    """`.900 (9 of 10)`."""
    lines = sum(verdicts.values())
    return f"{decimals(verdicts['right'] / lines)} ({verdicts['right']} of {lines})" if lines else "–"


def _pooled(scores: Mapping[str, Any]) -> dict[str, Any]:
    total: Counter[str] = Counter()
    for name in CLASSES:
        if name not in (*SHOWN, "against") and name in scores:
            total.update({key: scores[name][key] for key in ("hit", "false", "missed")})
    counts = Counts(total["hit"], total["false"], total["missed"])
    return {key: {"value": getattr(counts, key)} for key in ("precision", "recall", "f1")}


def _plain(one: Mapping[str, Any] | None) -> str:
    return " / ".join(rate(Rate(one[key]["value"])) for key in ("precision", "recall", "f1")) if one else "–"


def set_aside(rules: Rules, first: Path = FIRST_RUN, folder: Path = SET_ASIDE) -> Iterator[str]:
    """The first run as it fell, and the rules of today beside it. Before the first run: nothing is measured."""
    if not first.exists():
        yield "Not measured yet: `python -m bench.first_run` does it, once."
        return
    before = json.loads(first.read_text(encoding="utf-8"))
    now = measured(folder, rules, datetime.now(UTC).date())
    yield f"First run: {before['date']}, rule set `{before['ruleset']}`. Now: rule set `{now['ruleset']}`."
    yield ""
    rows = []
    names = [*before["languages"], "all"]
    for name in names:
        cells = []
        for one in SHOWN:
            for run in (before, now):
                scores = run["scopes"][ALL] if name == "all" else run["languages"].get(name, {})
                cells.append(_plain(scores.get(one)))
        rows.append((name, *cells))
    yield from table(("language", *(f"{one}, {run}" for one in SHOWN for run in ("first run", "now"))), rows)
    yield ""
    for said, run in (("first run", before), ("now", now)):
        false, all_ = run["false_flags"].get("hard_negative"), run["scopes"][ALL]
        f1 = ", ".join(f"{name} {rate(Rate(**all_[name]['f1']))}" for name in CLASSES if name in all_)
        traps = f"; hard negatives flagged falsely: {false['flagged']} of {false['lines']}" if false else ""
        actor, target = _all_right(run)
        yield f"- {said}, F1 over all languages: {f1}{traps}; actor right where named: {actor}, target: {target}"


def actors(found: Sequence[Outcome]) -> Iterator[str]:
    """Actors and targets: right where one is named, right where one is given."""
    rows = []
    sides: Mapping[str, Callable[[Outcome], bool]] = {
        ALL: lambda one: True,
        TUNED: lambda one: not _held_out(one),
        UNTOUCHED: _held_out,
    }
    for key in ("actor", "target"):
        for side, within in sides.items():
            of = Counter(one.verdict for one in found if one.key == key and within(one))
            named = score(Counts(hit=of["right"], missed=of["wrong"] + of["missed"])).recall
            given = score(Counts(hit=of["right"], false=of["wrong"] + of["guessed"])).precision
            numbers = f"{of['right']} / {of['wrong']} / {of['missed']} / {of['guessed']}"
            rows.append((key, side, rate(named), rate(given), numbers))
    yield from table(
        ("", "lines", "right where one is named", "right where one is given", "right / wrong / missed / guessed"), rows
    )


def costs(path: Path = COSTS) -> Iterator[str]:
    """The last figures of `bench.rules`."""
    found = json.loads(path.read_text(encoding="utf-8"))["microseconds"]
    rows = [(name, *(f"{column[name]:.0f}" for column in found.values())) for name in next(iter(found.values()))]
    yield from table(("µs of CPU an article of 2 KB", *found), rows)


def targets(english: Report, stances: Report, who: Sequence[Outcome]) -> Iterator[str]:
    """What was aimed at, and what all labelled lines and the untouched ones say."""

    def three(scope: str, name: ClassName) -> str:
        one = english.scopes[scope][name]
        return " / ".join(rate(Rate(part.value)) for part in (one.precision, one.recall, one.f1))

    def right(within: Callable[[Outcome], bool]) -> str:
        of = Counter(one.verdict for one in who if one.key == "actor" and within(one))
        return _right({verdict: of[verdict] for verdict in ("right", "wrong", "missed")})

    def against(scope: str) -> str:
        return rate(Rate(stances.scopes[scope]["against"].f1.value))

    rest = english.false_flags["n"]
    yield from table(
        ("measure", "aimed at", ALL, UNTOUCHED),
        (
            ("denial: P / R / F1", ".90 / .85 / .87", three(ALL, "denial"), three(UNTOUCHED, "denial")),
            ("allegation: P / R / F1", ".90 / .78 / .83", three(ALL, "allegation"), three(UNTOUCHED, "allegation")),
            ("false flags in 100 lines of stratum n", "at most 1", f"{rest.per_hundred:.2f}", ""),
            ("actor right where one is named", ".85", right(lambda one: True), right(_held_out)),
            ("Emergent `against`: F1", ".65", against(ALL), against(UNTOUCHED)),
        ),
    )


def clusters(found: Mapping[str, Clustered]) -> Iterator[str]:
    """B-cubed of threads, file by file, with the singletons' beside it."""
    rows = []
    for name, one in found.items():
        alone = rate(Rate(one.singletons.f1.value))
        rows.append((name, one.lines, one.events, *map(rate, one.score), alone, f"{one.vetoes:.1f}"))
    head = ("file", "articles", "events", "precision", "recall", "B-cubed F1", "F1 of singletons", "vetoes in an order")
    yield from table(head, rows)


def cluster_errors(found: Mapping[str, Clustered]) -> Iterator[str]:
    """Events that are taken for one, and events that are torn, in most orders; by their labels."""
    for name, one in found.items():
        merged = [f"`{a}` + `{b}`" for (a, b), share in one.merged.items() if share > 0.5]
        split = [f"`{event}`" for event, share in one.split.items() if share > 0.5]
        yield f"- {name}, merged falsely: {', '.join(merged) or 'none'}"
        yield f"- {name}, split: {', '.join(split) or 'none'}"


def events(rules: Rules, files: Iterable[Path]) -> dict[str, Clustered]:
    """Threads of labelled files, those of them that are there."""
    found = {}
    for file in files:
        if file.exists():
            lines = read_events(file.read_bytes(), file)
            found[file.name] = measure_threads(lines, rules, resamples=RESAMPLES, seed=SEED)
    return found


def orders(rules: Rules, files: Iterable[Path]) -> Iterator[str]:
    """How threads and copies of other arrival orders differ from those of a first one."""
    rows = []
    for file in files:
        if file.exists():
            one = measure_orders(read_events(file.read_bytes(), file), rules, orders=SHUFFLES)
            for (what, kind), found in one.differences.items():
                figures = map(decimals, (found.f1, found.pairs, found.groups))
                rows.append((file.name, what, kind_of_order(kind), *figures, one.groups[what]))
    head = ("file", "of", "other orders", "B-cubed F1", "pairs kept", "groups unchanged", "of")
    yield from table(head, rows)


def _held_out(one: Outcome) -> bool:
    return held_out(one.label["id"])


def emergent(found: Report) -> Iterator[str]:
    """Stance `against`, and the share of headlines that this is."""
    yield from classes(found, ("against",))
    counts = found.scopes[ALL]["against"].counts
    share = (counts.hit + counts.missed) / counts.lines
    yield ""
    yield f"{decimals(share)} of the headlines are against the claim."


def copies(found: CopyReport) -> Iterator[str]:
    """Edits found, by kind and by containment; unlike pairs merged."""
    rows: list[Sequence[object]] = [
        (name, sum(one.name == name for one in found.edits), rate(found.recall(name))) for name in kinds(found.edits)
    ]
    for low, high in found.bands:
        number = sum(low <= one.containment < high for one in found.edits)
        if number:
            rows.append((f"containment {low} to {min(high, 1.0)}", number, rate(found.recall_between(low, high))))
    number = sum(one.containment >= HIGH for one in found.edits)
    rows.append((f"containment of {HIGH} or more (aimed at .95)", number, rate(found.recall_between(HIGH, 2))))
    rows.append(("cut to half (aimed at .90)", sum(one.name in CUT for one in found.edits), rate(found.cut)))
    yield from table(("edit", "pairs", "found"), rows)
    yield ""
    merged = []
    for kind in (*kinds(found.others), None):
        some = [one.found for one in found.others if kind in (None, one.name)]
        merged.append((kind or "all (aimed at 1 in 10,000)", len(some), sum(some), per_10_000(found.false(kind))))
    yield from table(("unlike pairs", "pairs", "merged", "in 10,000"), merged)


def read(path: Path) -> list[Gold]:
    """A labelled file."""
    return read_gold(path.read_bytes(), path)


def texts_of(path: Path) -> list[Line]:
    """A file of whole articles."""
    return read_lines(path.read_bytes(), path)


def of_data(data: Path, rules: Rules) -> dict[str, Lines]:
    """The blocks that need the labelled files of others."""
    english = list(judge(rules, read(data / "flags_dev.jsonl")))
    found = report(english, rules.hash)
    labels = [json.loads(line) for line in LABELS.read_text(encoding="utf-8").splitlines()]
    texts = [json.loads(line) for line in (data / "flags_dev.jsonl").read_text(encoding="utf-8").splitlines()]
    who = outcomes(rules, {line["id"]: line for line in texts}, labels)
    stances = report(list(judge(rules, read(data / "emergent_train.jsonl"))), rules.hash)
    return {
        "targets": targets(found, stances, who),
        "english": classes(found),
        "strata": false_flags(found),
        "errors": errors(english),
        "emergent": emergent(stances),
        "actors": actors(who),
        "copies": copies(
            measure([line for name in TEXTS for line in read_lines((data / name).read_bytes(), data / name)])
        ),
    }


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with the labelled files")
    parser.add_argument("--rules", type=Path, default=shipped("config") / "rules")
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args()
    rules = load_rules(options.rules)
    today = datetime.now(UTC).date()
    ours = measured(GOLD, rules, today)
    blocks: dict[str, Lines] = {
        "made": [f"Made by `{COMMAND}` on {today} with rule set `{rules.hash}`."],
        "languages": languages(ours),
        "named": named(ours),
        "set_aside": set_aside(rules),
    }
    if COSTS.exists():
        blocks["costs"] = costs()
    of_ours = events(rules, [THREADS])
    blocks["threads_own"] = [*clusters(of_ours), "", *cluster_errors(of_ours)]
    if options.data:
        blocks |= of_data(options.data, rules)
        given = events(rules, [options.data / name for name in EVENTS])
        blocks |= {"threads": clusters(given), "threads_errors": cluster_errors(given)}
        blocks["orders"] = orders(rules, [*(options.data / name for name in EVENTS), THREADS])
    else:
        blocks["made"] = [f"Made by `{COMMAND}`; in part anew on {today} with rule set `{rules.hash}`."]
    options.page.write_text(filled(options.page.read_text(encoding="utf-8"), blocks), encoding="utf-8")
    print(f"written: {options.page}")


if __name__ == "__main__":
    main()
