"""`counterclaim init`: a configuration folder of one's own to begin with."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import JsonOption
from pipeline.errors import UsageError
from pipeline.resources import shipped
from pipeline.settings.schemas import write_schemas

_SCHEMA_COMMENT = re.compile(r"\$schema=(?:\.\./)+docs/schemas/(\S+)")
"""The first line of a shipped file points editors at docs/schemas/, which an own folder has not."""


def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to write to; made if need be.")],
    as_json: JsonOption = False,
) -> None:
    """Write a commented starter configuration: settings, feeds, outlets, actors, rules, subscriptions, and
    schemas for your editor.

    Nothing that is there already is overwritten.

        counterclaim init my-desk
    """
    files = _starter_files()
    taken = [path for path in (*map(directory.joinpath, files), directory / "schemas") if path.exists()]
    if taken:
        raise UsageError(f"{taken[0]} is there already and stays as it is: name another folder, or move it away")
    try:
        for name, source in files.items():
            _write(directory / name, source.read_text(encoding="utf-8"), depth=len(name.parts) - 1)
        schemas = write_schemas(directory / "schemas")
    except OSError as error:
        raise UsageError(f"cannot write to {error.filename or directory}: {error.strerror}") from error
    written = [*map(directory.joinpath, files), *schemas]
    if as_json:
        print(json.dumps({"directory": str(directory), "written": [str(path) for path in written]}))
        return
    for path in written:
        print(path)
    print(_next_steps(directory))


def _starter_files() -> dict[Path, Path]:
    """The shipped files that make a configuration, by their path inside its folder."""
    config = shipped("config")
    names = ["counterclaim.yaml", "feeds.yaml", "outlets.yaml", "actors.yaml", "subscriptions.yaml"]
    rules = sorted(path.relative_to(config) for path in (config / "rules").glob("*.yaml"))
    return {name: config / name for name in (*map(Path, names), *rules)}


def _write(path: Path, text: str, *, depth: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("x", encoding="utf-8") as file:
        file.write(_SCHEMA_COMMENT.sub(rf"$schema={'../' * depth}schemas/\1", text))


def _next_steps(directory: Path) -> str:
    return f"""
Next:
  1. Look through {directory / "counterclaim.yaml"}, and set poll.contact: publishers want to know who polls them.
  2. Add feeds to {directory / "feeds.yaml"}, or drop some of the shipped ones.
  3. Say who is to be told of what in {directory / "subscriptions.yaml"}; as it is, all is printed on the terminal.
  4. counterclaim config check --config {directory}
  5. counterclaim up --config {directory}"""
