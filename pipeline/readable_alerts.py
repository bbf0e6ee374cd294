"""Subscriptions, silences, alerts and deliveries as lines for people. Pure.

No address of a channel is shown but what a delivery shows of it: a webhook's path may be a secret.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from pipeline.lines import BOLD, DIM, RED, YELLOW, Line, Piece, flat, local
from pipeline.records import (
    Again,
    Attempt,
    Clock,
    Match,
    Merged,
    Story,
    alerts,
    deliver_inputs,
    deliveries,
    silences,
    subscription_states,
    subscriptions,
)
from pipeline.topics import ALERTS, DELIVER_IN, DELIVERIES, SILENCES, SUBSCRIPTION_STATE, SUBSCRIPTIONS


def _subscription(value: bytes) -> Line:
    one = subscriptions.decode(value)
    how = "removed" if one.removed else "paused" if one.paused else one.mode
    channels = ", ".join(str(channel.__struct_config__.tag) for channel in one.channels)
    return Line(
        (
            Piece(one.id, BOLD),
            Piece(f"  {flat(one.name)} ({flat(one.owner)}), {how}, listed by the {one.source}, by {channels}\n"),
            Piece(f"    {flat(one.query) or 'every story'}"),
        )
    )


def _state(value: bytes) -> Line:
    one = subscription_states.decode(value)
    text = f"{local(one.updated)}  {one.id}  {one.stories} stories, {one.messages} messages, {one.held} held"
    off = "".join(f"\n    channel {name} is disabled: {flat(why)}" for name, why in one.disabled.items())
    return Line((Piece(text), Piece(off, RED)))


def _silence(value: bytes) -> Line:
    one = silences.decode(value)
    whose = f" of {one.subscription}" if one.subscription else ""
    text = f"{local(one.since)} to {local(one.until)}  {one.id}{whose}, by {flat(one.author)}: {flat(one.comment)}\n"
    return Line((Piece(text), Piece(f"    {flat(one.query) or 'every story'}")))


def _deliver_input(value: bytes) -> Line:
    match deliver_inputs.decode(value).what:
        case Match() as one:
            mark = f", silenced by {flat(one.silence)}" if one.silence else f", held: {one.held}" if one.held else ""
            head = f"{local(one.matched)}  {one.subscription}  {one.event.kind}{mark}\n"
            return Line((Piece(head), *_story(one.story)))
        case Merged() as one:
            return Line((Piece(f"thread {one.thread} went into {one.into}, partition {one.partition}", DIM),))
        case Clock() as one:
            return Line((Piece(f"{local(one.time)}  clock  partition {one.partition}", DIM),), heartbeat=True)
        case Attempt() as one:
            why = f": {flat(one.error)}" if one.error else ""
            text = f"{local(one.ended)}  {one.subscription}  attempt {one.number} of {one.delivery}: {one.outcome}{why}"
            return Line((Piece(text),))
        case Again() as one:
            text = f"{local(one.given)}  {one.subscription}  {one.message.id} again, by {flat(one.author)}"
            return Line((Piece(text),))


def _alert(value: bytes) -> Line:
    one = alerts.decode(value)
    reason = f" ({flat(one.reason)})" if one.reason else ""
    message = f"  {one.message}" if one.message else "  waits" if one.outcome == "told" else ""
    head = f"{reason}  {one.subscription}  {one.event.kind}{', first' if one.first else ''}{message}\n"
    return Line((Piece(f"{local(one.decided)}  "), Piece(one.outcome, BOLD), Piece(head), *_story(one.story)))


def _delivery(value: bytes) -> Line:
    one = deliveries.decode(value)
    style = BOLD if one.outcome == "delivered" else BOLD + (YELLOW if one.outcome == "failed" else RED)
    status = f" HTTP {one.status}" if one.status else ""
    error = f" {flat(one.error)}" if one.error else ""
    again = f", again {local(one.next_try)}" if one.next_try is not None else ""
    where = f"  {one.subscription}  {one.channel_type} {flat(one.address)}, attempt {one.attempt}"
    text = f"{where}{status}{error}{again}\n    {one.message.id}  {one.message.kind}"
    return Line((Piece(f"{local(one.ended)}  "), Piece(one.outcome, style), Piece(text)))


def _story(story: Story) -> tuple[Piece, ...]:
    return (Piece(f"    {flat(story.claim.quote or story.title)}\n"), Piece(f"    {story.thread}", DIM))


SHOWN: Final[Mapping[str, Callable[[bytes], Line]]] = {
    SUBSCRIPTIONS: _subscription,
    SUBSCRIPTION_STATE: _state,
    SILENCES: _silence,
    DELIVER_IN: _deliver_input,
    ALERTS: _alert,
    DELIVERIES: _delivery,
}
"""How a value of each topic is shown; raises RecordError for one that cannot be read."""
