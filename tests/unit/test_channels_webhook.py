"""The channel `webhook` before real receivers."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks
from aiohttp import web

from pipeline import __version__
from pipeline.channels.body import webhook_body
from pipeline.channels.sent import Sent
from pipeline.channels.webhook import signatures
from pipeline.records import Webhook
from tests.channelled import certificate, opened
from tests.sites import Site, answering, serving
from tests.told import NOW, message, subscription

SECRET = "whsec_" + base64.b64encode(b"s" * 24).decode()
OLD_SECRET = "whsec_" + base64.b64encode(b"o" * 24).decode()


@asynccontextmanager
async def dripping(chunk: bytes, first: bytes = b"") -> AsyncIterator[tuple[str, asyncio.Event]]:
    """A server that begins with `first`, then sends `chunk` over and over; and whether its client has gone."""
    gone = asyncio.Event()

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(first)
            while not writer.is_closing():
                writer.write(chunk)
                await writer.drain()
                await asyncio.sleep(0.02)  # that is what a drip is
        except ConnectionError:
            pass
        finally:
            gone.set()
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", gone


@asynccontextmanager
async def hanging() -> AsyncIterator[tuple[Site, asyncio.Event]]:
    """A server that answers nobody before it is told to."""
    release = asyncio.Event()

    async def hang(_request: web.Request) -> web.Response:
        await release.wait()
        return web.Response()

    async with serving(hang) as site:
        yield site, release
        release.set()


async def sent(folder: Path, url: str, *, secrets: tuple[str, ...] = (SECRET,), **alerts: Any) -> Sent:
    """One attempt to deliver the usual message."""
    clock = alerts.pop("clock", None)
    async with opened(folder, clock=clock, **alerts) as (channels, seals):
        channel = Webhook(url=url, secrets=tuple(map(seals.seal, secrets)))
        return await channels.send(channel, subscription(channel), message())


def test_the_specifications_test_vector() -> None:
    """Secret, id, time and body of Standard Webhooks give its signature."""
    made = signatures(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        datetime.fromtimestamp(1614265330, UTC),
        b'{"test": 2432232314}',
    )
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("status", [200, 202, 204])
async def test_a_receiver_verifies_what_it_gets(tmp_path: Path, status: int) -> None:
    """Each secret verifies while they rotate; headers and body are those of the specification."""
    got: list[tuple[dict[str, str], bytes]] = []

    async def receive(request: web.Request) -> web.Response:
        got.append((dict(request.headers), await request.read()))
        return web.Response(status=status)

    async with serving(receive) as site:
        assert await sent(tmp_path, f"{site.url}/hook", secrets=(SECRET, OLD_SECRET)) == Sent("delivered", status)
    [(headers, body)] = got
    for secret in (SECRET, OLD_SECRET):
        verified = standardwebhooks.Webhook(secret).verify(body, headers)
        assert verified["type"] == "story.new"
        assert (
            verified["data"]["alerts"][0]["story"]["headline"]
            == "Borduria denied what Syldavia alleged against Borduria"
        )
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(SECRET).verify(body + b" ", headers)
    assert body == webhook_body(message())
    lower = {name.lower(): value for name, value in headers.items()}
    assert lower["webhook-id"] == message().id
    assert lower["content-type"] == "application/json"
    assert lower["user-agent"] == f"counterclaim/{__version__}"
    assert len(lower["webhook-signature"].split(" ")) == 2
    assert "cookie" not in lower


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (500, {}, Sent("failed", 500, "the receiver answers 500")),
        (400, {"Retry_After": "9"}, Sent("failed", 400, "the receiver answers 400")),
        (429, {"Retry_After": "120"}, Sent("failed", 429, "the receiver answers 429", 120.0)),
        (503, {"Retry_After": "0"}, Sent("failed", 503, "the receiver answers 503")),
        (503, {"Retry_After": "soon"}, Sent("failed", 503, "the receiver answers 503")),
        (410, {}, Sent("gone", 410, "the receiver says that it is gone for good (410)")),
    ],
)
async def test_what_an_answer_means(tmp_path: Path, status: int, headers: dict[str, str], expected: Sent) -> None:
    """Only 2xx is success; 410 is for good; waits are those of 429 and 503."""
    async with serving(answering(b"no", status, **headers)) as site:
        assert await sent(tmp_path, site.url) == expected


async def test_a_wait_until_a_date(tmp_path: Path) -> None:
    """Measured on the receiver's clock, whatever ours says."""
    theirs = NOW + timedelta(days=3)
    headers = {"Retry_After": format_datetime(theirs + timedelta(minutes=5), usegmt=True)}

    async def receive(request: web.Request) -> web.StreamResponse:
        response = await answering(b"", 429, Date=format_datetime(theirs, usegmt=True), **headers)(request)
        assert isinstance(response, web.StreamResponse)
        return response

    async with serving(receive) as site:
        found = await sent(tmp_path, site.url, clock=lambda: NOW)
    assert found.retry_after == 300


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 304])
async def test_no_redirect_is_followed(tmp_path: Path, status: int) -> None:
    """It is a failure, and where it leads nobody is asked."""
    async with serving(answering(b"", status, Location="/elsewhere")) as site:
        found = await sent(tmp_path, f"{site.url}/hook")
        assert [request.path for request in site.requests] == ["/hook"]
    assert (found.outcome, found.status) == ("failed", status)
    assert "follow no redirect" in found.error


async def test_a_receiver_that_hangs_is_given_up(tmp_path: Path) -> None:
    """Within the timeout."""
    async with hanging() as (site, _):
        assert await sent(tmp_path, site.url, timeout_seconds=0.3) == Sent(
            "failed", None, "no complete answer within 0.3 s"
        )


async def test_a_receiver_that_hangs_holds_up_no_other(tmp_path: Path) -> None:
    """Though many deliveries wait for it."""
    async with hanging() as (slow, release), serving(answering()) as quick, opened(tmp_path) as (channels, _):
        hangs, works = Webhook(url=slow.url), Webhook(url=quick.url)
        waiting = [asyncio.create_task(channels.send(hangs, subscription(), message())) for _ in range(20)]
        assert await channels.send(works, subscription(), message()) == Sent("delivered", 200)
        assert not any(task.done() for task in waiting)
        release.set()
        assert set(await asyncio.gather(*waiting)) == {Sent("delivered", 200)}


async def test_headers_that_drip_are_given_up(tmp_path: Path) -> None:
    """A byte now and then keeps no attempt alive."""
    async with dripping(b"x", b"HTTP/1.1 200 OK\r\nx: ") as (url, gone):
        found = await sent(tmp_path, url, timeout_seconds=0.5)
        assert found == Sent("failed", None, "no complete answer within 0.5 s")
        await gone.wait()


@pytest.mark.parametrize("chunk", [b"1\r\nx\r\n", b"ffff\r\n" + b"x" * 0xFFFF + b"\r\n"], ids=["drips", "endless"])
async def test_a_body_holds_nobody_up(tmp_path: Path, chunk: bytes) -> None:
    """The status was told, and neither a slow nor an endless body changes it."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with dripping(chunk, head) as (url, gone):
        assert await sent(tmp_path, url) == Sent("delivered", 200)
        await gone.wait()


async def test_a_certificate_nobody_vouches_for(tmp_path: Path) -> None:
    """TLS errors are failures, in words."""
    context, _ = certificate(tmp_path)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with server:
        found = await sent(tmp_path, f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook")
    assert found.outcome == "failed"
    assert found.error.startswith("TLS failed: self")


async def test_a_receiver_that_speaks_no_tls(tmp_path: Path) -> None:
    """Plain HTTP behind https."""
    async with serving(answering()) as site:
        found = await sent(tmp_path, site.url.replace("http:", "https:"))
    assert found.outcome == "failed"
    assert found.error.startswith("TLS failed: ")


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://127.0.0.1:1/private", "no connection: "),
        ("http://nowhere.invalid/private", "the host's name does not resolve"),
        ("ftp://host/private", "this webhook is not called: scheme ftp"),
        ("http://user:private@host/", "this webhook is not called: a URL with a user name"),
        ("http://[private", "this webhook is not called: not a URL"),
    ],
)
async def test_errors_name_no_path(tmp_path: Path, url: str, error: str) -> None:
    """The path of a webhook is a secret at many services."""
    found = await sent(tmp_path, url)
    assert found.outcome == "failed"
    assert found.error.startswith(error)
    assert "private" not in found.error


async def test_a_connection_that_closes_without_an_answer(tmp_path: Path) -> None:
    """A failure like others."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        found = await sent(tmp_path, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    assert found.outcome == "failed"
    assert found.error


async def test_private_addresses_are_refused_unless_allowed(tmp_path: Path) -> None:
    """By the address that is dialled; no request reaches it."""
    async with serving(answering()) as site:
        for url in (site.url, site.url.replace("127.0.0.1", "localhost")):
            found = await sent(tmp_path, url, allow_private=False)
            assert found.outcome == "failed"
            assert "alerts.allow_private" in found.error
        assert not site.requests


@pytest.mark.parametrize("secret", ["whsec_!!!", "whsec_"])
async def test_a_secret_that_is_none_is_not_repeated(tmp_path: Path, secret: str) -> None:
    """Nothing is sent, and the error does not show it."""
    async with serving(answering()) as site:
        found = await sent(tmp_path, site.url, secrets=(secret,))
        assert not site.requests
    assert found == Sent("failed", None, "a secret of this webhook is not base64, or empty")


async def test_a_secret_of_another_key_fails_with_what_to_do(tmp_path: Path) -> None:
    """The message is not sent unsigned instead."""
    other = tmp_path / "other"
    other.mkdir()
    async with opened(other) as (_, seals):
        sealed = seals.seal(SECRET)
    async with serving(answering()) as site, opened(tmp_path) as (channels, _):
        found = await channels.send(Webhook(url=site.url, secrets=(sealed,)), subscription(), message())
        assert not site.requests
    assert found.outcome == "failed"
    assert "key" in found.error


async def test_attempts_have_the_same_id_and_body_and_a_time_of_their_own(tmp_path: Path) -> None:
    """A receiver de-duplicates on the id, and judges the age of an attempt."""
    got: list[tuple[str, str, bytes]] = []

    async def receive(request: web.Request) -> web.Response:
        got.append((request.headers["webhook-id"], request.headers["webhook-timestamp"], await request.read()))
        return web.Response(status=500)

    async with serving(receive) as site:
        for minutes in (0, 5):
            await sent(tmp_path, site.url, clock=lambda minutes=minutes: NOW + timedelta(minutes=minutes))
    (first, then, body), (again, later, same) = got
    assert (first, body) == (again, same)
    assert int(later) - int(then) == 300
    assert json.loads(body)["timestamp"] == "2026-11-22T12:00:00Z"


async def test_endpoints_are_hosts_and_descriptions_show_no_path(tmp_path: Path) -> None:
    """What is queued together, and what people see."""
    async with opened(tmp_path) as (channels, _):
        one, other = Webhook(url="https://hooks.example/a?key=b"), Webhook(url="https://hooks.example:443/c")
        assert channels.endpoint(one) == channels.endpoint(other) == "https://hooks.example:443"
        assert channels.endpoint(Webhook(url="http://hooks.example/a")) == "http://hooks.example:80"
        assert channels.describe(one) == ("webhook", "hooks.example")
