"""The single node's configuration, without starting it."""

from __future__ import annotations

from pathlib import Path

from pipeline.apache_kafka import server_properties

PROPERTIES = server_properties(port=19092, controller_port=19093, storage=Path("/data/log"))


def test_everything_listens_on_this_machine_only() -> None:
    """No listener, advertised address or controller is outside 127.0.0.1."""
    for name in ("listeners", "advertised.listeners"):
        assert all("://127.0.0.1:" in listener for listener in PROPERTIES[name].split(","))
    assert PROPERTIES["controller.quorum.voters"] == "1@127.0.0.1:19093"


def test_every_replication_factor_is_one() -> None:
    """A single node cannot keep more copies; one factor left at its default stops the inner topic from being made."""
    factors = {name: value for name, value in PROPERTIES.items() if "replication.factor" in name or "min.isr" in name}
    assert set(factors.values()) == {"1"}
    inner = ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic")
    assert all(f"{topic}.replication.factor" in factors for topic in inner)


def test_topics_are_not_made_by_themselves_and_groups_start_at_once() -> None:
    """A typing error must not become a topic; nobody waits three seconds for members that do not come."""
    assert PROPERTIES["auto.create.topics.enable"] == "false"
    assert PROPERTIES["group.initial.rebalance.delay.ms"] == "0"
