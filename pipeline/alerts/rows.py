"""What is kept of one partition's subscribers. Pure values, and stores of them that remember what was touched."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from pipeline.channels.story import Snapshot
from pipeline.records.alert import Item, Message

T = TypeVar("T")


class Disabled(msgspec.Struct, frozen=True, array_like=True):
    """A channel that is not tried any more."""

    at: datetime
    why: str


class Standing(msgspec.Struct, frozen=True, array_like=True):
    """How a subscription fares. By its id."""

    touched: datetime
    stories: int = 0
    messages: int = 0
    held: int = 0
    last_message: datetime | None = None
    last_delivered: datetime | None = None
    day: str = ""
    """The local date that `today` counts messages of."""

    today: int = 0
    disabled: dict[str, Disabled] = {}
    failing: dict[str, datetime] = {}
    """Channels at which every attempt failed, and since when."""

    holding: dict[str, int] = {}
    """Stories that were held since the last summary, by reason."""

    held_threads: tuple[str, ...] = ()
    """Of them, so that one counts once; the newest."""

    held_first: str = ""
    """The first alert of them."""

    held_since: datetime | None = None
    held_last: datetime | None = None
    summed_up: datetime | None = None
    """When the last summary was made."""


class Told(msgspec.Struct, frozen=True, array_like=True):
    """What a subscription was told of a thread. By `<subscription>/<thread>`."""

    first: datetime
    last: datetime
    """Its last match, to a day."""

    events: tuple[str, ...] = ()
    """Marks of the events that were told, the newest."""

    before: Snapshot | None = None
    """The story as the reader knows it."""

    message: str = ""
    """The last message about it."""

    root: str = ""
    """The first one."""


class Merge(msgspec.Struct, frozen=True, array_like=True):
    """A thread that went into another. By its id."""

    into: str
    since: datetime | None = None


class Group(msgspec.Struct, frozen=True, array_like=True):
    """What goes into one message. By `<subscription>/<key>`."""

    waiting: int = 0
    due: datetime | None = None
    """When what waits becomes a message."""

    last: datetime | None = None
    """When its last message was made."""


class Waiting(msgspec.Struct, frozen=True, array_like=True):
    """An alert that waits for its message. By `<group>/<number>`."""

    item: Item
    decided: datetime


class Pending(msgspec.Struct, frozen=True, array_like=True):
    """A delivery in the outbox. By its id."""

    subscription: str
    channel: str
    """Its `channel_key`."""

    channel_type: str
    address: str
    message: Message
    attempt: int
    """The number of the next one."""

    due: datetime
    made: datetime


class Store(Generic[T]):
    """Rows of one kind, by name, however they are kept."""

    def __init__(self, kind: str, rows: MutableMapping[str, T]) -> None:
        self.kind, self.rows = kind, rows
        self.touched: dict[str, None] = {}

    def get(self, name: str) -> T | None:
        """The row, if there is one."""
        return self.rows.get(name)

    def put(self, name: str, value: T) -> None:
        """Write it."""
        self.rows[name] = value
        self.touched[name] = None

    def pop(self, name: str) -> None:
        """Delete it, if it is there."""
        if self.rows.pop(name, None) is not None:
            self.touched[name] = None

    def __iter__(self) -> Iterator[tuple[str, T]]:
        yield from self.rows.items()

    def __len__(self) -> int:
        return len(self.rows)


class Maker(Protocol):
    """Makes the mapping that keeps rows of a type."""

    def __call__(self, kind: type[T]) -> MutableMapping[str, T]: ...


def in_memory(kind: type[T]) -> MutableMapping[str, T]:
    """Plain objects."""
    return {}


class Rows:
    """All stores of a partition; ``make`` gives the mapping for a type of row."""

    def __init__(self, make: Maker = in_memory) -> None:
        self.standings = Store("s", make(Standing))
        self.told = Store("t", make(Told))
        self.merges = Store("m", make(Merge))
        self.groups = Store("g", make(Group))
        self.waiting = Store("w", make(Waiting))
        self.outbox = Store("o", make(Pending))
        self.again = Store("r", make(datetime))
        """Commands of people that were done, by their ids: when."""

    @property
    def stores(self) -> tuple[Store[Any], ...]:
        """Each of them."""
        return (self.standings, self.told, self.merges, self.groups, self.waiting, self.outbox, self.again)
