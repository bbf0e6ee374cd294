"""The subscriptions that all processes share: who may change what in them. Pure but for the seals' randomness.

What was decided at run time wins over the operator's file. The file adds, changes and removes only what has the source
`file`; what is paused or removed at run time stays so, whatever the file says at the next start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

import msgspec
import structlog

from pipeline.errors import RecordError, SealError
from pipeline.records import Subscription
from pipeline.records.codec import Codec, R
from pipeline.records.subscription import Apprise, Channel, Webhook
from pipeline.sealing import Seals

Changes = dict[str, Subscription | None]
"""Records to write, by id; None deletes the key."""

Seal = Callable[[str], str]


def live(record: Subscription | None) -> bool:
    """Whether stories are matched for it."""
    return record is not None and not record.paused and not record.removed


def decode_all(codec: Codec[R], table: Mapping[bytes, bytes]) -> dict[str, R]:
    """Records by key, from a topic's keys and values; what cannot be read is said in the log and left out."""
    found: dict[str, R] = {}
    for key, value in table.items():
        try:
            found[key.decode()] = codec.decode(value)
        except (RecordError, UnicodeDecodeError) as error:
            name = key.decode(errors="replace")
            structlog.get_logger(__name__).warning("record unreadable", id=name, why=str(error))
    return found


def reconcile(listed: Iterable[Subscription], known: Mapping[str, Subscription], now: datetime) -> Changes:
    """What has to change in the topic so that it follows the file, and nothing else. Doing it twice changes nothing.

    ``listed``: as the file has them, their secrets sealed by `sealing_like`.
    """
    changes: Changes = {}
    seen: set[str] = set()
    for one in listed:
        seen.add(one.id)
        record = known.get(one.id)
        if record is None:
            changes[one.id] = msgspec.structs.replace(one, changed=now)
        elif record.source == "file" and not record.removed:
            after = msgspec.structs.replace(one, paused=record.paused, resumed=record.resumed, changed=record.changed)
            if msgspec.structs.replace(record, schema=after.schema) != after:
                changes[one.id] = changed(record, after, now)
    for name, record in known.items():
        if record.source == "file" and not record.removed and name not in seen:
            changes[name] = None
    return changes


def changed(before: Subscription, after: Subscription, now: datetime) -> Subscription:
    """``after``, with the moment from which on stories are told: another query, or one that matched nothing for a
    time, begins now; another name or channel misses nothing that is on its way."""
    begins = before.query != after.query or (live(after) and not live(before))
    return msgspec.structs.replace(after, changed=now if begins else before.changed)


def applied(known: Mapping[str, Subscription], changes: Changes) -> dict[str, Subscription]:
    """The subscriptions after the changes."""
    after: dict[str, Subscription | None] = {**known, **changes}
    return {name: record for name, record in after.items() if record is not None}


def sealing_like(before: Subscription | None, seals: Seals) -> Seal:
    """Seals a secret as it is sealed in ``before`` already, and anew if it is not: sealed twice, the same secret looks
    like another, and would be written again at each start."""
    there: dict[str, str] = {}
    for sealed in secrets_of(before.channels if before else ()):
        try:
            there[seals.unseal(sealed)] = sealed
        except SealError:
            continue  # of a key that was lost: what is given now replaces it

    def seal(text: str) -> str:
        return there.get(text) or seals.seal(text)

    return seal


def sealed_elsewhere(known: Mapping[str, Subscription], seals: Seals) -> list[str]:
    """The subscriptions with a secret that this key does not open; removed ones do not count."""
    return sorted(
        name
        for name, record in known.items()
        if not record.removed and not all(_opens(seals, sealed) for sealed in secrets_of(record.channels))
    )


def _opens(seals: Seals, sealed: str) -> bool:
    try:
        seals.unseal(sealed)
    except SealError:
        return False
    return True


def secrets_of(channels: Iterable[Channel]) -> Iterable[str]:
    """All that is sealed in these channels."""
    for channel in channels:
        match channel:
            case Webhook(secrets=secrets):
                yield from secrets
            case Apprise(url=url):
                yield url
            case _:
                pass
