"""Admin connections, and Kafka's errors as ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError as ClientError
from kafka.net.compat import KafkaNetClient

from pipeline.errors import KafkaError

CLIENT_ID: Final = "counterclaim"
"""Seen in the broker's logs and quotas."""

CONNECT_SECONDS: Final = 10.0
"""Bound on reaching a cluster at all: a few tries with back-off over each address."""

RECONNECT_MS: Final = 1000
"""Longest pause between two tries to connect: a restarted broker is found again within about a second."""


def connected(kind: Callable[..., Any], bootstrap: Sequence[str], timeout: float, **configs: Any) -> Any:
    """A client of this class, connected. Blocks; raises KafkaError when nobody answers within ``timeout`` seconds."""
    made: list[Any] = []

    def network(**configs: Any) -> Any:  # the constructor starts a thread and then may raise: keep hold of it
        client = KafkaNetClient(**configs)
        # kafka-python 3.0.12 takes `allow_auto_create_topics` but does not pass it on to its metadata requests.
        client._manager.cluster.config["allow_auto_create_topics"] = False  # noqa: SLF001
        made.append(client)
        return client

    try:
        return kind(
            bootstrap_servers=list(bootstrap),
            client_id=CLIENT_ID,
            bootstrap_timeout_ms=int(timeout * 1000),
            reconnect_backoff_max_ms=RECONNECT_MS,
            kafka_client=network,
            **configs,
        )
    except ClientError as error:
        for one in made:
            one.close()
            one._manager._net.stop()  # noqa: SLF001  (there is no public way to end the thread of a failed constructor)
        where = ", ".join(bootstrap)
        raise KafkaError(
            f"no Kafka broker answered at {where} within {timeout:g} s ({explain(error)}): is it running?"
        ) from error


@contextmanager
def admin(bootstrap: Sequence[str], timeout: float = CONNECT_SECONDS) -> Iterator[Any]:
    """A connected `KafkaAdminClient`; raises KafkaError when the cluster cannot be reached or refuses."""
    client = connected(KafkaAdminClient, bootstrap, timeout)
    try:
        with translated(bootstrap):
            yield client
    finally:
        client.close()


@contextmanager
def translated(bootstrap: Sequence[str]) -> Iterator[None]:
    """kafka-python's errors as ours."""
    try:
        yield
    except ClientError as error:
        raise KafkaError(f"Kafka at {', '.join(bootstrap)} failed: {explain(error)}") from error


def ping(bootstrap: Sequence[str], timeout: float = CONNECT_SECONDS) -> None:
    """One metadata round trip; raises KafkaError when no broker answers within ``timeout`` seconds."""
    with admin(bootstrap, timeout) as client:
        client.describe_cluster()


def explain(error: Exception) -> str:
    """A client's error in words: its class is often all it says."""
    text = str(error)
    name = type(error).__name__
    return text if text.startswith(name) or name in text else f"{name}: {text}" if text else name
