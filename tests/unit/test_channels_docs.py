"""The receiver that the documents show is one."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import sys
from pathlib import Path

from pipeline.channels.sent import Sent
from pipeline.records import Webhook
from tests.channelled import opened
from tests.told import message, subscription

SECRET = "whsec_" + base64.b64encode(b"d" * 24).decode()
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "alerts.md"


async def test_the_documented_receiver_verifies_and_tells_once(tmp_path: Path) -> None:
    """It takes a signed message, shows it once however often it comes, and refuses one with another secret."""
    [code] = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    environment = os.environ | {"SECRET": SECRET, "PORT": "0", "PYTHONUNBUFFERED": "1"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, env=environment
    )
    assert process.stdout is not None
    try:
        started = (await process.stdout.readline()).decode()
        url = re.search(r"http://\S+", started)
        assert url is not None, started
        async with opened(tmp_path) as (channels, seals):
            good, bad = (
                Webhook(url=f"{url[0]}/alerts", secrets=(seals.seal(secret),))
                for secret in (SECRET, SECRET[:-4] + "AAAA")
            )
            for channel, expected in ((bad, 500), (good, 204), (good, 204)):
                found = await channels.send(channel, subscription(channel), message())
                assert found.status == expected
            other = message(id="msg_" + "2" * 32)
            assert await channels.send(good, subscription(good), other) == Sent("delivered", 204)
    finally:
        process.terminate()
        rest = (await process.communicate())[0].decode()
    assert rest.count("Borduria denied it, according to reports, first by Example Times") == 2
