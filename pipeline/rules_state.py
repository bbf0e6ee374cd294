"""Which rules a process works with, as Prometheus sees it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final, Literal

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

PREFIX: Final = "counterclaim_rules"

ReloadOutcome = Literal["loaded", "unchanged", "refused"]

OUTCOMES: Final[tuple[ReloadOutcome, ...]] = ("loaded", "unchanged", "refused")
"""`unchanged`: the files say the same as before; `refused`: they are wrong, and the rules of before stay."""


class RulesState(Collector):
    """Hash, age and health of the rules. A process without rules has no series of them: zero would be a statement."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._hash = ""
        self._since: float | None = None
        self._valid = True
        self._reloads = Counter(f"{PREFIX}_reloads", "Loads of changed rule files.", ("outcome",), registry=registry)
        for outcome in OUTCOMES:
            self._reloads.labels(outcome=outcome)
        registry.register(self)

    def in_force(self, digest: str, now: datetime) -> None:
        """These rules were loaded."""
        self._hash, self._since, self._valid = digest, now.timestamp(), True

    def refused(self) -> None:
        """The files are wrong; what was in force stays."""
        self._valid = False

    def reloaded(self, outcome: ReloadOutcome) -> None:
        """Count one load after the start's."""
        self._reloads.labels(outcome=outcome).inc()

    def collect(self) -> Iterator[Metric]:
        """The series of the moment."""
        info = GaugeMetricFamily(f"{PREFIX}_info", "Which rule set is in force, by its hash.", labels=("hash",))
        success = GaugeMetricFamily(
            f"{PREFIX}_last_success_timestamp_seconds", "When rules were last loaded, as a Unix time."
        )
        valid = GaugeMetricFamily(
            f"{PREFIX}_config_valid", "Whether the rule files are in order as they are now: 1, else 0."
        )
        if self._since is not None:
            info.add_metric((self._hash,), 1)
            success.add_metric((), self._since)
            valid.add_metric((), int(self._valid))
        yield from (info, success, valid)
