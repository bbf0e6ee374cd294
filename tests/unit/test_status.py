"""The status line's numbers, and what `--verbose` shows of the logs."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from pipeline.metrics import Metrics, serve
from pipeline.status import scrape, status
from pipeline.supervise.show import LogTail


def text(metrics: Metrics) -> str:
    """What a scrape of these metrics reads."""
    return generate_latest(metrics.registry).decode()


@pytest.fixture
def poller() -> Metrics:
    """A poller that polled three feeds."""
    metrics = Metrics(CollectorRegistry())
    metrics.feeds.labels(state="ok").set(2)
    metrics.feeds.labels(state="failing").set(1)
    metrics.polls.labels(outcome="changed").inc(2)
    metrics.polls.labels(outcome="soft").inc()
    metrics.articles_in.labels(stage="poll").inc(50)
    metrics.articles_out.labels(stage="poll").inc(40)
    return metrics


def worker(*, denials: int, beats: dict[int, float]) -> Metrics:
    """A worker with flags and heartbeats."""
    metrics = Metrics(CollectorRegistry())
    metrics.duplicates.labels(kind="seen_again").inc(3)
    metrics.duplicates.labels(kind="duplicate").inc(2)
    metrics.duplicates.labels(kind="revision").inc(10)
    metrics.flags.labels(kind="denial", language="en").inc(denials)
    metrics.flags.labels(kind="denial", language="fr").inc(1)
    metrics.flags.labels(kind="allegation", language="en").inc(7)
    metrics.dead_letters.labels(topic="articles.raw").inc()
    metrics.lag_messages.labels(topic="articles.raw", partition=0).set(4)
    for partition, time in beats.items():
        metrics.heartbeat_timestamp_seconds.labels(partition=partition).set(time)
    return metrics


def test_numbers_of_all_processes_add_up(poller: Metrics) -> None:
    """Two workers and a poller are one pipeline; a revision is not a duplicate; the oldest partition's beat counts."""
    one, two = worker(denials=4, beats={0: 100, 1: 90}), worker(denials=1, beats={1: 95, 2: 99})
    now = status(map(text, (poller, one, two)), restarts=2, now=105)
    assert (now.feeds, now.feeds_failing, now.polls, now.articles) == (3, 1, 3, 40)
    assert (now.duplicates, now.denials, now.allegations, now.dead) == (10, 7, 14, 2)
    assert (now.lag, now.heartbeat_age, now.restarts) == (8, 10, 2)
    sentence = now.sentence()
    for part in ("3 feeds (1 failing)", "40 articles", "7 denials", "lag 8", "heartbeat 10 s ago", "2 restarts"):
        assert part in sentence


def test_what_nobody_measured_is_not_zero(poller: Metrics) -> None:
    """Without a worker there is no lag and no heartbeat, and the line says so."""
    now = status([text(poller)], restarts=0, now=105)
    assert (now.lag, now.heartbeat_age) == (None, None)
    assert "lag not known · heartbeat none yet" in now.sentence()
    assert status([], restarts=0, now=105).feeds == 0


async def test_a_process_that_does_not_answer_is_left_out(poller: Metrics) -> None:
    """While a child starts again its address refuses connections; the others are still read."""
    with serve(poller, "127.0.0.1", 0) as running, serve(poller, "127.0.0.1", 0) as gone:
        gone.close()
        texts = await scrape([gone.url, running.url])
    assert [status([one], restarts=0, now=0).polls for one in texts] == [3]


def test_log_tail_gives_each_whole_line_once(tmp_path: Path) -> None:
    """A line is shown when it is complete; a log that was rotated is read from its start."""
    log = tmp_path / "x.log"
    tail = LogTail(log)
    assert tail.lines() == []
    log.write_text("one\ntw")
    assert tail.lines() == ["one"]
    with log.open("a") as out:
        out.write("o\nthree\n")
    assert tail.lines() == ["two", "three"]
    log.rename(tmp_path / "x.log.1")
    log.write_text("four\n")
    assert tail.lines() == ["four"]
