"""Runs one contender as a process: ``python -m bench.stream.contender NAME HOST:PORT``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import faust

from bench.stream import loops, tutorial, two_stages

FAUST_APPS = {
    "tutorial": tutorial.two_agents,
    "tutorial, one agent": tutorial.one_agent,
    "forward only": loops.forwarder,
}


def command(name: str, bootstrap: str, config: Path) -> list[str]:
    """What starts the contender; "ours, all stages" is the shipped worker."""
    if name == "ours, all stages":
        return [sys.executable, "-m", "agents", "worker", "--config", str(config)]
    return [sys.executable, "-m", "bench.stream.contender", name, bootstrap]


def main(name: str, bootstrap: str) -> None:
    """Work until killed."""
    if name == "raw aiokafka":
        asyncio.run(loops.with_aiokafka(bootstrap))
    elif name == "raw kafka-python":
        loops.with_kafka_python(bootstrap)
    elif name == "ours":
        two_stages.work()
    else:
        app = FAUST_APPS[name](bootstrap)
        faust.Worker(app, loglevel="ERROR", quiet=True).execute_from_commandline()


if __name__ == "__main__":
    main(*sys.argv[1:])
