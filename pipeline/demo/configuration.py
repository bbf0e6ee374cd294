"""The configuration that the demo runs with: quick, on free ports, and in one folder that goes away."""

from __future__ import annotations

import base64
import random
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from pipeline.resources import shipped
from pipeline.settings.load import SETTINGS_FILE

POLL_SECONDS: Final = 3
"""Between two polls of a feed: the second variant of a feed comes with the second poll."""

HEARTBEAT_SECONDS: Final = 1
"""The demo ends when heartbeats that were sent after the last article have passed: often, to end soon."""

SESSION_SECONDS: Final = 6
"""Kafka's lowest usual session timeout; the embedded broker lets a group wait for half of it at the start."""

PER_HOST: Final = 16
"""All feeds of the demo are on one host, our own."""

GROUP_WAIT_SECONDS: Final = 1
"""How long the first alert of a story waits for others: half a minute is for people, and too long for a demo."""

SECRET_BYTES: Final = 24
"""The least that Standard Webhooks allows."""


def webhook_secrets(seeds: Path) -> dict[str, str]:
    """A new secret for each subscription of the demo that has a webhook."""
    listed = yaml.safe_load((seeds / "subscriptions.yaml").read_text(encoding="utf-8"))
    return {
        one["id"]: f"whsec_{base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"
        for one in listed["subscriptions"]
    }


def write_configuration(
    folder: Path,
    *,
    base: str,
    receiver: str,
    webhooks: Mapping[str, str],
    seeds: Path,
    rules: Path,
    shuffle_seed: int | None = None,
) -> None:
    """Write `counterclaim.yaml` and the files that it names.

    Args:
        base: address of the feed server.
        receiver: address of the webhook receiver.
        webhooks: the secret of each subscription with a webhook.
        rules: folder of the rules to use, read where it is.
        shuffle_seed: shuffles the list of feeds.
    """
    feeds = yaml.safe_load((seeds / "feeds.yaml").read_text(encoding="utf-8").replace("{base}", base))
    if shuffle_seed is not None:
        random.Random(shuffle_seed).shuffle(feeds["feeds"])  # noqa: S311 - an order that can be repeated
    _write(folder / SETTINGS_FILE, _settings(folder, seeds, rules))
    _write(folder / "feeds.yaml", feeds)
    shutil.copyfile(seeds / "outlets.yaml", folder / "outlets.yaml")
    _write(folder / "subscriptions.yaml", _subscriptions(seeds, receiver))
    for name, secret in webhooks.items():
        (folder / f"{name}.secret").write_text(f"{secret}\n", encoding="utf-8")


def _subscriptions(seeds: Path, receiver: str) -> dict[str, Any]:
    """The shipped ones and the demo's own, told soon."""
    own = (seeds / "subscriptions.yaml").read_text(encoding="utf-8").replace("{receiver}", receiver)
    texts = ((shipped("config") / "subscriptions.yaml").read_text(encoding="utf-8"), own)
    soon = {"group_wait_seconds": GROUP_WAIT_SECONDS, "group_interval_seconds": 0}
    return {"subscriptions": [one | soon for text in texts for one in yaml.safe_load(text)["subscriptions"]]}


def _settings(folder: Path, seeds: Path, rules: Path) -> dict[str, Any]:
    return {
        "kafka": {"port": 0, "data_dir": str(folder / "kafka")},
        "poll": {
            "interval_seconds": POLL_SECONDS,
            "floor_seconds": POLL_SECONDS,
            "per_host": PER_HOST,
            "session_timeout_seconds": SESSION_SECONDS,
            "allow_private": True,
        },
        "worker": {"session_timeout_seconds": SESSION_SECONDS, "data_dir": str(folder / "worker")},
        "metrics": {"poll_port": 0, "worker_port": 0, "up_port": 0, "deliver_port": 0, "archive_port": 0},
        "alerts": {
            "tell_backlog": True,
            "allow_private": True,
            "key_file": str(folder / "secret.key"),
            "data_dir": str(folder / "deliver"),
            "feeds_dir": str(folder / "alerts"),
        },
        "archive": {"url": f"sqlite:///{folder / 'archive.db'}"},
        "heartbeat": {"interval_seconds": HEARTBEAT_SECONDS},
        "rules_dir": str(rules.absolute()),
        "templates_dir": str((seeds / "templates").absolute()),
    }


def _write(path: Path, value: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(value, allow_unicode=True, sort_keys=False), encoding="utf-8")


def demo_environment(env: Mapping[str, str]) -> dict[str, str]:
    """The environment without settings of ours: a demo must not publish to the operator's own cluster."""
    return {name: value for name, value in env.items() if not name.startswith("COUNTERCLAIM_")}
