"""Whether a series of measurements grows, or has settled."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How much a measurement may grow over the second half of a run: the larger of a share of its mean and a number."""

    share: float
    least: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one series."""

    name: str
    first: float
    last: float
    growth: float
    """Over the second half of the run, by the straight line that fits it best (least squares)."""

    allowed: float

    @property
    def flat(self) -> bool:
        """Whether it has settled."""
        return self.growth <= self.allowed


def verdict(name: str, seconds: Sequence[float], values: Sequence[float], tolerance: Tolerance) -> Verdict:
    """Judge the second half of a series; the first is the time to warm up. At least two values are needed there."""
    half = len(seconds) // 2
    times, later = seconds[half:], values[half:]
    slope = statistics.linear_regression(times, later).slope
    allowed = max(tolerance.share * statistics.mean(later), tolerance.least)
    return Verdict(name, values[0], values[-1], slope * (times[-1] - times[0]), allowed)
