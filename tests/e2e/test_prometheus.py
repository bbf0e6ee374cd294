"""A real Prometheus scrapes `counterclaim up`; every query of the dashboard and every rule runs on what it got.

Prometheus and promtool must be there (Debian's package `prometheus`): without them these tests fail, they do not skip.
"""

from __future__ import annotations

import asyncio
import http.server
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.kafka import Publisher
from pipeline.records import encode
from pipeline.topics import ARTICLES_RAW
from tests.articles import make_article, make_batch

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "config" / "prometheus"
BOARD: dict[str, Any] = json.loads((ROOT / "config" / "grafana" / "dashboards" / "counterclaim.json").read_text())
QUERIES = [(panel["title"], target["expr"]) for panel in BOARD["panels"] for target in panel.get("targets", [])]

JOBS = {name: f"counterclaim-{name}" for name in ("poller", "worker", "deliver", "archive", "up")}

FEED = """<?xml version="1.0"?>
<rss version="2.0"><channel><title>The Harbour Post</title><link>https://harbour.example/</link>
<item><title>New crane arrives at the port</title><link>https://harbour.example/crane</link>
<description>It is the tallest on this coast.</description></item>
</channel></rss>
"""

pytestmark = pytest.mark.timeout(240)


def eventually(what: str, look: Callable[[], Any], bound: float = 60) -> Any:
    """The first true answer of ``look``: scraping has its own rhythm, and Prometheus tells nobody when it is done."""
    ends = time.monotonic() + bound
    while not (found := look()):
        assert time.monotonic() < ends, f"not within {bound} s: {what}"
        threading.Event().wait(0.1)
    return found


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def needed(program: str) -> str:
    """The path of a program that these tests cannot do without."""
    found = shutil.which(program)
    assert found, f"{program} is not installed (Debian: apt-get install prometheus); these tests need the real one"
    return found


class Feeds(http.server.BaseHTTPRequestHandler):
    """Serves the one feed."""

    def do_GET(self) -> None:
        body = FEED.encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/rss+xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@pytest.fixture(scope="module")
def feed_url() -> Iterator[str]:
    """A local feed."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Feeds) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/feed.xml"
        server.shutdown()
        thread.join()


@dataclass
class Up:
    """A running `counterclaim up`."""

    process: subprocess.Popen[str]
    bootstrap: str
    addresses: dict[str, str]


@pytest.fixture(scope="module")
def up(feed_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """The whole pipeline on free ports, with heartbeats every second."""
    folder = tmp_path_factory.mktemp("up")
    shutil.copytree(ROOT / "config" / "rules", folder / "rules")
    shutil.copy(ROOT / "config" / "outlets.yaml", folder)
    feed = {"url": feed_url, "outlet": "Harbour Post", "owner": "Harbour", "country": "GB", "language": "en"}
    (folder / "feeds.yaml").write_text(yaml.safe_dump({"feeds": [feed]}))
    settings = {
        "poll": {"allow_private": True},
        "kafka": {"port": 0, "data_dir": str(folder / "data" / "kafka")},
        "metrics": {"poll_port": 0, "worker_port": 0, "up_port": 0, "deliver_port": 0, "archive_port": 0},
        "heartbeat": {"interval_seconds": 1},
    }
    (folder / "counterclaim.yaml").write_text(yaml.safe_dump(settings))
    env = {name: value for name, value in os.environ.items() if not name.startswith("COUNTERCLAIM_")}
    command = [sys.executable, "-m", "pipeline", "up", "--json", "--config", str(folder)]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True, cwd=folder) as process:
        try:
            yield _started(process)
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
    assert process.returncode == 130


def _started(process: subprocess.Popen[str]) -> Up:
    """What `up` says until all runs."""
    assert process.stdout is not None
    said = ""
    addresses: dict[str, str] = {}
    while set(addresses) != set(JOBS):
        line = process.stdout.readline()
        assert line, f"`up` ended: {said}"
        said += json.loads(line).get("event", "") + "\n"
        addresses |= {n.replace("supervisor", "up"): a for n, a in re.findall(r"(\w+) metrics at (\S+)", said)}
    kafka = re.search(r"Kafka at (\S+);", said)
    assert kafka
    return Up(process, kafka[1], addresses)


class Prometheus:
    """The HTTP API of a Prometheus."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str, **query: str) -> Any:
        """What an API path answers; its own error message where it refuses."""
        try:
            with urllib.request.urlopen(f"{self.url}{path}?{urllib.parse.urlencode(query)}") as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{query}: {error.read().decode()}") from error

    def query(self, expr: str) -> list[dict[str, Any]]:
        """The series of an instant query."""
        result: list[dict[str, Any]] = self.get("/api/v1/query", query=expr)["result"]
        return result

    def value(self, expr: str) -> float | None:
        """The value of an expression with one series; None as long as there is none."""
        result = self.query(expr)
        return float(result[0]["value"][1]) if result else None

    def ready(self) -> bool:
        """Whether it answers."""
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready"):
                return True
        except (urllib.error.URLError, ConnectionError):
            return False


@pytest.fixture(scope="module")
def prometheus(up: Up, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Prometheus with our own configuration for one machine; only ports and rhythm are the test's."""
    folder = tmp_path_factory.mktemp("prometheus")
    config = yaml.safe_load((PROMETHEUS / "local.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(PROMETHEUS / file) for file in config["rule_files"]]
    targets = {JOBS[name]: urllib.parse.urlsplit(address).netloc for name, address in up.addresses.items()}
    for job in config["scrape_configs"]:
        job["static_configs"] = [{"targets": [targets.pop(job["job_name"])]}]
    assert targets == {}, "local.yml does not scrape every process"
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    port = free_port()
    command = [
        needed("prometheus"),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT) as process:
        try:
            server = Prometheus(f"http://127.0.0.1:{port}")
            eventually("Prometheus is ready", server.ready)
            yield server
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture(scope="module")
def scraped(prometheus: Prometheus, up: Up) -> Prometheus:
    """Prometheus after all targets answered, heartbeats went through every partition, and an article was flagged.

    The article is published only after the first scrape, so that its counts are increases that Prometheus saw.
    """
    eventually("all targets are up", lambda: prometheus.value("count(up == 1)") == len(JOBS))
    eventually(
        "heartbeats on 4 partitions", lambda: len(prometheus.query("counterclaim_heartbeat_timestamp_seconds")) == 4
    )
    eventually("the flag counter is scraped", lambda: prometheus.query('counterclaim_flags_total{kind="denial"}'))

    async def publish() -> None:
        denial = make_article(1, title="Ministry denies claims of secret arms sales", language="en")
        async with Publisher([up.bootstrap]) as publisher:
            await publisher.send(ARTICLES_RAW, encode(make_batch(denial)), key=b"herald.example")

    asyncio.run(publish())
    eventually("a flag was counted", lambda: (prometheus.value("sum(counterclaim_flags_total)") or 0) > 0)
    eventually("its rate is known", lambda: (prometheus.value("sum(rate(counterclaim_flags_total[2m]))") or 0) > 0)
    return prometheus


def test_every_process_is_a_target(scraped: Prometheus) -> None:
    """Poller, worker and supervisor answer, each under its job, with one version of counterclaim."""
    up_now = {series["metric"]["job"]: series["value"][1] for series in scraped.query("up")}
    assert up_now == dict.fromkeys(JOBS.values(), "1")
    assert scraped.value("count(count by (version) (counterclaim_build_info))") == 1
    assert all(target["lastError"] == "" for target in scraped.get("/api/v1/targets")["activeTargets"])


@pytest.mark.parametrize(("title", "expr"), QUERIES, ids=lambda text: text[:50])
def test_every_query_of_the_dashboard_gives_series(scraped: Prometheus, title: str, expr: str) -> None:
    """As Grafana fills it in, all jobs and instances chosen: valid PromQL about series that are there."""
    filled = expr.replace("$__rate_interval", "2m").replace("$job", ".+").replace("$instance", ".+")
    assert "$" not in filled
    eventually(f"{title} has series", lambda: scraped.query(filled))


def test_the_variables_offer_every_process(scraped: Prometheus) -> None:
    """What the dashboard's variables ask for gives the three jobs and their instances."""
    for label in ("job", "instance"):
        values = scraped.get(f"/api/v1/label/{label}/values", **{"match[]": "counterclaim_build_info"})
        assert len(values) == len(JOBS)


def test_rules_are_healthy_and_only_the_switch_fires(scraped: Prometheus) -> None:
    """On a pipeline that works, every rule evaluates, recorded series are there, and no other alert fires."""

    def rules() -> list[dict[str, Any]]:
        return [rule for group in scraped.get("/api/v1/rules")["groups"] for rule in group["rules"]]

    def alerts() -> set[str]:
        return {rule["name"] for rule in rules() if rule.get("state") in {"firing", "pending"}}

    for rule in rules():
        if rule["type"] == "recording":  # a rate needs two scrapes of its target, and the rule's turn after them
            eventually(f"{rule['name']} has series", partial(scraped.query, rule["name"]))
    # HeartbeatLate is pending until its rule's first turn after the first heartbeats: absence is late, too.
    eventually(f"only the switch fires, not {alerts()}", lambda: alerts() == {"DeadMansSwitch"})
    assert {rule["health"] for rule in rules()} == {"ok"}


def test_the_flag_came_through_within_the_promise(scraped: Prometheus) -> None:
    """The heartbeats of a working pipeline take less than the one minute that is promised."""
    within = scraped.value('sum(counterclaim_heartbeat_seconds_bucket{le="60.0"})')
    assert within == scraped.value("sum(counterclaim_heartbeat_seconds_count)")
    assert (within or 0) >= 4


@pytest.mark.parametrize("name", JOBS)
def test_promtool_finds_nothing_to_say_about_our_metrics(up: Up, name: str) -> None:
    """Names, units and help texts pass Prometheus's own linter."""
    with urllib.request.urlopen(up.addresses[name]) as answer:
        text = answer.read()
    result = subprocess.run([needed("promtool"), "check", "metrics"], input=text, capture_output=True, check=False)
    assert (result.returncode, result.stderr.decode()) == (0, "")


@pytest.mark.parametrize(
    "arguments",
    [["check", "config", "prometheus.yml", "local.yml"], ["test", "rules", "tests/counterclaim.yml"]],
    ids=lambda arguments: arguments[0],
)
def test_promtool_accepts_configuration_and_rule_tests(arguments: list[str]) -> None:
    """The configurations are valid, and every case of the rules' own tests holds."""
    command = [needed("promtool"), *arguments]
    result = subprocess.run(command, cwd=PROMETHEUS, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_killed_worker_comes_back_and_is_counted(scraped: Prometheus, up: Up) -> None:
    """kill -9 of the worker: the supervisor counts one restart of it, and none of its neighbours."""
    (worker,) = [pid for pid, command in _children(up.process.pid).items() if {"agents", "worker"} <= set(command)]
    os.kill(worker, signal.SIGKILL)
    eventually("the restart is counted", lambda: scraped.value("sum(counterclaim_child_restarts_total)") == 1)
    assert scraped.value('sum(counterclaim_child_restarts_total{child="worker"})') == 1


def _children(pid: int) -> dict[int, list[str]]:
    """A process's children and their command lines."""
    pids = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {int(child): Path(f"/proc/{child}/cmdline").read_text().split("\0") for child in pids}
