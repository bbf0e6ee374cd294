"""One process around a Faust app: its event loop, its metrics, and when it is ready. One process, one port."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import faust
import structlog
import uvloop

from pipeline.hangup import Hangup
from pipeline.metrics import Metrics, serve
from pipeline.ready import announce

if TYPE_CHECKING:
    from pipeline.settings.models import Settings

log = structlog.get_logger(__name__)


def new_loop() -> asyncio.AbstractEventLoop:
    """The process's event loop; to be made before the app."""
    # The policy, because Faust's consumer has a thread and a loop of its own, and makes it itself.
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    return loop


def freeze() -> None:
    """Take what is loaded by now (modules, rules, subscriptions) out of garbage collections: it stays anyway.

    What is dropped of it later goes by its reference count; only cycles among it would stay.
    """
    gc.collect()
    gc.freeze()


def run_app(
    app: faust.App,
    loop: asyncio.AbstractEventLoop,
    metrics: Metrics,
    settings: Settings,
    port: str,
    env: Mapping[str, str],
    *,
    on_hangup: Callable[[], object] = lambda: None,
) -> None:
    """Work until SIGTERM or SIGINT; what was begun is finished, acknowledged and committed.

    SIGHUP calls ``on_hangup``; from a terminal that was closed it ends the process as SIGTERM does.

    Args:
        port: name of the setting in `metrics` that has the port of `/metrics`.

    Raises:
        PortTakenError: somebody has the port.
    """
    freeze()
    hangup = Hangup()

    def hung_up() -> None:
        if hangup.means_stop():
            signal.raise_signal(signal.SIGTERM)
        else:
            on_hangup()

    loop.add_signal_handler(signal.SIGHUP, hung_up)
    wanted = settings.metrics
    with serve(metrics, wanted.host, getattr(wanted, port), setting=f"metrics.{port}") as exporter:
        _when_ready(app, lambda: announce(exporter.url, env))
        faust_worker = faust.Worker(app, loop=loop, quiet=True, override_logging=False)
        faust_worker.spinner = None  # it writes cursor escapes into the log
        faust_worker.execute_from_commandline()


def _when_ready(app: faust.App, ready: Callable[[], object]) -> None:
    """Call ``ready`` once: when the process has its partitions and its tables, and events flow."""
    told = False

    async def rebalanced(_app: faust.App, **_: object) -> None:
        nonlocal told
        if not told:
            told = True
            log.info("ready", partitions=len(app.consumer.assignment()))
            ready()

    app.on_rebalance_complete.connect(rebalanced, weak=False)
