"""What the demo must show of alerts: who is told of which story, once, and whether each webhook arrived. Pure.

What was decided and sent is on the topics `alerts` and `deliveries`; what arrived, the receiver says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.demo.disputes import Told
from pipeline.demo.expectations import Expected, ExpectedAlerts, Page, Verdict
from pipeline.records import Alert, Delivery, alert_id
from pipeline.records.alert import Message


@dataclass(frozen=True, slots=True)
class Arrival:
    """A POST that came to the receiver; its ``body`` is what the library made of it."""

    subscription: str
    id: str
    body: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""
    """Why it was refused; "" if its signature is good."""

    @property
    def alerts(self) -> Sequence[Mapping[str, Any]]:
        """The alerts in it."""
        return tuple(self.body.get("data", {}).get("alerts", ()))


@dataclass(frozen=True, slots=True)
class Tally:
    """What one subscription was told. ``arrived`` counts webhooks by their ids; None where there is no webhook."""

    stories: int
    follow_ups: int
    messages: int
    delivered: int
    arrived: int | None


class Alerted:
    """What came by on `deliver.in`, `alerts` and `deliveries`, and at the receiver."""

    def __init__(self) -> None:
        self.matched: set[str] = set()
        """Alerts that are to be decided, by id."""

        self.alerts: dict[str, Alert] = {}
        """Each as it is now, by id."""

        self.delivered: dict[str, Message] = {}
        self.arrivals: list[Arrival] = []

    def take_alert(self, alert: Alert) -> None:
        """Take one in. Its second record tells its message, and may be read before the first."""
        if alert.message or alert.id not in self.alerts:
            self.alerts[alert.id] = alert

    def take_delivery(self, delivery: Delivery) -> None:
        """Take an attempt in."""
        if delivery.outcome == "delivered":
            self.delivered[delivery.message.id] = delivery.message

    def told(self, subscription: str) -> list[Alert]:
        """What a subscription was told, or will be as soon as its message is made."""
        return [one for one in self.alerts.values() if one.subscription == subscription and one.outcome == "told"]

    def messages(self, subscription: str) -> dict[str, None]:
        """Ids of the messages that were made for it."""
        return dict.fromkeys(one.message for one in self.told(subscription) if one.message)

    def arrived(self, subscription: str) -> set[str]:
        """Ids of what came to its webhook with a good signature, each once."""
        return {one.id for one in self.arrivals if one.subscription == subscription and not one.problem}

    def tally(self, wanted: ExpectedAlerts) -> Tally:
        """What a subscription was told, in numbers."""
        told, messages = self.told(wanted.subscription), self.messages(wanted.subscription)
        return Tally(
            stories=sum(one.first for one in told),
            follow_ups=sum(not one.first for one in told),
            messages=len(messages),
            delivered=len(messages.keys() & self.delivered.keys()),
            arrived=len(self.arrived(wanted.subscription)) if wanted.webhook else None,
        )


def still_to_tell(expected: Expected, told: Told, alerted: Alerted) -> tuple[str, ...]:
    """What is under way: events that are not yet matched, matches without a decision, alerts without a message,
    messages that are not delivered, webhooks that did not arrive.
    """
    return tuple(line for wanted in expected.alerts for line in _under_way(wanted, told, alerted))


def _under_way(wanted: ExpectedAlerts, told: Told, alerted: Alerted) -> Iterator[str]:
    name = wanted.subscription
    decided = {one.id for one in alerted.alerts.values() if one.subscription == name}
    if wanted.every:  # it matches every event, so each must have come as far as that
        due = {alert_id(name, event.id) for event in told.events}
        if behind := len(due - decided):
            yield f"{name}: {behind} events of stories are on no alert"
    waiting = sum(not one.message for one in alerted.told(name))
    if waiting:
        yield f"{name}: {waiting} alerts wait for a message"
    messages = alerted.messages(name).keys()
    yield from (f"{name}: message {one} was not delivered" for one in messages - alerted.delivered.keys())
    if wanted.webhook:
        yield from (f"{name}: webhook {one} did not arrive" for one in messages - alerted.arrived(name))


def undecided(alerted: Alerted) -> int:
    """Matches on `deliver.in` that are on no alert yet."""
    return len(alerted.matched - alerted.alerts.keys())


def compare_alerts(expected: Expected, told: Told, alerted: Alerted) -> Verdict:
    """Of each subscription: stories that it was not told of or should not have been, and those that were new to it
    more than once; follow-ups that are missing; messages that were lost, and webhooks that belong to none.
    """
    missing = [*still_to_tell(expected, told, alerted)]
    unexpected: list[str] = []
    labels = _labels(expected, told)
    for wanted in expected.alerts:
        lacks, others = _compare(wanted, labels, alerted)
        missing += lacks
        unexpected += others
        if wanted.webhook:
            unexpected += _strangers(wanted.subscription, alerted)
    if left := undecided(alerted):
        missing.append(f"{left} matches are on no alert")
    unexpected += [f"{one.subscription}: webhook {one.id} was refused: {one.problem}" for one in _refused(alerted)]
    return Verdict(tuple(missing), tuple(unexpected))


def _compare(wanted: ExpectedAlerts, labels: Mapping[str, str], alerted: Alerted) -> tuple[list[str], list[str]]:
    name, told = wanted.subscription, alerted.told(wanted.subscription)
    new = Counter(labels.get(one.story.thread, one.story.thread) for one in told if one.first)
    further = {(labels.get(one.story.thread, one.story.thread), one.event.kind) for one in told if not one.first}
    stories = {one.thread: one.follow_ups for one in wanted.stories}
    due = {*stories, *(labels.values() if wanted.every else ())}
    missing = [f"{name}: was not told of “{story}”" for story in sorted(due - new.keys())]
    missing += [
        f"{name}: no follow-up {kind} of “{story}”"
        for story, kinds in stories.items()
        for kind in kinds
        if (story, kind) not in further
    ]
    others = [f"{name}: was told of “{story}”, which is not for it" for story in sorted(new.keys() - due)]
    others += [
        f"{name}: was told of “{story}” as a new story {times} times" for story, times in new.items() if times > 1
    ]
    return missing, others


def _strangers(subscription: str, alerted: Alerted) -> list[str]:
    extra = alerted.arrived(subscription) - alerted.messages(subscription).keys()
    return [f"{subscription}: webhook {one} arrived, and is no message of it" for one in sorted(extra)]


def _refused(alerted: Alerted) -> Iterable[Arrival]:
    return (one for one in alerted.arrivals if one.problem)


def _labels(expected: Expected, told: Told) -> dict[str, str]:
    """Threads by the names that the expectations give them; one that they do not list has that of its article."""
    named = [(thread.name, frozenset(map(Page.read, thread.articles))) for thread in expected.threads]
    labels = {}
    for thread, pages in told.articles().items():
        names = [name for name, known in named if known & pages]
        labels[thread] = " + ".join(names or sorted(map(str, pages))) or thread
    return labels
