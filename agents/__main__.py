"""`python -m agents worker|deliver [--config DIR]`: what the commands of these names turn into."""

from __future__ import annotations

import os

import typer

from pipeline.cli import guarded
from pipeline.cli.options import ConfigOption, config_dir

app = typer.Typer(help="The Faust side of counterclaim.", no_args_is_help=True, pretty_exceptions_enable=False)


@app.command()
def worker(config: ConfigOption = None) -> None:
    """Run one worker until SIGTERM or Ctrl-C."""
    from agents import worker as worker_process  # here, so that `--help` loads neither Faust nor the rules

    worker_process.run(config_dir(config), os.environ)


@app.command()
def deliver(config: ConfigOption = None) -> None:
    """Deliver alerts until SIGTERM or Ctrl-C."""
    from agents import deliverer  # as above

    deliverer.run(config_dir(config), os.environ)


if __name__ == "__main__":
    guarded(app)
