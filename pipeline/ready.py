"""How a process tells the supervisor that started it that it is ready, and where its metrics are."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

READY_FILE: Final = "COUNTERCLAIM_READY_FILE"
"""Environment variable: the file that a supervised process writes once it works."""


def announce(metrics_address: str, env: Mapping[str, str]) -> bool:
    """Write one line of JSON, ``{"ready": true, "metrics": "http://…/metrics"}``, to the file that ``env`` names.

    The file appears whole or not at all (written beside and renamed), so that a reader never sees half a line. Without
    a supervisor there is no such variable and nothing happens; returns whether something was written.

    Raises:
        OSError: the file cannot be written.
    """
    name = env.get(READY_FILE)
    if not name:
        return False
    target = Path(name)
    beside = target.with_name(f"{target.name}.{os.getpid()}")
    beside.write_text(json.dumps({"ready": True, "metrics": metrics_address}) + "\n", encoding="utf-8")
    beside.replace(target)
    return True
