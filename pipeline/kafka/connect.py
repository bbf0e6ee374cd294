"""Admin connections, and Kafka's errors as ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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

REQUEST_SECONDS: Final = 30.0
"""Bound on one request (the client's own default)."""


@contextmanager
def admin(bootstrap: Sequence[str], timeout: float = CONNECT_SECONDS) -> Iterator[Any]:
    """A connected `KafkaAdminClient`; raises KafkaError when the cluster cannot be reached or refuses."""
    made: list[Any] = []

    def client(**configs: Any) -> Any:  # the constructor starts a thread and then may raise: keep hold of it
        made.append(KafkaNetClient(**configs))
        return made[0]

    try:
        connected = KafkaAdminClient(
            bootstrap_servers=list(bootstrap),
            client_id=CLIENT_ID,
            bootstrap_timeout_ms=int(timeout * 1000),
            request_timeout_ms=int(REQUEST_SECONDS * 1000),
            reconnect_backoff_max_ms=1000,
            kafka_client=client,
        )
    except ClientError as error:
        for one in made:
            one.close()
            one._manager._net.stop()  # noqa: SLF001  (the thread that the failed constructor leaves behind)
        raise unreachable(bootstrap, timeout, error) from error
    try:
        yield connected
    except ClientError as error:
        raise KafkaError(f"Kafka at {', '.join(bootstrap)} refused: {explain(error)}") from error
    finally:
        connected.close()


def ping(bootstrap: Sequence[str], timeout: float = CONNECT_SECONDS) -> None:
    """One metadata round trip; raises KafkaError when no broker answers within ``timeout`` seconds."""
    with admin(bootstrap, timeout) as client:
        client.describe_cluster()


def unreachable(bootstrap: Sequence[str], timeout: float, error: Exception) -> KafkaError:
    """The error for a cluster that does not answer."""
    where = ", ".join(bootstrap)
    return KafkaError(f"no Kafka broker answered at {where} within {timeout:g} s ({explain(error)}): is it running?")


def explain(error: Exception) -> str:
    """A client's error in words: its class is often all it says."""
    text = str(error)
    name = type(error).__name__
    return text if text.startswith(name) or name in text else f"{name}: {text}" if text else name
