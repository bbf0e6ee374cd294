"""`counterclaim archive forget`: takedowns."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from pipeline.archive import database
from pipeline.archive.forget import Remains, Wanted, known_outlet, remains, remember, wanted
from pipeline.archive.forget import forget as take_down
from pipeline.cli.options import ConfigOption, JsonOption, config_dir
from pipeline.errors import UsageError
from pipeline.settings.load import load_settings
from pipeline.topics import topics

NameArgument = Annotated[
    str, typer.Argument(metavar="URL|OUTLET", help="An article's address or id, or an outlet's exact name.")
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; kept in the archive.")]
UndoOption = Annotated[
    bool, typer.Option("--undo", help="Archive it again from now on. What was removed does not come back by itself.")
]


def forget(
    name: NameArgument, reason: ReasonOption = "", undo: UndoOption = False, config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Take an article or an outlet down: remove its text and its quotes, and never archive them again.

    Threads stay, with who accuses and who denies; quotes, links and titles of what was taken down are emptied in them,
    and in events, alerts and deliveries. Counts stay. Copies by other outlets are articles of their own. Says what is
    still on Kafka's topics, and until when.

        counterclaim archive forget https://news.example/story --reason "asked by the publisher"
        counterclaim archive forget "The Herald"
        counterclaim archive forget "The Herald" --undo
    """
    settings = load_settings(config_dir(config), os.environ)
    what, now = wanted(name), datetime.now(UTC)
    engine = database.connect(settings.archive.url.get_secret_value())
    try:
        database.check(engine)
        if undo:
            _undo(what, name, remember(engine, what), as_json=as_json)
            return
        if what.kind == "outlet" and not known_outlet(engine, what.name):
            raise UsageError(
                f"the archive knows no outlet {name!r}: write its name exactly as `counterclaim archive export "
                "article_counts` has it, or an article's address with https://"
            )
        removed = take_down(engine, what, reason=reason, now=now)
    finally:
        engine.dispose()
    kafka = settings.kafka
    left = remains(topics(kafka.partitions, kafka.replication, settings.worker.app_id), now)
    if as_json:
        print(json.dumps(_fields(what, removed, left)))
    else:
        _say(what, removed, left)


def _undo(what: Wanted, name: str, was: bool, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"kind": what.kind, "name": what.name, "undone": was}))
    else:
        print(f"{name} is archived again from now on" if was else f"{name} was not taken down")


def _fields(what: Wanted, removed: Mapping[str, int], left: Sequence[Remains]) -> dict[str, object]:
    return {
        "kind": what.kind,
        "name": what.name,
        "url": what.url,
        "removed": dict(removed),
        "kafka": {one.topic: one.until.isoformat() if one.until else None for one in left},
    }


def _say(what: Wanted, removed: Mapping[str, int], left: Sequence[Remains]) -> None:
    named = f"{what.kind} {what.url or what.name}"
    print(f"{named}: {removed['articles']} flagged articles removed with their flags and evidence")
    cleaned = ", ".join(f"{number} {table}" for table, number in removed.items() if table != "articles")
    print(f"emptied of its words: {cleaned}")
    print("It is not archived again. It may still be on these topics, which only time clears:")
    for one in left:
        until = f"until {one.until:%Y-%m-%d %H:%M} UTC at the latest" if one.until else "while it is remembered there"
        print(f"  {one.topic}: {until}")
