"""What a poller's membership rests on: private fields of kafka-python, which a new version may rename or change.

The classes here are kafka-python's own. If one of these fails after an upgrade, read `Membership.holds` anew.
"""

from __future__ import annotations

import time

import kafka
import pytest
from kafka.coordinator.base import BaseCoordinator, Generation
from kafka.coordinator.heartbeat import Heartbeat

from pipeline.errors import UnprovenClientError
from pipeline.kafka.group import MARGIN, Membership, require_proven_client

SESSION = 8.0


class Coordinator:
    """As much of a consumer's coordinator as is read, made of kafka-python's parts."""

    def __init__(self) -> None:
        self._generation = Generation.NO_GENERATION
        self.heartbeat = Heartbeat(group_id="g", session_timeout_ms=int(1000 * SESSION), heartbeat_interval_ms=2000)


class Consumer:
    """A consumer without a broker."""

    def __init__(self) -> None:
        self._coordinator = Coordinator()


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock of this process, to be turned."""
    turned = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: turned[0])
    return turned


@pytest.fixture
def joined(now: list[float]) -> tuple[Membership, Coordinator]:
    """A membership that has just become a member, and its coordinator."""
    assert now
    membership, consumer = Membership(["nowhere:1"], "g", "t", session_seconds=SESSION), Consumer()
    membership._consumer = consumer
    membership._note_generation()
    assert not membership.holds()
    consumer._coordinator._generation = Generation(1, "me", "cooperative-sticky")
    membership._note_generation()
    return membership, consumer._coordinator


def test_the_installed_client_is_proven() -> None:
    """Another one is refused, with what to do."""
    require_proven_client(kafka.__version__)
    with pytest.raises(UnprovenClientError, match=r"kafka-python 99\.0 is installed.*install kafka-python=="):
        require_proven_client("99.0")


def test_the_fields_are_where_they_were() -> None:
    """A coordinator of kafka-python has them under these names, from its beginning."""
    names = BaseCoordinator.__init__.__code__.co_names
    assert {"_generation", "heartbeat"} <= set(names)
    assert vars(Heartbeat()).keys() >= {"last_send", "last_receive"}
    assert Generation(7, "me", "range").generation_id == 7
    assert Generation.NO_GENERATION.is_lost()
    assert not Generation(7, "me", "range").is_lost()


def test_a_member_is_one_until_its_session_could_have_ended(
    joined: tuple[Membership, Coordinator], now: list[float]
) -> None:
    """By a margin earlier than the broker may think so; whatever the process was doing meanwhile."""
    membership, _ = joined
    now[0] += SESSION * (1 - MARGIN) - 0.01
    assert membership.holds()
    now[0] += 0.02
    assert not membership.holds()


def test_an_answered_heartbeat_counts_from_when_it_was_sent(
    joined: tuple[Membership, Coordinator], now: list[float]
) -> None:
    """The answer may have waited for us for long, as after a stop of the process."""
    membership, coordinator = joined
    now[0] += 2
    coordinator.heartbeat.sent_heartbeat()
    sent = now[0]
    now[0] += 1
    coordinator.heartbeat.received_heartbeat()
    assert membership.holds()
    now[0] = sent + SESSION * (1 - MARGIN) - 0.01
    assert membership.holds()
    coordinator.heartbeat.sent_heartbeat()  # not answered yet: nothing is known by it
    now[0] = sent + SESSION * (1 - MARGIN) + 0.01
    assert not membership.holds()
    coordinator.heartbeat.received_heartbeat()
    assert membership.holds()


def test_who_left_or_was_told_to_go_is_no_member(joined: tuple[Membership, Coordinator]) -> None:
    """At once, without waiting for a timeout."""
    membership, coordinator = joined
    assert membership.holds()
    coordinator._generation = Generation.NO_GENERATION
    assert not membership.holds()
    coordinator._generation = Generation(1, "me", "cooperative-sticky")
    assert membership.holds()
    membership._consumer = None
    assert not membership.holds()
