"""`counterclaim deliver`: alerts to their receivers, as a process of its own."""

from __future__ import annotations

import os
import sys

from pipeline.cli.options import ConfigOption, config_dir


def deliver(config: ConfigOption = None) -> None:
    """Deliver alerts: decide what each subscriber is told, send it, try again, until SIGTERM or Ctrl-C.

    Messages of the channel `stdout` go to its standard output, logs to standard error. Start more of them to share the
    work; each on one machine needs its own alerts.data_dir and metrics.deliver_port, and all the same alerts.key_file:

        COUNTERCLAIM_ALERTS_DATA_DIR=data/d2 COUNTERCLAIM_METRICS_DELIVER_PORT=0 counterclaim deliver
    """
    # `pipeline` never imports `agents`: the process becomes the other package's, with nothing of ours left in it.
    command = [sys.executable, "-m", "agents", "deliver", "--config", str(config_dir(config))]
    os.execv(sys.executable, command)  # noqa: S606 - no shell, our own interpreter
