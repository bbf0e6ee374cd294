"""How every metric of ours is made: prefixed, and at zero for each label value that is known beforehand."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

PREFIX: Final = "counterclaim"


def counter(registry: CollectorRegistry, name: str, text: str, **labels: tuple[str, ...]) -> Counter:
    """A counter with a series for every combination of the label values."""
    made = Counter(name, text, tuple(labels), namespace=PREFIX, registry=registry)
    for values in _combinations(labels):
        made.labels(**values)
    return made


def gauge(registry: CollectorRegistry, name: str, text: str, **labels: tuple[str, ...]) -> Gauge:
    """A gauge with a series for every combination of the label values."""
    made = Gauge(name, text, tuple(labels), namespace=PREFIX, registry=registry)
    for values in _combinations(labels):
        made.labels(**values)
    return made


def measured(registry: CollectorRegistry, name: str, text: str, *labels: str) -> Gauge:
    """A gauge that has no series until somebody measured one: of a time or a lag, zero would be a false statement."""
    return Gauge(name, text, labels, namespace=PREFIX, registry=registry)


def histogram(registry: CollectorRegistry, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
    """A histogram without labels."""
    return Histogram(name, text, namespace=PREFIX, registry=registry, buckets=buckets)


def _combinations(labels: dict[str, tuple[str, ...]]) -> list[dict[str, str]]:
    """Every combination of the known label values; none for a metric without labels, which exists as it is."""
    combined: list[dict[str, str]] = [{}]
    for name, values in labels.items():
        combined = [known | {name: value} for known in combined for value in values]
    return combined if labels else []
