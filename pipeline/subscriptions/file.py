"""The topics of subscriptions and silences: read whole, written, and made to follow the operator's file."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

from pipeline.kafka import Publisher, read_table
from pipeline.records import Silence, Subscription, SubscriptionState, encode
from pipeline.records.codec import silences, subscription_states, subscriptions
from pipeline.sealing import Seals
from pipeline.settings.load import load_subscriptions
from pipeline.settings.models import Settings
from pipeline.subscriptions.listing import Changes, decode_all, reconcile, sealing_like
from pipeline.topics import SILENCES, SUBSCRIPTION_STATE, SUBSCRIPTIONS


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
    settings: Settings, env: Mapping[str, str], seals: Seals, publisher: Publisher, now: datetime
) -> Changes:
    """Make the topic follow the operator's file, and say what had to be written for it.

    Nothing is written that is there already, so it may be done at each start, and by several processes: done at once by
    two, both write the same but for the seal, and either will do.

    Raises:
        ConfigError: the file is wrong, or a secret that it names is not there.
        KafkaError: the topic cannot be read or written.
    """
    listed = load_subscriptions(settings, env)
    known = await asyncio.to_thread(read_list, settings.kafka.servers)
    records = [one.record(sealing_like(known.get(one.entry.id), seals)) for one in listed]
    changes = reconcile(records, known, now)
    await write_list(publisher, changes)
    return changes
