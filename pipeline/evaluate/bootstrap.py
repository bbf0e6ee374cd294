"""How far a figure could be off by chance: percentile intervals from bootstrap resamples.

Efron, "Bootstrap Methods: Another Look at the Jackknife" (Annals of Statistics 7, 1979); the percentile interval as in
Efron & Tibshirani, *An Introduction to the Bootstrap* (1993), chapter 13. Lines are drawn with replacement, as many as
there are. Lines of one outcome are alike for the figures, so what is drawn are outcomes.
"""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Final, NamedTuple

from pipeline.evaluate.metrics import Counts

RESAMPLES: Final = 1_000
"""Efron & Tibshirani's advice for intervals; the ends move by less than a point from seed to seed."""

SEED: Final = 20_260_201
"""Any number: the same lines give the same interval."""

LEVEL: Final = 0.95


class Rate(NamedTuple):
    """A figure with its interval. None: not defined on these lines."""

    value: float | None
    low: float | None = None
    high: float | None = None


class Score(NamedTuple):
    """Figures of one class on some lines."""

    counts: Counts
    precision: Rate
    recall: Rate
    f1: Rate


def score(counts: Counts, resamples: int = RESAMPLES, seed: int = SEED) -> Score:
    """Precision, recall and F1 with their intervals; without resamples, without intervals."""
    drawn = resample(counts, resamples, seed)
    return Score(
        counts,
        _rate(counts.precision, [one.precision for one in drawn]),
        _rate(counts.recall, [one.recall for one in drawn]),
        _rate(counts.f1, [one.f1 for one in drawn]),
    )


def resample(counts: Counts, resamples: int, seed: int) -> list[Counts]:
    """As many lines drawn with replacement, so many times."""
    dice = Random(seed)  # noqa: S311  # statistics, no secret
    outcomes = [place for place, number in enumerate(counts) for _ in range(number)]
    drawn = []
    for _ in range(resamples if outcomes else 0):
        of = Counter(dice.choices(outcomes, k=len(outcomes)))
        drawn.append(Counts(*(of[place] for place in range(len(counts)))))
    return drawn


def percentiles(values: list[float], level: float = LEVEL) -> tuple[float, float]:
    """The ends between which the middle ``level`` of some values lie: as many are left out below as above."""
    ordered = sorted(values)
    out = int(len(ordered) * (1 - level) / 2)
    return ordered[out], ordered[-1 - out]


def _rate(value: float | None, drawn: list[float | None]) -> Rate:
    defined = [one for one in drawn if one is not None]
    return Rate(value, *percentiles(defined)) if value is not None and defined else Rate(value)
