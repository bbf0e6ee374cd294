"""The topics of subscriptions and silences: read whole, written, and made to follow the operator's file."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from pipeline.kafka import Publisher, read_table
from pipeline.records import Silence, Subscription, SubscriptionState, encode
from pipeline.records.codec import silences, subscription_states, subscriptions
from pipeline.sealing import Seals
from pipeline.subscriptions.listing import Changes, Seal, decode_all, reconcile, sealing_like
from pipeline.topics import SILENCES, SUBSCRIPTION_STATE, SUBSCRIPTIONS


class Listed(Protocol):
    """What is needed of a subscription of the file (`pipeline.settings.subscriptions.ListedSubscription`)."""

    @property
    def id(self) -> str: ...

    def record(self, seal: Seal) -> Subscription: ...


def read_list(bootstrap: Sequence[str]) -> dict[str, Subscription]:
    """All subscriptions by id, paused and removed ones too. Blocks; raises KafkaError."""
    return decode_all(subscriptions, read_table(bootstrap, SUBSCRIPTIONS))


def read_states(bootstrap: Sequence[str]) -> dict[str, SubscriptionState]:
    """How the subscriptions fare, by id. Blocks; raises KafkaError."""
    return decode_all(subscription_states, read_table(bootstrap, SUBSCRIPTION_STATE))


def read_silences(bootstrap: Sequence[str]) -> dict[str, Silence]:
    """All silences by id, those that have run out too. Blocks; raises KafkaError."""
    return decode_all(silences, read_table(bootstrap, SILENCES))


async def write_list(publisher: Publisher, changes: Changes) -> None:
    """Write the changes; all are acknowledged when this returns. Raises PublishError; what is written stays."""
    await asyncio.gather(
        *(
            publisher.send(SUBSCRIPTIONS, None if record is None else encode(record), key=name.encode())
            for name, record in changes.items()
        )
    )


async def reconcile_file(
    listed: Iterable[Listed], bootstrap: Sequence[str], seals: Seals, publisher: Publisher, now: datetime
) -> Changes:
    """Make the topic follow the operator's file (``listed``: `load_subscriptions`), and say what was written for it.

    Nothing is written that is there already, so it may be done at each start, and by several processes: done at once by
    two, both write the same but for the seal and the moment, and either will do.

    Raises:
        KafkaError: the topic cannot be read or written.
    """
    known = await asyncio.to_thread(read_list, bootstrap)
    records = [one.record(sealing_like(known.get(one.id), seals)) for one in listed]
    changes = reconcile(records, known, now)
    await write_list(publisher, changes)
    return changes
