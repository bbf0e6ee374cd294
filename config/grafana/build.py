"""Writes `dashboards/counterclaim.json`: ``python config/grafana/build.py``. A test proves that this changes nothing.

Classic dashboard JSON, because provisioning reads it; every panel has a title, a description, a unit, and queries whose
data source, job and instance are variables, as Grafana's dashboard linter wants it.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import prometheus as prometheus_models

TARGET = Path(__file__).with_name("dashboards") / "counterclaim.json"
UID = "counterclaim"
DATASOURCE = common_models.DataSourceRef(type_val="prometheus", uid="${datasource}")
SELECT = 'job=~"$job", instance=~"$instance"'
STAT_WIDTH, GRAPH_WIDTH, HEIGHT = 4, 8, 7  # of 24 columns


@dataclass(frozen=True)
class Query:
    """One PromQL expression; in it, `{}` after a metric's name is filled with the variables."""

    expr: str
    legend: str = "__auto"

    def filled(self) -> str:
        """With job and instance as the first matchers of every selector."""
        return self.expr.replace("{}", "{" + SELECT + "}").replace("{,", "{" + SELECT + ",")


def quantiles(metric: str, *levels: float) -> list[Query]:
    """A histogram's quantiles over all chosen processes."""
    return [
        Query(
            f"histogram_quantile({level}, sum by (le) (rate({metric}_bucket{{}}[$__rate_interval])))",
            f"p{level * 100:g}",
        )
        for level in levels
    ]


def rate(metric: str, *by: str) -> list[Query]:
    """A counter's rate, one line for each value of the labels."""
    legend = " ".join(f"{{{{{label}}}}}" for label in by)
    return [Query(f"sum by ({', '.join(by)}) (rate({metric}{{}}[$__rate_interval]))", legend)]


def targets(queries: Sequence[Query], *, instant: bool = False) -> list[prometheus.Dataquery]:
    """The queries as a panel's targets, A, B, C …"""
    built = []
    for number, query in enumerate(queries):
        target = prometheus.Dataquery().expr(query.filled()).legend_format(query.legend).ref_id(chr(ord("A") + number))
        built.append(target.datasource(DATASOURCE).instant() if instant else target.datasource(DATASOURCE).range())
    return built


def graph(
    title: str, description: str, unit: str, queries: Sequence[Query], *, stacked: bool = False
) -> timeseries.Panel:
    """Lines over time."""
    panel = timeseries.Panel().title(title).description(description).unit(unit).datasource(DATASOURCE).min(0)
    panel = panel.height(HEIGHT).span(GRAPH_WIDTH).targets(list(targets(queries))).fill_opacity(30 if stacked else 5)
    panel = panel.legend(
        common.VizLegendOptions()
        .show_legend(True)
        .placement(common_models.LegendPlacement.BOTTOM)
        .display_mode(common_models.LegendDisplayMode.LIST)
    )
    if stacked:
        panel = panel.stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL))
    return panel


def number(title: str, description: str, unit: str, expr: str, steps: Sequence[tuple[float | None, str]]) -> stat.Panel:
    """One number, coloured by the last step that it reaches; None is the lowest."""
    thresholds = dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE)
    panel = stat.Panel().title(title).description(description).unit(unit).datasource(DATASOURCE)
    panel = panel.height(4).span(STAT_WIDTH).targets(list(targets([Query(expr, title)])))
    panel = panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    return panel.no_value("no data").thresholds(
        thresholds.steps([models.Threshold(value=value, color=color) for value, color in steps])
    )


Panels = list[stat.Panel | timeseries.Panel | table.Panel]


def rows() -> list[tuple[str, Panels]]:
    """Every row with its panels, from the question that is asked first to the last."""
    return [
        ("Does it work?", overview()),
        ("Polling", polling()),
        ("Article pages", pages()),
        ("Stages", stages()),
        ("Flags", flags()),
        ("Copies and threads", threads()),
        ("Subscriptions", subscriptions()),
        ("Delivery", delivery()),
        ("Archive", archive()),
        ("Kafka", kafka()),
        ("Processes", processes()),
    ]


def overview() -> Panels:
    """What an operator looks at first."""
    return [
        number(
            "Oldest heartbeat",
            "Seconds since the last heartbeat article of the partition that waits longest. One is sent every 30 s; "
            "over 120 s the pipe does not flow.",
            "s",
            "time() - min(max by (partition) (counterclaim_heartbeat_timestamp_seconds{}))",
            [(None, "green"), (60, "yellow"), (120, "red")],
        ),
        number(
            "Flagged within a minute",
            "Share of the flags raised within 60 s of the fetch. This is what counterclaim promises.",
            "percentunit",
            'sum(rate(counterclaim_fetched_to_flagged_seconds_bucket{, le="60.0"}[$__rate_interval])) / '
            "sum(rate(counterclaim_fetched_to_flagged_seconds_count{}[$__rate_interval]))",
            [(None, "red"), (0.99, "yellow"), (0.999, "green")],
        ),
        number(
            "Lag",
            "Age of the oldest record that waits, over all topics.",
            "s",
            "max(counterclaim_lag_seconds{})",
            [(None, "green"), (30, "yellow"), (60, "red")],
        ),
        number(
            "Feeds failing",
            "Share of the feeds whose last poll failed. A few dead feeds are ordinary.",
            "percentunit",
            'sum(counterclaim_feeds{, state="failing"}) / sum(counterclaim_feeds{})',
            [(None, "green"), (0.1, "yellow"), (0.25, "red")],
        ),
        number(
            "Dead letters",
            "Records a second that could not be handled. They are kept, with the reason: counterclaim tail dead.",
            "cps",
            "sum(rate(counterclaim_dead_letters_total{}[$__rate_interval]))",
            [(None, "green"), (0.001, "red")],
        ),
        number(
            "Processes up",
            "Processes that answered the last scrape.",
            "short",
            "sum(up{})",
            [(None, "red"), (1, "yellow"), (2, "green")],
        ),
    ]


def polling() -> Panels:
    """From feeds to Kafka."""
    return [
        graph(
            "Polls by outcome",
            "Polls a second. not_modified: 304; unchanged: the same bytes; changed: parsed; hard, soft, temporary: "
            "classes of failures.",
            "cps",
            rate("counterclaim_polls_total", "outcome"),
            stacked=True,
        ),
        graph(
            "Fetch duration",
            "One HTTP fetch of a feed, redirects and body included. The limit is poll.timeout_seconds.",
            "s",
            quantiles("counterclaim_fetch_seconds", 0.5, 0.9, 0.99),
        ),
        graph(
            "Parse duration",
            "Parsing one feed body in a worker process. The limit is poll.parse_timeout_seconds.",
            "s",
            quantiles("counterclaim_parse_seconds", 0.5, 0.9, 0.99),
        ),
        graph(
            "Processes lost",
            "Processes a second that a feed (parsing) or a page (reading) cost. time: it took too long; memory: it "
            "wanted too much; end: it died. Each is replaced at once.",
            "cps",
            rate("counterclaim_workers_lost_total", "work", "why"),
            stacked=True,
        ),
        graph(
            "Feeds by state",
            "new: not polled yet; failing: the last poll failed.",
            "short",
            [Query("sum by (state) (counterclaim_feeds{})", "{{state}}")],
            stacked=True,
        ),
        graph(
            "Seen before",
            "Share of a changed feed's items that its last body had, on average. Near 0 feeds are asked too late, near "
            "1 more often than they need.",
            "percentunit",
            [
                Query(
                    "sum(rate(counterclaim_feed_seen_ratio_sum{}[$__rate_interval])) / "
                    "sum(rate(counterclaim_feed_seen_ratio_count{}[$__rate_interval]))",
                    "seen before",
                )
            ],
        ),
        graph(
            "Gaps",
            "Polls a second after which items were lost: none of what the feed had before was left in it. "
            "counterclaim feeds status says of which feeds.",
            "cps",
            [Query("sum(rate(counterclaim_feed_gaps_total{}[$__rate_interval]))", "gaps")],
        ),
        graph(
            "Partitions held",
            "Partitions of feeds and pages that the group gave to each poller; together they are all there are.",
            "short",
            [Query("sum by (instance) (counterclaim_poll_partitions{})", "{{instance}}")],
            stacked=True,
        ),
    ]


def pages() -> Panels:
    """Article pages, where a feed's full_text asks for them."""
    return [
        graph(
            "Pages by outcome",
            "Article pages a second. published: as a revision; no_more: it says no more than the feed; refused: "
            "robots.txt, not found, no text; failed: it could not be fetched, however often.",
            "cps",
            rate("counterclaim_pages_total", "outcome"),
            stacked=True,
        ),
        graph(
            "Pages waiting",
            "Pages that each poller has yet to visit: one host's lie two seconds apart, or as far as it asks for.",
            "short",
            [Query("sum by (instance) (counterclaim_pages_waiting{})", "{{instance}}")],
            stacked=True,
        ),
        graph(
            "Pages refused or failed",
            "Share of the pages that could not be had.",
            "percentunit",
            [
                Query(
                    'sum(rate(counterclaim_pages_total{, outcome=~"refused|failed"}[$__rate_interval])) / '
                    "sum(rate(counterclaim_pages_total{}[$__rate_interval]))",
                    "refused or failed",
                )
            ],
        ),
    ]


def stages() -> Panels:
    """What goes in and out of each."""
    return [
        graph(
            "Articles in",
            "Articles a second that enter each stage.",
            "cps",
            rate("counterclaim_articles_in_total", "stage"),
        ),
        graph(
            "Articles out",
            "Articles a second that each stage passes on. Dedupe passes on less than it gets.",
            "cps",
            rate("counterclaim_articles_out_total", "stage"),
        ),
        graph(
            "Known before",
            "Articles a second that deduplication knew: seen_again and duplicate are dropped, a revision goes on.",
            "cps",
            rate("counterclaim_duplicates_total", "kind"),
            stacked=True,
        ),
        graph(
            "In progress",
            "Records that each stage is working on. One that stays up hangs.",
            "short",
            [Query("sum by (stage) (counterclaim_stage_in_progress{})", "{{stage}}")],
        ),
        graph(
            "Since last finished",
            "Seconds since each stage last finished a record; heartbeats keep it below a minute.",
            "s",
            [Query("time() - max by (stage) (counterclaim_stage_last_timestamp_seconds{})", "{{stage}}")],
        ),
    ]


def flags() -> Panels:
    """What comes of it, and how soon."""
    return [
        graph(
            "Flags by kind",
            "Denials and allegations a second.",
            "cps",
            rate("counterclaim_flags_total", "kind"),
            stacked=True,
        ),
        graph(
            "Flags by language",
            "Flags a second, by the language of the article; only languages with flags.",
            "cps",
            [Query("sum by (language) (rate(counterclaim_flags_total{}[$__rate_interval])) > 0", "{{language}}")],
            stacked=True,
        ),
        graph(
            "Fetched to flagged",
            "From the fetch of a feed to the flag. The promise is 60 s.",
            "s",
            quantiles("counterclaim_fetched_to_flagged_seconds", 0.5, 0.9, 0.99),
        ),
        graph(
            "Heartbeat through the pipe",
            "From the publishing of a heartbeat to its arrival behind the last stage: the pipe's own delay.",
            "s",
            quantiles("counterclaim_heartbeat_seconds", 0.5, 0.99),
        ),
        graph(
            "Rule sets",
            "Workers by the rule set in force (its hash), and how many hold an edit that cannot be loaded.",
            "short",
            [
                Query("count by (hash) (counterclaim_rules_info{})", "{{hash}}"),
                Query("sum(1 - counterclaim_rules_config_valid{})", "refused edits"),
            ],
        ),
        graph(
            "Loads of changed rules",
            "A second, by how they ended: loaded, unchanged (the files say the same), refused (the old rules stay).",
            "cps",
            rate("counterclaim_rules_reloads_total", "outcome"),
        ),
    ]


def threads() -> Panels:
    """What belongs together."""
    return [
        graph(
            "Threads by state",
            "Dispute threads that are remembered: alleged (no denial known), denied (nobody named who claims it), "
            "disputed (both sides known), conceded, retracted.",
            "short",
            [Query("sum by (state) (counterclaim_threads{})", "{{state}}")],
            stacked=True,
        ),
        graph(
            "Allegation to denial",
            "Time from an allegation to the first denial of it, where both are dated by their publishers.",
            "s",
            quantiles("counterclaim_thread_lag_seconds", 0.5, 0.9),
        ),
        graph(
            "Join scores",
            "How like their threads the articles were that joined one. Many just over the threshold: threads may hold "
            "what does not belong together.",
            "percentunit",
            quantiles("counterclaim_join_score_ratio", 0.1, 0.5, 0.9),
        ),
        graph(
            "Vetoes",
            "Threads a second that an article was like enough to join and did not: other numbers, other actors.",
            "cps",
            rate("counterclaim_join_vetoes_total", "kind"),
            stacked=True,
        ),
        graph(
            "Copies by kind",
            "Near-duplicates a second. late_original: published before the copies that were known.",
            "cps",
            rate("counterclaim_copies_total", "kind"),
            stacked=True,
        ),
        graph(
            "Remembered articles",
            "Articles that new ones are compared with, in the memory of all workers.",
            "short",
            [Query("sum by (index) (counterclaim_index_size{})", "{{index}}")],
        ),
    ]


def subscriptions() -> Panels:
    """Whom stories are for."""
    return [
        graph(
            "Events of stories",
            "Events a second that were compared with the subscriptions, by kind.",
            "cps",
            [Query("sum by (kind) (rate(counterclaim_story_events_total{}[$__rate_interval])) > 0", "{{kind}}")],
            stacked=True,
        ),
        graph(
            "Matches",
            "Subscriptions a second that events were for. open: to be told; backlog and old are held; silenced.",
            "cps",
            rate("counterclaim_matches_total", "outcome"),
            stacked=True,
        ),
        graph(
            "Time of matching",
            "To find all subscriptions of one event. The aim, at ten thousand subscriptions, is a millisecond.",
            "s",
            quantiles("counterclaim_matching_seconds", 0.5, 0.99),
        ),
        graph(
            "Subscriptions and silences",
            "What each worker matches with; broken ones have queries that it cannot read, and get nothing.",
            "short",
            [
                Query("max by (state) (counterclaim_subscriptions{})", "subscriptions {{state}}"),
                Query("max by (state) (counterclaim_silences{})", "silences {{state}}"),
            ],
        ),
    ]


def delivery() -> Panels:
    """What subscribers are told, and how soon."""
    return [
        graph(
            "Alerts by outcome",
            "Matches a second, by what became of them: told, or repeated, immaterial, held, silenced: nobody is told.",
            "cps",
            rate("counterclaim_alerts_total", "outcome"),
            stacked=True,
        ),
        graph(
            "Deliveries by channel and outcome",
            "A second. failed: it is tried again; gave_up: that was the last time, after 75 hours; gone: the "
            "channel is disabled at once; dropped: its channel or subscription is no more.",
            "cps",
            rate("counterclaim_deliveries_total", "channel", "outcome"),
            stacked=True,
        ),
        graph(
            "Attempts by channel",
            "Attempts a second that ended, however they did.",
            "cps",
            rate("counterclaim_delivery_attempts_total", "channel"),
            stacked=True,
        ),
        graph(
            "Deliveries waiting",
            "Messages that are tried, or wait for a place or another attempt, by process.",
            "short",
            [Query("sum by (instance) (counterclaim_deliveries_waiting{})", "{{instance}}")],
            stacked=True,
        ),
        graph(
            "Oldest delivery waiting",
            "Age of the oldest message that is not delivered; 0 if none waits. An endpoint that is down is tried for "
            "75 hours.",
            "s",
            [
                Query(
                    "time() - min(counterclaim_deliveries_oldest_timestamp_seconds{} > 0) "
                    "or 0 * sum(counterclaim_deliveries_waiting{})",
                    "oldest",
                )
            ],
        ),
        graph(
            "Made to delivered",
            "From the making of a message to its delivery, of what was delivered at the first attempt. The aim is 2 s.",
            "s",
            quantiles("counterclaim_made_to_delivered_seconds", 0.5, 0.9, 0.99),
        ),
        graph(
            "Fetched to delivered",
            "From the fetch of a feed to the delivery, with all that a subscriber asked to wait for: others of its "
            "group (30 s unless it says otherwise), an hour, the end of quiet hours; and with other attempts.",
            "s",
            quantiles("counterclaim_fetched_to_delivered_seconds", 0.5, 0.9, 0.99),
        ),
        graph(
            "Channels disabled and templates broken",
            "Channels that are not tried any more, and texts a second that an operator's template could not make; the "
            "shipped one made them.",
            "short",
            [
                Query("sum(counterclaim_disabled_channels{})", "channels disabled"),
                Query("sum(rate(counterclaim_template_errors_total{}[$__rate_interval]))", "templates broken"),
            ],
        ),
    ]


def archive() -> Panels:
    """What goes into SQL."""
    return [
        graph(
            "Rows by table",
            "Rows a second that were new to the archive, or newer.",
            "cps",
            rate("counterclaim_archive_rows_total", "table"),
            stacked=True,
        ),
        graph(
            "Transactions",
            "Duration of one transaction. A batch of 500 records takes about 0.05 s.",
            "s",
            quantiles("counterclaim_archive_seconds", 0.5, 0.9, 0.99),
        ),
        graph(
            "Archive lag in seconds",
            "Age of what was archived last of each topic while more of it waits; 0 if nothing does.",
            "s",
            [Query("max by (topic) (counterclaim_archive_lag_seconds{})", "{{topic}}")],
        ),
        graph(
            "Archive lag in records",
            "Records of each topic that are not archived yet.",
            "short",
            [Query("max by (topic) (counterclaim_archive_lag_messages{})", "{{topic}}")],
        ),
        graph(
            "Database down",
            "1 while the database does not answer, and the transactions a second that are tried again because of it.",
            "short",
            [
                Query("max(counterclaim_archive_down{})", "down"),
                Query("sum(rate(counterclaim_archive_failures_total{}[$__rate_interval]))", "tried again"),
            ],
        ),
        graph(
            "Rows removed",
            "Rows a second that were removed because of their age.",
            "cps",
            rate("counterclaim_archive_pruned_total", "table"),
            stacked=True,
        ),
    ]


def kafka() -> Panels:
    """How the workers keep up with the log."""
    return [
        graph(
            "Lag in records",
            "Records of each topic that wait.",
            "short",
            [Query("sum by (topic) (counterclaim_lag_messages{})", "{{topic}}")],
        ),
        graph(
            "Lag in seconds",
            "Age of the oldest record of each topic that waits.",
            "s",
            [Query("max by (topic) (counterclaim_lag_seconds{})", "{{topic}}")],
        ),
        graph(
            "Dead letters by topic",
            "Records a second that could not be handled and were kept in the topic's dead letters.",
            "cps",
            rate("counterclaim_dead_letters_total", "topic"),
        ),
        graph(
            "Rebalances and failed commits",
            "A second. Each rebalance stops the workers for a moment, and records may be delivered again.",
            "cps",
            [
                Query("sum(rate(counterclaim_rebalances_total{}[$__rate_interval]))", "rebalances"),
                Query("sum(rate(counterclaim_commit_errors_total{}[$__rate_interval]))", "failed commits"),
            ],
        ),
    ]


def processes() -> Panels:
    """What they use, and which versions run."""
    legend = "{{job}} {{instance}}"
    return [
        graph(
            "CPU",
            "Cores used by each process.",
            "short",
            [Query("rate(process_cpu_seconds_total{}[$__rate_interval])", legend)],
        ),
        graph(
            "Memory", "Resident memory of each process.", "bytes", [Query("process_resident_memory_bytes{}", legend)]
        ),
        graph("Open files", "Open file descriptors of each process.", "short", [Query("process_open_fds{}", legend)]),
        graph(
            "Restarts",
            "Restarts a second of crashed children of `counterclaim up`.",
            "cps",
            rate("counterclaim_child_restarts_total", "child"),
        ),
        versions(),
    ]


def versions() -> table.Panel:
    """Which versions run where."""
    panel = table.Panel().title("Versions").description("Versions of counterclaim, Python and Faust in each process.")
    query = targets([Query("max by (job, instance, version, python, faust) (counterclaim_build_info{})")], instant=True)
    formatted = [target.format(prometheus_models.PromQueryFormat.TABLE) for target in query]
    return panel.unit("short").datasource(DATASOURCE).height(HEIGHT).span(GRAPH_WIDTH).targets(list(formatted))


def build() -> str:
    """The dashboard's JSON."""
    board = (
        dashboard.Dashboard("counterclaim")
        .uid(UID)
        .description("Feeds in, denials and allegations out: does it work, how fast, and where does it stand still?")
        .tags(["counterclaim"])
        .readonly()
        .refresh("30s")
        .time("now-1h", "now")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .with_variable(label_variable("job", "Job", "label_values(counterclaim_build_info, job)"))
        .with_variable(
            label_variable("instance", "Instance", 'label_values(counterclaim_build_info{job=~"$job"}, instance)')
        )
    )
    ids = itertools.count(1)
    for title, panels in rows():
        board = board.with_row(dashboard.Row(title).id(next(ids)))
        for panel in panels:
            board = board.with_panel(panel.id(next(ids)))
    return str(JSONEncoder(indent=2, sort_keys=True).encode(board.build())) + "\n"


def label_variable(name: str, label: str, query: str) -> dashboard.QueryVariable:
    """A variable over the values of a label; all of them at first."""
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(DATASOURCE)
        .query(query)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".+")
        .current(models.VariableOption(selected=True, text="All", value="$__all"))
    )


if __name__ == "__main__":
    TARGET.write_text(build())
    sys.stdout.write(f"{TARGET}\n")
