"""Conditional GET of a feed or a page, with limits on everything a server can do to us.

Redirects are followed here and not by the HTTP client, so that each hop's URL is judged again; the address that is
dialled is judged in the socket (`pipeline.feeds.guard`). Cookies and referrers are neither kept nor sent.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Final, Protocol, Self

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from pipeline import __version__
from pipeline.errors import FetchError, FetchRefusedError
from pipeline.feeds import guard

MAX_REDIRECTS: Final = 5

PERMANENT: Final = frozenset({301, 308})
REDIRECTS: Final = PERMANENT | {302, 303, 307}

ACCEPT: Final = (
    "application/rss+xml, application/atom+xml, application/rdf+xml, application/feed+json;q=0.9, "
    "application/xml;q=0.8, text/xml;q=0.8, application/json;q=0.5, */*;q=0.1"
)

May = Callable[[str], Awaitable[str]]
"""Asked about the target of a redirect: why it is not to be fetched, or "" if it may be."""

ENCODINGS: Final = frozenset({"", "identity", "gzip", "x-gzip", "deflate"})
"""Content codings that are offered and taken. Brotli and zstd reach ratios at which one read fills the memory."""

MAX_FIELD_BYTES: Final = 64 * 1024
"""Of one header line: news sites send Content-Security-Policy lines beyond the client's default of 8 KB."""


class FetchLimits(Protocol):
    """What is needed of the settings' section `poll`."""

    @property
    def contact(self) -> str: ...
    @property
    def per_host(self) -> int: ...
    @property
    def concurrency(self) -> int: ...
    @property
    def timeout_seconds(self) -> float: ...
    @property
    def connect_timeout_seconds(self) -> float: ...
    @property
    def max_bytes(self) -> int: ...
    @property
    def allow_private(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Validators:
    """What a server gave to recognise a version of a body by, byte for byte; ``url`` is where that body came from."""

    url: str
    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A server's answer, after redirects. ``body`` is decoded, and None unless the status is 2xx."""

    url: str
    final_url: str
    status: int
    headers: Mapping[str, str]
    """Lower-case names; values of a repeated header joined with ", "."""

    body: bytes | None
    body_hash: str
    """32 hex digits: BLAKE2b-128 of the body; "" without one."""

    conditional: bool
    """Whether validators were sent to `final_url`."""

    permanent_url: str = ""
    """Where permanent redirects led, one after the other from `url`; "" when the first one was none. A temporary
    redirect behind them says nothing about the feed's address."""

    @property
    def validators(self) -> Validators:
        """The validators of this answer; what cannot be sent back as it came is left out."""
        return Validators(
            self.final_url, _sendable(self.headers.get("etag", "")), _sendable(self.headers.get("last-modified", ""))
        )


@dataclass(frozen=True, slots=True)
class _Redirect:
    target: str
    permanent: bool


class Fetcher:
    """One HTTP client for all feeds and pages; a context manager. ``resolver`` replaces the system's name lookup."""

    def __init__(self, limits: FetchLimits, *, resolver: AbstractResolver | None = None) -> None:
        self._limits = limits
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        limits = self._limits
        connector = aiohttp.TCPConnector(
            limit=limits.concurrency,
            limit_per_host=limits.per_host,
            resolver=self._resolver,
            socket_factory=guard.socket_factory(allow_private=limits.allow_private),
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={
                "User-Agent": user_agent(limits.contact),
                "Accept-Encoding": "gzip, deflate",
            },
            timeout=aiohttp.ClientTimeout(total=None, connect=limits.connect_timeout_seconds),
            max_line_size=MAX_FIELD_BYTES,
            max_field_size=MAX_FIELD_BYTES,
            trust_env=False,  # a proxy would dial for us, past the guard
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def fetch(
        self, url: str, validators: Validators | None = None, *, accept: str = ACCEPT, may: May | None = None
    ) -> Fetched:
        """GET ``url``. With ``validators`` the request for the address that they came from is conditional.

        Args:
            accept: the media types that are asked for.
            may: asked before a redirect is followed; the guard judges it anyway.

        Raises:
            FetchRefusedError: we do not fetch this: a private address, another scheme, too many redirects, too large.
            FetchError: there was no complete answer: name lookup, connection, TLS, timeout, broken encoding.
        """
        try:
            async with asyncio.timeout(self._limits.timeout_seconds):
                return await self._follow(url, validators, accept, may)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _explained(url, error, self._limits) from error

    async def _follow(self, url: str, validators: Validators | None, accept: str, may: May | None) -> Fetched:
        target, permanent, for_good = url, "", True
        for _ in range(MAX_REDIRECTS + 1):
            if why := guard.refusal(target):
                raise FetchRefusedError(url, why if target == url else f"redirected to {target}: {why}")
            if target != url and may is not None and (why := await may(target)):
                raise FetchRefusedError(url, f"redirected to {target}: {why}")
            answer = await self._get(url, target, validators, accept)
            if isinstance(answer, Fetched):
                return replace(answer, permanent_url=permanent) if permanent else answer
            target, for_good = answer.target, for_good and answer.permanent
            permanent = target if for_good else permanent
        raise FetchRefusedError(url, f"more than {MAX_REDIRECTS} redirects, the last one to {target}")

    async def _get(self, url: str, target: str, validators: Validators | None, accept: str) -> Fetched | _Redirect:
        """One request: the answer, or where it redirects to."""
        if self._session is None:
            raise RuntimeError("the fetcher is not open: use it as a context manager")
        sent = _conditional_headers(target, validators)
        async with self._session.get(target, headers={"Accept": accept, **sent}, allow_redirects=False) as response:
            location = response.headers.get("Location", "")
            if response.status in REDIRECTS and location:
                return _Redirect(_joined(url, response.url, location), response.status in PERMANENT)
            body = await self._body(url, response) if 200 <= response.status < 300 else None
            return Fetched(
                url=url,
                final_url=target,
                status=response.status,
                headers=_lowered(response),
                body=body,
                body_hash="" if body is None else hashlib.blake2b(body, digest_size=16).hexdigest(),
                conditional=bool(sent),
            )

    async def _body(self, url: str, response: aiohttp.ClientResponse) -> bytes:
        """The decoded body, given up as soon as it is larger than allowed, whatever its length header says."""
        encoding = response.headers.get("Content-Encoding", "").strip().lower()
        if encoding not in ENCODINGS:
            raise FetchRefusedError(url, f"content coding {encoding!r} was not offered")
        chunks: list[bytes] = []
        size = 0
        async for chunk in response.content.iter_any():
            size += len(chunk)
            if size > self._limits.max_bytes:
                raise FetchRefusedError(url, f"the body is larger than {self._limits.max_bytes} bytes")
            chunks.append(chunk)
        return b"".join(chunks)


def _joined(url: str, base: URL, location: str) -> str:
    try:
        return str(base.join(URL(location)).with_fragment(None))
    except ValueError as error:
        raise FetchRefusedError(url, f"redirected to {location!r}, which is not a URL: {error}") from error


def user_agent(contact: str) -> str:
    """Who we are, and how to reach who runs us."""
    name = f"counterclaim/{__version__}"
    return f"{name} (+{contact})" if contact else name


def _conditional_headers(target: str, validators: Validators | None) -> dict[str, str]:
    if validators is None or validators.url != target:
        return {}
    pairs = (("If-None-Match", validators.etag), ("If-Modified-Since", validators.last_modified))
    return {name: value for name, value in pairs if value}


def _lowered(response: aiohttp.ClientResponse) -> dict[str, str]:
    headers: dict[str, str] = {}
    for spelt, value in response.headers.items():
        name = spelt.lower()
        known = headers.get(name)
        headers[name] = value if known is None else f"{known}, {value}"
    return headers


def _sendable(value: str) -> str:
    """A header value that survives the way back; bytes that are not UTF-8 arrive as surrogates and would not."""
    return "" if any("\ud800" <= character <= "\udfff" for character in value) else value


def _explained(url: str, error: Exception, limits: FetchLimits) -> FetchError:
    """The client's many exceptions in words."""
    cause = getattr(error, "os_error", None)
    if isinstance(cause, guard.PrivateAddressError):
        return FetchRefusedError(url, f"{cause.strerror}: {cause.address} (settings: poll.allow_private)")
    match error:
        case aiohttp.InvalidURL():
            return FetchRefusedError(url, f"not a URL: {error}")
        case aiohttp.ConnectionTimeoutError():
            return FetchError(url, f"no connection within {limits.connect_timeout_seconds:g} s")
        case TimeoutError():
            return FetchError(url, f"no complete answer within {limits.timeout_seconds:g} s")
        case aiohttp.ClientConnectorDNSError():
            return FetchError(url, f"the host's name does not resolve: {error.os_error}")
        case aiohttp.ClientConnectorSSLError() | aiohttp.ClientConnectorCertificateError():
            return FetchError(url, f"TLS failed: {error}")
        case aiohttp.ClientConnectorError():
            return FetchError(url, f"no connection: {error.os_error}")
        case aiohttp.ClientPayloadError():
            return FetchError(url, f"the body broke off or does not decode: {error}")
        case _:
            return FetchError(url, f"{type(error).__name__}: {error}")
