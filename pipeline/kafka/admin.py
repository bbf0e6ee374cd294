"""Topics as they are beside topics as they should be, and consumer lag. Everything here blocks: call it in a thread."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError as ClientError

from pipeline.errors import KafkaError
from pipeline.kafka.connect import CONNECT_SECONDS, admin, explain
from pipeline.topics import Topic

SETTLE_SECONDS: Final = 5.0
"""Bound on seeing a changed configuration: the controller has it at once, the brokers a moment later."""

_TOPIC_ALREADY_EXISTS: Final = 36
"""Kafka protocol error code: another process was faster, which is as good."""

Action = Literal["created", "changed", "left", "kept"]
"""`left`: as wanted already; `kept`: differs, and this broker cannot change it."""


@dataclass(frozen=True, slots=True)
class Change:
    """What `apply_topics` did about one topic, and why."""

    topic: str
    action: Action
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ActualTopic:
    """A topic as the cluster has it; ``configs`` holds what the broker tells (Tansu: only what was set)."""

    name: str
    partitions: int
    replication: int
    configs: Mapping[str, str]


def apply_topics(bootstrap: Sequence[str], wanted: Sequence[Topic], timeout: float = CONNECT_SECONDS) -> list[Change]:
    """Create the topics that are missing and set the configurations that differ, in the order of ``wanted``.

    Raises KafkaError, before anything is changed, when a topic has another number of partitions.
    """
    with admin(bootstrap, timeout) as client:
        actual = _describe(client, [topic.name for topic in wanted])
        for topic in wanted:
            _check_partitions(topic, actual.get(topic.name))
        _create(client, [topic for topic in wanted if topic.name not in actual])
        return [_settle(client, topic, actual.get(topic.name)) for topic in wanted]


def describe_topics(
    bootstrap: Sequence[str], names: Sequence[str], timeout: float = CONNECT_SECONDS
) -> dict[str, ActualTopic]:
    """The topics of these names that exist."""
    with admin(bootstrap, timeout) as client:
        return _describe(client, names)


def require_topics(bootstrap: Sequence[str], wanted: Sequence[Topic], timeout: float = CONNECT_SECONDS) -> None:
    """Make sure, before work begins, that all topics are there with the partitions that the configuration says.

    Raises KafkaError when the cluster does not answer, a topic is missing or has another number of partitions.
    """
    actual = describe_topics(bootstrap, [topic.name for topic in wanted], timeout)
    missing = [topic.name for topic in wanted if topic.name not in actual]
    if missing:
        raise KafkaError(
            f"{', '.join(missing)} {'are' if len(missing) > 1 else 'is'} missing on Kafka at {', '.join(bootstrap)}: "
            "run `counterclaim topics apply` first"
        )
    for topic in wanted:
        _check_partitions(topic, actual[topic.name])


def differences(wanted: Topic, actual: ActualTopic) -> dict[str, tuple[str, str]]:
    """Configurations that differ: name → (actual, wanted). Pure."""
    return {
        name: (actual.configs.get(name, "unset"), value)
        for name, value in wanted.configs.items()
        if actual.configs.get(name) != value
    }


def _check_partitions(wanted: Topic, actual: ActualTopic | None) -> None:
    if actual is None or actual.partitions == wanted.partitions:
        return
    raise KafkaError(
        f"topic {wanted.name} has {actual.partitions} partitions, the configuration says {wanted.partitions} "
        "(kafka.partitions): the number is fixed once records are in it, because keys would move away from their "
        f"state. Set kafka.partitions to {actual.partitions}, or delete the topics and start with an empty log"
    )


def _create(client: Any, missing: Sequence[Topic]) -> None:
    if not missing:
        return
    request = {
        topic.name: {
            "num_partitions": topic.partitions,
            "replication_factor": topic.replication,
            "configs": topic.configs,
        }
        for topic in missing
    }
    answer = client.create_topics(request, raise_errors=False)
    for topic in answer["topics"]:
        if topic["error_code"] not in (0, _TOPIC_ALREADY_EXISTS):
            reason = topic.get("error_message") or f"error code {topic['error_code']}"
            raise KafkaError(f"topic {topic['name']} could not be created: {reason}")
    client.wait_for_topics(list(request))


def _settle(client: Any, wanted: Topic, actual: ActualTopic | None) -> Change:
    """Set what differs on a topic that was there, and look whether it took."""
    if actual is None:
        return Change(wanted.name, "created", f"{wanted.partitions} partitions, {wanted.cleanup}")
    differing = differences(wanted, actual)
    if not differing:
        return Change(wanted.name, "left")
    detail = ", ".join(f"{name} {old} → {new}" for name, (old, new) in differing.items())
    try:
        values = {name: new for name, (_, new) in differing.items()}
        client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, wanted.name, values)])
    except ClientError as error:
        return Change(wanted.name, "kept", f"this broker cannot change {detail} ({explain(error)})")
    if not _took(client, wanted):
        return Change(wanted.name, "kept", f"this broker takes no changes of a topic: {detail}")
    return Change(wanted.name, "changed", detail)


def _took(client: Any, wanted: Topic) -> bool:
    """Whether the cluster shows the new configuration, at the latest after `SETTLE_SECONDS`."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while differences(wanted, _describe(client, [wanted.name])[wanted.name]):
        if time.monotonic() > deadline:
            return False
        time.sleep(SETTLE_SECONDS / 50)
    return True


def _describe(client: Any, names: Sequence[str]) -> dict[str, ActualTopic]:
    present = set(client.list_topics()).intersection(names)
    if not present:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in sorted(present)]
    configs = client.describe_configs(resources, config_filter="all")["topic"]
    return {
        topic["name"]: ActualTopic(
            name=topic["name"],
            partitions=len(topic["partitions"]),
            replication=min(len(partition["replica_nodes"]) for partition in topic["partitions"]),
            configs={name: entry["value"] for name, entry in configs.get(topic["name"], {}).items()},
        )
        for topic in client.describe_topics(sorted(present))
    }
