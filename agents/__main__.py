"""`python -m agents worker [--config DIR]`: what `counterclaim worker` turns into."""

from __future__ import annotations

import os

import typer

from pipeline.cli import guarded
from pipeline.cli.options import ConfigOption, config_dir

app = typer.Typer(help="The Faust side of counterclaim.", no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def _agents() -> None:
    """Keeps `worker` a sub-command although it is the only one."""


@app.command()
def worker(config: ConfigOption = None) -> None:
    """Run one worker until SIGTERM or Ctrl-C."""
    from agents import worker as worker_process  # here, so that `--help` loads neither Faust nor the rules

    worker_process.run(config_dir(config), os.environ)


if __name__ == "__main__":
    guarded(app)
