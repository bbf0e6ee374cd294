"""Our agents `dedupe` and `flag`, and no others: the job that the tutorial does. The flags are taken from
`articles.fresh`, because nobody looks for copies here."""

from __future__ import annotations

import os
from datetime import timedelta

from prometheus_client import CollectorRegistry

from agents.dedupe import make_dedupe
from agents.faust_app import FaustApp
from agents.flag import make_flag
from agents.process import new_loop, run_app
from agents.seen import SeenTable
from agents.stage import BATCHES, utc_now
from pipeline.dedupe.language import decide_language
from pipeline.metrics import Metrics
from pipeline.resources import shipped
from pipeline.settings.load import load_all
from pipeline.topics import ARTICLES_FRESH, ARTICLES_RAW, SEEN_TABLE


def work() -> None:
    """Work until killed. Settings come from the environment, as the worker's do."""
    configuration = load_all(shipped("config"), os.environ)
    settings, rules = configuration.settings, configuration.rules.build()
    loop, metrics = new_loop(), Metrics(CollectorRegistry())
    worker, partitions = settings.worker, settings.kafka.partitions
    servers = settings.kafka.servers
    base = FaustApp(settings, servers, metrics, app_id=worker.app_id, data_dir=worker.data_dir, clock=utc_now)
    articles = base.table(SEEN_TABLE, "Claims: which articles each batch brought first.")
    seen = SeenTable(articles, timedelta(days=worker.remember_days), articles.take)
    base.agent(ARTICLES_RAW, "dedupe", BATCHES, make_dedupe(seen, decide_language, metrics))
    base.agent(ARTICLES_FRESH, "flag", BATCHES, make_flag(lambda: rules, metrics, utc_now, partitions=partitions))
    run_app(base.app, loop, metrics, settings, "worker_port", os.environ)
