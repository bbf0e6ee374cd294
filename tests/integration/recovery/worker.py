"""The worker under test: an agent that claims each message in a table and forwards it with its own name.

It prints a JSON line for each change of its assignment. Run as a process of its own, because it gets killed.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import logging
import signal
from pathlib import Path

import faust

from agents.recovery import keep_messages_through_recovery
from agents.transport import quick_fetch

ACK_SECONDS = 0.005
"""How long the producer collects a batch. Each message waits for its acknowledgement, so this paces the handling."""

PR_SET_PDEATHSIG = 1
"""prctl(2): the signal this process gets when its parent ends."""


def create_app(options: argparse.Namespace) -> faust.App:
    """An app with one table and one agent, as small as the fault allows."""
    app = faust.App(
        options.app_id,
        broker=f"kafka://{options.bootstrap}",
        store=options.store,
        datadir=str(options.datadir),
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        stream_buffer_maxsize=256,
        stream_recovery_delay=0.0,
        stream_wait_empty=True,
        broker_commit_interval=options.commit_interval,
        broker_session_timeout=options.session_timeout,
        broker_heartbeat_interval=options.session_timeout / 10,
        broker_rebalance_timeout=30.0,
        broker_request_timeout=40.0,
        producer_linger=ACK_SECONDS,
        table_standby_replicas=options.standbys,
    )
    if not options.without_fix:
        keep_messages_through_recovery(app)
    if options.fetch_max_wait_ms:
        quick_fetch(app, options.fetch_max_wait_ms)
    _add_agent(app, options.app_id, options.name)
    return app


def _add_agent(app: faust.App, prefix: str, name: str) -> None:
    incoming = app.topic(f"{prefix}.in", value_serializer="raw", key_serializer="raw")
    outgoing = app.topic(f"{prefix}.out", value_serializer="raw", key_serializer="raw")
    seen = app.Table("seen", key_type=bytes, value_type=bytes, partitions=4)

    # mypy is told not to follow Faust, so its decorators have no types.
    @app.agent(incoming, name="claim-and-forward")  # type: ignore[untyped-decorator]
    async def claim_and_forward(stream: faust.StreamT[bytes]) -> None:
        async for event in stream.events():
            known = event.value in seen
            if not known:
                seen[event.value] = name.encode()
            await (await outgoing.send(value=b"%s %s %d" % (event.value, name.encode(), known)))

    @app.on_partitions_assigned.connect(weak=False)  # type: ignore[untyped-decorator]
    async def assigned(sender: object, assigned: set[object], **_: object) -> None:
        _report("assigned", partitions=len(assigned))

    @app.on_partitions_revoked.connect(weak=False)  # type: ignore[untyped-decorator]
    async def revoked(sender: object, revoked: set[object], **_: object) -> None:
        _report("revoked", partitions=len(revoked))


def _report(event: str, **facts: object) -> None:
    print(json.dumps({"event": event, **facts}), flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--app-id", required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--store", default="memory://")
    parser.add_argument("--datadir", type=Path, required=True)
    parser.add_argument("--session-timeout", type=float, default=6.0)
    parser.add_argument("--commit-interval", type=float, default=1.0)
    parser.add_argument("--standbys", type=int, default=1)
    parser.add_argument("--fetch-max-wait-ms", type=int, default=50, help="0 leaves Faust's own 1500")
    parser.add_argument("--without-fix", action="store_true", help="leave agents/recovery.py out, to see the loss")
    return parser.parse_args()


def main() -> None:
    """Work until SIGTERM, or until the process that started it has gone."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    app = create_app(_options())
    faust.Worker(app, loglevel=logging.WARNING, redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    main()
