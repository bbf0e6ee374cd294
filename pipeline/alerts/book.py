"""The subscribers of one partition: takes in what is on `deliver.in`, in its order. Pure; it keeps nothing itself.

    book = Book(rows, describe, disable_after)         # the rows of the partition's table, however they are stored
    for _ in book.restore(): ...                       # what is derived from them
    out = book.take(record.what, known)                # writes the rows, and says what came of it

Time passes by the times in the records alone; what is due becomes due by a `Clock`, and by nothing else.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from pipeline.alerts import message as messages
from pipeline.alerts.groups import Groups, told
from pipeline.alerts.hours import quiet_until, zone_of
from pipeline.alerts.memory import REMEMBER, Memory, known, mark
from pipeline.alerts.post import NOT_LIVE, Describe, Outcomes, Post
from pipeline.alerts.rows import Disabled, Rows, Standing
from pipeline.channels.story import what_changed
from pipeline.records.alert import Again, Alert, AlertOutcome, Attempt, Clock, Item, Match, Merged, alert_id
from pipeline.records.subscription import Subscription, SubscriptionState
from pipeline.subscriptions.listing import live

RESTORE_CHUNK: Final = 500
"""Rows that are taken in between two turns of the event loop."""

HELD_QUIET: Final = timedelta(seconds=60)
"""The summary of what was held comes when nothing more was held for so long (or for the group's wait, if longer) …"""

HELD_MOST: Final = timedelta(hours=1)
"""… or when so long something was held again and again …"""

HELD_BETWEEN: Final = timedelta(days=1)
"""… and at most one in this time."""

MOST_AT_ONCE: Final = 500
"""Alerts that one clock makes messages of, or drops; the next one goes on. Ten thousand digests are due at the same
moment, and the loop must turn."""

SET_BACK: Final = timedelta(minutes=5)
"""A clock that is earlier than the last one by more is no straggler: the time was set back."""

MAX_HELD: Final = 200
"""Held stories that are told apart; a story beyond them counts at each of its matches."""

Subscriptions = Mapping[str, Subscription]
"""All that are known, also the paused and removed ones, by id."""

_GROUP, _HELD, _TOLD, _MERGE, _AGAIN, _STANDING = "g", "h", "t", "m", "r", "s"
_LONG_AGO: Final = datetime(1, 1, 1, tzinfo=UTC)


class Book:
    """What the subscribers of a partition were told, what waits, and what is to be delivered.

    Args:
        rows: however they are stored.
        describe: a channel in words.
        disable_after: so long every attempt may fail before a channel is disabled.
        ticked: time of the last clock.
    """

    def __init__(
        self, rows: Rows, describe: Describe, disable_after: timedelta, *, ticked: datetime | None = None
    ) -> None:
        self.rows, self.ticked = rows, ticked
        self.memory = Memory(rows)
        self.post = Post(rows, describe, disable_after)
        self.groups = Groups(rows, self.post, self.memory, lambda when, name: self._remind(when, _GROUP, name))
        self._due: list[tuple[datetime, str, str]] = []
        self._settled: dict[str, Subscription] = {}
        """Of those that something waits for: as they were when that was last looked at."""

    def restore(self) -> Iterator[int]:
        """Derive everything else from the rows. Yields how many were read, each `RESTORE_CHUNK`."""
        self.memory.restore()
        self.post.restore()
        self.groups.restore()
        number = 0
        for number, (when, kind, name) in enumerate(self._reminders(), 1):
            self._remind(when, kind, name)
            if number % RESTORE_CHUNK == 0:
                yield number
        yield number

    def _reminders(self) -> Iterator[tuple[datetime, str, str]]:
        for name, group in self.rows.groups:
            yield group.due or _LONG_AGO, _GROUP, name
        for name, standing in self.rows.standings:
            yield standing.touched + REMEMBER, _STANDING, name
            if standing.holding:
                yield _LONG_AGO, _HELD, name
        for name, row in self.rows.told:
            yield row.last + REMEMBER, _TOLD, name
        for name, merge in self.rows.merges:
            yield (merge.since or _LONG_AGO) + REMEMBER, _MERGE, name
        for name, done in self.rows.again:
            yield done + REMEMBER, _AGAIN, name

    def due(self, now: datetime) -> bool:
        """Whether a clock of this time would find something to do."""
        return self._is_ahead(now) or (bool(self._due) and self._due[0][0] <= now)

    def concerned(self, name: str, subscriptions: Subscriptions) -> bool:
        """Whether a subscription's change calls for a clock: something waits for it in vain, or may go out again."""
        subscription = subscriptions.get(name)
        if subscription is None or not live(subscription):
            return name in self.post.subscriptions or name in self.groups.subscriptions
        return self.post.unsettled(subscription)

    def take(self, what: Match | Merged | Clock | Attempt | Again, subscriptions: Subscriptions) -> Outcomes:
        """Take in one record."""
        out = Outcomes()
        match what:
            case Match():
                self._match(what, _live(subscriptions, what.subscription), out)
            case Merged():
                if self.memory.merged(what.thread, what.into, self.ticked):
                    self._remind((self.ticked or _LONG_AGO) + REMEMBER, _MERGE, what.thread)
            case Clock():
                self._clock(what.time, subscriptions, out)
            case Attempt():
                self.post.attempted(what, _live(subscriptions, what.subscription), out)
            case Again():
                if self.rows.again.get(what.id) is None:
                    self.rows.again.put(what.id, what.given)
                    self._remind(what.given + REMEMBER, _AGAIN, what.id)
                    self.post.again(what, _live(subscriptions, what.subscription), out)
        for name, when in out.changed.items():
            standing = self.rows.standings.get(name)
            out.states[name] = None if standing is None else _state(name, standing, when)
        return out

    # -- matches

    def _match(self, match: Match, subscription: Subscription | None, out: Outcomes) -> None:
        when = max(match.matched, self.ticked or match.matched)
        rows = self.memory.told(match.subscription, match.event.thread)
        event = mark(match.event)
        mine = rows.get(match.event.thread)
        if mine is not None and event in mine.events:
            return  # the same match again: what it led to was told
        if subscription is not None:
            self.post.settle(subscription, when, out)
        if (before := next((one for one, row in rows.items() if event in row.events), None)) is not None:
            self._note(match, "repeated", f"told of the thread {before}, which is the same story now", when, out)
        elif subscription is None:
            self._note(match, "held", NOT_LIVE, when, out)
        elif match.silence:
            self._note(match, "silenced", match.silence, when, out)
        elif match.held is not None:
            self._note(match, "held", match.held, when, out)
            self._hold(match, match.held, subscription, when)
        elif rows and match.event.kind not in subscription.events:
            self._note(match, "immaterial", "", when, out)
        else:
            self._tell(match, subscription, when, out)
            return
        if rows:
            self._expire_later(self.memory.seen(match.subscription, match.event.thread, when), when)

    def _tell(self, match: Match, subscription: Subscription, when: datetime, out: Outcomes) -> None:
        rows = self.memory.told(match.subscription, match.event.thread)
        first = not rows
        item = Item(
            alert=alert_id(match.subscription, match.event.id),
            event=match.event,
            story=match.story,
            first=first,
            since="" if first else what_changed([match.event], match.story, known(rows)),
            fetched=match.fetched,
        )
        remembered = self.memory.remember(match.subscription, match.event, match.story, when)
        self._expire_later(remembered, when)
        standing = self._standing(match.subscription, when)
        if first:
            standing = msgspec.structs.replace(standing, stories=standing.stories + 1)
        self.post.keep(match.subscription, standing, when, out)
        out.alerts[item.alert] = told(match.subscription, item, when)
        self.groups.add(subscription, match.group, item, when, out)

    def _note(self, match: Match, outcome: AlertOutcome, reason: str, when: datetime, out: Outcomes) -> None:
        name = alert_id(match.subscription, match.event.id)
        out.alerts[name] = Alert(
            id=name,
            subscription=match.subscription,
            outcome=outcome,
            reason=reason,
            event=match.event,
            story=match.story,
            fetched=match.fetched,
            decided=when,
        )

    # -- what was held

    def _hold(self, match: Match, reason: str, subscription: Subscription, when: datetime) -> None:
        standing = self._standing(match.subscription, when)
        if match.event.thread in standing.held_threads:
            counts, threads, more = standing.holding, standing.held_threads, 0
        else:
            counts = standing.holding | {reason: standing.holding.get(reason, 0) + 1}
            threads, more = (*standing.held_threads, match.event.thread)[-MAX_HELD:], 1
        standing = msgspec.structs.replace(
            standing,
            held=standing.held + more,
            holding=counts,
            held_threads=threads,
            held_first=standing.held_first or alert_id(match.subscription, match.event.id),
            held_since=standing.held_since or when,
            held_last=when,
            touched=when,
        )
        self.rows.standings.put(match.subscription, standing)
        if standing.held_since == when:
            self._remind(_summary_due(standing, subscription), _HELD, match.subscription)

    def _sum_up(self, name: str, subscription: Subscription | None, now: datetime, out: Outcomes) -> None:
        standing = self.rows.standings.get(name)
        if standing is None or not standing.holding:
            return
        due = _summary_due(standing, subscription)
        if subscription is not None and due > now:
            self._remind(due, _HELD, name)
            return
        cleared = msgspec.structs.replace(
            standing, holding={}, held_threads=(), held_first="", held_since=None, held_last=None, summed_up=now
        )
        self.post.keep(name, cleared, now, out)
        if subscription is not None:
            summary = messages.held(
                subscription, standing.holding, standing.held_first, standing.held_since or now, now
            )
            later = quiet_until(now, subscription.quiet, zone_of(subscription.zone))
            self.post.send(summary, subscription, now, later or now, out)

    # -- time

    def _clock(self, now: datetime, subscriptions: Subscriptions, out: Outcomes) -> None:
        if self._is_ahead(now):
            self._set_back(subscriptions, now)
        elif self.ticked is not None and now <= self.ticked:
            return
        self.ticked = now
        self._settle(subscriptions, now, out)
        due: set[tuple[str, str]] = set()
        weight = len(out.alerts) + len(out.deliveries)
        while self._due and self._due[0][0] <= now and weight < MOST_AT_ONCE:
            _, kind, name = heapq.heappop(self._due)
            if (kind, name) not in due:
                due.add((kind, name))
                weight += self.groups.waiting(name) if kind == _GROUP else 1
        for kind, name in sorted(due):  # the order of reminders depends on when they were made, and is no result
            if kind == _GROUP:
                self.groups.look(name, _live(subscriptions, name.partition("/")[0]), now, out)
            elif kind == _HELD:
                self._sum_up(name, _live(subscriptions, name), now, out)
            else:
                self._expire(kind, name, subscriptions, now, out)

    def _settle(self, subscriptions: Subscriptions, now: datetime, out: Outcomes) -> None:
        """What waits for subscriptions that changed since somebody looked."""
        waiting = {*self.post.subscriptions, *self.groups.subscriptions, *self.post.troubled}
        for gone in self._settled.keys() - waiting:
            del self._settled[gone]
        for name in sorted(one for one in waiting if self._settled.get(one, self) is not subscriptions.get(one)):
            subscription = _live(subscriptions, name)
            if subscription is not None:
                self.post.settle(subscription, now, out)
                self._settled[name] = subscription
                continue
            title = subscriptions[name].name if name in subscriptions else ""
            self.post.drop(name, None, NOT_LIVE, now, out)
            self.groups.drop(name, title, now, out)
            if len(out.alerts) + len(out.deliveries) >= MOST_AT_ONCE:
                return  # the others are still `concerned`

    def _is_ahead(self, now: datetime) -> bool:
        return self.ticked is not None and self.ticked - now > SET_BACK

    def _set_back(self, subscriptions: Subscriptions, now: datetime) -> None:
        """The last clocks were wrong: nothing waits for a time that they alone had in sight."""
        for name, group in [*self.rows.groups]:
            subscription = _live(subscriptions, name.partition("/")[0])
            if subscription is not None:
                self.groups.set_back(name, group, subscription, now)
        for name, standing in [*self.rows.standings]:
            self.rows.standings.put(name, _no_later(standing, now))
            if standing.holding:
                self._remind(now, _HELD, name)
        self.post.set_back(now)

    def _expire(self, kind: str, name: str, subscriptions: Subscriptions, now: datetime, out: Outcomes) -> None:
        if kind == _TOLD and (row := self.rows.told.get(name)) is not None:
            if row.last + REMEMBER > now:
                self._remind(row.last + REMEMBER, _TOLD, name)
            else:
                self.rows.told.pop(name)
        elif kind == _MERGE and (merge := self.rows.merges.get(name)) is not None:
            if merge.since is None:
                self.rows.merges.put(name, msgspec.structs.replace(merge, since=now))
                self._remind(now + REMEMBER, _MERGE, name)
            elif merge.since + REMEMBER > now:
                self._remind(merge.since + REMEMBER, _MERGE, name)
            else:
                self.memory.unmerged(name)
        elif kind == _AGAIN:
            self.rows.again.pop(name)
        elif kind == _STANDING and (standing := self.rows.standings.get(name)) is not None:
            busy = name in self.post.subscriptions or name in self.groups.subscriptions
            if standing.touched + REMEMBER > now:
                self._remind(standing.touched + REMEMBER, _STANDING, name)
            elif busy or live(subscriptions.get(name)):
                self._remind(now + REMEMBER, _STANDING, name)
            else:
                self.rows.standings.pop(name)
                out.changed[name] = now

    def _standing(self, name: str, when: datetime) -> Standing:
        if self.rows.standings.get(name) is None:
            self._remind(when + REMEMBER, _STANDING, name)
        return self.post.standing(name, when)

    def _expire_later(self, names: Iterable[str], when: datetime) -> None:
        for name in names:
            self._remind(when + REMEMBER, _TOLD, name)

    def _remind(self, when: datetime, kind: str, name: str) -> None:
        """Look into it then; whether it is due, the row says."""
        heapq.heappush(self._due, (when, kind, name))


def _live(subscriptions: Subscriptions, name: str) -> Subscription | None:
    subscription = subscriptions.get(name)
    return subscription if live(subscription) else None


def _summary_due(standing: Standing, subscription: Subscription | None) -> datetime:
    since, last = standing.held_since or _LONG_AGO, standing.held_last or _LONG_AGO
    wait = timedelta(seconds=subscription.group_wait_seconds) if subscription is not None else HELD_QUIET
    due = min(last + max(HELD_QUIET, wait), since + HELD_MOST)
    return due if standing.summed_up is None else max(due, standing.summed_up + HELD_BETWEEN)


def _no_later(standing: Standing, now: datetime) -> Standing:
    """Without times that are still to come."""

    def past(when: datetime | None) -> datetime | None:
        return None if when is None else min(when, now)

    return msgspec.structs.replace(
        standing,
        last_message=past(standing.last_message),
        last_delivered=past(standing.last_delivered),
        disabled={key: Disabled(min(one.at, now), one.why) for key, one in standing.disabled.items()},
        failing={key: min(since, now) for key, since in standing.failing.items()},
        held_since=past(standing.held_since),
        held_last=past(standing.held_last),
        summed_up=past(standing.summed_up),
    )


def _state(name: str, standing: Standing, when: datetime) -> SubscriptionState:
    return SubscriptionState(
        id=name,
        stories=standing.stories,
        messages=standing.messages,
        held=standing.held,
        last_message=standing.last_message,
        last_delivered=standing.last_delivered,
        disabled={channel: disabled.why for channel, disabled in standing.disabled.items()},
        updated=when,
    )
