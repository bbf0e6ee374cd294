"""The metrics as a scraper sees them."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from collections import Counter as Tally
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from pipeline import __version__
from pipeline.channels.sample import SAMPLES
from pipeline.channels.templates import TemplateName, Templates
from pipeline.errors import PortTakenError
from pipeline.metrics import (
    ARCHIVE_TABLES,
    CONSUMED_TOPICS,
    LANGUAGES,
    MAX_SERIES,
    Exporter,
    Metrics,
    language_label,
    serve,
)
from pipeline.records import Delivery, Message
from pipeline.records.alert import Outcome
from pipeline.threads.likeness import VetoKind


@pytest.fixture
def metrics() -> Metrics:
    """A process's metrics on a registry of their own."""
    return Metrics(CollectorRegistry())


@pytest.fixture
def exporter(metrics: Metrics) -> Iterator[Exporter]:
    """The metrics served on any free port."""
    with serve(metrics, "127.0.0.1", 0) as running:
        yield running


def scrape(url: str) -> dict[str, Metric]:
    """What a scrape finds, by the metric's name."""
    with urllib.request.urlopen(url) as answer:
        return {family.name: family for family in text_string_to_metric_families(answer.read().decode())}


def test_known_label_values_start_at_zero(exporter: Exporter) -> None:
    """A process that did nothing yet shows each outcome, stage and kind at zero, so that the first is an increase."""
    families = scrape(exporter.url)
    expected = {
        "counterclaim_polls": {"changed", "unchanged", "not_modified", "hard", "soft", "temporary"},
        "counterclaim_articles_in": {"poll", "dedupe", "copies", "flag", "thread", "alert", "deliver"},
        "counterclaim_duplicates": {"seen_again", "duplicate", "revision"},
        "counterclaim_dead_letters": set(CONSUMED_TOPICS),
        "counterclaim_archive_rows": set(ARCHIVE_TABLES),
        "counterclaim_copies": {"whole", "shortened", "extended", "partial", "late_original"},
        "counterclaim_threads": {"alleged", "denied", "disputed", "conceded", "retracted"},
        "counterclaim_join_vetoes": set(get_args(VetoKind)),
        "counterclaim_template_errors": set(get_args(TemplateName)),
        "counterclaim_matches": {"open", "backlog", "old", "silenced"},
        "counterclaim_subscriptions": {"matched", "broken"},
        "counterclaim_silences": {"known", "broken"},
        "counterclaim_index_size": {"seen", "copies", "threads"},
        "counterclaim_feeds": {"new", "ok", "failing", "gone"},
        "counterclaim_child_restarts": {"broker", "poller", "worker", "deliver", "archive"},
    }
    for name, values in expected.items():
        samples = families[name].samples
        assert {value for sample in samples for value in sample.labels.values()} == values
        assert {sample.value for sample in samples} == {0}
    flags = families["counterclaim_flags"].samples
    assert {sample.labels["kind"] for sample in flags} == {"denial", "allegation", "debunk", "non_denial"}
    assert {sample.labels["language"] for sample in flags} == {*LANGUAGES, "other"}


def test_times_and_lags_are_absent_until_measured(exporter: Exporter, metrics: Metrics) -> None:
    """A heartbeat time of zero would be a false statement: there is no series before the first."""
    absent = (
        "heartbeat_timestamp_seconds",
        "lag_messages",
        "lag_seconds",
        "stage_last_timestamp_seconds",
        "rules_info",
        "rules_config_valid",
        "rules_last_success_timestamp_seconds",
    )
    families = scrape(exporter.url)
    assert all(not families[f"counterclaim_{name}"].samples for name in absent)
    metrics.heartbeat_timestamp_seconds.labels(partition=3).set(1e9)
    (sample,) = scrape(exporter.url)["counterclaim_heartbeat_timestamp_seconds"].samples
    assert (sample.labels, sample.value) == ({"partition": "3"}, 1e9)


def test_what_moved_away_is_not_told_any_more(metrics: Metrics) -> None:
    """A worker without partitions remembers nothing, and must not be counted beside the one that has them."""
    metrics.threads.labels(state="disputed").set(7)
    metrics.index_size.labels(index="copies").set(9)
    metrics.forget_tables()
    sample = metrics.registry.get_sample_value
    assert sample("counterclaim_threads", {"state": "disputed"}) == 0
    assert sample("counterclaim_index_size", {"index": "copies"}) == 0


def test_each_text_that_an_operators_template_fails_to_make_is_counted(metrics: Metrics, tmp_path: Path) -> None:
    """Under the template's name, as often as it happens; what works is not counted."""
    (tmp_path / "chat_title.j2").write_text("{{ gone }}")
    templates = Templates(tmp_path, broken=metrics.delivery.template_broken)
    names: tuple[TemplateName, ...] = ("chat_title.j2", "chat_title.j2", "chat.j2")
    for name in names:
        templates.render(name, SAMPLES[0])
    sample = metrics.registry.get_sample_value
    assert sample("counterclaim_template_errors_total", {"template": "chat_title.j2"}) == 2
    assert sample("counterclaim_template_errors_total", {"template": "chat.j2"}) == 0


def test_no_metric_has_too_many_series(metrics: Metrics) -> None:
    """Labels are few and bounded; a histogram's buckets are not counted, but its label combinations are."""
    series = Tally(
        family.name
        for family in metrics.registry.collect()
        for sample in family.samples
        if not sample.name.endswith(("_bucket", "_created"))
    )
    assert max(series.values()) <= MAX_SERIES


def test_every_name_has_prefix_unit_and_help(metrics: Metrics) -> None:
    """Only the process collector's names are not ours; each metric says what it is."""
    families = [family for family in metrics.registry.collect() if not family.name.startswith("process_")]
    assert all(family.name.startswith("counterclaim_") and family.documentation.endswith(".") for family in families)
    histograms = [family.name for family in families if family.type == "histogram"]
    assert histograms
    assert all(name.endswith(("_seconds", "_ratio")) for name in histograms)


@pytest.mark.parametrize(
    ("name", "seconds", "bucket"),
    [
        ("fetched_to_flagged_seconds", 0.1, "0.1"),
        ("fetched_to_flagged_seconds", 60.0, "60.0"),
        ("fetched_to_delivered_seconds", 2.0, "2.0"),
        ("made_to_delivered_seconds", 2.0, "2.0"),
    ],
)
def test_objectives_lie_on_bucket_boundaries(
    exporter: Exporter, metrics: Metrics, name: str, seconds: float, bucket: str
) -> None:
    """A latency of exactly the objective counts as within it, so that the share within it is exact."""
    histograms = {
        "fetched_to_flagged_seconds": metrics.fetched_to_flagged_seconds,
        "fetched_to_delivered_seconds": metrics.delivery.fetched_to_delivered_seconds,
        "made_to_delivered_seconds": metrics.delivery.made_to_delivered_seconds,
    }
    histograms[name].observe(seconds)
    counts = {
        sample.labels["le"]: sample.value
        for sample in scrape(exporter.url)[f"counterclaim_{name}"].samples
        if "le" in sample.labels
    }
    assert counts[bucket] == 1
    assert sum(counts.values()) == sum(float(le) >= seconds for le in counts)


def test_languages_that_are_not_told_apart_are_one(metrics: Metrics) -> None:
    """A feed in a language without a rule file does not make a series of its own."""
    assert (language_label("fa"), language_label("eo"), language_label("")) == ("fa", "other", "other")


def test_build_info_names_the_versions(exporter: Exporter) -> None:
    """The versions that matter for a report are labels of one series with the value 1."""
    families = scrape(exporter.url)
    (sample,) = families["counterclaim_build_info"].samples
    assert sample.value == 1
    assert sample.labels["version"] == __version__
    assert sample.labels["faust"] == "0.15.3"
    assert "process_resident_memory_bytes" in families
    assert not any(name.endswith("_created") for name in families)


def test_taken_port_names_the_setting(metrics: Metrics) -> None:
    """The error says which setting to change, and ends the command with 3."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortTakenError, match=rf"127\.0\.0\.1:{port} .*metrics\.poll_port") as caught:
            serve(metrics, "127.0.0.1", port, setting="metrics.poll_port")
    assert caught.value.exit_code == 3


def test_close_gives_the_port_back(metrics: Metrics) -> None:
    """After close nobody answers, and the port can be taken again."""
    with serve(metrics, "127.0.0.1", 0) as first:
        assert scrape(first.url)
    with pytest.raises(urllib.error.URLError):
        scrape(first.url)
    with serve(metrics, "127.0.0.1", first.port) as second:
        assert second.port == first.port


def test_two_processes_metrics_do_not_meet() -> None:
    """The registry is injected: two objects in one interpreter count apart."""
    one, two = Metrics(CollectorRegistry()), Metrics(CollectorRegistry())
    one.rebalances.inc()
    assert one.registry.get_sample_value("counterclaim_rebalances_total") == 1
    assert two.registry.get_sample_value("counterclaim_rebalances_total") == 0


def test_address_of_a_server_on_every_interface(metrics: Metrics) -> None:
    """The address given to others can be opened: 0.0.0.0 is not one."""
    with serve(metrics, "0.0.0.0", 0) as running:
        assert running.url == f"http://127.0.0.1:{running.port}/metrics"
        assert scrape(running.url)


def test_only_a_first_attempt_tells_how_soon_a_message_leaves(metrics: Metrics) -> None:
    """A later one tells of its receiver; and of what was not delivered no time is told."""
    when = datetime(2026, 1, 2, tzinfo=UTC)
    made = Message(id="msg_1", kind="test", subscription="desk", name="Desk", text="Hello", made=when)

    def ended(attempt: int, outcome: Outcome, seconds: float) -> SimpleNamespace:
        delivery = Delivery(
            id="1",
            subscription="desk",
            channel="1",
            channel_type="webhook",
            address="hook.example",
            attempt=attempt,
            outcome=outcome,
            message=made,
            began=when,
            ended=when + timedelta(seconds=seconds),
        )
        return SimpleNamespace(alerts={}, deliveries=[delivery])

    for out in (ended(1, "failed", 20), ended(2, "delivered", 40), ended(1, "delivered", 1.5)):
        metrics.delivery.decided(out)
    assert metrics.registry.get_sample_value("counterclaim_made_to_delivered_seconds_count") == 1
    assert metrics.registry.get_sample_value("counterclaim_made_to_delivered_seconds_sum") == 1.5
