"""The worker process: configuration in, metrics out, Faust in between. One process, one port, one data directory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

import faust
import structlog
import uvloop
from prometheus_client import CollectorRegistry

from agents.app import Parts, create_app
from pipeline import logs
from pipeline.dedupe.language import decide_language
from pipeline.kafka import require_topics
from pipeline.metrics import Metrics, serve
from pipeline.ready import announce
from pipeline.settings.load import load_all
from pipeline.topics import topics

log = structlog.get_logger(__name__)


def run(directory: Path, env: Mapping[str, str]) -> None:
    """Work until SIGTERM or SIGINT; what was begun is finished, acknowledged and committed.

    Raises:
        ConfigError: the configuration is wrong; nothing was started.
        KafkaError: no broker answers, or the topics were not made.
        UnprovenFaustError: the installed Faust is not one the recovery fix was proven on.
    """
    configuration = load_all(directory, env)
    settings = configuration.settings
    logs.configure(settings.log, process="worker")
    bootstrap = settings.kafka.servers
    require_topics(bootstrap, topics(settings.kafka.partitions, settings.kafka.replication, settings.worker.app_id))
    # The policy, because Faust's consumer has a thread and a loop of its own, and makes it itself.
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    metrics = Metrics(CollectorRegistry())
    parts = Parts(language_of=decide_language, rules=lambda: configuration.rules, metrics=metrics)
    app = create_app(settings, bootstrap, parts)
    with serve(metrics, settings.metrics.host, settings.metrics.worker_port, setting="metrics.worker_port") as exporter:
        _when_ready(app, lambda: announce(exporter.url, env))
        faust_worker = faust.Worker(app, loop=loop, quiet=True, override_logging=False)
        faust_worker.spinner = None  # it writes cursor escapes into the log
        faust_worker.execute_from_commandline()


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
