"""From alerts to one message. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from pipeline.records.alert import Item, Message, MessageKind, message_id
from pipeline.records.subscription import Subscription

MAX_ITEMS: Final = 20
"""Alerts that a message tells in full; of others it tells how many there are."""


def told(subscription: str, name: str, items: Sequence[Item], story: str, when: datetime) -> Message:
    """The message of some alerts, in their order.

    Args:
        story: the thread that all of them are about; "" if several.
    """
    kind: MessageKind = "digest"
    if story:
        kind = "story.new" if any(item.first for item in items) else "story.update"
    return Message(
        id=message_id(subscription, kind, (item.alert for item in items)),
        kind=kind,
        subscription=subscription,
        name=name,
        items=tuple(items[:MAX_ITEMS]),
        more=max(0, len(items) - MAX_ITEMS),
        thread=story,
        made=when,
    )


def held(subscription: Subscription, counts: dict[str, int], first: str, since: datetime, when: datetime) -> Message:
    """The summary of what was not told; ``first`` is the first alert of it, held ``since``: it may be held again."""
    return Message(
        id=message_id(subscription.id, "held", (first, since.isoformat())),
        kind="held",
        subscription=subscription.id,
        name=subscription.name,
        held=counts,
        made=when,
    )


def disabled(subscription: Subscription, channel: str, where: tuple[str, str], why: str, when: datetime) -> Message:
    """Tells by other channels that one is not tried any more."""
    kind, address = where
    text = (
        f"The channel {kind} ({address}) of the subscription {subscription.id} is disabled: {why}. "
        f"Nothing is sent there until somebody resumes it: counterclaim subscriptions resume {subscription.id}"
    )
    return Message(
        id=message_id(subscription.id, "notice", (channel, when.isoformat())),
        kind="notice",
        subscription=subscription.id,
        name=subscription.name,
        text=text,
        made=when,
    )
