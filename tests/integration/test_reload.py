"""A worker at work while its rules are edited: new ones take over without a restart, broken ones do not."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import IO

import pytest

from pipeline.records import ArticleBatch, flagged
from pipeline.resources import shipped
from pipeline.rules import load_rules
from pipeline.topics import FLAGS
from tests.articles import make_article, make_batch
from tests.integration.workers import Collector, Worker, publish, until, workers

RULE = """\
  - id: {word}
    version: 1
    kind: denial
    category: denial
    query: "{word}"
    examples: ["Mayor {word} it"]
    counter_examples: [Mayor opens bridge]
"""


def write(rules: Path, *words: str) -> None:
    """Rules for these words, and no others."""
    (rules / "en.yaml").write_text("language: en\nrules:\n" + "".join(RULE.format(word=word) for word in words))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration with one small rule file."""
    folder = tmp_path / "config"
    shutil.copytree(shipped("config"), folder, ignore=shutil.ignore_patterns("rules", "grafana", "prometheus"))
    (folder / "rules").mkdir()
    write(folder / "rules", "denies")
    return folder


def story(number: int, title: str) -> list[ArticleBatch]:
    """A batch with one English article."""
    return [make_batch(make_article(number, title=title, language="en"), id=f"batch-{number}")]


def _rules(value: bytes) -> list[str]:
    return [flag.rule for flag in flagged.decode(value).flags]


@pytest.mark.timeout(150)
async def test_an_edit_takes_effect_without_a_restart_and_a_broken_one_does_not(
    topics_ready: str, tmp_path: Path, config: Path
) -> None:
    """What is flagged, by which rule set, and what the metrics and the log say, edit after edit."""
    rules = config / "rules"
    worker = Worker(topics_ready, tmp_path / "worker", config=config)
    async with workers(worker), Collector(topics_ready, {FLAGS: _rules}) as seen:
        await worker.start()
        await worker.ready()
        pid = worker.pid
        first = load_rules(rules).hash
        await publish(topics_ready, story(1, "Mayor denies it"))
        await seen.until(lambda: seen.seen[FLAGS]["en/denies"] == 1, lambda: worker.log[-2000:])

        write(rules, "denies", "refutes")
        await until(lambda: reloads(worker) == 1, "the edit was not loaded")
        second = load_rules(rules).hash
        await publish(topics_ready, story(2, "Mayor refutes it"))
        await seen.until(lambda: seen.seen[FLAGS]["en/refutes"] == 1, lambda: worker.log[-2000:])

        with (rules / "en.yaml").open("a") as file:
            file.write(RULE.format(word="broken").replace('"broken"', '"(broken"'))
        await until(lambda: worker.metric("counterclaim_rules_config_valid") == 0, "the broken edit went unseen")
        assert "en.yaml" in worker.log
        assert '"line":21' in worker.log.replace(" ", "")
        await publish(topics_ready, story(3, "Council refutes them"))
        await seen.until(lambda: seen.seen[FLAGS]["en/refutes"] == 2, lambda: worker.log[-2000:])

        write(rules, "denies")
        os.kill(worker.pid, signal.SIGHUP)
        await until(lambda: worker.metric("counterclaim_rules_config_valid") == 1, "the mended file was not loaded")
        assert worker.pid == pid
        assert await worker.stop() == 0
    sets = {one.article.title: one.ruleset for one in (flagged.decode(m.value or b"") for m in seen.messages[FLAGS])}
    assert sets == {"Mayor denies it": first, "Mayor refutes it": second, "Council refutes them": second}
    assert first != second


def reloads(worker: Worker) -> float:
    """How often the worker has loaded changed rules."""
    return worker.metric("counterclaim_rules_reloads_total")


@pytest.mark.timeout(120)
async def test_up_passes_a_hangup_on_to_its_worker(tmp_path: Path, config: Path) -> None:
    """SIGHUP to `up`, which has no terminal here: the worker loads the rules again, and nothing ends."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("COUNTERCLAIM_")} | {
        "COUNTERCLAIM_KAFKA_PORT": "0",
        "COUNTERCLAIM_POLL_ALLOW_PRIVATE": "true",
        "COUNTERCLAIM_METRICS_POLL_PORT": "0",
        "COUNTERCLAIM_METRICS_WORKER_PORT": "0",
        "COUNTERCLAIM_METRICS_UP_PORT": "0",
    }
    feed = "{url: http://127.0.0.1:1/x, outlet: Nobody, owner: Nobody, country: GB, language: en}"
    (config / "feeds.yaml").write_text(f"feeds: [{feed}]\n")
    command = [sys.executable, "-m", "pipeline", "up", "--config", str(config)]
    with subprocess.Popen(
        command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        try:
            address = await asyncio.to_thread(_address, process.stdout)
            process.send_signal(signal.SIGHUP)
            loaded = 'counterclaim_rules_reloads_total{outcome="unchanged"} 1.0'
            await until(lambda: loaded in _page(address), "the worker did not load its rules again")
            assert process.poll() is None
        finally:
            process.terminate()
        assert await asyncio.to_thread(process.wait, 60) == 0


def _address(said: IO[str]) -> str:
    """Where the worker's metrics are, as `up` says it when all is ready."""
    for line in said:
        if "worker metrics at" in line:
            return line.split()[-1]
    raise AssertionError("up ended before all was ready")


def _page(address: str) -> str:
    with urllib.request.urlopen(address, timeout=10) as page:
        text: str = page.read().decode()
    return text
