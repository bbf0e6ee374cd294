"""Labelled lines × rules → a report: each class on all lines, on those tuned on and not, by stratum and language."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from pipeline.evaluate.bootstrap import RESAMPLES, SEED, Score, score
from pipeline.evaluate.gold import CLASSES, DEFAULT_LANGUAGE, ClassName, Gold, predicted
from pipeline.evaluate.metrics import count
from pipeline.records import Flag
from pipeline.rules import Rules

Part = Literal["show", "hide", "only"]
"""What becomes of the untouched lines: scored beside the others, left out, or scored alone."""

ALL: Final = "all"
TUNED: Final = "tuned on"
UNTOUCHED: Final = "untouched"


@dataclass(frozen=True, slots=True)
class Judged:
    """A labelled line and what the rules say about it."""

    gold: Gold
    flags: tuple[Flag, ...]

    def pair(self, name: ClassName) -> tuple[bool, bool]:
        """Whether the line should be flagged, and whether it is."""
        return self.gold.line.labels[name], predicted(name, self.flags)


@dataclass(frozen=True, slots=True)
class FalseFlags:
    """Of the lines of a stratum, those with a flag of a class that they are labelled not to be of."""

    lines: int
    flagged: int

    @property
    def per_hundred(self) -> float:
        """How many in a hundred lines."""
        return 100 * self.flagged / self.lines


@dataclass(frozen=True, slots=True)
class Report:
    """Figures of a rule set on labelled lines."""

    ruleset: str
    lines: int
    resamples: int
    seed: int
    scopes: Mapping[str, Mapping[ClassName, Score]]
    """Scope → class → score. Scopes: all, tuned on, untouched."""

    strata: Mapping[str, Mapping[ClassName, Score]]
    languages: Mapping[str, Mapping[ClassName, Score]]
    """Both without what says the same as `all`, because all lines of the class are in there."""

    false_flags: Mapping[str, FalseFlags]
    """By stratum."""


def judge(rules: Rules, lines: Iterable[Gold]) -> Iterator[Judged]:
    """What the rules say about each line, judged in the line's own language."""
    for gold in lines:
        yield Judged(gold, rules.flags(gold.line.article))


def chosen(lines: Sequence[Gold], part: Part) -> list[Gold]:
    """The lines that are scored."""
    return [gold for gold in lines if part == "show" or gold.untouched == (part == "only")]


def report(judged: Sequence[Judged], ruleset: str, resamples: int = RESAMPLES, seed: int = SEED) -> Report:
    """All figures. Pure and seeded: the same lines and flags give the same report."""

    def scored(lines: Sequence[Judged]) -> Mapping[ClassName, Score]:
        found: dict[ClassName, Score] = {}
        for name in CLASSES:
            pairs = [one.pair(name) for one in lines if name in one.gold.line.labels]
            if pairs:
                found[name] = score(count(pairs), resamples, seed)
        return found

    untouched = [one for one in judged if one.gold.untouched]
    tuned = [one for one in judged if not one.gold.untouched]
    scopes = {ALL: scored(judged)}
    if tuned and untouched:
        scopes |= {TUNED: scored(tuned), UNTOUCHED: scored(untouched)}
    strata = _by(judged, lambda one: one.gold.line.stratum or "")
    languages = _by(judged, lambda one: one.gold.line.language or DEFAULT_LANGUAGE)

    def parts(groups: Mapping[str, Sequence[Judged]]) -> Mapping[str, Mapping[ClassName, Score]]:
        """Of each group the classes of which it has not all the lines: else it says what `all` says."""
        whole = scopes[ALL]
        return {
            group: there
            for group, lines in groups.items()
            if (there := {c: one for c, one in scored(lines).items() if one.counts.lines < whole[c].counts.lines})
        }

    return Report(
        ruleset,
        len(judged),
        resamples,
        seed,
        scopes,
        parts(strata),
        parts(languages),
        {name: _false_flags(lines) for name, lines in strata.items()},
    )


def _false_flags(lines: Sequence[Judged]) -> FalseFlags:
    wrong = sum(any(one.pair(name) == (False, True) for name in one.gold.line.labels) for one in lines)
    return FalseFlags(len(lines), wrong)


def _by(judged: Sequence[Judged], key: Callable[[Judged], str]) -> dict[str, list[Judged]]:
    groups: dict[str, list[Judged]] = {}
    for one in judged:
        groups.setdefault(key(one), []).append(one)
    return dict(sorted(groups.items()))
