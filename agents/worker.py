"""The worker process: configuration in, metrics out, Faust in between. One process, one port, one data directory."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import faust
import structlog
import uvloop
from prometheus_client import CollectorRegistry

from agents.app import Parts, create_app
from agents.live_rules import LiveRules
from pipeline import logs
from pipeline.copies.source import Sources
from pipeline.dedupe.language import decide_language
from pipeline.hangup import Hangup
from pipeline.kafka import require_topics
from pipeline.metrics import Metrics, serve
from pipeline.ready import announce
from pipeline.rules import Rules, load_rules
from pipeline.rules.load import ACTORS_FILE
from pipeline.rules.watch import snapshot
from pipeline.settings.load import load_all, load_settings
from pipeline.topics import topics

log = structlog.get_logger(__name__)


def run(directory: Path, env: Mapping[str, str]) -> None:
    """Work until SIGTERM or SIGINT; what was begun is finished, acknowledged and committed.

    The rules are loaded again when their files change, and on SIGHUP.

    Raises:
        ConfigError: the configuration is wrong; nothing was started.
        KafkaError: no broker answers, or the topics were not made.
        UnprovenFaustError: the installed Faust is not one the recovery fix was proven on.
    """
    paths = load_settings(directory, env)
    actors = paths.actors_path or paths.rules_path.absolute().parent / ACTORS_FILE
    look = partial(snapshot, paths.rules_path, actors)
    before = look()  # what is changed while it is read is found at the first look
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

    def load() -> Rules:
        return load_rules(settings.rules_path, settings.actors_path).build()  # in its thread, not at the next article

    rules = LiveRules(configuration.rules, before, load=load, look=look, state=metrics.rules)
    parts = Parts(decide_language, Sources(configuration.outlets), rules, metrics)
    app = create_app(settings, bootstrap, parts)
    _watch(app, rules)
    _on_hangup(loop, rules)
    with serve(metrics, settings.metrics.host, settings.metrics.worker_port, setting="metrics.worker_port") as exporter:
        _when_ready(app, lambda: announce(exporter.url, env))
        faust_worker = faust.Worker(app, loop=loop, quiet=True, override_logging=False)
        faust_worker.spinner = None  # it writes cursor escapes into the log
        faust_worker.execute_from_commandline()


def _watch(app: faust.App, rules: LiveRules) -> None:
    async def watch() -> None:  # without arguments: Faust would give it the app
        await rules.watch()

    app.task(watch)


def _on_hangup(loop: asyncio.AbstractEventLoop, rules: LiveRules) -> None:
    """SIGHUP loads the rules again; from a terminal that was closed it ends the worker as SIGTERM does."""
    hangup = Hangup()

    def hung_up() -> None:
        if hangup.means_stop():
            signal.raise_signal(signal.SIGTERM)
        else:
            rules.ask()

    loop.add_signal_handler(signal.SIGHUP, hung_up)


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
