"""The worker process: the agents from `articles.raw` on, with rules and subscriptions as they are now."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

import faust
from prometheus_client import CollectorRegistry

from agents.alert import Wanted
from agents.app import Parts, create_app
from agents.live_rules import LiveRules
from agents.process import new_loop, run_app
from pipeline import logs
from pipeline.copies.source import Sources
from pipeline.dedupe.language import decide_language
from pipeline.kafka import require_topics
from pipeline.metrics import Metrics
from pipeline.rules import Rules, load_rules
from pipeline.rules.load import ACTORS_FILE
from pipeline.rules.watch import snapshot
from pipeline.settings.load import load_all, load_settings
from pipeline.subscriptions.gate import AgeGate
from pipeline.subscriptions.known import Known
from pipeline.subscriptions.matching import Matching
from pipeline.topics import topics


def run(directory: Path, env: Mapping[str, str]) -> None:
    """Work until SIGTERM or SIGINT; what was begun is finished, acknowledged and committed.

    The rules are loaded again when their files change, and on SIGHUP; subscriptions and silences are followed.

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
    loop = new_loop()
    metrics = Metrics(CollectorRegistry())

    def load() -> Rules:
        return load_rules(settings.rules_path, settings.actors_path).build()  # in its thread, not at the next article

    rules = LiveRules(configuration.rules, before, load=load, look=look, state=metrics.rules)
    sources = Sources(configuration.outlets)
    gate = AgeGate(timedelta(seconds=settings.alerts.max_age_seconds), settings.alerts.tell_backlog)
    matching = Matching(sources.owner, gate)
    app = create_app(settings, bootstrap, Parts(decide_language, sources, rules, matching, metrics))
    _watch(app, rules)
    _follow(app, loop, bootstrap, Wanted(matching, metrics), metrics)
    run_app(app, loop, metrics, settings, "worker_port", env, on_hangup=rules.ask)


def _watch(app: faust.App, rules: LiveRules) -> None:
    async def watch() -> None:  # without arguments: Faust would give it the app
        await rules.watch()

    app.task(watch)


def _follow(
    app: faust.App, loop: asyncio.AbstractEventLoop, bootstrap: Sequence[str], wanted: Wanted, metrics: Metrics
) -> None:
    """Know all subscriptions and silences before the first event comes, and follow them from then on."""
    known = Known(bootstrap, changed=wanted.changed, silenced=wanted.silenced, failed=metrics.follow_errors.inc)
    loop.run_until_complete(known.start())

    async def close(_app: faust.App, **_: object) -> None:
        await known.close()

    app.on_before_shutdown.connect(close, weak=False)
