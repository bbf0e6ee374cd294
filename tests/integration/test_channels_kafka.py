"""The channel `kafka` on a real broker."""

from __future__ import annotations

from pathlib import Path

from pipeline.channels.body import webhook_body
from pipeline.channels.sent import Sent
from pipeline.kafka import Publisher, read_log
from pipeline.records import KafkaTopic
from pipeline.topics import ALERTS
from tests.channelled import opened
from tests.told import message, subscription


async def test_a_message_arrives_on_a_topic(topics_ready: str, tmp_path: Path) -> None:
    """Acknowledged, under its id; one to a topic that is not there has failed, and says so."""
    there, missing = KafkaTopic(topic=ALERTS), KafkaTopic(topic="no-such-topic")
    async with (
        Publisher([topics_ready], give_up_seconds=2) as producer,
        opened(tmp_path, producer=producer, timeout_seconds=20) as (channels, _),
    ):
        assert await channels.send(there, subscription(there), message()) == Sent("delivered")
        failed = await channels.send(missing, subscription(missing), message())
    [record] = read_log([topics_ready], ALERTS)
    assert (record.key, record.value) == (message().id.encode(), webhook_body(message()))
    assert failed.outcome == "failed"
    assert "no-such-topic" in failed.error
