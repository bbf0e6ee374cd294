"""The delivering process: subscriptions followed, channels open, and the app between them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry

from agents.deliver_app import DeliverParts, create_deliver_app
from agents.process import new_loop, run_app
from pipeline import logs
from pipeline.channels.channels import Channels
from pipeline.channels.templates import Templates
from pipeline.kafka import Publisher, require_topics
from pipeline.metrics import Metrics
from pipeline.records import Subscription
from pipeline.sealing import Seals
from pipeline.settings.load import load_settings, load_subscriptions
from pipeline.settings.models import Settings
from pipeline.subscriptions.file import reconcile_file
from pipeline.subscriptions.known import Known
from pipeline.topics import topics

log = structlog.get_logger(__name__)


def run(directory: Path, env: Mapping[str, str]) -> None:
    """Deliver until SIGTERM or SIGINT; attempts under way are finished, or made again by the next process.

    The operator's file of subscriptions is brought to its topic first.

    Raises:
        ConfigError: the configuration is wrong; nothing was started.
        SealError: the key that secrets are sealed with cannot be used.
        KafkaError: no broker answers, or the topics were not made.
        UnprovenFaustError: the installed Faust is not one the recovery fix was proven on.
    """
    settings = load_settings(directory, env)
    logs.configure(settings.log, process="deliver")
    bootstrap = settings.kafka.servers
    require_topics(bootstrap, topics(settings.kafka.partitions, settings.kafka.replication, settings.worker.app_id))
    seals = Seals.open(settings.alerts.key_file, create=True)
    loop = new_loop()
    metrics = Metrics(CollectorRegistry())
    changed: list[Callable[[str], None]] = []

    def subscription_changed(name: str, _now: Subscription | None) -> None:
        for told in changed:
            told(name)

    known = Known(bootstrap, changed=subscription_changed, failed=metrics.follow_errors.inc)
    stack = AsyncExitStack()
    channels = loop.run_until_complete(_open(stack, settings, env, seals, known, metrics))
    parts = DeliverParts(channels, channels.describe, known.all, metrics, close=stack.aclose)
    app, tell = create_deliver_app(settings, bootstrap, parts)
    changed.append(tell)
    run_app(app, loop, metrics, settings, "deliver_port", env)


async def _open(
    stack: AsyncExitStack, settings: Settings, env: Mapping[str, str], seals: Seals, known: Known, metrics: Metrics
) -> Channels:
    publisher = await stack.enter_async_context(Publisher(settings.kafka.servers))
    listed = load_subscriptions(settings, env)
    written = await reconcile_file(listed, settings.kafka.servers, seals, publisher, datetime.now(UTC))
    if written:
        log.info("subscriptions written from their file", ids=sorted(written))
    await stack.enter_async_context(known)
    templates = await asyncio.to_thread(Templates, settings.templates_path, broken=metrics.delivery.template_broken)
    return await stack.enter_async_context(Channels(settings, seals, templates, publisher))
