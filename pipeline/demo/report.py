"""What the demo says at its end: a summary for people, one line of JSON for machines. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipeline.demo.expectations import Expected, Verdict
from pipeline.demo.watch import Counts


@dataclass(frozen=True, slots=True)
class Summary:
    """How a demo went. ``polled`` is the number of requests that the feed server answered."""

    polled: int
    counts: Counts
    seconds: float
    verdict: Verdict
    expected: Expected


def as_json(summary: Summary) -> str:
    """One line of JSON."""
    counts, verdict = summary.counts, summary.verdict
    return json.dumps(
        {
            "polled": summary.polled,
            "published": counts.published,
            "duplicates": counts.duplicates,
            "flagged": counts.flagged,
            "dead": counts.dead,
            "seconds": round(summary.seconds, 1),
            "met": verdict.met,
            "missing": verdict.missing,
            "unexpected": verdict.unexpected,
        },
        ensure_ascii=False,
    )


def sentences(summary: Summary) -> Iterator[str]:
    """The summary, a line each."""
    counts, verdict = summary.counts, summary.verdict
    again = counts.duplicates
    yield f"after {summary.seconds:.0f} s: {summary.polled} polls, {counts.published} articles published"
    yield (
        f"  {again['seen_again']} seen again and {again['duplicate']} duplicate dropped, "
        f"{again['revision']} revision passed on, {counts.dead} dead letters"
    )
    kinds = ", ".join(f"{kind.replace('_', '-')} {number}" for kind, number in counts.flagged.items())
    yield f"  articles flagged: {kinds}"
    if verdict.met:
        quiet = sum(not item.flags for item in summary.expected.items)
        yield f"all {len(summary.expected.items)} expectations are met; {quiet} of them say that nothing is flagged"
    for line in verdict.missing:
        yield f"missing: {line}"
    for line in verdict.unexpected:
        yield f"not expected: {line}"


def addresses(*, feeds: str, kafka: str, metrics: Mapping[str, str]) -> Iterator[str]:
    """Where one can look while it runs."""
    yield f"feeds at {feeds}/feeds/, Kafka at {kafka}"
    for name, address in metrics.items():
        yield f"{name} metrics at {address}"
