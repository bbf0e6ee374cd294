"""Our Faust transport on a real broker."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.integration.transport import BOUND_SECONDS, SCENARIOS


@pytest.mark.timeout(BOUND_SECONDS + 30)
@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_transport(scenario: str, bootstrap: str, tmp_path: Path) -> None:
    """Each scenario holds: what it is about stands in its docstring."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.integration.transport", scenario, bootstrap, str(tmp_path),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()[-6000:]
    assert said.decode().splitlines()[-1] == "passed"
