"""Keeps Faust from losing messages when a rebalance makes it read a table's changelog again.

One call, before the first agent or table is declared::

    app = faust.App("counterclaim", ...)
    keep_messages_through_recovery(app)

Why: Faust 0.15.3 reads the changelog with the flow of messages switched on. Once it has read it, its
``Recovery.on_recovery_completed`` lets the fetcher at the stream partitions, *then* waits (for callbacks, for the seek
to the committed offsets) and only then calls ``FlowControlEvent.resume``, which empties every stream's queue. What the
fetcher put there in between is gone, while the read position has moved past it, and the next commit passes over the
hole. With the flow stopped from the first of these steps on, the fetcher puts nothing into a queue until the original
method switches the flow on again at its end, after the queues were emptied and the position was set back.
``docs/faust.md`` has the measurements; ``tests/integration/test_recovery.py`` holds the regression tests.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import faust
from faust.tables.manager import TableManager as FaustTableManager
from faust.tables.recovery import Recovery as FaustRecovery

from pipeline.errors import UnprovenFaustError
from pipeline.kafka import end_offsets

PROVEN_FAUST = frozenset({"0.15.3"})
"""The Faust versions that the loss tests were run on. Another one may have moved what is overridden here."""


class Recovery(FaustRecovery):  # type: ignore[misc]  # Faust is not followed by mypy
    """Recovery that holds the flow of messages back until the streams may really have them."""

    async def _build_highwaters(self, consumer: Any, tps: set[Any], destination: Counter[Any], title: str) -> None:
        """Where each changelog ends, from the high watermark of a fetch instead of ListOffsets.

        Faust asks ListOffsets for "latest". Tansu 0.6 answers with the first offset of the last *batch* plus one, so
        that a batch of several records makes the changelog look shorter than what this worker stored of it: Faust then
        stops with a ConsistencyError, or leaves the last claims unread. Every broker's fetch tells the true end.
        """
        servers = [f"{url.host}:{url.port}" for url in self.app.conf.broker]
        ends = await asyncio.to_thread(end_offsets, servers, sorted({tp.topic for tp in tps}))
        destination.clear()
        destination.update({tp: ends[tp.topic, tp.partition] - 1 for tp in tps})  # Faust counts to the last offset
        self.log.info("%s changelog partitions end at %s", title, dict(destination))

    async def on_recovery_completed(self, generation_id: int = 0) -> None:
        """Stop the flow, then let Faust finish: its last step resumes the flow."""
        self.app.consumer.stop_flow()
        await super().on_recovery_completed(generation_id)


class TableManager(FaustTableManager):  # type: ignore[misc]  # Faust is not followed by mypy
    """Faust's table manager with our recovery."""

    _recovery: Recovery | None

    @property
    def recovery(self) -> Recovery:
        """The recovery service of this app, made at first use as Faust does."""
        if self._recovery is None:
            self._recovery = Recovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery


def require_proven_faust(version: str) -> None:
    """Raise ``UnprovenFaustError`` unless the loss tests were run on this Faust version."""
    if version not in PROVEN_FAUST:
        proven = ", ".join(sorted(PROVEN_FAUST))
        raise UnprovenFaustError(
            f"Faust {version} is installed, but the fix for messages lost on a rebalance was proven on {proven} only: "
            f"install faust-streaming=={proven}, or run `make test-loss` and add the version to agents/recovery.py"
        )


def keep_messages_through_recovery(app: faust.App) -> None:
    """Make this app's tables recover without losing messages.

    Call it right after the app was made, before anything declared a table or an agent. Raises ``UnprovenFaustError``
    for a Faust version that the fix was not proven on, ``RuntimeError`` when the app already has its table manager.
    """
    require_proven_faust(faust.__version__)
    if "tables" in vars(app):
        raise RuntimeError("keep_messages_through_recovery must be called before the app's first table or agent")
    app.conf.TableManager = TableManager
