"""What is wanted and what is silenced, as it is now: the topics `subscriptions` and `silences`, followed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from types import MappingProxyType, TracebackType
from typing import Any, Final, Self, TypeVar

import structlog

from pipeline.errors import KafkaError, RecordError
from pipeline.kafka import Follower, Message, read_table
from pipeline.records import Record, Silence, Subscription
from pipeline.records.codec import Codec, silences, subscriptions
from pipeline.subscriptions.listing import live
from pipeline.topics import SILENCES, SUBSCRIPTIONS

R = TypeVar("R", bound=Record)

Changed = Callable[[str, Subscription | None], None]
"""Told of each subscription that is live now, as it is now; None: no more. Of what is read at the start too."""

Silenced = Callable[[str, Silence | None], None]
"""Told of each silence; None: it was removed. One that has run out is still there."""

RETRY_SECONDS: Final = 2.0
"""Between two tries to follow again, after the cluster was away for too long."""


class Known:
    """Follows both topics without a consumer group; the mappings change in place, between two awaits of the reader.

    ``changed`` and ``silenced`` are called in the event loop, from `start` and whenever something changes. What cannot
    be read is said in the log, and what was known of it holds. One that raises is told of in the log and to ``failed``;
    what comes after it is followed all the same.
    """

    def __init__(
        self,
        bootstrap: Sequence[str],
        *,
        changed: Changed | None = None,
        silenced: Silenced | None = None,
        failed: Callable[[], None] | None = None,
    ) -> None:
        self._bootstrap = tuple(bootstrap)
        self._changed, self._silenced, self._failed = changed, silenced, failed
        self._all: dict[str, Subscription] = {}
        self._live: dict[str, Subscription] = {}
        self._silences: dict[str, Silence] = {}
        self._follower: Follower | None = None
        self._following: asyncio.Task[None] | None = None
        self._log = structlog.get_logger(__name__)

    @property
    def subscriptions(self) -> Mapping[str, Subscription]:
        """Those that are neither paused nor removed, by id."""
        return MappingProxyType(self._live)

    @property
    def all(self) -> Mapping[str, Subscription]:
        """All of them, by id."""
        return MappingProxyType(self._all)

    @property
    def silences(self) -> Mapping[str, Silence]:
        """All silences, by id; whether one has run out is for the reader to see."""
        return MappingProxyType(self._silences)

    async def start(self) -> None:
        """Read both topics to their ends, then go on following them. Raises KafkaError."""
        follower = await self._read()
        self._following = asyncio.create_task(self._follow(follower))

    async def close(self) -> None:
        """Stop following; what is known stays readable."""
        if self._following is not None:
            if self._follower is not None:
                self._follower.stop()
            self._following.cancel()
            await asyncio.wait([self._following])
            self._following = None
        if self._follower is not None:
            await self._follower.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def _read(self) -> Follower:
        """Both topics up to their ends; a follower that stands before them, so that nothing is missed between."""
        follower = Follower(self._bootstrap, [SUBSCRIPTIONS, SILENCES], from_beginning=False)
        try:
            await follower.start()
            wanted, silenced = await asyncio.gather(
                *(asyncio.to_thread(read_table, self._bootstrap, topic) for topic in (SUBSCRIPTIONS, SILENCES))
            )
        except BaseException:
            await follower.close()
            raise
        self._follower = follower
        for gone in self._all.keys() - {_text(key) for key in wanted}:
            self._wanted(gone, None)
        for gone in self._silences.keys() - {_text(key) for key in silenced}:
            self._silence(gone, None)
        for key, value in wanted.items():
            self._take(SUBSCRIPTIONS, key, value)
        for key, value in silenced.items():
            self._take(SILENCES, key, value)
        return follower

    async def _follow(self, follower: Follower) -> None:
        while True:
            try:
                async with aclosing(aiter(follower)) as messages:
                    async for message in messages:
                        self._heard(message)
            except KafkaError as error:
                self._log.warning("subscriptions not followed", why=str(error), again_in=RETRY_SECONDS)
            except Exception:  # whatever it is: nobody would hear of subscriptions again
                self._fault("subscriptions not followed", again_in=RETRY_SECONDS)
            else:
                return
            follower = await self._again()

    async def _again(self) -> Follower:
        while True:
            await asyncio.sleep(RETRY_SECONDS)
            try:
                return await self._read()
            except KafkaError as error:
                self._log.warning("subscriptions not read", why=str(error), again_in=RETRY_SECONDS)
            except Exception:
                self._fault("subscriptions not read", again_in=RETRY_SECONDS)

    def _heard(self, message: Message) -> None:
        if message.key is not None:
            self._take(message.topic, message.key, message.value)

    def _take(self, topic: str, key: bytes, value: bytes | None) -> None:
        name = _text(key)
        try:
            if topic == SUBSCRIPTIONS:
                self._wanted(name, _decoded(subscriptions, value))
            else:
                self._silence(name, _decoded(silences, value))
        except RecordError as error:
            self._log.warning("record unreadable", topic=topic, id=name, why=str(error))

    def _wanted(self, name: str, now: Subscription | None) -> None:
        _put(self._all, name, now)
        listening = now if now is not None and live(now) else None
        if self._live.get(name) != listening:
            _put(self._live, name, listening)
            if self._changed is not None:
                self._tell(self._changed, name, listening)

    def _silence(self, name: str, now: Silence | None) -> None:
        if self._silences.get(name) != now:
            _put(self._silences, name, now)
            if self._silenced is not None:
                self._tell(self._silenced, name, now)

    def _tell(self, listener: Callable[[str, R | None], None], name: str, now: R | None) -> None:
        try:
            listener(name, now)
        except Exception:
            self._fault("change not taken", id=name)

    def _fault(self, what: str, **more: Any) -> None:
        self._log.exception(what, **more)
        if self._failed is not None:
            self._failed()


def _decoded(codec: Codec[R], value: bytes | None) -> R | None:
    return None if value is None else codec.decode(value)


def _put(table: dict[str, R], name: str, now: R | None) -> None:
    if now is None:
        table.pop(name, None)
    else:
        table[name] = now


def _text(key: bytes) -> str:
    return key.decode(errors="replace")
