"""What is wanted and silenced, followed on a real broker: read whole at the start, then each change as it comes."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from pipeline.kafka import Publisher
from pipeline.records import Silence, Subscription, encode
from pipeline.records.subscription import Terminal
from pipeline.subscriptions.known import Known
from pipeline.topics import SILENCES, SUBSCRIPTIONS
from tests.articles import NOON
from tests.integration.workers import until


def wanted(name: str, **fields: object) -> Subscription:
    plain = Subscription(id=name, owner="Ada", name=name, query="", channels=(Terminal(),), source="runtime")
    return msgspec.structs.replace(plain, **fields)


def silent(name: str) -> Silence:
    return Silence(id=name, query="", since=NOON, until=NOON + timedelta(hours=1), author="Ada", comment="")


async def write(publisher: Publisher, *records: Subscription | Silence) -> None:
    for record in records:
        topic = SILENCES if isinstance(record, Silence) else SUBSCRIPTIONS
        await publisher.send(topic, encode(record), key=record.id.encode())


@pytest.mark.timeout(120)
async def test_both_topics_are_read_whole_and_then_followed(topics_ready: str) -> None:
    """Old values are overtaken, deleted and unreadable ones left out; what is paused or removed is not live."""
    heard: list[tuple[str, Subscription | None]] = []
    hushed: list[tuple[str, Silence | None]] = []
    one, two = wanted("one"), wanted("two")
    async with Publisher([topics_ready]) as publisher:
        await write(publisher, wanted("one", query="old"), wanted("gone"), two, one, wanted("off", paused=True))
        await write(publisher, wanted("out", removed=True), silent("s1"), silent("s2"))
        await publisher.send(SUBSCRIPTIONS, None, key=b"gone")
        await publisher.send(SUBSCRIPTIONS, b"nonsense", key=b"broken")
        await publisher.send(SILENCES, None, key=b"s2")
        known = Known(
            [topics_ready],
            changed=lambda name, now: heard.append((name, now)),
            silenced=lambda name, now: hushed.append((name, now)),
        )
        async with known:
            assert known.subscriptions == {"one": one, "two": two}
            assert set(known.all) == {"one", "two", "off", "out"}
            assert known.silences == {"s1": silent("s1")}
            assert sorted(heard, key=lambda pair: pair[0]) == [("one", one), ("two", two)]
            assert hushed == [("s1", silent("s1"))]
            heard.clear()
            hushed.clear()

            paused = wanted("one", paused=True)
            await write(publisher, paused, wanted("three"))
            await publisher.send(SUBSCRIPTIONS, b"nonsense", key=b"two")
            await publisher.send(SUBSCRIPTIONS, None, key=b"out")
            await publisher.send(SILENCES, None, key=b"s1")
            await write(publisher, wanted("last"), silent("s3"))
            await until(lambda: len(heard) == 3 and len(hushed) == 2, f"{heard} {hushed}")
            await until(lambda: "out" not in known.all, str(known.all))
            assert dict(heard) == {"one": None, "three": wanted("three"), "last": wanted("last")}
            assert dict(hushed) == {"s1": None, "s3": silent("s3")}
            assert known.subscriptions == {"two": two, "three": wanted("three"), "last": wanted("last")}
            assert known.all["one"] == paused
            assert known.silences == {"s3": silent("s3")}
        # Closed: nothing is heard any more, what is known stays.
        await write(publisher, wanted("late"))
        assert "late" not in known.all
