"""The worker process: the agents from `articles.raw` on, with the rules as their files are now."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import faust
from prometheus_client import CollectorRegistry

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
from pipeline.topics import topics


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
    loop = new_loop()
    metrics = Metrics(CollectorRegistry())

    def load() -> Rules:
        return load_rules(settings.rules_path, settings.actors_path).build()  # in its thread, not at the next article

    rules = LiveRules(configuration.rules, before, load=load, look=look, state=metrics.rules)
    parts = Parts(decide_language, Sources(configuration.outlets), rules, metrics)
    app = create_app(settings, bootstrap, parts)
    _watch(app, rules)
    run_app(app, loop, metrics, settings, "worker_port", env, on_hangup=rules.ask)


def _watch(app: faust.App, rules: LiveRules) -> None:
    async def watch() -> None:  # without arguments: Faust would give it the app
        await rules.watch()

    app.task(watch)
