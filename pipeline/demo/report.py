"""What the demo says at its end: a summary for people, one line of JSON for machines. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.demo.alerts import Arrival, Tally
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
            "alerts": {name: _tally(tally) for name, tally in counts.alerts.items()},
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
    for name, tally in counts.alerts.items():
        yield f"  alerts to {name}: {_in_words(tally)}"
    if verdict.met:
        expected = summary.expected
        quiet = sum(not item.flags for item in expected.items)
        yield (
            f"all {len(expected.items)} expectations of articles are met ({quiet} of them: nothing is flagged), "
            f"{len(expected.threads)} of threads, {len(expected.copies)} of copies, "
            f"{len(expected.alerts)} of subscriptions"
        )
    for line in verdict.missing:
        yield f"missing: {line}"
    for line in verdict.unexpected:
        yield f"not expected: {line}"


def _tally(tally: Tally) -> dict[str, int]:
    return {name: number for name, number in asdict(tally).items() if number is not None}


def _in_words(tally: Tally) -> str:
    told = f"{tally.stories} stories and {tally.follow_ups} follow-ups in {tally.messages} messages"
    if tally.arrived is None:
        return f"{told}, {tally.delivered} delivered"
    return f"{told}, {tally.arrived} arrived as signed webhooks"


def arrived(arrival: Arrival, seconds: float | None) -> Iterator[str]:
    """A webhook that came to the demo's receiver: what it tells, in a few lines; ``seconds`` since the fetch."""
    told = f"alert  {visible(arrival.subscription)}  "
    if arrival.problem:
        yield f"{told}refused: {visible(arrival.problem)}"
        return
    told += visible(str(arrival.body["type"]))
    stories: dict[str, list[Mapping[str, Any]]] = {}
    for alert in arrival.alerts:
        stories.setdefault(alert["story"]["thread"], []).append(alert)
    for alerts in stories.values():
        story = alerts[-1]["story"]
        yield f"{told}  {visible(story['headline'])}"
        yield f"    {visible(story['outlet'])}: “{visible(story['title'])}”{_further(alerts)}"
    if not stories:
        yield f"{told}  {visible(arrival.body['data'].get('text', ''))}"
    after = "" if seconds is None else f" {seconds:.1f} s after the fetch"
    yield f"    delivered{after}, signature good"


def _further(alerts: Sequence[Mapping[str, Any]]) -> str:
    """Follow-ups, by what happened."""
    kinds = dict.fromkeys(visible(alert["event"]["kind"]) for alert in alerts if not alert["first"])
    return f"; follow-ups: {', '.join(kinds)}" if kinds else ""


def disputes(threads: Sequence[Thread]) -> Iterator[str]:
    """Disputes that several articles tell: who alleges what, who denies it, in which words, and how widely."""
    widest = sorted(threads, key=lambda one: (-one.telling.independent, -one.members, one.id))
    for one in widest:
        if one.state != "disputed" or one.members == 1:
            continue
        yield f"\n{one.state}: {visible(one.title)}"
        yield f"  {_names(one.accusers)} alleged it of {_names(one.accused)}{_words(one.first_allegation)}"
        yield f"  {_names(one.deniers)} denied it{_words(one.first_denial)}"
        lag = "" if one.lag_seconds is None else f", denied {span(one.lag_seconds)} after the allegation"
        copies = f", {one.copies} of them a copy" if one.copies else ""
        sources = f"{one.telling.independent} independent source{'s' if one.telling.independent > 1 else ''}"
        yield f"  {one.members} articles{copies}, {sources}{lag}"
    yield ""


def _names(parties: Parties) -> str:
    """Each name once: a country and its government are two parties."""
    names = dict.fromkeys(visible(one.name) for one in parties.named)
    return " and ".join(names) if names else who(parties)


def _words(found: Evidence | None) -> str:
    return f": “{visible(found.quote)}” ({visible(found.outlet)})" if found is not None else ""


def addresses(*, feeds: str, kafka: str, metrics: Mapping[str, str]) -> Iterator[str]:
    """Where one can look while it runs."""
    yield f"feeds at {feeds}/feeds/, Kafka at {kafka}"
    for name, address in metrics.items():
        yield f"{name} metrics at {address}"
