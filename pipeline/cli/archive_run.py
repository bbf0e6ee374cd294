"""`counterclaim archive run`: the archiver, as a process of its own."""

from __future__ import annotations

import os

import typer
import uvloop

from pipeline.archive import archiver
from pipeline.cli.options import ConfigOption, config_dir
from pipeline.settings.load import load_settings


def run(config: ConfigOption = None) -> None:
    """Write what is decided into the archive, until SIGTERM or Ctrl-C.

    While the database is away it waits, and nothing is lost. A SQLite file is made and brought up to date by itself;
    PostgreSQL wants `counterclaim archive migrate` first. Several may run; they share the topics' partitions.

        counterclaim archive run
        COUNTERCLAIM_ARCHIVE_URL_FILE=/run/secrets/archive_url counterclaim archive run
    """
    settings = load_settings(config_dir(config), os.environ)
    if uvloop.run(archiver.run(settings, os.environ)):
        raise typer.Exit(130)
