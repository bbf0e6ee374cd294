"""Apache Kafka on this machine: one KRaft node that is broker and controller, durable in its data directory."""

from __future__ import annotations

import base64
import socket
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from pipeline.kafka_jars import find_jars, find_java, run

HOST: Final = "127.0.0.1"

FORMAT_SECONDS: Final = 60.0
"""Bound on formatting the storage: a Java start, a second on a free machine."""

JVM: Final = (
    "-Xms128m",
    # Kafka's own default is 1 GB; half carries some thousand articles a second on a laptop beside everything else.
    "-Xmx512m",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
)

LOG4J: Final = """\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %m (%c)%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
"""
"""Warnings and errors on standard output, which is the broker's log."""


class ApacheKafka:
    """Apache Kafka 4 with this machine's Java; formats its storage at the first start."""

    describe = "Apache Kafka on this machine: what is acknowledged is kept in its data directory"
    start_seconds = 90.0

    async def launch(self, port: int, data_dir: Path) -> tuple[Sequence[str], Mapping[str, str]]:
        """Find Java and the jars, write the configuration, format the storage if it is new; raises BrokerError."""
        java, jars = await find_java(), await find_jars()
        storage = data_dir.absolute() / "log"
        properties = data_dir / "server.properties"
        logging = data_dir / "log4j2.properties"
        properties.write_text(_lines(server_properties(port=port, controller_port=_free_port(), storage=storage)))
        logging.write_text(LOG4J)
        base = [str(java), *JVM, f"-Dlog4j2.configurationFile={logging.absolute()}", "-cp", f"{jars}/*"]
        if not (storage / "meta.properties").exists():
            format_it = ["kafka.tools.StorageTool", "format", "--cluster-id", _cluster_id(), "--config"]
            await run([*base, *format_it, str(properties)], FORMAT_SECONDS)
        return [*base, "kafka.Kafka", str(properties)], {}


def server_properties(*, port: int, controller_port: int, storage: Path) -> dict[str, str]:
    """Configuration of the single node. Pure."""
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
        "listeners": f"CLIENTS://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"CLIENTS://{HOST}:{port}",
        "listener.security.protocol.map": "CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "CLIENTS",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": str(storage),
        "auto.create.topics.enable": "false",
        # One node keeps one copy; the defaults of the inner topics want three.
        "default.replication.factor": "1",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        # The default, 50 partitions each, is for clusters; here it only makes the start and the stop slower.
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.num.partitions": "4",
        # Waiting for further members helps large groups; here it delays each start by three seconds.
        "group.initial.rebalance.delay.ms": "0",
        # 128 MB by default, a quarter of the heap; 16 MB index some 600,000 keys in one run of the cleaner.
        "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
    }


def _lines(properties: Mapping[str, str]) -> str:
    return "".join(f"{name}={_escaped(value)}\n" for name, value in properties.items())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\")  # a path may hold what the format takes for an escape


def _cluster_id() -> str:
    """A random cluster id as Kafka makes them: 16 bytes in URL-safe base64, not looking like an option."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        if not text.startswith("-"):
            return text


def _free_port() -> int:
    """A port for the controller, which only this node talks to; a new one for each start."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
