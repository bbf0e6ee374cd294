"""Topics as values: the rules that every topic keeps, and how wanted and actual are compared."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pipeline.cli.topics import compare
from pipeline.kafka import ActualTopic, PartitionLag, differences
from pipeline.records.dead import dead_topic
from pipeline.topics import (
    ARTICLES_DEDUPED,
    ARTICLES_FRESH,
    ARTICLES_RAW,
    COPIES,
    COPIES_TABLE,
    FEED_STATE,
    FLAGS,
    MAX_RECORD_BYTES,
    SEEN_TABLE,
    THREADS,
    THREADS_IN,
    THREADS_TABLE,
    TOPICS,
    changelog,
    topics,
)

BY_NAME = {topic.name: topic for topic in TOPICS}


def as_wanted(name: str) -> ActualTopic:
    """The topic as a cluster has it after apply, with defaults that nobody asked for."""
    topic = BY_NAME[name]
    configs = topic.configs | {"preallocate": "false"}
    return ActualTopic(name, topic.partitions, topic.replication, configs)


def test_each_topic_is_named_once_and_has_at_least_four_partitions() -> None:
    """Names are unique; all topics have the same number of partitions, as heartbeat and table need."""
    assert len(BY_NAME) == len(TOPICS)
    assert {topic.partitions for topic in TOPICS} == {4}
    assert {topic.partitions for topic in topics(12)} == {12}


@pytest.mark.parametrize("partitions", [0, 3])
def test_fewer_than_four_partitions_are_refused(partitions: int) -> None:
    """The smallest count is part of the contract."""
    with pytest.raises(ValueError, match=f"partitions is {partitions}; at least 4"):
        topics(partitions)


def test_the_changelog_follows_the_app_id() -> None:
    """Another app has another changelog, and it is compacted."""
    other = {topic.name: topic for topic in topics(app_id="second")}
    for table in (SEEN_TABLE, COPIES_TABLE, THREADS_TABLE):
        assert changelog(table, "second") == f"second-{table}-changelog"
        assert other[f"second-{table}-changelog"].cleanup == "compact"
        assert changelog(table) not in other


@pytest.mark.parametrize("name", [FEED_STATE, COPIES, THREADS, changelog(SEEN_TABLE), changelog(THREADS_TABLE)])
def test_tables_are_compacted_in_short_segments_and_kept_for_ever(name: str) -> None:
    """No retention deletes a table's newest values; the open segment stays short."""
    configs = BY_NAME[name].configs
    assert configs["cleanup.policy"] == "compact"
    assert configs["retention.ms"] == "-1"
    assert int(configs["segment.ms"]) <= 3_600_000


@pytest.mark.parametrize("name", [ARTICLES_RAW, ARTICLES_FRESH, ARTICLES_DEDUPED, FLAGS, THREADS_IN])
def test_logs_are_deleted_by_age_and_take_the_largest_record(name: str) -> None:
    """A week at least: rules can be tried on it, and a worker may be away over a long weekend."""
    configs = BY_NAME[name].configs
    assert configs["cleanup.policy"] == "delete"
    assert int(configs["retention.ms"]) >= 7 * 86_400_000
    assert int(configs["max.message.bytes"]) == MAX_RECORD_BYTES


@pytest.mark.parametrize("name", [ARTICLES_RAW, ARTICLES_FRESH, ARTICLES_DEDUPED])
def test_a_dead_letter_topic_takes_the_largest_record_with_headers_and_keeps_it_longer(name: str) -> None:
    """Whatever could be read can be dead-lettered, and a person has time."""
    dead, source = BY_NAME[dead_topic(name)], BY_NAME[name]
    assert dead.max_message_bytes > source.max_message_bytes
    assert dead.retention is not None
    assert source.retention is not None
    assert dead.retention > source.retention


def test_differences_name_what_is_and_what_should_be() -> None:
    """Only our own keys are compared; one that the broker does not tell is unset."""
    actual = as_wanted(FLAGS)
    assert differences(BY_NAME[FLAGS], actual) == {}
    longer = replace(BY_NAME[FLAGS], retention=timedelta(days=60))
    assert differences(longer, actual) == {"retention.ms": ("2592000000", "5184000000")}
    silent = replace(actual, configs={})
    assert differences(longer, silent)["retention.ms"] == ("unset", "5184000000")


def test_wanted_stands_beside_actual_with_what_the_topic_holds() -> None:
    """A topic as wanted, one that differs and one that is missing, in the order of the wanted."""
    actual = {ARTICLES_RAW: as_wanted(ARTICLES_RAW), FLAGS: replace(as_wanted(FLAGS), partitions=2)}
    wanted = [BY_NAME[ARTICLES_RAW], BY_NAME[FLAGS], BY_NAME[FEED_STATE]]
    begins = {(ARTICLES_RAW, 0): 5, (ARTICLES_RAW, 1): 0, (FLAGS, 0): 0}
    ends = {(ARTICLES_RAW, 0): 9, (ARTICLES_RAW, 1): 3, (FLAGS, 0): 1}
    raw, flags, feed_state = compare(wanted, actual, begins, ends)
    assert (raw.exists, raw.differs, raw.messages, raw.end_offsets) == (True, {}, 7, [9, 3])
    assert flags.differs == {"partitions": ("2", "4")}
    assert (feed_state.exists, feed_state.actual, feed_state.messages) == (False, None, 0)


@pytest.mark.parametrize(
    ("committed", "begin", "end", "waiting"),
    [(None, 0, 10, 10), (None, 4, 10, 6), (7, 0, 10, 3), (10, 0, 10, 0), (2, 4, 10, 6), (12, 0, 10, 0)],
)
def test_lag_counts_what_can_still_be_read(committed: int | None, begin: int, end: int, waiting: int) -> None:
    """Nothing committed counts from the oldest record; what retention deleted does not wait; lag is never negative."""
    assert PartitionLag("t", 0, committed, begin, end).messages == waiting
