"""What the consumer's fetch wait costs and brings: latency at a rate, and CPU when nothing arrives.

    python -m bench.fetch_wait                     # embedded broker
    python -m bench.fetch_wait --broker apache

For each wait one worker process with a plain agent: idle for some seconds (CPU by os.times), then a steady rate of 3 KB
records, each timed from the producer's time stamp to the handler.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import faust
import uvloop
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from agents.transport import quick_fetch
from pipeline.broker import open_broker

WAITS_MS = (10, 50, 100, 500, 1500)
IDLE_SECONDS = 8.0
RATE = 200
"""Records a second: what a few thousand feeds bring, and too few to fill the consumer's batches."""
RECORDS = 1600
CURSOR_ON = b"\x1b[?25h"
"""Faust's worker hides and shows the cursor on standard output, whatever that is."""
TICKS = 20
"""Sends a second, each of RATE / TICKS records."""


def serve(bootstrap: str, name: str, wait_ms: int) -> None:
    """The worker: prints its CPU seconds while idle, then the latencies in ms, then ends."""
    app = faust.App(
        name,
        broker=f"kafka://{bootstrap}",
        store="memory://",
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        broker_session_timeout=6.0,
        broker_heartbeat_interval=2.0,
    )
    quick_fetch(app, wait_ms)
    latencies: list[float] = []

    @app.agent(app.topic(name, value_serializer="raw"))  # type: ignore[untyped-decorator]  # Faust is not followed
    async def handle(stream: Any) -> None:
        async for event in stream.events():
            latencies.append(1000 * (time.time() - event.message.timestamp))
            if len(latencies) == RECORDS:
                print(json.dumps(latencies), flush=True)

    @app.on_rebalance_complete.connect(weak=False)  # type: ignore[untyped-decorator]  # Faust is not followed
    async def ready(_app: faust.App, **_: object) -> None:
        asyncio.get_running_loop().create_task(_idle())

    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    faust.Worker(app, loop=loop, loglevel="ERROR", quiet=True, redirect_stdouts=False).execute_from_commandline()


async def _idle() -> None:
    await asyncio.sleep(1)  # past the start's own work
    before = _cpu()
    await asyncio.sleep(IDLE_SECONDS)
    print(json.dumps((_cpu() - before) / IDLE_SECONDS), flush=True)


def _cpu() -> float:
    times = os.times()
    return times.user + times.system


async def measure(bootstrap: str, wait_ms: int, directory: Path) -> dict[str, float]:
    """One worker with this wait; idle CPU as a share of a core, latencies in ms."""
    name = f"wait-{wait_ms}"
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(name, 4, 1)])
    await admin.close()
    command = [sys.executable, "-m", "bench.fetch_wait", "--serve", name, "--wait", str(wait_ms), "--kafka", bootstrap]
    worker = await asyncio.create_subprocess_exec(
        *command,
        cwd=Path.cwd(),
        stdout=asyncio.subprocess.PIPE,
        limit=2**20,
        env={**os.environ, "TMPDIR": str(directory)},
    )
    assert worker.stdout
    try:
        idle = await _line(worker.stdout)
        await _send(bootstrap, name)
        latencies = sorted(await _line(worker.stdout))
    finally:
        worker.kill()
        await worker.wait()
    return {
        "wait_ms": wait_ms,
        "idle_core": idle,
        "p50_ms": statistics.median(latencies),
        "p99_ms": latencies[int(0.99 * len(latencies))],
    }


async def _line(output: asyncio.StreamReader) -> Any:
    line = await asyncio.wait_for(output.readline(), 60)
    return json.loads(line.rpartition(CURSOR_ON)[2])


async def _send(bootstrap: str, topic: str) -> None:
    value = bytes(3000)
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        started = asyncio.get_running_loop().time()
        for number in range(RECORDS):
            await producer.send(topic, value, partition=number % 4)
            if number % (RATE // TICKS) == 0:
                await asyncio.sleep(started + number / RATE - asyncio.get_running_loop().time())
        await producer.flush()


async def _main(kind: str) -> None:
    with tempfile.TemporaryDirectory(prefix="counterclaim-bench-") as directory:
        async with open_broker(kind, port=0, data_dir=Path(directory) / "kafka") as broker:  # type: ignore[arg-type]  # argparse checked it
            print("| broker | wait ms | idle, share of a core | p50 ms | p99 ms |\n|---|---|---|---|---|")
            for wait in WAITS_MS:
                row = await measure(broker.bootstrap, wait, Path(directory))
                print(
                    f"| {kind} | {wait} | {100 * row['idle_core']:.1f} % | {row['p50_ms']:.0f} | {row['p99_ms']:.0f} |",
                    flush=True,
                )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--broker", choices=("embedded", "apache"), default="embedded")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--kafka", help=argparse.SUPPRESS)
    parser.add_argument("--wait", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.kafka, options.serve, options.wait)
    else:
        asyncio.run(_main(options.broker))
