"""Fetching, against a real HTTP server on the loopback address."""

from __future__ import annotations

import asyncio
import gzip
import socket
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from pipeline import __version__
from pipeline.errors import FetchError, FetchRefusedError
from pipeline.feeds.fetch import MAX_REDIRECTS, Fetched, Fetcher, Validators, user_agent
from tests.sites import FEED, answering, serving


@dataclass(frozen=True)
class Limits:
    """Settings of the fetcher, small enough to reach."""

    contact: str = "https://counterclaim.example/about"
    per_host: int = 2
    concurrency: int = 8
    timeout_seconds: float = 20
    connect_timeout_seconds: float = 10
    max_bytes: int = 100_000
    allow_private: bool = True


async def fetched(url: str, validators: Validators | None = None, limits: Limits | None = None) -> Fetched:
    """One fetch by a fetcher of its own."""
    async with Fetcher(limits or Limits()) as fetcher:
        return await fetcher.fetch(url, validators)


async def test_a_feed_is_fetched_as_bytes_with_its_headers() -> None:
    """Status, lower-case headers, body and its hash."""
    async with serving(answering(ETag='W/"a b"', Last_Modified="yesterday-ish")) as site:
        answer = await fetched(f"{site.url}/feed")
    assert (answer.status, answer.body, answer.conditional) == (200, FEED, False)
    assert answer.final_url == answer.url == f"{site.url}/feed"
    assert answer.validators == Validators(f"{site.url}/feed", 'W/"a b"', "yesterday-ish")
    assert len(answer.body_hash) == 32


async def test_the_body_hash_follows_the_body() -> None:
    """Equal bytes, equal hash; other bytes, another."""
    async with serving(answering(b"a")) as one, serving(answering(b"b")) as other:
        hashes = [(await fetched(url)).body_hash for url in (one.url, f"{one.url}/x", other.url)]
    assert hashes[0] == hashes[1] != hashes[2]


async def test_we_say_who_we_are_and_nothing_else() -> None:
    """User-Agent with contact, feed types, gzip and deflate; no cookies, no referrer, also after a redirect."""

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/old":
            return web.Response(status=302, headers={"Location": "/new", "Set-Cookie": "id=1; Path=/"})
        return web.Response(body=FEED)

    async with serving(answer) as site, Fetcher(Limits()) as fetcher:
        await fetcher.fetch(f"{site.url}/old")
        await fetcher.fetch(f"{site.url}/new")
    assert len(site.requests) == 3
    for request in site.requests:
        assert request.headers["User-Agent"] == f"counterclaim/{__version__} (+https://counterclaim.example/about)"
        assert request.headers["Accept"].startswith("application/rss+xml, application/atom+xml")
        assert request.headers["Accept-Encoding"] == "gzip, deflate"
        assert set(request.headers) == {"Host", "User-Agent", "Accept", "Accept-Encoding"}


def test_without_a_contact_only_name_and_version_are_told() -> None:
    """No invented address."""
    assert user_agent("") == f"counterclaim/{__version__}"


async def test_a_conditional_get_is_answered_304() -> None:
    """Validators go back byte for byte, and a 304 has no body."""

    async def answer(request: web.Request) -> web.Response:
        assert request.headers["If-None-Match"] == 'W/"a b"'
        assert request.headers["If-Modified-Since"] == "yesterday-ish"
        return web.Response(status=304, headers={"ETag": '"new"'})

    async with serving(answer) as site:
        answer_ = await fetched(site.url, Validators(site.url, 'W/"a b"', "yesterday-ish"))
    assert (answer_.status, answer_.body, answer_.body_hash, answer_.conditional) == (304, None, "", True)
    assert answer_.validators.etag == '"new"'


async def test_validators_go_only_where_they_came_from() -> None:
    """Neither to another address of the feed, nor to the address that redirects to theirs."""

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/old":
            return web.Response(status=301, headers={"Location": "/new"})
        return web.Response(body=FEED, status=304 if "If-None-Match" in request.headers else 200)

    async with serving(answer) as site:
        elsewhere = await fetched(f"{site.url}/other", Validators(f"{site.url}/new", '"1"'))
        followed = await fetched(f"{site.url}/old", Validators(f"{site.url}/new", '"1"'))
    assert (elsewhere.status, elsewhere.conditional) == (200, False)
    assert (followed.status, followed.conditional, followed.final_url) == (304, True, f"{site.url}/new")
    assert ["If-None-Match" in request.headers for request in site.requests] == [False, False, True]


async def test_a_validator_that_cannot_be_sent_back_is_dropped() -> None:
    """Bytes that are not UTF-8 would not survive the way."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.1 200 OK\r\nETag: "\xff"\r\nLast-Modified: now\r\nContent-Length: 1\r\n\r\nx')
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        answer_ = await fetched(f"http://127.0.0.1:{port}/")
    assert answer_.validators.etag == ""
    assert answer_.validators.last_modified == "now"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed(status: int) -> None:
    """All five kinds, relative and absolute."""

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/a/one":
            return web.Response(status=status, headers={"Location": "two#part"})
        if request.path == "/a/two":
            return web.Response(status=status, headers={"Location": f"http://{request.host}/three"})
        return web.Response(body=FEED)

    async with serving(answer) as site:
        answer_ = await fetched(f"{site.url}/a/one")
    assert (answer_.body, answer_.final_url) == (FEED, f"{site.url}/three")


@pytest.mark.parametrize(
    ("first", "second", "permanent"),
    [(301, 308, "/three"), (301, 302, "/two"), (302, 301, ""), (307, 307, "")],
)
async def test_what_moved_for_good(first: int, second: int, permanent: str) -> None:
    """As far as permanent redirects lead without a break; what is behind a temporary one says nothing."""

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/one":
            return web.Response(status=first, headers={"Location": "/two"})
        if request.path == "/two":
            return web.Response(status=second, headers={"Location": "/three"})
        return web.Response(body=FEED)

    async with serving(answer) as site:
        answer_ = await fetched(f"{site.url}/one")
        assert answer_.permanent_url == (site.url + permanent if permanent else "")


async def test_a_ring_of_redirects_ends() -> None:
    """After the fifth it is given up."""
    async with serving(answering(b"", 302, Location="/again")) as site:
        with pytest.raises(FetchRefusedError, match="more than 5 redirects"):
            await fetched(site.url)
    assert len(site.requests) == MAX_REDIRECTS + 1


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("file:///etc/passwd", "scheme file"),
        ("http://user:secret@127.0.0.1/", "user name or password"),
        ("http://[broken/", "not a URL"),
        ("http://127.0.0.1:99999/", "not a URL"),
    ],
)
async def test_each_hop_is_judged(location: str, reason: str) -> None:
    """A redirect reaches nothing that a listed feed could not."""
    async with serving(answering(b"", 302, Location=location)) as site:
        with pytest.raises(FetchRefusedError, match=reason):
            await fetched(site.url)


class Names(AbstractResolver):
    """Name lookup with answers of our own: what a hostile DNS server would say."""

    def __init__(self, **addresses: list[str]) -> None:
        self.addresses = {name.replace("_", "."): found for name, found in addresses.items()}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of one name."""
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self.addresses[host]
        ]

    async def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["::ffff:127.0.0.1"], ["127.0.0.1", "::1"]])
async def test_a_name_for_a_private_address_is_refused_in_the_socket(addresses: list[str]) -> None:
    """However the name resolves, what is dialled decides, and the server is never reached."""
    limits = Limits(allow_private=False)
    async with serving(answering()) as site, Fetcher(limits, resolver=Names(inner_example=addresses)) as fetcher:
        with pytest.raises(FetchRefusedError, match="not public"):
            await fetcher.fetch(site.url.replace("127.0.0.1", "inner.example"))
    assert site.requests == []


async def test_an_address_in_the_url_is_refused_in_the_socket() -> None:
    """No name lookup, same guard."""
    async with serving(answering()) as site:
        with pytest.raises(FetchRefusedError, match=r"127\.0\.0\.1"):
            await fetched(site.url, limits=Limits(allow_private=False))
    assert site.requests == []


@pytest.mark.parametrize("host", ["[::1]", "[0:0:0:0:0:0:0:1]", "six.example"])
async def test_a_feed_on_ipv6_is_fetched(host: str) -> None:
    """By address or by name; the Host header has the brackets."""
    async with serving(answering(), "::1") as site, Fetcher(Limits(), resolver=Names(six_example=["::1"])) as fetcher:
        url = site.url.replace("::1", host)
        answer = await fetcher.fetch(url)
    assert (answer.status, answer.body, answer.final_url) == (200, FEED, url)
    assert site.requests[0].headers["Host"] == url.removeprefix("http://").replace("0:0:0:0:0:0:0:1", "::1")


@pytest.mark.parametrize("address", ["::1", "::", "::ffff:127.0.0.1", "::127.0.0.1", "fd00::2", "64:ff9b::7f00:1"])
async def test_an_ipv6_address_is_refused_in_the_socket(address: str) -> None:
    """In each form that leads to this machine or could, in the URL, by a name and by a redirect."""
    async with serving(answering(), "::") as site:
        port = site.url.rpartition(":")[2]
        limits, names = Limits(allow_private=False), Names(inner_example=[address])
        async with Fetcher(limits, resolver=names) as fetcher:
            for host in (f"[{address}]", "inner.example"):
                with pytest.raises(FetchRefusedError, match="not public"):
                    await fetcher.fetch(f"http://{host}:{port}/")
    assert site.requests == []


@pytest.mark.parametrize(("first", "second"), [("::1", "127.0.0.1"), ("127.0.0.1", "::1")])
async def test_a_redirect_may_change_the_family(first: str, second: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From IPv6 to IPv4 and back; the second address is judged like the first."""
    async with serving(answering(), second) as there:
        url = there.url.replace("::1", "[::1]")
        async with serving(answering(b"", 302, Location=url), first) as here:
            begin = here.url.replace("::1", "[::1]")
            assert (await fetched(begin)).final_url.rstrip("/") == url
            monkeypatch.setattr("pipeline.feeds.guard.is_public", lambda address: address == first)
            with pytest.raises(FetchRefusedError, match="not public"):
                await fetched(begin, limits=Limits(allow_private=False))
    assert (len(here.requests), len(there.requests)) == (2, 1)


@asynccontextmanager
async def black_hole() -> AsyncIterator[int]:
    """A port on ::1 whose connections are neither made nor refused: nobody accepts, and the waiting room is full."""
    with ExitStack() as stack:
        hole = stack.enter_context(socket.socket(socket.AF_INET6))
        hole.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        hole.bind(("::1", 0))
        hole.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket(socket.AF_INET6))
            waiting.setblocking(False)
            waiting.connect_ex(hole.getsockname())
        yield hole.getsockname()[1]


async def test_a_dead_ipv6_address_does_not_cost_the_poll() -> None:
    """The name has a living IPv4 address beside it: it is tried a quarter of a second later (RFC 8305)."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfour")
        writer.close()

    names = Names(both_example=["::1", "::1", "127.0.0.1"])
    async with black_hole() as port, await asyncio.start_server(answer, "127.0.0.1", port):
        async with Fetcher(Limits(), resolver=names) as fetcher:
            assert (await fetcher.fetch(f"http://both.example:{port}/")).body == b"four"
        with pytest.raises(FetchError, match=r"no connection within 0\.2 s"):
            await fetched(f"http://[::1]:{port}/", limits=Limits(connect_timeout_seconds=0.2))


async def test_a_private_address_beside_a_public_one_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A split-horizon name must not cost the poll, nor reach inside."""
    monkeypatch.setattr("pipeline.feeds.guard.is_public", lambda address: address == "127.0.0.1")
    names, limits = Names(both_example=["::1", "127.0.0.1"]), Limits(allow_private=False)
    async with serving(answering()) as site, Fetcher(limits, resolver=names) as fetcher:
        assert (await fetcher.fetch(site.url.replace("127.0.0.1", "both.example"))).body == FEED


async def test_an_error_status_is_an_answer_without_a_body() -> None:
    """The page that comes with a 404 is not read."""
    async with serving(answering(b"sorry", 404, Retry_After="60")) as site:
        answer = await fetched(site.url)
    assert (answer.status, answer.body, answer.headers["retry-after"]) == (404, None, "60")


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", lambda b: zlib.compress(b)[2:-4])],
)
async def test_compressed_bodies_are_decoded(encoding: str, pack: Callable[[bytes], bytes]) -> None:
    """gzip, and deflate with and without its wrapper."""
    async with serving(answering(pack(FEED), Content_Encoding=encoding)) as site:
        assert (await fetched(site.url)).body == FEED


async def test_a_coding_that_was_not_offered_is_refused() -> None:
    """Brotli would decode to any size in one read."""
    async with serving(answering(b"\x8b\x01\x80", Content_Encoding="br")) as site:
        with pytest.raises(FetchError):
            await fetched(site.url)


async def test_a_body_that_does_not_decode_is_an_error() -> None:
    """Not a traceback."""
    async with serving(answering(b"plain", Content_Encoding="gzip")) as site:
        with pytest.raises(FetchError, match="decode"):
            await fetched(site.url)


async def test_a_gzip_bomb_is_given_up_early() -> None:
    """50 MB of zeros in 50 KB stop at the cap."""
    bomb = gzip.compress(bytes(50_000_000))
    assert len(bomb) < Limits.max_bytes
    async with serving(answering(bomb, Content_Encoding="gzip")) as site:
        with pytest.raises(FetchRefusedError, match="larger than 100000 bytes"):
            await fetched(site.url)


async def test_an_endless_body_is_given_up() -> None:
    """Without a length the count of what came decides, and the connection is closed."""
    gone = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 10_000)
        finally:
            gone.set()

    async with serving(answer) as site, Fetcher(Limits()) as fetcher:
        with pytest.raises(FetchRefusedError, match="larger"):
            await fetcher.fetch(site.url)
        await gone.wait()


async def test_the_largest_allowed_body_passes() -> None:
    """The cap is inclusive."""
    async with serving(answering(bytes(100_000))) as site:
        assert len((await fetched(site.url)).body or b"") == 100_000


async def test_a_server_that_drips_meets_the_deadline() -> None:
    """The deadline is for the whole: headers that came in time do not extend it."""
    limits = Limits(timeout_seconds=0.3)

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"<rss>")
        await asyncio.Event().wait()
        return response

    async with serving(answer) as site:
        with pytest.raises(FetchError, match=r"no complete answer within 0\.3 s") as caught:
            await fetched(site.url, limits=limits)
    assert not isinstance(caught.value, FetchRefusedError)


async def test_a_connection_cut_short_is_an_error() -> None:
    """Fewer bytes than announced are no body."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(FetchError, match="broke off"):
            await fetched(f"http://127.0.0.1:{port}/")


async def test_nobody_listening_is_a_passing_error() -> None:
    """It is not refused by us, so it is worth another try."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        with pytest.raises(FetchError, match="no connection") as caught:
            await fetched(url)
    assert not isinstance(caught.value, FetchRefusedError)
    assert caught.value.url == url


async def test_one_host_gets_few_connections_at_once() -> None:
    """Whatever the number of callers, at most `per_host` requests are open."""
    open_now, most, full, release = 0, 0, asyncio.Event(), asyncio.Event()

    async def answer(_request: web.Request) -> web.Response:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        if open_now == Limits.per_host:
            full.set()
        await release.wait()
        open_now -= 1
        return web.Response(body=FEED)

    async with serving(answer) as site, Fetcher(Limits()) as fetcher, asyncio.TaskGroup() as group:
        tasks = [group.create_task(fetcher.fetch(f"{site.url}/{i}")) for i in range(6)]
        await full.wait()
        release.set()
        await asyncio.gather(*tasks)
    assert most == Limits.per_host


async def test_long_header_lines_are_read() -> None:
    """News sites send policies of tens of kilobytes."""
    async with serving(answering(Content_Security_Policy="x" * 30_000)) as site:
        assert (await fetched(site.url)).status == 200
