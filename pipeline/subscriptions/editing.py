"""What people decide about subscriptions at run time: each decision as the record that follows from it. Pure but for
the seals' randomness.

A decision about what a subscription says makes it a matter of run time: the file changes it no more. To pause, resume
or remove one leaves it the file's, and the file does not undo it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

import msgspec

from pipeline.errors import SealError, UsageError
from pipeline.records import Subscription
from pipeline.records.alert import channel_key
from pipeline.records.subscription import Apprise, Channel, Email, FeedFile, KafkaTopic, Terminal, Webhook
from pipeline.sealing import Seals
from pipeline.subscriptions.checks import MAX_SECRETS
from pipeline.subscriptions.listing import changed


def added(new: Subscription, before: Subscription | None, now: datetime) -> Subscription:
    """A new subscription, also in the place of one that was removed.

    Raises:
        UsageError: it is there, or has no channel, or one twice.
    """
    if before is not None and not before.removed:
        raise UsageError(f"{new.id}: is there already; `counterclaim subscriptions edit {new.id}` changes it")
    _check_channels(new.id, new.channels)
    # Its channels may have been disabled while another had this id.
    resumed_at = now if before is not None else None
    return msgspec.structs.replace(new, source="runtime", changed=now, resumed=resumed_at)


def edited(before: Subscription, after: Subscription, drop: Collection[str], now: datetime) -> Subscription:
    """The subscription as it is to be: the channels of ``after`` are added to those that it has, and those of the keys
    in ``drop`` go.

    Raises:
        UsageError: a key is no channel's, or no channel is left, or one is there twice.
    """
    keys = {channel_key(before.id, channel): channel for channel in before.channels}
    for key in drop:
        if key not in keys:
            raise UsageError(
                f"{before.id}: has no channel {key}; `counterclaim subscriptions show {before.id}` shows the keys"
            )
    channels = (*(channel for key, channel in keys.items() if key not in drop), *after.channels)
    _check_channels(before.id, channels)
    after = msgspec.structs.replace(
        after, channels=channels, source=before.source, paused=before.paused, resumed=before.resumed
    )
    if msgspec.structs.replace(after, changed=before.changed, schema=before.schema) == before:
        return before
    return changed(before, msgspec.structs.replace(after, source="runtime"), now)


def _check_channels(name: str, channels: Sequence[Channel]) -> None:
    keys = [channel_key(name, channel) for channel in channels]
    if not keys:
        raise UsageError(f"{name}: has no channel: say --webhook, --email, --apprise-file, --feed, --stdout or --kafka")
    for position, key in enumerate(keys):
        if key in keys[:position]:
            raise UsageError(f"{name}: has the channel {address(channels[position])} already")


def paused(before: Subscription) -> Subscription:
    """Nothing is matched for it until it is resumed."""
    return msgspec.structs.replace(before, paused=True)


def resumed(before: Subscription, now: datetime) -> Subscription:
    """Neither paused nor removed; channels that were disabled are tried again."""
    after = msgspec.structs.replace(before, paused=False, removed=False, resumed=now)
    return changed(before, after, now)


def removed(before: Subscription) -> Subscription:
    """Removed, also if the file lists it at the next start."""
    return msgspec.structs.replace(before, removed=True)


def rotated(before: Subscription, url: str | None, secret: str, seals: Seals) -> Subscription:
    """Its webhooks (or the one of this URL) sign with ``secret``, and for the time being with their last one too.

    Raises:
        UsageError: it has no such webhook, or the secret is the one in use.
    """
    return _with_secrets(before, url, lambda old: _newest(seals, secret, old))


def settled(before: Subscription, url: str | None) -> Subscription:
    """Its webhooks (or the one of this URL) sign with their newest secret only. Raises UsageError: it has none."""
    return _with_secrets(before, url, lambda old: old[:1])


def _newest(seals: Seals, secret: str, old: Sequence[str]) -> tuple[str, ...]:
    kept = []
    for sealed in old[: MAX_SECRETS - 1]:
        try:
            if seals.unseal(sealed) == secret:
                raise UsageError("this is the secret that is in use: give another, or none to have one made")
        except SealError:
            continue  # of a key that was lost: nobody can sign with it
        kept.append(sealed)
    return (seals.seal(secret), *kept)


def _with_secrets(
    before: Subscription, url: str | None, change: Callable[[Sequence[str]], Sequence[str]]
) -> Subscription:
    if not any(isinstance(one, Webhook) and url in (None, one.url) for one in before.channels):
        raise UsageError(f"{before.id}: has no webhook" + (f" {url}" if url else ""))
    channels = tuple(
        msgspec.structs.replace(one, secrets=tuple(change(one.secrets)))
        if isinstance(one, Webhook) and url in (None, one.url)
        else one
        for one in before.channels
    )
    after = msgspec.structs.replace(before, channels=channels)
    return before if after == before else msgspec.structs.replace(after, source="runtime")


def address(channel: Channel) -> str:
    """A channel in words, without secrets."""
    match channel:
        case Webhook(url=url):
            return f"webhook {url}"
        case Email(to=to):
            return f"email {to}"
        case Apprise(service=service):
            return f"apprise {service}".rstrip()
        case KafkaTopic(topic=topic):
            return f"kafka {topic}"
        case FeedFile():
            return "feed"
        case Terminal():
            return "stdout"
