"""A Faust table whose changes go to the changelog by the outbox, like every other result.

Faust hands a change to a buffer, sends it some time later, and only logs when that fails: an event could be committed
whose claim is on no log. It is also a dozen steps for each change. Here the agent takes the changes of its event
and gives them to its outbox, so that it is acknowledged once Kafka has them too.
"""

from __future__ import annotations

from typing import Any

import faust
from faust.types import TP

from agents.outbox import Outgoing


class LoggedTable(faust.Table):  # type: ignore[misc]  # Faust is not followed by mypy
    """A table of bytes; `take` gives the changes since the last call, and they must be sent."""

    _changes: list[Outgoing]

    def take(self) -> tuple[Outgoing, ...]:
        """The changes since the last call, as records for the changelog."""
        changes, self._changes = tuple(self._changes), []
        return changes

    def on_init(self) -> None:
        """Before anything is written."""
        super().on_init()
        self._changes = []

    def on_key_set(self, key: bytes, value: bytes) -> None:
        """Called before the store is written."""
        self._changes.append(self._change(key, value))

    def on_key_del(self, key: bytes) -> None:
        """Called before the store is written; a tombstone."""
        self._changes.append(self._change(key, None))

    def _change(self, key: bytes, value: bytes | None) -> Outgoing:
        partition = self.partition_for_key(key)
        return Outgoing(self.changelog_topic_name, value, key, partition, kept=self._kept)

    def _kept(self, metadata: Any) -> None:
        """Tells the store how much of the changelog it holds, as Faust does once a change is sent."""
        self.data.set_persisted_offset(TP(metadata.topic, metadata.partition), metadata.offset)
