"""All metrics of a process."""

from __future__ import annotations

import importlib.metadata
import platform
from typing import Final

from prometheus_client import CollectorRegistry, Info, ProcessCollector

from pipeline import __version__
from pipeline.metrics.alerting import AlertMetrics
from pipeline.metrics.archiving import ArchiveMetrics
from pipeline.metrics.delivery import DeliveryMetrics
from pipeline.metrics.making import PREFIX, counter
from pipeline.metrics.polling import PollMetrics
from pipeline.metrics.worker import WorkerMetrics
from pipeline.rules_state import RulesState

MAX_SERIES: Final = 100
"""Series of one metric, histograms counted without their buckets (Prometheus asks for tens, not hundreds)."""

CHILDREN: Final = ("broker", "poller", "worker", "deliver", "archive")


class Metrics(PollMetrics, WorkerMetrics, AlertMetrics):
    """Every metric of counterclaim. A process that has no part in a stage leaves that stage's counters at zero.

    Those of the data path up to the alerts are its own; `delivery` and `archive` are of processes of their own.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        ProcessCollector(registry=registry)
        for part in (PollMetrics, WorkerMetrics, AlertMetrics):
            part.__init__(self, registry)
        self.delivery = DeliveryMetrics(registry)
        self.archive = ArchiveMetrics(registry)
        self.child_restarts = counter(
            registry, "child_restarts", "Restarts of a crashed child by the supervisor.", child=CHILDREN
        )
        self.rules = RulesState(registry)
        self.build_info = Info("build", "Versions that this process runs.", namespace=PREFIX, registry=registry)
        self.build_info.info(_versions())


def _versions() -> dict[str, str]:
    try:
        faust = importlib.metadata.version("faust-streaming")
    except importlib.metadata.PackageNotFoundError:
        faust = ""  # a poller may be installed without the agents' dependencies
    return {"version": __version__, "python": platform.python_version(), "faust": faust}
