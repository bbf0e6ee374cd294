"""`counterclaim topics`: create what is missing, and show topics as they are beside topics as they should be."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import typer
from rich.table import Table

from pipeline.cli.options import ConfigOption, JsonOption, config_dir
from pipeline.cli.tables import print_table
from pipeline.kafka import ActualTopic, apply_topics, begin_offsets, describe_topics, differences, end_offsets
from pipeline.settings.load import load_settings
from pipeline.settings.models import Settings
from pipeline.topics import Topic, topics

topics_app = typer.Typer(
    name="topics",
    help="Create the topics, and show what they are and should be.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@topics_app.command("apply")
def apply(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Create the topics that are missing and set what differs; safe to repeat.

    A topic with another number of partitions is an error (exit code 3), and then nothing is changed.

        COUNTERCLAIM_KAFKA=kafka1:9092 counterclaim topics apply
    """
    settings = load_settings(config_dir(config), os.environ)
    changes = apply_topics(settings.kafka.servers, _wanted(settings))
    if as_json:
        print(json.dumps([asdict(change) for change in changes], ensure_ascii=False))
        return
    table = Table("topic", "done", "what", box=None)
    for change in changes:
        table.add_row(change.topic, change.action, change.detail)
    print_table(table)


@topics_app.command("show")
def show(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show each topic beside what the configuration wants, with what it holds.

    counterclaim topics show --json
    """
    settings = load_settings(config_dir(config), os.environ)
    bootstrap, wanted = settings.kafka.servers, _wanted(settings)
    actual = describe_topics(bootstrap, [topic.name for topic in wanted])
    begins, ends = begin_offsets(bootstrap, list(actual)), end_offsets(bootstrap, list(actual))
    states = compare(wanted, actual, begins, ends)
    if as_json:
        print(json.dumps([asdict(state) for state in states], ensure_ascii=False))
        return
    table = Table("topic", "key", "partitions", "replication", "clean-up", "holds", "end offsets", "state", box=None)
    for state in states:
        table.add_row(*_row(state))
    print_table(table)


@dataclass(frozen=True, slots=True)
class State:
    """One topic, wanted beside actual. ``end_offsets`` by partition; ``messages`` that it holds now."""

    topic: str
    key: str
    exists: bool
    wanted: dict[str, Any]
    actual: dict[str, Any] | None
    differs: dict[str, tuple[str, str]]
    """Name → (actual, wanted)."""

    messages: int
    end_offsets: list[int]


def compare(
    wanted: Sequence[Topic],
    actual: Mapping[str, ActualTopic],
    begins: Mapping[tuple[str, int], int],
    ends: Mapping[tuple[str, int], int],
) -> list[State]:
    """Wanted beside actual, in the order of ``wanted``. Pure; offsets are keyed by (topic, partition)."""
    return [_state(topic, actual.get(topic.name), begins, ends) for topic in wanted]


def _state(
    topic: Topic,
    actual: ActualTopic | None,
    begins: Mapping[tuple[str, int], int],
    ends: Mapping[tuple[str, int], int],
) -> State:
    places = sorted(place for place in ends if place[0] == topic.name)
    differs = differences(topic, actual) if actual else {}
    for name in ("partitions", "replication"):
        if actual and getattr(actual, name) != getattr(topic, name):
            differs[name] = (str(getattr(actual, name)), str(getattr(topic, name)))
    return State(
        topic=topic.name,
        key=topic.key,
        exists=actual is not None,
        wanted={"partitions": topic.partitions, "replication": topic.replication, "configs": topic.configs},
        actual=None
        if actual is None
        else {
            "partitions": actual.partitions,
            "replication": actual.replication,
            "configs": {name: actual.configs.get(name) for name in topic.configs},
        },
        differs=differs,
        messages=sum(ends[place] - begins[place] for place in places),
        end_offsets=[ends[place] for place in places],
    )


def _row(state: State) -> list[str]:
    differing = "; ".join(f"{name} is {is_}, wanted {wanted}" for name, (is_, wanted) in state.differs.items())
    numbers = state.actual or state.wanted
    return [
        state.topic,
        state.key,
        str(numbers["partitions"]),
        str(numbers["replication"]),
        numbers["configs"]["cleanup.policy"] or "",
        str(state.messages),
        " ".join(map(str, state.end_offsets)),
        (differing or "as wanted") if state.exists else "missing: run `counterclaim topics apply`",
    ]


def _wanted(settings: Settings) -> tuple[Topic, ...]:
    return topics(settings.kafka.partitions, settings.kafka.replication, settings.worker.app_id)
