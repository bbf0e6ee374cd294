"""`counterclaim worker`: the Faust agents, as a process of their own."""

from __future__ import annotations

import os
import sys

from pipeline.cli.options import ConfigOption, config_dir


def worker(config: ConfigOption = None) -> None:
    """Run one worker: deduplicate, flag, count, until SIGTERM or Ctrl-C.

    Start as many as the topics have partitions; they share the work. Each on one machine needs its own
    worker.data_dir and metrics.worker_port:

        COUNTERCLAIM_WORKER_DATA_DIR=data/w2 COUNTERCLAIM_METRICS_WORKER_PORT=0 counterclaim worker
    """
    # `pipeline` never imports `agents`: the process becomes the other package's, with nothing of ours left in it.
    command = [sys.executable, "-m", "agents", "worker", "--config", str(config_dir(config))]
    os.execv(sys.executable, command)  # noqa: S606 - no shell, our own interpreter
