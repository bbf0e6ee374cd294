"""Polls a second and core, ours beside (a) what people write and (b) what cannot be beaten; JSON in ``bench/out``.

    python -m bench.polling                        # 10,000 feeds, three rounds: about ten minutes
    python -m bench.polling --feeds 2000 --rounds 2
    python -m bench.polling --soak 10              # `bench.polling.soak`

In a round every feed is due once; nine in ten answer 304, the others a new body of 60 KB (gzip) with two new items of
thirty. The contenders take turns, so that a machine that gets slower does so for all; the first round warms up, and the
last, of which the samples are, does not count. CPU time is that of the contender's process and of all it started.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import uvloop

from bench.polling import soak
from bench.polling.ours import begin_turn, past, silent_log
from bench.polling.processes import own_seconds, tree_seconds
from pipeline.broker import open_broker
from pipeline.kafka import apply_topics
from pipeline.records import encode
from pipeline.topics import topics

OUT: Final = Path("bench/out/polling.json")
CONTENDERS: Final = ("naive", "bound", "ours", "ours-broker")
NAIVE_SHARE: Final = 5
"""The naive loop polls a fifth of the feeds: it costs the same a poll, and the run would be twice as long."""

TARGETS: Final = "Targets: at least 5 × (a) a core, at most 5 × the cost of (b), stall p99 20 ms, 10 kB an idle feed."
SAMPLED: Final = "samples"
SAY_SECONDS: Final = 900.0


class Contender:
    """A process that does rounds when it is told to."""

    def __init__(self, name: str, port: int, feeds: int, bootstrap: str) -> None:
        self.name, self.feeds = name, feeds // NAIVE_SHARE if name == "naive" else feeds
        command = [sys.executable, "-m", "bench.polling.contender", name, str(port), str(self.feeds)]
        more = [bootstrap] if name == "ours-broker" else []
        self.process = subprocess.Popen(
            [*command, *more], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert self.process.stdout is not None
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError(f"{name} did not start")

    def turn(self, port: int, server: int, number: int, how: str) -> dict[str, Any]:
        """One round, and what it took."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        begin_turn(port, self.name, number)
        pid = self.process.pid
        before, own, served, began = tree_seconds(pid), own_seconds(pid), tree_seconds(server), time.perf_counter()
        self.process.stdin.write(f"{how}\n")
        answer = json.loads(self.process.stdout.readline())
        wall = time.perf_counter() - began
        cpu, own = tree_seconds(pid) - before, own_seconds(pid) - own
        return answer | {
            "name": self.name,
            "round": number,
            "us_per_poll": round(1e6 * cpu / self.feeds),
            "own_us_per_poll": round(1e6 * own / self.feeds),
            "wall_seconds": round(wall, 2),
            "server_share_of_a_core": round((tree_seconds(server) - served) / wall, 3),
        }


@contextmanager
def newspapers() -> Iterator[tuple[int, int]]:
    """The server: its port and process id."""
    process = subprocess.Popen([sys.executable, "-m", "bench.polling.server"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline()), process.pid
    finally:
        process.kill()
        process.wait()


async def measure(feeds: int, rounds: int, names: Sequence[str], port: int, server: int) -> list[dict[str, Any]]:
    """All contenders, interleaved; one dictionary a round and contender, the first and the last round among them."""
    found: list[dict[str, Any]] = []
    contenders: list[Contender] = []
    async with AsyncExitStack() as stack:
        bootstrap = ""
        if "ours-broker" in names:
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="counterclaim-bench-"))
            broker = await stack.enter_async_context(open_broker("embedded", port=0, data_dir=Path(directory)))
            await asyncio.to_thread(apply_topics, [broker.bootstrap], topics())
            bootstrap = broker.bootstrap
        try:
            contenders += [await asyncio.to_thread(Contender, name, port, feeds, bootstrap) for name in names]
            for number in range(1, rounds + 3):
                how = SAMPLED if number == rounds + 2 else "go"
                for one in contenders:
                    if how == SAMPLED and not one.name.startswith("ours"):
                        continue
                    found.append(await asyncio.to_thread(one.turn, port, server, number, how))
                    print(f"{number} {one.name}: {found[-1]['us_per_poll']} µs a poll", flush=True)
        finally:
            for one in contenders:
                one.process.kill()
                one.process.wait()
    return found


async def idle_bytes(feeds: int, port: int) -> dict[str, Any]:
    """What a listed feed costs in memory: that many beside twice as many."""
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
        states = await past(port)
        Path(file.name).write_bytes(b"\n".join(encode(state) for state in states))
        few, many = [await asyncio.to_thread(_idle, count, file.name) for count in (feeds, 2 * feeds)]
    return {
        "few": few,
        "many": many,
        "bytes_per_feed": round((many["rss"] - few["rss"]) / feeds),
        "state_bytes": round(statistics.mean(len(encode(state)) for state in states)),
    }


def _idle(count: int, path: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.polling.idle", str(count), path]
    answer: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=300).stdout)
    return answer


def table(found: Sequence[dict[str, Any]], rounds: int) -> list[dict[str, Any]]:
    """Medians of the counted rounds, and the ratios to (a) and (b)."""
    counted = [one for one in found if 1 < one["round"] < rounds + 2]
    cost = {
        name: statistics.median(one["us_per_poll"] for one in counted if one["name"] == name)
        for name in dict.fromkeys(one["name"] for one in counted)
    }
    return [
        {
            "name": name,
            "us_per_poll": us,
            "polls_per_second_and_core": round(1e6 / us),
            "times_naive": round(cost.get("naive", float("nan")) / us, 2),
            "cost_of_bound": round(us / cost.get("bound", float("nan")), 2),
            "server_share": max(one["server_share_of_a_core"] for one in counted if one["name"] == name),
        }
        for name, us in cost.items()
    ]


def split(found: Sequence[dict[str, Any]], rounds: int) -> list[str]:
    """Where ours spends its time, and how long its loop stood still, in lines."""
    lines = []
    for name in ("ours", "ours-broker"):
        turns = [one for one in found if one["name"] == name]
        counted = [one for one in turns if 1 < one["round"] < rounds + 2]
        if not counted:
            continue
        own = statistics.median(one["own_us_per_poll"] for one in counted)
        parsers = statistics.median(one["us_per_poll"] - one["own_us_per_poll"] for one in counted)
        stalls = {
            kind: round(statistics.median(one["stall_ms"][kind] for one in counted), 1)
            for kind in counted[0]["stall_ms"]
        }
        last = counted[-1]
        lines += [
            f"{name}: its own process {own:.0f} µs a poll, parsers {parsers:.0f}; threads {last['threads']}",
            "  of its own: " + ", ".join(f"{place} {100 * part:.0f} %" for place, part in turns[-1]["samples"].items()),
            f"  loop stalls p50 {stalls['late 0.5']} ms, p99 {stalls['late 0.99']} ms, max {stalls['late 1.0']} ms",
            f"  of it our own work p50 {stalls['own 0.5']} ms, p99 {stalls['own 0.99']} ms, max {stalls['own 1.0']} ms",
            f"  {last['tasks']} tasks, {last['sockets']} sockets at the end of a round",
        ]
    return lines


async def compare(options: argparse.Namespace) -> None:
    """Measure, print, write."""
    silent_log()
    with newspapers() as (port, server):
        found = await measure(options.feeds, options.rounds, options.only, port, server)
        memory = await idle_bytes(options.feeds, port)
    rows = table(found, options.rounds)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({"table": rows, "memory": memory, "rounds": found}, indent=2))
    print("\n| | µs CPU a poll | polls/s/core | against (a) naive | cost of (b) bound | server, of a core |")
    print("|---|---|---|---|---|---|")
    for row in rows:
        print(
            f"| {row['name']} | {row['us_per_poll']:.0f} | {row['polls_per_second_and_core']:,} "
            f"| {row['times_naive']} × | {row['cost_of_bound']} × | {100 * row['server_share']:.0f} % |"
        )
    print("", *split(found, options.rounds), sep="\n")
    print(
        f"memory: {memory['bytes_per_feed']:,} bytes a listed feed that is not due "
        f"({memory['few']['rss'] >> 20} MB with {options.feeds:,}, {memory['many']['rss'] >> 20} MB with twice that); "
        f"{memory['many']['tasks']} tasks, {memory['many']['sockets']} sockets; "
        f"a state is {memory['state_bytes']:,} bytes on the topic"
    )
    print(f"\n{TARGETS} Rounds: {OUT}")


def main() -> None:
    """Compare, or soak."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--feeds", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", default=list(CONTENDERS), choices=CONTENDERS)
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="run under churn instead, and look for growth")
    options = parser.parse_args()
    if options.soak:
        with newspapers() as (port, _):
            raise SystemExit(uvloop.run(soak.soak(port, 60 * options.soak)))
    uvloop.run(compare(options))


if __name__ == "__main__":
    main()
