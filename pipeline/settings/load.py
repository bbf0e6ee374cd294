"""The one door of the configuration: files and environment in, values out, or every problem as an exact sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from pipeline.settings.models import Feed, Outlet, Settings

if TYPE_CHECKING:
    from pipeline.rules import Rules  # type: ignore[attr-defined]  # being written


@dataclass(frozen=True, slots=True)
class Configuration:
    """All that `config/` says, validated as a whole."""

    settings: Settings
    feeds: tuple[Feed, ...]
    outlets: tuple[Outlet, ...]
    rules: Rules


def load_settings(directory: Path, env: Mapping[str, str]) -> Settings:
    """The settings of ``counterclaim.yaml`` in ``directory`` under the environment's overrides."""
    path = directory / "counterclaim.yaml"
    data: dict[str, Any] = (yaml.safe_load(path.read_text()) if path.exists() else None) or {}
    if servers := env.get("COUNTERCLAIM_KAFKA"):
        data.setdefault("kafka", {})["bootstrap"] = tuple(servers.split(","))
    for section, info in Settings.model_fields.items():
        for field in getattr(info.annotation, "model_fields", {}):
            if (text := env.get(f"COUNTERCLAIM_{section}_{field}".upper())) is not None:
                data.setdefault(section, {})[field] = text
    return Settings(directory=directory, **data)


def load_feeds(settings: Settings) -> tuple[Feed, ...]:
    """The feeds of the operator's list, includes resolved."""
    raise NotImplementedError


def load_outlets(settings: Settings) -> tuple[Outlet, ...]:
    """What is known of outlets."""
    raise NotImplementedError


def load_all(directory: Path, env: Mapping[str, str]) -> Configuration:
    """Everything, validated as a whole."""
    raise NotImplementedError
