"""The dashboard, the alert rules and their provisioning: generated, linted, and about metrics that exist."""

from __future__ import annotations

import itertools
import json
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from pipeline.metrics import Metrics

ROOT = Path(__file__).parents[2]
GRAFANA = ROOT / "config" / "grafana"
RULES = ROOT / "config" / "prometheus" / "rules" / "counterclaim.yml"
BOARD: dict[str, Any] = json.loads((GRAFANA / "dashboards" / "counterclaim.json").read_text())
PANELS: list[dict[str, Any]] = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
TARGETS = [(panel["title"], target["expr"]) for panel in PANELS for target in panel["targets"]]

SELECTOR = re.compile(r"\b((?:counterclaim|process)_\w+|up)(\{[^}]*\})?")
COUNTER = re.compile(r"(counterclaim_\w+(?:_total|_bucket|_count|_sum)|process_cpu_seconds_total)\b")


def known_metrics() -> set[str]:
    """Every sample name that a process exposes, of series without samples the metric's name."""
    families = list(Metrics(CollectorRegistry()).registry.collect())
    samples = {sample.name for family in families for sample in family.samples}
    return samples | {family.name for family in families} | {"up"}


def used_metrics(expr: str) -> Iterator[str]:
    """The metrics that an expression reads, recorded ones and label names left out."""
    without_groups = re.sub(r"\b(?:by|on|without)\s*\([^)]*\)", "", expr)
    return (match[1] for match in SELECTOR.finditer(re.sub(r"\w+:[\w:]+", "", without_groups)))


# Grafana's provisioning and `allowUiUpdates` are about classic dashboards; the SDK would rather have its newest.
@pytest.mark.filterwarnings("ignore:Prefer using dashboardv2:DeprecationWarning")
def test_generating_changes_nothing() -> None:
    """The committed JSON is what the generator writes."""
    build = runpy.run_path(str(GRAFANA / "build.py"), run_name="build_dashboard")["build"]
    assert build() == (GRAFANA / "dashboards" / "counterclaim.json").read_text()


def test_the_board_can_be_provisioned() -> None:
    """Classic schema, a fixed uid, read-only, no database id and no library panels."""
    assert BOARD["schemaVersion"] in (41, 42)
    assert BOARD["uid"] == "counterclaim"
    assert BOARD["editable"] is False
    assert "id" not in BOARD
    assert not any("libraryPanel" in panel for panel in BOARD["panels"])


def test_variables_are_data_source_job_and_instance() -> None:
    """All three are templated, and instance follows job."""
    variables = {variable["name"]: variable for variable in BOARD["templating"]["list"]}
    assert list(variables) == ["datasource", "job", "instance"]
    assert variables["datasource"]["query"] == "prometheus"
    assert all(variables[name]["multi"] and variables[name]["includeAll"] for name in ("job", "instance"))
    assert '$job"' in variables["instance"]["query"]


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_every_panel_explains_itself(panel: dict[str, Any]) -> None:
    """Title, description, unit, targets, and the templated data source on the panel and on each target."""
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["targets"]
    assert {place["datasource"]["uid"] for place in (panel, *panel["targets"])} == {"${datasource}"}
    references = [target["refId"] for target in panel["targets"]]
    assert len(set(references)) == len(references)


@pytest.mark.parametrize(("title", "expr"), TARGETS, ids=lambda text: text[:40])
def test_every_query_follows_the_linters_rules(title: str, expr: str) -> None:
    """Each selector has job and instance; each range is $__rate_interval; counters only under rate or increase."""
    selectors = [match for match in SELECTOR.finditer(re.sub(r"\bby \([^)]*\)", "", expr)) if match[1] != "le"]
    assert selectors, title
    for match in selectors:
        assert match[2], f"{match[1]} has no matchers"
        assert match[2].startswith('{job=~"$job", instance=~"$instance"')
    assert set(re.findall(r"\[([^\]]+)\]", expr)) <= {"$__rate_interval"}
    for match in COUNTER.finditer(expr):
        assert re.search(r"(rate|increase)\($", expr[: match.start()]), f"{match[1]} is not under rate or increase"


def test_panels_and_rules_are_about_metrics_that_exist() -> None:
    """A metric that is renamed breaks this test, and not the dashboard in silence."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    exprs = [rule["expr"] for group in groups for rule in group["rules"]] + [expr for _, expr in TARGETS]
    used = {metric for expr in exprs for metric in used_metrics(expr)}
    assert len(used) > 20
    assert used - known_metrics() == set()


def test_recorded_series_that_alerts_read_are_recorded() -> None:
    """No alert waits for a series that no rule makes."""
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    recorded = {rule["record"] for rule in rules if "record" in rule}
    read = {name for rule in rules if "alert" in rule for name in re.findall(r"\b\w+:[\w:]+", rule["expr"])}
    assert read
    assert read <= recorded


def test_no_two_panels_share_an_id_or_a_place() -> None:
    """Ids are unique, and no panel covers another or leaves the 24 columns."""
    ids = [panel["id"] for panel in BOARD["panels"]]
    assert len(set(ids)) == len(ids)
    places = [panel["gridPos"] for panel in BOARD["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for a, b in itertools.combinations(places, 2):
        beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        below = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        assert beside or below


def test_every_alert_says_what_to_do() -> None:
    """Severity, summary, description, and a runbook section that is there."""
    sections = set(re.findall(r"^## (\w+)$", (ROOT / "docs" / "runbook.md").read_text(), re.MULTILINE))
    alerts = [
        rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"] if "alert" in rule
    ]
    assert {alert["alert"] for alert in alerts} == sections
    for alert in alerts:
        assert alert["labels"]["severity"] in {"critical", "warning", "none"}
        assert alert["annotations"]["summary"]
        assert alert["annotations"]["description"]
        assert alert["annotations"]["runbook"] == f"docs/runbook.md#{alert['alert'].lower()}"


def test_provisioning_fits_the_compose_file() -> None:
    """The board's folder is mounted where the provider looks, the data source is the service, neither can be edited."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    mounts = [volume.split(":")[:2] for volume in compose["services"]["grafana"]["volumes"]]
    provisioning = GRAFANA / "provisioning"
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "counterclaim.yml").read_text())["providers"]
    assert ["./config/grafana/dashboards", provider["options"]["path"]] in mounts
    assert provider["allowUiUpdates"] is False
    assert provider["options"]["foldersFromFilesStructure"] is True
    sources = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())["datasources"]
    assert [source["url"] for source in sources] == ["http://prometheus:9090"]
    assert "prometheus" in compose["services"]


def test_compose_services_are_hardened() -> None:
    """Read-only, no capabilities, limits, rotated logs, health checks, loopback ports, pinned images: each service."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["mem_limit"], name
        assert service["logging"]["options"]["max-size"], name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
        assert re.search(r":v?\d+\.\d+\.\d+$", service["image"]), name
        assert "healthcheck" in service or "build" in service, name
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert "HEALTHCHECK" in dockerfile
    assert re.search(r"^USER \d+:\d+$", dockerfile, re.MULTILINE)
