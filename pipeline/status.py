"""The state of a running pipeline in a few numbers, read from its processes' `/metrics`. Pure, but for `scrape`."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

SCRAPE_SECONDS: Final = 2.0
"""A process that does not answer in this time is left out of the numbers."""

Samples = Mapping[str, Mapping[tuple[tuple[str, str], ...], float]]
"""Sample name → sorted labels → value, summed over processes; of timestamps the latest."""


@dataclass(frozen=True, slots=True)
class Status:
    """Totals since the processes started. None: nobody has measured it yet."""

    feeds: int
    feeds_failing: int
    polls: int
    articles: int
    duplicates: int
    denials: int
    allegations: int
    dead: int
    lag: int | None
    heartbeat_age: float | None
    """Seconds since the last heartbeat of the partition that has waited longest."""

    restarts: int

    def sentence(self) -> str:
        """One line for people."""
        failing = f" ({self.feeds_failing} failing)" if self.feeds_failing else ""
        lag = "not known" if self.lag is None else str(self.lag)
        age = "none yet" if self.heartbeat_age is None else f"{self.heartbeat_age:.0f} s ago"
        parts = [
            f"{self.feeds} feeds{failing}",
            f"{self.polls} polls",
            f"{self.articles} articles",
            f"{self.duplicates} duplicates",
            f"{self.denials} denials",
            f"{self.allegations} allegations",
            f"{self.dead} dead letters",
            f"lag {lag}",
            f"heartbeat {age}",
            f"{self.restarts} restarts",
        ]
        return " · ".join(parts)


def status(texts: Iterable[str], *, restarts: int, now: float) -> Status:
    """The numbers in the `/metrics` texts of all processes; ``now`` is a Unix time in seconds."""
    samples = merge(texts)

    def total(name: str, **labels: str) -> int:
        return int(sum(_matching(samples, name, labels)))

    lags = _matching(samples, "counterclaim_lag_messages", {})
    beats = _matching(samples, "counterclaim_heartbeat_timestamp_seconds", {})
    return Status(
        feeds=total("counterclaim_feeds"),
        feeds_failing=total("counterclaim_feeds", state="failing"),
        polls=total("counterclaim_polls_total"),
        articles=total("counterclaim_articles_out_total", stage="poll"),
        duplicates=total("counterclaim_duplicates_total") - total("counterclaim_duplicates_total", kind="revision"),
        denials=total("counterclaim_flags_total", kind="denial"),
        allegations=total("counterclaim_flags_total", kind="allegation"),
        dead=total("counterclaim_dead_letters_total"),
        lag=int(sum(lags)) if lags else None,
        heartbeat_age=max(0.0, now - min(beats)) if beats else None,
        restarts=restarts,
    )


def merge(texts: Iterable[str]) -> Samples:
    """All samples of several processes as if they were one."""
    merged: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for text in texts:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                values = merged.setdefault(sample.name, {})
                key = tuple(sorted(sample.labels.items()))
                old = values.get(key, 0.0)
                latest = sample.name.endswith("_timestamp_seconds")
                values[key] = max(old, sample.value) if latest else old + sample.value
    return merged


def _matching(samples: Samples, name: str, labels: Mapping[str, str]) -> list[float]:
    return [value for key, value in samples.get(name, {}).items() if labels.items() <= dict(key).items()]


async def scrape(addresses: Iterable[str]) -> list[str]:
    """The `/metrics` texts of the addresses that answer; a process that is just starting again does not."""
    texts = await asyncio.gather(*(asyncio.to_thread(_read, address) for address in addresses))
    return [text for text in texts if text is not None]


def _read(address: str) -> str | None:
    try:
        with urllib.request.urlopen(address, timeout=SCRAPE_SECONDS) as answer:  # noqa: S310 - our children's http
            body: bytes = answer.read()
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return None
    return body.decode()
