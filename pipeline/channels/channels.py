"""All channels behind one door: a message goes out by one of them, and the end of the attempt comes back."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self
from urllib.parse import urlsplit

import aiohttp
import structlog

from pipeline.channels import chat, feed_file, mail, webhook
from pipeline.channels.aside import Aside, HangingError
from pipeline.channels.body import webhook_body
from pipeline.channels.clean import clean
from pipeline.channels.compose import composed
from pipeline.channels.seals import Unsealer
from pipeline.channels.sent import Sent, failed
from pipeline.channels.templates import Templates
from pipeline.channels.unsubscribe import unsubscribe_url
from pipeline.errors import CounterclaimError, SealError
from pipeline.records.alert import Message, channel_key
from pipeline.records.subscription import (
    Apprise,
    Channel,
    Email,
    FeedFile,
    KafkaTopic,
    Subscription,
    Terminal,
    Webhook,
)
from pipeline.settings.models import Settings

log = structlog.get_logger(__name__)

HIDDEN = "***"
MIN_SECRET = 4
"""Characters; what is shorter is no secret, and would be found in ordinary words."""


class Producer(Protocol):
    """What is needed of `pipeline.kafka.Publisher`: a send that waits for the acknowledgement."""

    def send(self, topic: str, value: bytes, *, key: bytes) -> Awaitable[object]: ...


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


def channel_type(channel: Channel) -> str:
    """`webhook`, `email`, …: as the subscription's record names it."""
    return str(channel.__struct_config__.tag)


class Channels:
    """Sends messages. A context manager; `send` may run many times at once, and each is bounded by
    `alerts.timeout_seconds`.
    """

    def __init__(
        self,
        settings: Settings,
        seals: Unsealer,
        templates: Templates,
        producer: Producer,
        *,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._settings, self._seals, self._templates, self._producer = settings, seals, templates, producer
        self._clock = clock
        self._aside = Aside()
        self._stdout = threading.Lock()
        self._files: dict[str, threading.Lock] = {}
        self._salt = os.urandom(16)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = webhook.open_session(self._settings.alerts, self._settings.poll.contact)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(self, channel: Channel, subscription: Subscription, message: Message) -> Sent:
        """Deliver ``message`` by ``channel``. Raises nothing but CancelledError."""
        seconds = self._settings.alerts.timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                sent = await self._send(channel, subscription, message)
        except TimeoutError:
            sent = failed(f"no complete answer within {seconds:g} s")
        except HangingError:
            sent = failed("earlier deliveries by this channel still hang")
        except CounterclaimError as error:
            sent = failed(clean(str(error)))
        except OSError as error:
            sent = failed(f"{type(error).__name__}: {error.strerror or 'no reason given'}")
        except Exception as error:
            # Without its text and traceback: a library may tell what it was given, and that is a secret.
            where = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(where.filename).name}:{where.lineno}"
            kind = type(error).__name__
            log.error("channel failed", channel=channel_type(channel), message=message.id, type=kind, at=place)  # noqa: TRY400
            sent = failed(f"an error of ours: {kind}; the log of `counterclaim deliver` says where")
        return self._redacted(sent, channel)

    def endpoint(self, channel: Channel) -> str:
        """What is queued for together: one host, one service's address, the files, one topic. Without secrets."""
        match channel:
            case Webhook(url=url):
                return _server(url)
            case Email():
                return f"smtp://{self._settings.smtp.host}:{self._settings.smtp.port}"
            case Apprise():
                address = self._unsealed(channel.url) or channel.url
                # Salted, for some addresses could be guessed: the same Slack of two subscriptions is one endpoint.
                digest = hashlib.blake2b(address.encode(), key=self._salt, digest_size=8).hexdigest()
                return f"apprise:{chat.service_of(address) or channel.service}:{digest}"
            case FeedFile():
                return "feed"
            case Terminal():
                return "stdout"
            case KafkaTopic(topic=topic):
                return f"kafka:{topic}"

    def describe(self, channel: Channel) -> tuple[str, str]:
        """The channel's type, and where it goes, without secrets."""
        match channel:
            case Webhook(url=url):
                address = _host(url)
            case Email(to=to):
                address = clean(to)
            case Apprise(service=service):
                address = service or chat.service_of(self._unsealed(channel.url) or "")
            case FeedFile():
                address = str(self._settings.alerts.feeds_dir)
            case Terminal():
                address = "stdout"
            case KafkaTopic(topic=topic):
                address = topic
        return channel_type(channel), address

    async def _send(self, channel: Channel, subscription: Subscription, message: Message) -> Sent:
        match channel:
            case Webhook():
                return await self._webhook(channel, message)
            case Email():
                return await self._email(channel, message)
            case Apprise():
                return await self._chat(channel, message)
            case FeedFile():
                return await self._feed(subscription, message)
            case Terminal():
                text = self._templates.render("terminal.j2", composed(message))
                await self._aside.run("stdout", lambda: self._print(text))
                return Sent("delivered")
            case KafkaTopic(topic=topic):
                await self._producer.send(topic, webhook_body(message), key=message.id.encode())
                return Sent("delivered")

    async def _webhook(self, channel: Webhook, message: Message) -> Sent:
        if self._session is None:
            raise RuntimeError("the channels are not open: use them as a context manager")
        secrets = [self._seals.unseal(secret) for secret in channel.secrets]
        body = webhook_body(message)
        try:
            return await webhook.post(self._session, channel.url, secrets, message.id, body, self._clock())
        except ValueError as error:
            return failed(str(error))

    async def _email(self, channel: Email, message: Message) -> Sent:
        smtp = self._settings.smtp
        if not smtp.host or not smtp.sender:
            return failed("no mail server is set: smtp.host and smtp.sender")
        key = channel_key(message.subscription, channel)
        url = unsubscribe_url(self._seals, self._settings.alerts.base_url, message.subscription, key)
        try:
            letter = mail.written(
                message, composed(message), self._templates, sender=smtp.sender, to=channel.to, unsubscribe=url
            )
            content = letter.as_bytes()
        except mail.UNUSABLE as error:
            return failed(str(error))
        timeout = self._settings.alerts.timeout_seconds
        return await mail.submit(smtp, content, sender=smtp.sender, to=channel.to, timeout=timeout)

    async def _chat(self, channel: Apprise, message: Message) -> Sent:
        url = self._seals.unseal(channel.url)
        view = composed(message)
        title, body = self._templates.render("chat_title.j2", view), self._templates.render("chat.j2", view)
        alerts = self._settings.alerts

        def notify() -> Sent:
            return chat.notify(url, title, body, alerts.timeout_seconds, allow_private=alerts.allow_private)

        return await self._aside.run(self.endpoint(channel), notify)

    async def _feed(self, subscription: Subscription, message: Message) -> Sent:
        base_url, folder = self._settings.alerts.base_url, self._settings.alerts.feeds_dir
        entry = feed_file.entry(message, composed(message), self._templates, base_url)
        lock = self._files.setdefault(subscription.id, threading.Lock())

        def add() -> None:
            with lock:  # in the thread, for it may go on after its attempt was given up
                feed_file.add(folder, subscription.id, subscription.name, entry, base_url)

        await self._aside.run(f"feed:{subscription.id}", add)
        return Sent("delivered")

    def _print(self, text: str) -> None:
        with self._stdout:  # one message after the other
            encoding = sys.stdout.encoding or "utf-8"
            sys.stdout.write(text.encode(encoding, "replace").decode(encoding) + "\n\n")
            sys.stdout.flush()

    def _redacted(self, sent: Sent, channel: Channel) -> Sent:
        """Without any secret, whatever a library or a server put into its words."""
        error = sent.error
        for secret in self._secrets(channel):
            error = error.replace(secret, HIDDEN)
        return sent if error == sent.error else Sent(sent.outcome, sent.status, error, sent.retry_after)

    def _secrets(self, channel: Channel) -> Iterator[str]:
        """Longest first: a part of one may be another."""
        found: list[str] = [self._settings.smtp.password.get_secret_value()]
        if isinstance(channel, Webhook):
            found.append(channel.url)
            found += [self._unsealed(secret) or "" for secret in channel.secrets]
        elif isinstance(channel, Apprise):
            address = self._unsealed(channel.url) or ""
            found += [address, address.partition("://")[2]]
        yield from sorted((one for one in found if len(one) >= MIN_SECRET), key=len, reverse=True)

    def _unsealed(self, text: str) -> str | None:
        try:
            return self._seals.unseal(text)
        except SealError:
            return None


def _server(url: str) -> str:
    """Scheme, host and port of a webhook."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return "webhook:unusable"
    return f"{parts.scheme}://{parts.hostname or ''}:{port}"


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, port = clean(parts.hostname or ""), parts.port
    except ValueError:
        return "unusable"
    return f"{host}:{port}" if port else host
