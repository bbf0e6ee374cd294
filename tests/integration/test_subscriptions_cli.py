"""`counterclaim subscriptions …` and `silences …` on a real broker: each is done and seen, and the file undoes none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from pipeline.cli.app import app
from pipeline.errors import CounterclaimError
from pipeline.kafka import Follower, Publisher
from pipeline.records import DeliverInput, Delivery, SubscriptionState, deliver_inputs, encode
from pipeline.records.alert import Again, delivery_id
from pipeline.records.subscription import Webhook
from pipeline.sealing import Seals
from pipeline.subscriptions.file import read_list
from pipeline.subscriptions.known import Known
from pipeline.topics import DELIVER_IN, DELIVERIES, SILENCES, STORY_EVENTS, SUBSCRIPTION_STATE, SUBSCRIPTIONS
from tests.disputes import accuses, article_id, denies, telling
from tests.integration.workers import until
from tests.stories import tell

FILE = """\
subscriptions:
  - id: listed
    owner: Ada
    name: Listed
    query: {query}
    channels:
      - {{type: webhook, url: "https://desk.example/hook", secret_env: HOOK_SECRET}}
      - {{type: stdout}}
"""
SPOONS: dict[str, Any] = {
    "title": "Silver spoons of the palace are missing",
    "lead": "Footmen counted the cutlery after a banquet.",
}
WOLVES: dict[str, Any] = {
    "title": "Wolves cross the frozen strait by night",
    "lead": "Shepherds found tracks beside the lighthouse.",
}
SECRET = "whsec_" + "A" * 32


class Desk:
    """`counterclaim …` with a folder of its own on one broker, in a thread of this process."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        self.folder, self.bootstrap = folder, bootstrap
        folder.mkdir()
        key = folder / "secret.key"
        (folder / "counterclaim.yaml").write_text(f"alerts: {{key_file: {key}}}\n")
        (folder / "outlets.yaml").write_text("outlets: []\n")
        self.write("pipeline")
        self.env = {"COUNTERCLAIM_KAFKA": bootstrap, "COUNTERCLAIM_CONFIG": str(folder), "HOOK_SECRET": SECRET}

    def write(self, query: str) -> None:
        (self.folder / "subscriptions.yaml").write_text(FILE.format(query=query))

    async def __call__(self, *arguments: str, code: int = 0) -> str:
        """What it printed, or the error that it ended with."""
        ran = await asyncio.to_thread(CliRunner().invoke, app, arguments, env=self.env)
        error = ran.exception
        found = error.exit_code if isinstance(error, CounterclaimError) else ran.exit_code
        assert found == code, (arguments, ran.output, error)
        return str(error) if isinstance(error, CounterclaimError) else ran.output

    async def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(await self(*arguments, "--json", code=code))

    async def states(self) -> dict[str, str]:
        return {one["id"]: one["state"] for one in await self.json("subscriptions", "list", "--all")}

    async def values(self, topic: str) -> list[bytes]:
        """How many records there are tells whether something was written again."""
        from pipeline.kafka import read_log

        return [m.value or b"" for m in await asyncio.to_thread(lambda: list(read_log([self.bootstrap], topic)))]


@pytest.mark.timeout(240)
async def test_run_time_wins_over_the_file(topics_ready: str, tmp_path: Path) -> None:
    """Taken up once and not written again; followed where nobody decided, and left alone where somebody did."""
    desk = Desk(topics_ready, tmp_path / "desk")
    assert await desk.states() == {"listed": "not taken up"}
    assert "subscriptions apply" in await desk("subscriptions", "pause", "listed", code=2)
    async with Known([topics_ready]) as known:
        assert await desk("subscriptions", "apply") == "listed: written\n"
        await until(lambda: "listed" in known.subscriptions, "the file is not taken up")
        first = known.subscriptions["listed"]
        hook = first.channels[0]
        assert isinstance(hook, Webhook)
        assert [Seals.open(desk.folder / "secret.key", create=False).unseal(one) for one in hook.secrets] == [SECRET]
        assert SECRET.encode() not in b"".join(await desk.values(SUBSCRIPTIONS))
        count = len(await desk.values(SUBSCRIPTIONS))
        assert await desk("subscriptions", "apply") == "nothing to change\n"
        assert len(await desk.values(SUBSCRIPTIONS)) == count

        desk.write("grid")
        assert await desk("subscriptions", "apply") == "listed: written\n"
        await desk("subscriptions", "pause", "listed")
        await until(lambda: "listed" not in known.subscriptions, "it is not paused")
        assert await desk("subscriptions", "apply") == "nothing to change\n"
        assert (known.all["listed"].query, known.all["listed"].source) == ("grid", "file")
        await desk("subscriptions", "resume", "listed")
        said = await desk("subscriptions", "edit", "listed", "--query", "spoons", "--quiet", "22:00-06:30")
        assert "does not change it any more" in said
        await until(lambda: "listed" in known.subscriptions and known.all["listed"].query == "spoons", "not edited")
        assert known.all["listed"].channels == first.channels
        assert await desk("subscriptions", "apply") == "nothing to change\n"
        await desk("subscriptions", "remove", "listed")
        assert await desk("subscriptions", "apply") == "nothing to change\n"
        await until(lambda: not known.subscriptions, "it is not removed")
    assert await desk.states() == {"listed": "removed"}
    assert "every story" not in await desk("subscriptions", "list")


@pytest.mark.timeout(240)
async def test_a_subscription_of_run_time_from_its_beginning_to_its_end(topics_ready: str, tmp_path: Path) -> None:
    desk = Desk(topics_ready, tmp_path / "desk")
    hook = "https://other.example/hook?desk=1"
    bad = await desk("subscriptions", "add", "Mine", "--stdout", "--zone", "Europe/Pari", "--query", "(a", code=2)
    assert len(bad.splitlines()) == 3
    assert "did you mean 'Europe/Paris'?" in bad
    assert "no channel" in await desk("subscriptions", "add", "mine", code=2)
    assert "smtp.host" in await desk("subscriptions", "add", "mine", "--email", "a@b.example", code=2)
    assert "is a topic of counterclaim" in await desk("subscriptions", "add", "mine", "--kafka", "flags", code=2)

    made = await desk.json(
        "subscriptions", "add", "mine", "-q", "spoons", "--webhook", hook, "--stdout", "--first-only"
    )
    assert made["changed"]
    secret = made["secrets"][hook]
    assert "already" in await desk("subscriptions", "add", "mine", "--stdout", code=2)
    async with Publisher([topics_ready]) as publisher:
        now = datetime.now(UTC)
        off = {made["channels"][0]: "410 Gone", "0" * 16: "a channel that it has no more"}
        fares = SubscriptionState(id="mine", stories=7, last_delivered=now, disabled=off, updated=now)
        await publisher.send(SUBSCRIPTION_STATE, encode(fares), key=b"mine")
    (shown,) = [one for one in await desk.json("subscriptions", "list") if one["id"] == "mine"]
    assert (shown["state"], shown["stories"], shown["events"]) == ("1 of 2 channels disabled", 7, [])
    assert (shown["name"], shown["source"], shown["zone"]) == ("mine", "runtime", "UTC")
    text = await desk("subscriptions", "show", "mine")
    assert f"{made['channels'][0]}  webhook {hook}, disabled: 410 Gone" in text
    seals = Seals.open(desk.folder / "secret.key", create=False)

    def secrets() -> list[str]:
        (webhook, *_) = read_list([topics_ready])["mine"].channels
        assert isinstance(webhook, Webhook)
        return [seals.unseal(one) for one in webhook.secrets]

    assert secrets() == [secret]
    rotated = await desk.json("subscriptions", "rotate", "mine")
    (new,) = rotated["secrets"].values()
    assert secrets() == [new, secret]
    assert "two secrets" in await desk("subscriptions", "show", "mine")
    await desk("subscriptions", "rotate", "mine", "--finish")
    assert secrets() == [new]
    everything = [await desk("subscriptions", verb, *more) for verb, more in (("list", []), ("show", ["mine"]))]
    assert not any(text in shown for text in (new, secret, "sealed:") for shown in everything)

    edited = await desk.json("subscriptions", "edit", "mine", "--kafka", "desk.alerts", "--drop", made["channels"][1])
    assert edited["secrets"] == {}
    assert edited["channels"][0] == made["channels"][0]
    assert not (await desk.json("subscriptions", "edit", "mine", "--zone", "UTC"))["changed"]

    await desk("subscriptions", "add", "plain", "--stdout")
    (desk.folder / "secret.key").rename(desk.folder / "lost.key")
    assert "sealed with" not in await desk("subscriptions", "edit", "mine", "--max-per-day", "5")
    assert not (desk.folder / "secret.key").exists()
    assert "mine are sealed with another key" in await desk("subscriptions", "edit", "plain", "--webhook", hook)
    await desk("subscriptions", "remove", "plain")
    await desk("subscriptions", "remove", "mine")
    assert "was removed" in await desk("subscriptions", "edit", "mine", "--zone", "UTC", code=2)
    await desk("subscriptions", "resume", "mine")
    assert (await desk.states())["mine"].startswith("1 of 2")
    await desk("subscriptions", "remove", "mine")


@asynccontextmanager
async def delivering(bootstrap: str, outcomes: dict[str, str]) -> AsyncIterator[list[Again]]:
    """Answers to each message that is to be sent as the delivering process would; ``outcomes`` by channel key."""
    asked: list[Again] = []
    follower = Follower([bootstrap], [DELIVER_IN], from_beginning=False)

    async def answer(publisher: Publisher) -> None:
        async for message in follower:
            what = deliver_inputs.decode(message.value or b"").what
            assert isinstance(what, Again)
            asked.append(what)
            now = datetime.now(UTC)
            if what.channel in outcomes:
                delivery = Delivery(
                    id=delivery_id(what.message.id, what.channel), subscription=what.subscription, channel=what.channel,
                    channel_type="webhook", address="x", attempt=1, outcome=outcomes[what.channel],  # type: ignore[arg-type]
                    status=500, error="said no", message=what.message, began=now, ended=now,
                )  # fmt: skip
                other = msgspec.structs.replace(delivery, id="0" * 32)
                await publisher.send(DELIVERIES, encode(other), key=what.subscription.encode())
                await publisher.send(DELIVERIES, encode(delivery), key=what.subscription.encode())

    async with follower, Publisher([bootstrap]) as publisher:
        answering = asyncio.create_task(answer(publisher))
        try:
            yield asked
        finally:
            follower.stop()
            await answering


@pytest.mark.timeout(240)
async def test_a_test_goes_by_every_channel_and_tells_what_came_of_it(topics_ready: str, tmp_path: Path) -> None:
    desk = Desk(topics_ready, tmp_path / "desk")
    made = await desk.json("subscriptions", "add", "tried", "--webhook", "https://x.example", "--stdout")
    first, second = made["channels"]
    async with delivering(topics_ready, {first: "failed", second: "delivered"}) as asked:
        told = await desk.json("subscriptions", "test", "tried", code=1)
    assert [(one["key"], one["outcome"], one["error"]) for one in told["channels"]] == [
        (first, "failed", "said no"),
        (second, "delivered", "said no"),
    ]
    assert {(one.subscription, one.message.kind) for one in asked} == {("tried", "test")}
    assert len({one.message.id for one in asked}) == 1
    assert len({one.id for one in asked}) == 2
    assert "“tried”" in asked[0].message.text
    async with delivering(topics_ready, {first: "delivered", second: "delivered"}):
        assert "delivered" in await desk("subscriptions", "test", "tried")
    async with delivering(topics_ready, {first: "delivered"}):
        said = await desk("subscriptions", "test", "tried", "--wait", "1", code=1)
    assert "nothing heard: within 1 s" in said
    assert "no such subscription" in await desk("subscriptions", "test", "none", code=2)
    assert "either" in await desk("subscriptions", "test", code=2)
    assert len(await desk.values(DELIVER_IN)) == 6
    assert all(isinstance(deliver_inputs.decode(one), DeliverInput) for one in await desk.values(DELIVER_IN))


@pytest.mark.timeout(240)
async def test_a_query_is_tried_on_what_is_kept(topics_ready: str, tmp_path: Path) -> None:
    """Each event once, none older than asked for; a query that makes no sense is said with its place."""
    desk = Desk(topics_ready, tmp_path / "desk")
    both = tell(telling(1, accuses(), **SPOONS), telling(2, denies(), hours=1, **SPOONS))
    both += tell(telling(3, accuses("Curland", "Ostrany"), language="de", **WOLVES))  # a court of its own
    async with Publisher([topics_ready]) as publisher:
        for told in (*both, *both):
            await publisher.send(STORY_EVENTS, encode(told), key=told.event.thread.encode())
        await publisher.send(STORY_EVENTS, b"nonsense", key=b"x")

    found = await desk.json("subscriptions", "test", "--query", "spoons AND lang:en")
    of_spoons = {told.event.id for told in both if told.event.thread == article_id(1)}
    assert len(of_spoons) > 1
    assert sorted(one["event"] for one in found) == sorted(of_spoons)
    assert len(await desk.json("subscriptions", "test", "--query", "")) == len(both) > len(of_spoons)
    assert await desk.json("subscriptions", "test", "--query", "walruses") == []
    assert "events of" in await desk("subscriptions", "test", "--query", "spoons", "--since", "30m")
    assert "column" in await desk("subscriptions", "test", "--query", "(spoons", code=2)
    assert "30m" in await desk("subscriptions", "test", "--query", "spoons", "--since", "soon", code=2)


@pytest.mark.timeout(240)
async def test_silences_come_and_go(topics_ready: str, tmp_path: Path) -> None:
    desk = Desk(topics_ready, tmp_path / "desk")
    assert "no such subscription" in await desk("silences", "add", "--for", "2h", "-s", "none", code=2)
    assert "column" in await desk("silences", "add", "--for", "2h", "--query", "(a", code=2)
    await desk("subscriptions", "add", "hushed", "--stdout")
    async with Known([topics_ready]) as known:
        one = await desk.json("silences", "add", "--for", "2h", "--query", "spoons", "-m", "Known", "--author", "Ada")
        two = await desk.json("silences", "add", "--for", "1h", "-s", "hushed")
        await until(lambda: len(known.silences) == 2, "the silences are not followed")
        silence = known.silences[one["id"]]
        assert (silence.query, silence.author, silence.comment) == ("spoons", "Ada", "Known")
        assert silence.until - silence.since == timedelta(hours=2)
        assert [found["id"] for found in await desk.json("silences", "list")] == [two["id"], one["id"]]
        table = await desk("silences", "list")
        assert "hushed" in table
        assert table.endswith("2 silences\n")

        long_ago = msgspec.structs.replace(
            silence, id="old", since=silence.since - timedelta(days=90), until=silence.until - timedelta(days=90)
        )
        async with Publisher([topics_ready]) as publisher:
            await publisher.send(SILENCES, encode(long_ago), key=b"old")
        await until(lambda: "old" in known.silences, "it is not there")
        assert len(await desk.json("silences", "list")) == 2
        assert len(await desk.json("silences", "list", "--all")) == 3
        await desk("silences", "remove", one["id"])
        assert "no such silence" in await desk("silences", "remove", one["id"], code=2)
        await desk("silences", "add", "--for", "1h", "--query", "forks")
        await until(lambda: set(known.silences) > {two["id"]} and "old" not in known.silences, str(known.silences))
        assert one["id"] not in known.silences
