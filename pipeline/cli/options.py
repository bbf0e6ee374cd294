"""Options that several verbs share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from pipeline.resources import shipped

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="DIR",
        help="Folder with counterclaim.yaml. Default: $COUNTERCLAIM_CONFIG, else ./config, else the shipped one.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def config_dir(given: Path | None) -> Path:
    """The configuration folder that a command works with."""
    if given is not None:
        return given
    if named := os.environ.get("COUNTERCLAIM_CONFIG"):
        return Path(named)
    local = Path("config")
    return local if (local / "counterclaim.yaml").is_file() else shipped("config")
