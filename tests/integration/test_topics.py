"""Topics on a real broker: created as wanted, changed where the broker can, never repartitioned in silence.

The first test needs the module's broker while it is empty.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipeline.cli.topics import topics_app
from pipeline.errors import KafkaError
from pipeline.kafka import apply_topics, describe_topics, differences
from pipeline.topics import FLAGS, TOPICS


def test_the_command_applies_and_shows(bootstrap: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On an empty broker all is missing; `apply` makes an app's topics; `show` has them beside the wanted."""
    (tmp_path / "counterclaim.yaml").write_text("worker:\n  app_id: second\n")
    monkeypatch.setenv("COUNTERCLAIM_KAFKA", bootstrap)
    run, config = CliRunner(), ["--config", str(tmp_path)]

    def rows(verb: str) -> dict[str, dict[str, Any]]:
        result = run.invoke(topics_app, [verb, *config, "--json"], catch_exceptions=False)
        assert result.exit_code == 0
        return {row["topic"]: row for row in json.loads(result.stdout)}

    assert [row["exists"] for row in rows("show").values()] == [False] * len(TOPICS)
    assert rows("apply")["second-seen-changelog"]["action"] == "created"
    assert rows("apply")["second-seen-changelog"]["action"] == "left"
    shown = rows("show")["second-seen-changelog"]
    assert (shown["exists"], shown["differs"], shown["end_offsets"]) == (True, {}, [0, 0, 0, 0])
    table = run.invoke(topics_app, ["show", *config], catch_exceptions=False).stdout
    assert any("second-seen-changelog" in line and "as wanted" in line for line in table.splitlines())


def test_every_topic_is_created_as_wanted_and_then_left_alone(topics_ready: str) -> None:
    """After apply the cluster has every topic with its partitions and configuration; a second apply does nothing."""
    actual = describe_topics([topics_ready], [topic.name for topic in TOPICS])
    assert {topic.name: topic.partitions for topic in TOPICS} == {t.name: t.partitions for t in actual.values()}
    assert all(differences(topic, actual[topic.name]) == {} for topic in TOPICS)
    assert {change.action for change in apply_topics([topics_ready], TOPICS)} == {"left"}


def test_a_changed_retention_is_set(topics_ready: str) -> None:
    """Apply sets a configuration that differs, and says from what to what."""
    (topic,) = (one for one in TOPICS if one.name == FLAGS)
    longer = replace(topic, retention=timedelta(days=90))
    (change,) = apply_topics([topics_ready], [longer])
    after = describe_topics([topics_ready], [topic.name])[topic.name]
    assert (change.action, change.detail) == ("changed", "retention.ms 2592000000 → 7776000000")
    assert differences(longer, after) == {}
    apply_topics([topics_ready], [topic])


def test_another_number_of_partitions_is_an_exact_error_and_changes_nothing(topics_ready: str) -> None:
    """A partition count that differs names the topic and both numbers, and no other topic is made before it."""
    other = replace(TOPICS[0], partitions=6)
    new = replace(TOPICS[0], name="not-made")
    with pytest.raises(KafkaError, match=r"articles\.raw has 4 partitions, the configuration says 6"):
        apply_topics([topics_ready], [new, other])
    assert describe_topics([topics_ready], ["not-made"]) == {}
