"""Which subscriptions an event of a story is for, and how each takes it: its group, held or not, silenced or not. Pure.

What comes of an event follows from the event, the subscriptions, the silences and the time: told again, it is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from pipeline.records import Silence, StoryEvent, Subscription, Thread
from pipeline.records.alert import HeldReason
from pipeline.records.subscription import GroupBy
from pipeline.records.thread import Parties
from pipeline.subscriptions.gate import AgeGate, silenced_by
from pipeline.subscriptions.index import SubscriptionIndex
from pipeline.subscriptions.query import parse_query
from pipeline.subscriptions.text import story_text
from pipeline.threads.member import party_key

OwnerOf = Callable[[str, str], str]
"""The owner of an outlet, by registrable domain and the outlet's name."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A subscription that an event is for."""

    subscription: str
    group: str
    held: HeldReason | None = None
    silence: str = ""


@dataclass(slots=True)
class Matching:
    """The subscriptions and silences of the moment."""

    owner_of: OwnerOf
    gate: AgeGate
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    """Those that are matched."""

    silences: dict[str, Silence] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    """Subscriptions whose queries this version cannot read; they are left out."""

    broken_silences: set[str] = field(default_factory=set)

    _index: SubscriptionIndex = field(default_factory=SubscriptionIndex)
    _silencing: SubscriptionIndex = field(default_factory=SubscriptionIndex)

    def put(self, subscription: Subscription) -> None:
        """Match this one from now on, in place of what had its id.

        Raises:
            QueryError: its query cannot be read. It is left out, and so is what had its id: nobody asked for that.
        """
        self.drop(subscription.id)
        self.broken.add(subscription.id)
        self._index.put(subscription.id, parse_query(subscription.query))
        self.broken.discard(subscription.id)
        self.subscriptions[subscription.id] = subscription

    def drop(self, name: str) -> None:
        """Match this subscription no more; nothing happens if it was not."""
        self.broken.discard(name)
        if self.subscriptions.pop(name, None) is not None:
            self._index.remove(name)

    def silence(self, silence: Silence) -> None:
        """Let this silence hold for its time, in place of what had its id.

        Raises:
            QueryError: its query cannot be read. It silences nothing: rather told once too often than never.
        """
        self.unsilence(silence.id)
        self.broken_silences.add(silence.id)
        self._silencing.put(silence.id, parse_query(silence.query))
        self.broken_silences.discard(silence.id)
        self.silences[silence.id] = silence

    def unsilence(self, name: str) -> None:
        """Forget a silence; nothing happens if it is not there."""
        self.broken_silences.discard(name)
        if self.silences.pop(name, None) is not None:
            self._silencing.remove(name)

    def verdicts(self, told: StoryEvent, now: datetime) -> tuple[Verdict, ...]:
        """The subscriptions that an event is for, in the order of their ids."""
        thread = told.thread
        if thread is None or not is_story(told):
            return ()
        text = story_text(told, self.owner_of)
        matching = sorted(self._index.matching(text))
        if not matching:
            return ()
        silences = [self.silences[name] for name in self._silencing.matching(text)]
        held = self.gate.event(told, now)
        groups: dict[GroupBy, str] = {}
        found = []
        for name in matching:
            one = self.subscriptions[name]
            if one.group_by not in groups:
                groups[one.group_by] = group_of(thread, one.group_by)
            because = held or self.gate.subscription(told, one)
            found.append(Verdict(name, groups[one.group_by], because, silenced_by(silences, name, now)))
        return tuple(found)


def is_story(told: StoryEvent) -> bool:
    """Whether there is a story to tell: not of a heartbeat, nor of a thread that is part of another now."""
    return told.thread is not None and not told.thread.merged_into


def merges(told: StoryEvent) -> tuple[tuple[str, str], ...]:
    """What this event tells of threads that went into others: which, and into which.

    Both threads tell of it, on partitions of their own, and either may be read first.
    """
    thread = told.thread
    if told.event.kind != "merged" or thread is None:
        return ()
    if thread.merged_into:
        return ((told.event.thread, thread.merged_into),)
    return tuple((other, told.event.thread) for other in told.event.others)


def group_of(thread: Thread, group_by: GroupBy) -> str:
    """What a story has in common with others that go into one message.

    A story of nobody known is a group of its own: stories of ten unknown people are not about one.
    """
    match group_by:
        case "story":
            return thread.id
        case "accused":
            return _first(thread.accused) or thread.id
        case "accuser":
            return _first(thread.accusers) or thread.id
        case "language":
            return thread.language
        case "all":
            return ""


def _first(parties: Parties) -> str:
    """Whoever became known first: later ones join a thread, and must not move it to another group."""
    return next((key for one in parties.named if (key := party_key((one.name, one.code)))), "")
