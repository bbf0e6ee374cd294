"""`counterclaim alerts|deliveries|dead …` over the logs of a real broker."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli.app import app
from pipeline.errors import CounterclaimError, UndecodableError
from pipeline.kafka import Publisher, read_log
from pipeline.records import Again, ThreadInput, dead_letter, deliver_inputs, encode
from pipeline.topics import ALERTS, ARTICLES_RAW, DELIVER_IN, DELIVERIES, STORY_EVENTS, SUBSCRIPTIONS, THREADS_IN
from tests.articles import NOON
from tests.disputes import accuses, denies, telling, tick
from tests.stories import subscription, tell
from tests.unit.test_reconcile import HOOK, alert, delivery

FOUND = datetime.now(UTC) - timedelta(minutes=5)
TODAY = (FOUND - NOON) / timedelta(hours=1) - 1

EVENTS = tell(telling(1, accuses(), hours=TODAY), telling(2, denies(), hours=TODAY), now=FOUND)
TOLD = [alert(one, decided=FOUND) for one in EVENTS]


class Cli:
    """The commands on one broker, in a thread of this process: their imports cost more than their work."""

    def __init__(self, bootstrap: str) -> None:
        self._env = {"COUNTERCLAIM_KAFKA": bootstrap}

    async def __call__(self, *arguments: str, code: int | None = 0, stdin: str | None = None) -> str:
        """What it printed, or the error that it ended with; ``code`` None: however it ends."""
        ran = await asyncio.to_thread(CliRunner().invoke, app, arguments, env=self._env, input=stdin)
        error = ran.exception
        found = error.exit_code if isinstance(error, CounterclaimError) else ran.exit_code
        assert code in (None, found), (ran.output, error)
        return str(error) if isinstance(error, CounterclaimError) else ran.output


async def again(bootstrap: str) -> list[Again]:
    """What people wanted to be delivered again so far."""
    messages = await asyncio.to_thread(lambda: list(read_log([bootstrap], DELIVER_IN)))
    found = (deliver_inputs.decode(one.value or b"").what for one in messages)
    return [one for one in found if isinstance(one, Again)]


@pytest.mark.timeout(240)
async def test_the_books_are_compared_and_deliveries_sent_again(topics_ready: str, tmp_path: Path) -> None:
    """Differences until everything is on the logs; the receiver's own log has the last word; a message is replayed."""
    cli = Cli(topics_ready)
    desk = subscription("desk", channels=(HOOK,))
    async with Publisher([topics_ready]) as publisher:
        await publisher.send(SUBSCRIPTIONS, encode(desk), key=b"desk")
        for told in EVENTS:
            await publisher.send(STORY_EVENTS, encode(told), key=told.event.thread.encode())
        report = json.loads(await cli("alerts", "reconcile", "--json", code=1))
        assert [one["what"] for one in report["differences"]] == ["missing"] * len(EVENTS)

        for number, one in enumerate(TOLD):
            await publisher.send(ALERTS, encode(one), key=b"desk")
            outcome = "gave_up" if number == 0 else "delivered"
            sent = delivery(one, outcome=outcome, began=FOUND, ended=FOUND, error="HTTP 500" if number == 0 else "")
            await publisher.send(DELIVERIES, encode(sent), key=b"desk")
        balanced = await cli("alerts", "reconcile", "--since", "1h")
        assert f"{len(EVENTS)} events of stories, {len(EVENTS)} of them wanted" in balanced
        assert balanced.endswith("0 differences\n")

        log = tmp_path / "received.jsonl"
        log.write_text("".join(json.dumps({"webhook-id": one.message}) + "\n" for one in TOLD[2:]))
        unreceived = await cli("alerts", "reconcile", "--receiver", str(log), code=1)
        assert f"unreceived: subscription desk, event {TOLD[1].event.id}, message {TOLD[1].message}" in unreceived

        listed = await cli("alerts", "list", "--subscription", "desk", "--outcome", "told")
        assert "created" in listed
        assert listed.endswith(f"{len(TOLD)} alerts\n")
        assert json.loads(await cli("alerts", "list", "--outcome", "held", "--json")) == []

        failed = json.loads(await cli("deliveries", "list", "--failed", "--json"))
        assert [one["message"]["id"] for one in failed] == [TOLD[0].message]
        shown = await cli("deliveries", "show", TOLD[0].message[:20])
        assert "webhook desk.example  attempt 1: gave_up" in shown
        assert "no such delivery" in await cli("deliveries", "show", "msg_f", code=2)

        assert "--since" in await cli("deliveries", "replay", "--failed", code=2)
        await cli("deliveries", "replay", "--failed", "--since", "24h", "--author", "Ada")
        await cli("deliveries", "replay", TOLD[1].message, TOLD[0].message)
        commands = await again(topics_ready)
        assert [one.message.id for one in commands[:1]] == [TOLD[0].message]
        assert {one.message.id for one in commands[1:]} == {TOLD[0].message, TOLD[1].message}
        assert (commands[0].author, commands[0].channel) == ("Ada", delivery(TOLD[0]).channel)
        assert len({one.id for one in commands}) == 3


@pytest.mark.timeout(240)
async def test_dead_letters_are_listed_and_go_back(topics_ready: str) -> None:
    """To their topic and partition with their own bytes, key and headers; above twenty somebody is asked."""
    cli = Cli(topics_ready)
    value = encode(ThreadInput(what=tick(1)))
    dead = [
        dead_letter(topic=THREADS_IN, partition=2, offset=7, key=b"tick", value=value, headers=(("trace", b"t"),),
                    error=UndecodableError("too new")),
        *(dead_letter(topic=ARTICLES_RAW, partition=1, offset=number, key=b"k", value=b"junk", headers=(),
                      error=ValueError("odd")) for number in range(21)),
    ]  # fmt: skip
    async with Publisher([topics_ready]) as publisher:
        for one in dead:
            await publisher.send(one.topic, one.value, key=one.key, headers=one.headers)
    listed = json.loads(await cli("dead", "list", "--json"))
    assert len(listed) == 22
    (tick_letter,) = (one["place"] for one in listed if one["place"].startswith(THREADS_IN))
    assert "too new" in await cli("dead", "show", tick_letter)
    assert "nothing dies on" in await cli("dead", "list", "--topic", "feeds", code=2)

    assert "threads.in: 1 would go back" in await cli("dead", "retry", "--all", "--topic", "threads.in", "--dry-run")
    await cli("dead", "retry", tick_letter, "--author", "Ada")
    (back,) = await asyncio.to_thread(lambda: list(read_log([topics_ready], THREADS_IN)))
    assert (back.value, back.key, back.partition, back.headers) == (value, b"tick", 2, (("trace", b"t"),))
    (now,) = json.loads(await cli("dead", "list", "--topic", THREADS_IN, "--json"))
    assert (now["place"], now["author"]) == (tick_letter, "Ada")
    assert now["retried"] is not None

    await cli("dead", "retry", "--all", code=1, stdin="n\n")
    assert await asyncio.to_thread(lambda: list(read_log([topics_ready], ARTICLES_RAW))) == []
    sent = json.loads(await cli("dead", "retry", "--all", "--yes", "--json"))
    assert len(sent["sent"]) == 21
    came = await asyncio.to_thread(lambda: list(read_log([topics_ready], ARTICLES_RAW)))
    assert {(one.value, one.partition) for one in came} == {(b"junk", 1)}
    assert "nothing to send back" in await cli("dead", "retry", "--all")
