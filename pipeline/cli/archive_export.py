"""`counterclaim archive export`."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from pipeline.archive import database
from pipeline.archive.export import TIMES, Format
from pipeline.archive.export import export as export_table
from pipeline.cli.options import ConfigOption, JsonOption, config_dir, parse_since
from pipeline.errors import UsageError
from pipeline.settings.load import load_settings

STDOUT: Final = Path("-")

TableArgument = Annotated[str, typer.Argument(metavar="TABLE", help=f"One of {', '.join(TIMES)}.", show_default=False)]
FormatOption = Annotated[
    Format | None, typer.Option("--format", "-f", help="Default: as the file's name ends, else jsonl.")
]
SinceOption = Annotated[
    str | None, typer.Option("--since", metavar="WHEN", help="A date or time (2026-03-01), or how long ago: 12h, 7d.")
]
UntilOption = Annotated[str | None, typer.Option("--until", metavar="WHEN", help="Up to then, and not including it.")]
OutputOption = Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where to; - is standard output.")]


def export(
    table: TableArgument,
    form: FormatOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    output: OutputOption = STDOUT,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a table as Parquet, CSV or JSON lines, to a file or to standard output.

    A file is written whole or not at all. In CSV a text that a spreadsheet would take for a formula has a ' before it.

        counterclaim archive export flags --since 30d -o flags.parquet
        counterclaim archive export threads --format csv > threads.csv
    """
    if table not in TIMES:
        raise UsageError(f"there is no table {table!r}: say one of {', '.join(TIMES)}")
    now = datetime.now(UTC)
    period = _time(since, now, "--since"), _time(until, now, "--until")
    form = form or _by_name(output)
    engine = database.connect(load_settings(config_dir(config), os.environ).archive.url.get_secret_value())
    try:
        database.check(engine)
        if output == STDOUT:
            if form == "parquet" and sys.stdout.isatty():
                raise UsageError("Parquet is nothing for a terminal: name a file with -o")
            number = export_table(engine, table, form, sys.stdout.buffer, *period)
        else:
            number = _to_file(engine, table, form, output, period)
    except BrokenPipeError:  # the reader (head, less) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    finally:
        engine.dispose()
    if as_json:
        print(json.dumps({"table": table, "format": form, "rows": number, "file": str(output)}), file=sys.stderr)
    else:
        print(f"{number} rows of {table}", file=sys.stderr)


def _to_file(engine: Any, table: str, form: Format, path: Path, period: tuple[datetime | None, datetime | None]) -> int:
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with unfinished.open("wb") as file:
            number = export_table(engine, table, form, file, *period)
        unfinished.replace(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return number


def _by_name(path: Path) -> Format:
    match path.suffix.lower():
        case ".parquet":
            return "parquet"
        case ".csv":
            return "csv"
    return "jsonl"


def _time(text: str | None, now: datetime, option: str) -> datetime | None:
    """A date or a time, in UTC unless it says otherwise; or how long ago.

    Raises:
        UsageError: it is none of them.
    """
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        try:
            return now - parse_since(text)
        except UsageError:
            raise UsageError(f"{option} {text!r} is no time: say 2026-03-01, 2026-03-01T12:00 or 7d") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
