"""Chats, feed files, the terminal and topics; and what all channels have in common."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import feedparser
import pytest
from aiohttp import web

from pipeline.channels.aside import MAX_HANGING, Aside, HangingError
from pipeline.channels.body import webhook_body
from pipeline.channels.chat import bounded, service_of
from pipeline.channels.feed_file import MAX_ENTRIES, add
from pipeline.channels.sent import Sent
from pipeline.errors import PublishError
from pipeline.logs import configure
from pipeline.records import Apprise, Channel, Email, FeedFile, KafkaTopic, Message, Terminal, Webhook
from pipeline.settings.alerting import SmtpSettings
from pipeline.settings.models import LogSettings
from tests.channelled import opened
from tests.sites import answering, serving
from tests.told import NOW, item, message, story, subscription

TOKEN = "T0KENT0KENT0KEN"


class Topic:
    """A producer that keeps what it is given."""

    def __init__(self, error: Exception | None = None) -> None:
        self.records: list[tuple[str, bytes, bytes]] = []
        self._error = error

    async def send(self, topic: str, value: bytes, *, key: bytes) -> object:
        """Acknowledge, or fail."""
        if self._error is not None:
            raise self._error
        self.records.append((topic, value, key))
        return object()


async def sent(folder: Path, channel: Channel, told: Message | None = None, **options: Any) -> Sent:
    """One attempt to deliver."""
    async with opened(folder, **options) as (channels, _):
        return await channels.send(channel, subscription(channel), told or message())


# -- chats


async def chatted(folder: Path, url: str, **options: Any) -> Sent:
    """One attempt by apprise."""
    async with opened(folder, **options) as (channels, seals):
        channel = Apprise(url=seals.seal(url), service="json")
        return await channels.send(channel, subscription(channel), message(name="<!channel> @here *x*"))


async def test_a_chat_gets_title_and_text(tmp_path: Path) -> None:
    """By apprise's JSON service, before a real server."""
    got: list[Any] = []

    async def receive(request: web.Request) -> web.Response:
        got.append(await request.json())
        return web.Response()

    async with serving(receive) as site:
        assert await chatted(tmp_path, site.url.replace("http", "json") + f"/{TOKEN}") == Sent("delivered")
    [told] = got
    assert told["title"] == "Example Times: “Borduria denies jamming radio”"
    assert "Borduria denied what Syldavia alleged against Borduria" in told["message"]
    assert "‹!channel› ＠here ∗x∗" in told["message"]


async def test_a_text_stays_a_text_where_a_service_wants_html(tmp_path: Path) -> None:
    """Apprise is told that it is one, and escapes it."""
    got: list[Any] = []

    async def receive(request: web.Request) -> web.Response:
        got.append(await request.json())
        return web.Response()

    async with serving(receive) as site, opened(tmp_path) as (channels, seals):
        channel = Apprise(url=seals.seal(site.url.replace("http", "json") + "/?format=html"))
        assert await channels.send(channel, subscription(channel), message(name="A &lt; B")) == Sent("delivered")
    assert "A &amp;lt; B" in got[0]["message"].replace("&nbsp;", " ")


@pytest.mark.parametrize("status", [500, 401])
async def test_a_chat_that_refuses_has_failed(tmp_path: Path, status: int) -> None:
    """With its status."""
    async with serving(answering(b"no", status)) as site:
        found = await chatted(tmp_path, site.url.replace("http", "json"))
    assert found == Sent("failed", status, f"the service json answers {status}")


async def test_a_chat_follows_no_redirect(tmp_path: Path) -> None:
    """Whatever its URL says."""
    async with serving(answering(b"", 307, Location="/elsewhere")) as site:
        found = await chatted(tmp_path, site.url.replace("http", "json") + "/here?redirect=yes")
        assert {request.path.rstrip("/") for request in site.requests} == {"/here"}
    assert found.outcome == "failed"


@pytest.mark.parametrize("scheme", ["json", "form", "xml"])
async def test_a_chat_on_a_private_address_is_not_called(tmp_path: Path, scheme: str) -> None:
    """Unless the operator allows it; nor is one whose name stands for such an address."""
    async with serving(answering(b"")) as site:
        for url in (site.url, site.url.replace("127.0.0.1", "localhost")):
            found = await chatted(tmp_path, url.replace("http", scheme), allow_private=False)
            assert found.outcome == "failed"
            assert "alerts.allow_private" in found.error
        mail = f"mailto://someone:{TOKEN}@example.org?smtp=127.0.0.1&to=desk@example.org&mode=insecure"
        assert "not public" in (await chatted(tmp_path, mail, allow_private=False)).error
        assert not site.requests
        assert (await chatted(tmp_path, site.url.replace("http", scheme))).outcome == "delivered"


async def test_a_chat_that_hangs_is_given_up(tmp_path: Path) -> None:
    """And leaves only so many threads behind."""
    release = asyncio.Event()

    async def hang(_request: web.Request) -> web.Response:
        await release.wait()
        return web.Response()

    async with serving(hang) as site, opened(tmp_path, timeout_seconds=0.5) as (channels, seals):
        channel = Apprise(url=seals.seal(site.url.replace("http", "json")))
        tries = (channels.send(channel, subscription(channel), message()) for _ in range(MAX_HANGING + 1))
        errors = [one.error for one in await asyncio.gather(*tries)]
        release.set()
    assert errors.count("earlier deliveries by this channel still hang") == 1
    assert all(errors)


async def test_what_apprise_does_not_know(tmp_path: Path) -> None:
    """Is a failure that names the service and nothing else."""
    found = await chatted(tmp_path, f"nosuchservice://{TOKEN}")
    assert found.outcome == "failed"
    assert "nosuchservice" in found.error
    assert TOKEN not in found.error


def test_urls_of_chats_are_bounded() -> None:
    """Redirects and timeouts are ours; other options stay."""
    made = bounded("slack://a/b/c/#chan?redirect=yes&footer=no&rto=900", 20)
    assert made == "slack://a/b/c/#chan?footer=no&redirect=no&cto=5&rto=20&overflow=split"
    assert bounded("json://host", 3) == "json://host?redirect=no&cto=3&rto=3&overflow=split"
    assert "overflow=split" not in bounded("json://host?overflow=truncate", 3)
    assert [service_of(url) for url in ("Slack://x", "x", "://x")] == ["slack", "", ""]


async def test_work_aside_is_refused_when_too_much_hangs() -> None:
    """Another endpoint's work still runs, and what has ended makes room."""
    aside, release = Aside(), threading.Event()
    hanging = [asyncio.create_task(aside.run("one", release.wait)) for _ in range(MAX_HANGING)]
    await asyncio.sleep(0)  # they begin
    with pytest.raises(HangingError):
        await aside.run("one", lambda: None)
    assert await aside.run("other", lambda: 7) == 7
    release.set()
    await asyncio.gather(*hanging)
    assert await aside.run("one", lambda: 8) == 8
    with pytest.raises(ZeroDivisionError):
        await aside.run("one", lambda: 1 // 0)


HANGING = """
import asyncio, threading
from pipeline.channels.aside import Aside

async def main():
    try:
        await asyncio.wait_for(Aside().run("one", threading.Event().wait), 0.1)
    except TimeoutError:
        print("given up")

asyncio.run(main())
"""


async def test_a_process_ends_though_something_hangs() -> None:
    """Nobody joins the thread that was left behind."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", HANGING, stdout=asyncio.subprocess.PIPE)
    try:
        said, _ = await asyncio.wait_for(process.communicate(), 60)
    finally:
        if process.returncode is None:
            process.kill()
    assert (process.returncode, said) == (0, b"given up\n")


# -- feed files


async def test_a_feed_is_atom_and_json(tmp_path: Path) -> None:
    """feedparser reads it back, escapes are right, and the twin has the same."""
    told = message(items=(item(first=True, story=story(title="A & B <b>deny</b> “it”")),))
    async with opened(tmp_path) as (channels, _):
        assert await channels.send(FeedFile(), subscription(FeedFile(), name="The <desk>"), told) == Sent("delivered")
    parsed = feedparser.parse((tmp_path / "feeds" / "desk.atom").read_bytes())
    assert not parsed.bozo
    assert parsed.version == "atom10"
    [entry] = parsed.entries
    assert entry.id == f"tag:localhost,2026:counterclaim/desk/{told.id}"
    assert entry.title == "Example Times: “A & B <b>deny</b> “it””"
    assert entry.link == "https://news.example/story"
    assert entry.updated == "2026-11-22T12:00:00+00:00"
    assert "<h2" in entry.content[0].value
    assert "&lt;b&gt;deny" in entry.content[0].value
    assert parsed.feed.author == "counterclaim"
    twin = json.loads((tmp_path / "feeds" / "desk.json").read_bytes())
    assert twin["version"] == "https://jsonfeed.org/version/1.1"
    assert twin["title"] == "The <desk>"
    [same] = twin["items"]
    assert (same["id"], same["title"], same["url"]) == (entry.id, entry.title, entry.link)


async def test_a_message_twice_is_one_entry_and_the_newest_stay(tmp_path: Path) -> None:
    """Also when an older one is sent again, and when the installation gets an address."""
    feed = subscription(FeedFile())
    async with opened(tmp_path) as (channels, _):
        for number in range(MAX_ENTRIES + 3):
            told = message(id=f"msg_{number:032x}", made=NOW + timedelta(minutes=number))
            assert (await channels.send(FeedFile(), feed, told)).outcome == "delivered"
    newest = message(id=f"msg_{MAX_ENTRIES + 2:032x}", made=NOW + timedelta(minutes=MAX_ENTRIES + 2))
    await sent(tmp_path, FeedFile(), newest, base_url="https://counterclaim.example")
    entries = feedparser.parse((tmp_path / "feeds" / "desk.atom").read_bytes()).entries
    numbers = [int(entry.id.rpartition("_")[2], 16) for entry in entries]
    assert numbers == list(range(MAX_ENTRIES + 2, 2, -1))
    assert len(json.loads((tmp_path / "feeds" / "desk.json").read_bytes())["items"]) == MAX_ENTRIES


async def test_a_reader_never_sees_half_a_feed(tmp_path: Path) -> None:
    """Many messages at once: each is in it, and whoever looks finds a whole document."""
    feed, folder = subscription(FeedFile()), tmp_path / "feeds"
    done = threading.Event()
    looks: list[int] = []

    def look() -> None:
        while not done.is_set():
            if (folder / "desk.json").exists():
                looks.append(len(json.loads((folder / "desk.json").read_bytes())["items"]))

    reader = threading.Thread(target=look)
    reader.start()
    try:
        async with opened(tmp_path) as (channels, _):
            messages = [message(id=f"msg_{n:032x}") for n in range(MAX_HANGING)]
            await asyncio.gather(*(channels.send(FeedFile(), feed, told) for told in messages))
    finally:
        done.set()
        reader.join()
    assert len(json.loads((folder / "desk.json").read_bytes())["items"]) == MAX_HANGING
    assert sorted(file.name for file in folder.iterdir()) == ["desk.atom", "desk.json"]
    assert looks == sorted(looks)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"items": [1]}', '{"items": [{"id": "x"}]}'])
def test_a_feed_that_somebody_else_wrote_is_moved_away(tmp_path: Path, content: str) -> None:
    """The alert is told all the same."""
    (tmp_path / "desk.json").write_text(content)
    new = {"id": "tag:x/m", "title": "t", "content_html": "c", "date_published": "2026-11-22T12:00:00+00:00"}
    add(tmp_path, "desk", "Desk", new)
    assert json.loads((tmp_path / "desk.json").read_bytes())["items"] == [new]
    assert (tmp_path / "desk.unreadable").read_text() == content


async def test_a_folder_that_cannot_be_written_is_a_failure(tmp_path: Path) -> None:
    """It is a file."""
    (tmp_path / "feeds").write_text("")
    found = await sent(tmp_path, FeedFile())
    assert found.outcome == "failed"
    assert "FileExistsError" in found.error


# -- terminal and topic


async def test_the_terminal_shows_the_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On standard output, flushed."""
    assert await sent(tmp_path, Terminal()) == Sent("delivered")
    assert capsys.readouterr().out.startswith("== The desk · 2026-11-22 12:00 UTC\nNew story: Borduria denied")


async def test_a_terminal_without_unicode_shows_what_it_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no reason to lose an alert."""
    out = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out, encoding="ascii"))
    assert await sent(tmp_path, Terminal()) == Sent("delivered")
    assert b"Borduria denied it, according to reports" in out.getvalue()


async def test_a_terminal_that_hangs_holds_up_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full pipe blocks its writer for as long as nobody reads; the attempt is given up."""
    release = threading.Event()

    class Full(io.StringIO):
        def write(self, _text: str) -> int:
            release.wait()
            return 0

    monkeypatch.setattr(sys, "stdout", Full())
    async with serving(answering()) as site, opened(tmp_path) as (channels, _):
        hangs = asyncio.create_task(channels.send(Terminal(), subscription(), message()))
        assert (await channels.send(Webhook(url=site.url), subscription(), message())).outcome == "delivered"
        assert not hangs.done()
        async with opened(tmp_path, timeout_seconds=0.3) as (others, _):
            found = await others.send(Terminal(), subscription(), message())
        assert found.error == "no complete answer within 0.3 s"
        release.set()
        assert await hangs == Sent("delivered")


async def test_a_topic_gets_the_webhooks_body(tmp_path: Path) -> None:
    """Under the message's id, acknowledged."""
    topic = Topic()
    assert await sent(tmp_path, KafkaTopic(topic="my-alerts"), producer=topic) == Sent("delivered")
    assert topic.records == [("my-alerts", webhook_body(message()), message().id.encode())]


async def test_a_record_that_is_not_acknowledged_has_failed(tmp_path: Path) -> None:
    """With the broker's reason."""
    found = await sent(tmp_path, KafkaTopic(topic="t"), producer=Topic(PublishError("t", "away")))
    assert found == Sent("failed", None, "a record for t was not acknowledged: away")


# -- all of them


async def test_an_error_of_ours_is_a_failure_too(tmp_path: Path) -> None:
    """Whatever is raised, nothing but the end of the attempt comes back; a cancelled one is cancelled."""
    found = await sent(tmp_path, KafkaTopic(topic="t"), producer=Topic(KeyError(TOKEN)))
    assert found.outcome == "failed"
    assert "KeyError" in found.error
    assert TOKEN not in found.error
    with pytest.raises(asyncio.CancelledError):
        await sent(tmp_path, KafkaTopic(topic="t"), producer=Topic(asyncio.CancelledError()))  # type: ignore[arg-type]


async def test_no_secret_is_in_a_log_or_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All channels fail, with every logger at its loudest."""
    lines = io.StringIO()
    root = logging.getLogger()
    handlers, level, disabled = root.handlers[:], root.level, logging.root.manager.disable
    smtp = SmtpSettings(host="127.0.0.1", port=1, user="me", password=TOKEN, sender="a@b.example")  # type: ignore[arg-type]
    found: list[Sent] = []
    try:
        configure(LogSettings(level="debug", format="json"), stream=lines)
        async with (
            serving(answering(TOKEN.encode(), 500)) as site,
            opened(tmp_path, smtp=smtp, producer=Topic(ValueError(TOKEN))) as (channels, seals),
        ):
            monkeypatch.setattr("pipeline.channels.mail.submit", _raising)
            tried: tuple[Channel, ...] = (
                Webhook(url=f"{site.url}/{TOKEN}?key={TOKEN}", secrets=(seals.seal("whsec_" + TOKEN),)),
                Webhook(url=f"http://127.0.0.1:1/{TOKEN}", secrets=(seals.seal(f"whsec_{TOKEN}=!"),)),
                Email(to="x@y.example"),
                Apprise(url=seals.seal(f"json://me:{TOKEN}@127.0.0.1:1/{TOKEN}?x={TOKEN}")),
                Apprise(url=seals.seal(site.url.replace("http", "json") + f"/{TOKEN}")),
                Apprise(url=seals.seal(f"nothing://{TOKEN}/{TOKEN}")),
                Apprise(url=seals.seal(f"slack://{TOKEN}")),
                KafkaTopic(topic="t"),
            )
            for channel in tried:
                found.append(await channels.send(channel, subscription(channel), message()))
                assert TOKEN not in channels.endpoint(channel) + "".join(channels.describe(channel))
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.disable(disabled)
    assert [one.outcome for one in found] == ["failed"] * len(tried)
    assert all(one.error for one in found)
    assert TOKEN not in "".join(one.error for one in found)
    ours = [line for line in lines.getvalue().splitlines() if "aiohttp.access" not in line]  # the receiver's own
    assert any("channel failed" in line for line in ours)
    assert not [line for line in ours if TOKEN in line or '"logger": "apprise"' in line]


async def _raising(*_args: Any, **_more: Any) -> Sent:
    raise RuntimeError(TOKEN)


async def test_endpoints_tell_addresses_apart_without_showing_them(tmp_path: Path) -> None:
    """The same Slack of two subscriptions is one endpoint, though each is sealed in its own way."""
    async with opened(tmp_path, smtp=SmtpSettings(host="mail.example")) as (channels, seals):
        one, same, other = (Apprise(url=seals.seal(url)) for url in ("slack://a", "slack://a", "slack://b"))
        assert channels.endpoint(one) == channels.endpoint(same) != channels.endpoint(other)
        async with opened(tmp_path) as (others, _):  # nobody finds an address by trying them
            assert others.endpoint(one) != channels.endpoint(one)
        assert channels.endpoint(Email(to="a@b")) == "smtp://mail.example:587"
        assert channels.endpoint(KafkaTopic(topic="t")) == "kafka:t"
        assert channels.describe(one) == ("apprise", "slack")
        assert channels.describe(Terminal()) == ("stdout", "stdout")
        assert channels.describe(Email(to="a@b.example")) == ("email", "a@b.example")
