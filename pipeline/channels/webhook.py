"""The channel `webhook`: a signed POST, as Standard Webhooks 1.0 has it.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md. No redirect is
followed, and the address that is dialled is judged in the socket (`pipeline.feeds.guard`). An error names the host and
nothing else of the URL: a path is a secret at many services.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final

import aiohttp
import standardwebhooks

from pipeline.channels.sent import Sent, failed
from pipeline.feeds import guard
from pipeline.feeds.fetch import user_agent
from pipeline.feeds.freshness import RETRY_AFTER_STATUSES, retry_after
from pipeline.settings.alerting import AlertsSettings

MAX_ANSWER_BYTES: Final = 16 * 1024
"""Of an answer that are read, so that a receiver is not cut off in the middle of a short one; nobody looks at them."""

ANSWER_SECONDS: Final = 1.0
"""For reading them: the status has said it all, and a body that drips holds nobody up."""

GONE: Final = 410


def open_session(settings: AlertsSettings, contact: str) -> aiohttp.ClientSession:
    """A client for webhooks; to be closed."""
    connector = aiohttp.TCPConnector(
        limit=settings.concurrency,
        force_close=True,  # a POST on a connection that its server has just closed fails, and nobody may repeat it
        socket_factory=guard.socket_factory(allow_private=settings.allow_private),
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": user_agent(contact), "Accept-Encoding": "identity"},
        timeout=aiohttp.ClientTimeout(total=None),  # the whole attempt is bounded by whoever calls
        auto_decompress=False,
        trust_env=False,  # a proxy would dial for us, past the guard
    )


def signatures(secrets: Sequence[str], message_id: str, now: datetime, body: bytes) -> str:
    """The header `webhook-signature`: one signature a secret, separated by spaces.

    Raises:
        ValueError: a secret is not base64, or empty.
    """
    text = body.decode()
    try:
        return " ".join(standardwebhooks.Webhook(secret).sign(message_id, now, text) for secret in secrets)
    except Exception as error:  # the library's own has no base but Exception; its text is none of ours to repeat
        raise ValueError("a secret of this webhook is not base64, or empty") from error


async def post(
    session: aiohttp.ClientSession, url: str, secrets: Sequence[str], message_id: str, body: bytes, now: datetime
) -> Sent:
    """One attempt; the caller bounds its time.

    Args:
        secrets: unsealed, newest first; none: the body goes without a signature.
    """
    if why := guard.refusal(url):
        return failed(f"this webhook is not called: {why}")
    headers = {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
    }
    if secrets:
        headers["webhook-signature"] = signatures(secrets, message_id, now, body)
    try:
        async with session.post(url, data=body, headers=headers, allow_redirects=False) as response:
            sent = judged(response, now)
            with suppress(aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError):  # what it said is said
                async with asyncio.timeout(ANSWER_SECONDS):
                    await response.content.readexactly(MAX_ANSWER_BYTES)
            return sent
    except (aiohttp.ClientError, OSError) as error:
        return failed(explained(error))


def judged(response: aiohttp.ClientResponse, now: datetime) -> Sent:
    """What an answer means: only 2xx is success, and a redirect is none."""
    status = response.status
    if 200 <= status < 300:
        return Sent("delivered", status)
    if status == GONE:
        return Sent("gone", status, "the receiver says that it is gone for good (410)")
    if 300 <= status < 400:
        why = f"the receiver redirects ({status}): webhooks follow no redirect, name its new address"
        return failed(why, status=status)
    headers = {name.lower(): value for name, value in response.headers.items()}
    seconds = retry_after(headers, now) if status in RETRY_AFTER_STATUSES else None
    wait = None if seconds is None or seconds <= 0 else seconds
    return failed(f"the receiver answers {status}", status=status, retry_after=wait)


def explained(error: Exception) -> str:
    """The client's many exceptions in words, without the URL."""
    cause = getattr(error, "os_error", None)
    if isinstance(cause, guard.PrivateAddressError):
        return f"{cause.strerror}: {cause.address} (settings: alerts.allow_private)"
    match error:
        case aiohttp.InvalidURL():
            return "its address is not a URL"
        case aiohttp.ClientConnectorCertificateError(certificate_error=why):
            return f"TLS failed: {getattr(why, 'verify_message', '') or type(why).__name__}"
        case aiohttp.ClientConnectorSSLError():
            return f"TLS failed: {_tls(cause)}"
        case aiohttp.ClientConnectorDNSError():
            return "the host's name does not resolve"
        case aiohttp.ClientConnectorError():
            return f"no connection: {getattr(cause, 'strerror', None) or type(error).__name__}"
        case aiohttp.ServerDisconnectedError():
            return "the receiver closed the connection without an answer"
        case _:
            return f"no answer: {type(error).__name__}"


def _tls(cause: object) -> str:
    if isinstance(cause, ssl.SSLError):
        return (cause.reason or type(cause).__name__).replace("_", " ").lower()
    return "the receiver does not speak TLS" if cause is None else type(cause).__name__
