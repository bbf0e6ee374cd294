"""`counterclaim archive migrate|status|prune`."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import Any

from rich.table import Table

from pipeline.archive import database, report
from pipeline.archive.keep import Keep
from pipeline.archive.prune import prune as prune_tables
from pipeline.cli.options import ConfigOption, JsonOption, config_dir
from pipeline.cli.tables import print_table
from pipeline.errors import KafkaError
from pipeline.kafka import lag
from pipeline.settings.load import load_settings
from pipeline.settings.models import Settings
from pipeline.topics import archive_app


def migrate(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Bring the archive's tables to the version of this program.

    Whole or not at all, one at a time; stop `archive run` before. A SQLite file needs it never: it is migrated when it
    is used.

        counterclaim archive migrate
    """
    url = _settings(config).archive.url.get_secret_value()
    engine = database.connect(url)
    try:
        before, after = database.migrate(engine)
    finally:
        engine.dispose()
    if as_json:
        print(json.dumps({"archive": database.named(url), "before": before, "after": after}))
    elif before == after:
        print(f"{database.named(url)} has version {after} already")
    else:
        print(f"{database.named(url)} is at version {after} now" + (f", was at {before}" if before else ""))


def prune(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Remove what is older than the settings keep it; `archive run` does so once a day.

    At most 1,000 rows a transaction, so that a running archiver need not wait. How long what is kept: `archive.*_days`.

        counterclaim archive prune --json
    """
    settings = _settings(config)
    engine = database.connect(settings.archive.url.get_secret_value())
    try:
        database.check(engine)
        removed = prune_tables(engine, Keep.at(settings.archive, datetime.now(UTC)))
    finally:
        engine.dispose()
    if as_json:
        print(json.dumps(removed))
    else:
        parts = [f"{number} of {table}" for table, number in removed.items() if number]
        print(f"removed {', '.join(parts) or 'nothing: nothing is that old'}")


def status(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show what the archive holds, from when to when, and how far behind Kafka it is.

    counterclaim archive status
    """
    settings = _settings(config)
    url = settings.archive.url.get_secret_value()
    engine = database.connect(url)
    try:
        database.check(engine)
        found = report.look(engine)
    finally:
        engine.dispose()
    behind, away = _behind(settings)
    if as_json:
        print(
            json.dumps({"archive": database.named(url), **report.as_builtins(found), "behind": behind, "kafka": away})
        )
        return
    table = Table("table", "rows", "from", "to")
    table.box = None
    for one in found.tables:
        table.add_row(one.name, f"{one.rows}", _day(one.oldest), _day(one.newest))
    print(f"{database.named(url)}, version {found.version}")
    print_table(table)
    print(f"taken down: {found.articles_forgotten} articles, {found.outlets_forgotten} outlets")
    for topic, number in behind.items():
        print(f"{topic}: {number} records behind")
    if away:
        print(f"how far behind Kafka it is cannot be told: {away}")


def _behind(settings: Settings) -> tuple[dict[str, int], str]:
    """Records that wait, by topic; or why that is not known."""
    behind = dict.fromkeys(report.TOPICS, 0)
    try:
        for part in lag(settings.kafka.servers, archive_app(settings.worker.app_id), report.TOPICS):
            behind[part.topic] += part.messages
    except KafkaError as error:
        return {}, str(error)
    return behind, ""


def _settings(config: Any) -> Settings:
    return load_settings(config_dir(config), os.environ)


def _day(time: datetime | None) -> str:
    return time.strftime("%Y-%m-%d %H:%M") if time else ""
