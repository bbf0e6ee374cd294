"""What the demo says at its end: a summary for people, one line of JSON for machines. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.demo.expectations import Expected, Verdict
from pipeline.demo.watch import Counts
from pipeline.feeds.report import span
from pipeline.logs import visible
from pipeline.readable import who
from pipeline.records import Evidence, Parties, Thread


@dataclass(frozen=True, slots=True)
class Summary:
    """How a demo went. ``polled`` is the number of requests that the feed server answered."""

    polled: int
    counts: Counts
    seconds: float
    verdict: Verdict
    expected: Expected
    threads: tuple[Thread, ...] = ()


def as_json(summary: Summary) -> str:
    """One line of JSON."""
    counts, verdict = summary.counts, summary.verdict
    return json.dumps(
        {
            "polled": summary.polled,
            "published": counts.published,
            "duplicates": counts.duplicates,
            "copies": counts.copies,
            "flagged": counts.flagged,
            "threads": counts.threads,
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
    yield from disputes(summary.threads)
    yield f"after {summary.seconds:.0f} s: {summary.polled} polls, {counts.published} articles published"
    yield (
        f"  {again['seen_again']} seen again and {again['duplicate']} duplicate dropped, "
        f"{again['revision']} revisions passed on, {counts.copies} copies found, {counts.dead} dead letters"
    )
    kinds = ", ".join(f"{kind.replace('_', '-')} {number}" for kind, number in counts.flagged.items())
    yield f"  articles flagged: {kinds}"
    states = ", ".join(f"{number} {state}" for state, number in counts.threads.items() if number)
    yield f"  threads: {states or 'none'}"
    if verdict.met:
        expected = summary.expected
        quiet = sum(not item.flags for item in expected.items)
        yield (
            f"all {len(expected.items)} expectations of articles are met ({quiet} of them: nothing is flagged), "
            f"{len(expected.threads)} of threads, {len(expected.copies)} of copies"
        )
    for line in verdict.missing:
        yield f"missing: {line}"
    for line in verdict.unexpected:
        yield f"not expected: {line}"


def disputes(threads: Sequence[Thread]) -> Iterator[str]:
    """Disputes that several articles tell: who alleges what, who denies it, in which words, and how widely."""
    widest = sorted(threads, key=lambda one: (-one.telling.independent, -one.members, one.id))
    for one in widest:
        if one.state != "disputed" or one.members == 1:
            continue
        yield f"\n{one.state}: {visible(one.title)}"
        yield f"  {_do(one.accusers, 'allege')} it of {_names(one.accused)}{_words(one.first_allegation)}"
        yield f"  {_do(one.deniers, 'deny')} it{_words(one.first_denial)}"
        lag = "" if one.lag_seconds is None else f", denied {span(one.lag_seconds)} after the allegation"
        copies = f", {one.copies} of them a copy" if one.copies else ""
        sources = f"{one.telling.independent} independent source{'s' if one.telling.independent > 1 else ''}"
        yield f"  {one.members} articles{copies}, {sources}{lag}"
    yield ""


def _names(parties: Parties) -> str:
    """Each name once: a country and its government are two parties."""
    names = dict.fromkeys(visible(one.name) for one in parties.named)
    return " and ".join(names) if names else who(parties)


def _do(parties: Parties, verb: Literal["allege", "deny"]) -> str:
    """Who does it: `A and B deny`, `A denies`."""
    names = _names(parties)
    return f"{names} {verb if ' and ' in names else {'allege': 'alleges', 'deny': 'denies'}[verb]}"


def _words(found: Evidence | None) -> str:
    return f": “{visible(found.quote)}” ({visible(found.outlet)})" if found is not None else ""


def addresses(*, feeds: str, kafka: str, metrics: Mapping[str, str]) -> Iterator[str]:
    """Where one can look while it runs."""
    yield f"feeds at {feeds}/feeds/, Kafka at {kafka}"
    for name, address in metrics.items():
        yield f"{name} metrics at {address}"
