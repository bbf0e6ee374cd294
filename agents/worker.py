"""The worker process: configuration in, metrics out, Faust in between. One process, one port, one data directory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import faust
import structlog
import uvloop
from pipeline.dedupe.language import decide_language
from prometheus_client import CollectorRegistry

from agents.app import Parts, create_app
from pipeline import logs
from pipeline.kafka import ping
from pipeline.metrics import Metrics, serve
from pipeline.ready import announce
from pipeline.settings.load import load_all
from pipeline.settings.models import Settings

log = structlog.get_logger(__name__)

PING_SECONDS: Final = 10.0
"""How long a broker may take to answer the first time before the worker says that it is away."""


def run(directory: Path, env: Mapping[str, str]) -> None:
    """Work until SIGTERM or SIGINT; what was begun is finished, acknowledged and committed.

    Raises:
        ConfigError: the configuration is wrong; nothing was started.
        KafkaError: no broker answers.
        UnprovenFaustError: the installed Faust is not one the recovery fix was proven on.
    """
    configuration = load_all(directory, env)
    settings = configuration.settings
    logs.configure(settings.log, process="worker")
    bootstrap = bootstrap_of(settings)
    ping(bootstrap, PING_SECONDS)
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    metrics = Metrics(CollectorRegistry())
    parts = Parts(language_of=decide_language, rules=lambda: configuration.rules, metrics=metrics)
    app = create_app(settings, bootstrap, parts)
    with ExitStack() as stack:
        exporter = stack.enter_context(
            serve(metrics, settings.metrics.host, settings.metrics.worker_port, setting="metrics.worker_port")
        )
        _when_ready(app, lambda: announce(exporter.url, env))
        faust.Worker(app, loop=loop, quiet=True, override_logging=False).execute_from_commandline()


def bootstrap_of(settings: Settings) -> tuple[str, ...]:
    """The cluster to use: the configured one, or the broker that `counterclaim up` runs on this machine."""
    return settings.kafka.bootstrap or (f"127.0.0.1:{settings.kafka.port}",)


def _when_ready(app: faust.App, ready: Callable[[], object]) -> None:
    """Call ``ready`` once: when the worker has its partitions and its tables, and events flow."""
    told = False

    async def rebalanced(_app: faust.App, **_: object) -> None:
        nonlocal told
        if not told:
            told = True
            log.info("ready", partitions=len(app.consumer.assignment()))
            ready()

    app.on_rebalance_complete.connect(rebalanced, weak=False)
