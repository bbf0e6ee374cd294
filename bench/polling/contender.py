"""One contender as a process: ``python -m bench.polling.contender NAME PORT FEEDS [BOOTSTRAP]``.

It says "ready", then does a round for each line that it reads, and answers each with one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import uvloop

from bench.polling.others import Bound, Naive
from bench.polling.ours import (
    ROUND_SECONDS,
    Counting,
    Stalls,
    listed,
    past,
    running,
    silent_log,
    states,
)
from bench.polling.processes import descriptors, thread_seconds
from bench.polling.samples import Samples
from pipeline.feeds.state import decode_states
from pipeline.kafka import Publisher
from pipeline.poller import publisher_of_states

Turn = Callable[[str], Awaitable[dict[str, Any]]]
"""One round; the line that asks for it may say "samples"."""


@asynccontextmanager
async def contender(name: str, port: int, count: int, bootstrap: str) -> AsyncIterator[Turn]:
    """One of those that are compared, ready for its first round."""
    feeds = range(count)
    if name.startswith("ours"):
        async with ours(name, port, count, bootstrap) as turn:
            yield turn
        return
    other = Naive(feeds, port) if name == "naive" else Bound(feeds, port)

    async def one(_line: str) -> dict[str, Any]:
        return {"polls": count, "changed": await other.turn()}

    yield one


@asynccontextmanager
async def ours(name: str, port: int, count: int, bootstrap: str) -> AsyncIterator[Turn]:
    """The poller, publishing to a counter, and to a broker behind it if there is one."""
    silent_log()
    feeds, reader = range(count), name
    known = decode_states({key.encode(): value for key, value in states(await past(port), feeds, port, reader)})
    async with AsyncExitStack() as stack:
        made = [Publisher([bootstrap]), publisher_of_states([bootstrap])] if bootstrap else []
        sink = Counting(*[await stack.enter_async_context(one) for one in made])
        clock = await stack.enter_async_context(running(listed(feeds, port, reader), known, sink))

        async def one(line: str) -> dict[str, Any]:
            stalls, samples = Stalls(), Samples()
            ticker = asyncio.create_task(stalls.run())
            before, threads = dict(sink.records), thread_seconds(os.getpid())
            with samples.taken() if "samples" in line else samples:
                await sink.polls(count, lambda: clock.turn(ROUND_SECONDS))
            ticker.cancel()
            after = thread_seconds(os.getpid())
            return {
                "polls": count,
                "records": {topic: number - before.get(topic, 0) for topic, number in sink.records.items()},
                "bytes": dict(sink.bytes),
                "stall_ms": stalls.milliseconds(),
                "threads": {one: round(seconds - threads.get(one, 0), 2) for one, seconds in after.items()},
                "tasks": len(asyncio.all_tasks()),
                "sockets": descriptors(os.getpid())[1],
                "samples": samples.shares(),
            }

        yield one


async def main(name: str, port: int, count: int, bootstrap: str = "") -> None:
    """Rounds until the input ends."""
    async with contender(name, port, count, bootstrap) as turn:
        print("ready", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(await turn(line)), flush=True)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:5]))
