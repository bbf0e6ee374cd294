"""A fresh broker for each test module: `embedded`, or the kind that COUNTERCLAIM_TEST_BROKER names.

Both kinds get a process and a data directory of their own for each module, so tests are the same on both and use plain
topic names. (Apache Kafka needs about four seconds a start; Tansu's groups grow slower with dozens of them on one
broker.) What the kind needs must be there: a missing Java or Maven fails the tests, it never skips them.

The broker is stopped in the loop of the fixture, not of the tests; its methods work on whatever loop calls them.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, cast

import pytest

from pipeline.broker import Broker, open_broker
from pipeline.kafka import apply_topics
from pipeline.topics import TOPICS

BrokerKind = Literal["embedded", "apache"]


@pytest.fixture(scope="session")
def broker_kind() -> BrokerKind:
    """The kind of broker that this run is on."""
    kind = os.environ.get("COUNTERCLAIM_TEST_BROKER", "embedded")
    assert kind in ("embedded", "apache"), f"COUNTERCLAIM_TEST_BROKER is {kind}: embedded or apache"
    return cast("BrokerKind", kind)


@contextmanager
def started(kind: BrokerKind, data_dir: Path) -> Iterator[Broker]:
    """A broker with nothing in it, on a free port, while the block runs."""
    running = open_broker(kind, port=0, data_dir=data_dir)
    with asyncio.Runner() as runner:
        runner.run(running.start())
        try:
            yield running
        finally:
            runner.run(running.stop())


@pytest.fixture(scope="module")
def broker(broker_kind: BrokerKind, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A started broker with nothing in it, on a free port."""
    with started(broker_kind, tmp_path_factory.mktemp("kafka")) as running:
        yield running


@pytest.fixture
def kafka(broker_kind: BrokerKind, tmp_path: Path) -> Iterator[str]:
    """``host:port`` of a broker of a test's own with all topics: for those in which a group's offsets matter."""
    with started(broker_kind, tmp_path / "kafka") as running:
        apply_topics([running.bootstrap], TOPICS)
        yield running.bootstrap


@pytest.fixture(scope="module")
def bootstrap(broker: Broker) -> str:
    """``host:port`` of the module's broker."""
    return broker.bootstrap


@pytest.fixture(scope="module")
def topics_ready(bootstrap: str) -> str:
    """``host:port`` of the module's broker, after all topics were created on it."""
    apply_topics([bootstrap], TOPICS)
    return bootstrap
