"""All channels behind one door: a message goes out by one of them, and the end of the attempt comes back."""

from __future__ import annotations

from collections.abc import Awaitable
from types import TracebackType
from typing import Protocol, Self

from pipeline.channels.sent import Sent
from pipeline.channels.templates import Templates
from pipeline.records.alert import Message
from pipeline.records.subscription import Channel, Subscription
from pipeline.settings.models import Settings


class Unsealer(Protocol):
    """What is needed of `pipeline.sealing.Seals`."""

    def seal(self, text: str) -> str: ...
    def unseal(self, sealed: str) -> str: ...


class Producer(Protocol):
    """What is needed of `pipeline.kafka.Publisher`: a send that waits for the acknowledgement."""

    def send(self, topic: str, value: bytes, *, key: bytes) -> Awaitable[object]: ...


class Channels:
    """Sends messages. A context manager; `send` may run many times at once."""

    def __init__(self, settings: Settings, seals: Unsealer, templates: Templates, producer: Producer) -> None:
        self._settings, self._seals, self._templates, self._producer = settings, seals, templates, producer

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def send(self, channel: Channel, subscription: Subscription, message: Message) -> Sent:
        """Deliver ``message`` by ``channel``. Raises nothing but CancelledError."""
        raise NotImplementedError

    def endpoint(self, channel: Channel) -> str:
        """What is queued for together: one host, one service, one file, one topic."""
        raise NotImplementedError

    def describe(self, channel: Channel) -> tuple[str, str]:
        """The channel's type, and where it goes, without secrets."""
        raise NotImplementedError
