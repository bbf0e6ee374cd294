"""A report as text for people and as JSON for machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from pipeline.evaluate.bootstrap import LEVEL, Rate, Score
from pipeline.evaluate.examples import Wrong
from pipeline.evaluate.gold import CLASSES, ClassName
from pipeline.evaluate.score import Report
from pipeline.logs import visible
from pipeline.records import Span

_HEAD = f"{'':12}{'':16}{'lines':>6}  {'precision':15}  {'recall':15}  {'F1':15}  right false missed"


def as_text(report: Report) -> Iterator[str]:
    """The report, line by line."""
    intervals = f"; in brackets: {LEVEL:.0%} of {report.resamples} bootstrap resamples" if report.resamples else ""
    yield f"{report.lines} lines, rule set {report.ruleset}{intervals}"
    yield ""
    yield _HEAD
    for name in CLASSES:
        yield from _rows(name, report.scopes, "")
        yield from _rows(name, report.strata, "stratum ")
        yield from _rows(name, report.languages, "language ")
    yield ""
    for stratum, false in report.false_flags.items():
        where = f" in stratum {visible(stratum)}" if stratum else ""
        yield f"lines flagged falsely{where}: {false.per_hundred:.2f} in 100 ({false.flagged} of {false.lines})"


def rate(one: Rate) -> str:
    """`.93 [.90 .96]`, or a dash for what is not defined."""
    if one.value is None:
        return "–"
    if one.low is None or one.high is None:
        return decimals(one.value)
    return f"{decimals(one.value)} [{decimals(one.low)} {decimals(one.high)}]"


def decimals(value: float) -> str:
    """Three digits, without the zero in front: .934, 1.000."""
    return f"{value:.3f}".removeprefix("0")


def wrong_as_text(one: Wrong) -> Iterator[str]:
    """An error with the words and the rule that made it, or with what kept the rules from it."""
    line = one.line
    yield f"{one.verdict} {one.name}, {line.id}: {visible(line.headline)}"
    if line.lead:
        yield f"    {visible(line.lead)}"
    for flag in one.flags:
        yield f"    {flag.rule}: {quotes(flag.spans)}, score {flag.score:g}"
    for tried in one.tried:
        yield f"    {tried.rule} {tried.outcome}: {quotes(tried.spans)}"
        for block in tried.blocks:
            yield f"        by {visible(block.by)}: {quotes(block.words)}"


def quotes(spans: Sequence[Span]) -> str:
    """The quotes of some spans, in a row."""
    return " … ".join(f"“{visible(span.quote)}”" for span in spans)


def as_json(report: Report, wrong: Sequence[Wrong] = ()) -> dict[str, Any]:
    """The whole report. Rates are `{"value", "low", "high"}`; null is not defined."""
    return {
        "ruleset": report.ruleset,
        "lines": report.lines,
        "resamples": report.resamples,
        "seed": report.seed,
        "level": LEVEL,
        "scopes": {scope: _scores(scores) for scope, scores in report.scopes.items()},
        "strata": {stratum: _scores(scores) for stratum, scores in report.strata.items()},
        "languages": {language: _scores(scores) for language, scores in report.languages.items()},
        "false_flags": {
            stratum: {"lines": one.lines, "flagged": one.flagged, "per_hundred": round(one.per_hundred, 3)}
            for stratum, one in report.false_flags.items()
        },
        "examples": [_wrong(one) for one in wrong],
    }


def _rows(name: ClassName, groups: Mapping[str, Mapping[ClassName, Score]], prefix: str) -> Iterator[str]:
    for group, scores in groups.items():
        if name in scores:
            one = scores[name]
            hit, false, missed, _ = one.counts
            yield (
                f"{name:12}{prefix + (visible(group) or 'none'):16.16}{one.counts.lines:6}  {rate(one.precision):15}  "
                f"{rate(one.recall):15}  {rate(one.f1):15}  {hit:5} {false:5} {missed:6}"
            )


def _scores(scores: Mapping[ClassName, Score]) -> dict[str, Any]:
    return {
        name: {
            "lines": one.counts.lines,
            "hit": one.counts.hit,
            "false": one.counts.false,
            "missed": one.counts.missed,
            "precision": one.precision._asdict(),
            "recall": one.recall._asdict(),
            "f1": one.f1._asdict(),
        }
        for name, one in scores.items()
    }


def _wrong(one: Wrong) -> dict[str, Any]:
    return {
        "class": one.name,
        "verdict": one.verdict,
        "id": one.line.id,
        "headline": one.line.headline,
        "lead": one.line.lead or "",
        "flags": msgspec.to_builtins(one.flags),
        "tried": msgspec.to_builtins(one.tried),
    }
