"""From flagged articles to a webhook's receiver, with kill -9 on the way: the books balance, and a lack is seen."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from pipeline.kafka import Publisher
from pipeline.records import Command, Flagged, ThreadInput, encode, story_events
from pipeline.topics import DELIVERIES, SILENCES, STORY_EVENTS, THREADS_IN
from tests.articles import NOON
from tests.disputes import accuses, command, denies, telling
from tests.integration.delivering import Deliverer, Receiver, subscribe, subscription, webhook
from tests.integration.test_alerts_cli import Cli
from tests.integration.workers import Collector, Worker, workers
from tests.stories import silence

STORIES = 30
TODAY = (datetime.now(UTC) - NOON) / timedelta(hours=1) - 2

QUERIES = {
    "all": "",
    "disputes": "state:disputed",
    "words": "spoons NOT babadea",
    "party": 'target:"Edababia"',
    "many": "sources:>1",
    "nothing": "wolves",
}


OPEN = {"under way", "waiting", "queued", "retrying"}
"""What is not settled yet."""


def inputs() -> list[Flagged | Command]:
    """Stories of their own, each alleged, denied and joined; one is a backlog, one old, and two are one in the end."""
    found: list[Flagged | Command] = []
    for number in range(1, STORIES + 1):
        name = "".join("bdfgklmnrs"[int(digit)] + "aeiou"[int(digit) % 5] for digit in f"{number:03}")
        who, whom = f"{name}land".capitalize(), f"{name[::-1]}ia".capitalize()
        words = {"title": f"{name}a {name}o {name}u {name}y", "lead": f"{name}ka {name}ko {name}ku {name}ky"}
        hours = TODAY - (72 if number == 7 else 0)
        more: dict[str, Any] = {"backlog": number == 5, **words}
        found += [
            telling(number * 10, accuses(who, whom), hours=hours, **more),
            telling(number * 10 + 1, denies(whom, who), hours=hours + 0.1, **more),
            telling(number * 10 + 2, accuses(who, whom), hours=hours + 0.2, **more),
        ]
    return [*found, command("merge", 20, into=10, given=datetime.now(UTC))]


def kinds(value: bytes) -> Sequence[str]:
    """What happened."""
    return [story_events.decode(value).event.kind]


@pytest.mark.timeout(300)
async def test_nothing_is_lost_between_a_flag_and_its_receivers(topics_ready: str, tmp_path: Path) -> None:
    """The worker and the delivering process are killed in mid-stream; plain evaluation and the receiver agree."""
    key, cli = tmp_path / "key", Cli(topics_ready)
    worker, deliverer = Worker(topics_ready, tmp_path / "worker"), Deliverer(topics_ready, tmp_path / "deliver", key)
    those = inputs()
    topics = {STORY_EVENTS: kinds, DELIVERIES: lambda _: []}
    async with (
        Receiver() as receiver,
        workers(worker, deliverer),
        Collector(topics_ready, topics) as seen,
        Publisher([topics_ready]) as publisher,
    ):
        hook = webhook(receiver, key)
        await subscribe(
            topics_ready, *(replace(subscription(name, hook), query=query) for name, query in QUERIES.items())
        )
        hush = silence(query='target:"Ogababia"', subscription="all", until=datetime.now(UTC) + timedelta(hours=1))
        await publisher.send(SILENCES, encode(hush), key=hush.id.encode())
        await asyncio.gather(worker.start(), deliverer.start())
        for number, what in enumerate(those, 1):
            await publisher.send(THREADS_IN, encode(ThreadInput(what=what)), key=b"en")
            if number % STORIES == 0:
                await seen.until(
                    lambda: bool(seen.messages[DELIVERIES]), lambda: worker.log[-2000:] + deliverer.log[-2000:]
                )
                for victim in (worker, deliverer):  # at any point of what they are doing
                    await victim.stop(signal.SIGKILL)
                    await victim.start()
        await seen.until(lambda: seen.seen[STORY_EVENTS]["merged"] >= 2, lambda: worker.log[-3000:])
        report: dict[str, Any] = {}
        async with asyncio.timeout(120):
            while not report or report["differences"] or OPEN & {*report["outcomes"], *report["deliveries"]}:
                report = json.loads(await cli("alerts", "reconcile", "--json", code=None))
        assert report["events"] > 3 * STORIES
        assert {"told", "held", "silenced", "immaterial"} <= report["outcomes"].keys()
        assert report["deliveries"].keys() == {"delivered"}

        log = tmp_path / "received.jsonl"
        lines = [json.dumps({"webhook-id": one}) + "\n" for one in receiver.ids]
        log.write_text("".join(lines))
        balanced = json.loads(await cli("alerts", "reconcile", "--receiver", str(log), "--json"))
        assert balanced["received"] > 0
        log.write_text("".join(lines[1:]))
        lacking = json.loads(await cli("alerts", "reconcile", "--receiver", str(log), "--json", code=1))
        assert {one["message"] for one in lacking["differences"]} == {next(iter(receiver.ids))}
        assert {one["what"] for one in lacking["differences"]} == {"unreceived"}
