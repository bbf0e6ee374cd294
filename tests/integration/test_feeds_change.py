"""`counterclaim feeds add|pause|resume|remove|import|export`, beside a poller that runs, on a real broker."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.integration.test_share import Asked, Process, write_config
from tests.integration.workers import until
from tests.sites import serving

ABOUT = ("--outlet", "Paper", "--country", "GB", "--language", "en")


class Command:
    """`counterclaim feeds …` on one broker and configuration."""

    def __init__(self, bootstrap: str, config: Path) -> None:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("COUNTERCLAIM_")}
        self._env = kept | {"COUNTERCLAIM_KAFKA": bootstrap}
        self._config = config

    async def __call__(self, *arguments: str, code: int = 0) -> str:
        """What it printed; on stderr, if it was to fail."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "pipeline", "feeds", *arguments, "--config", str(self._config),
            env=self._env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        assert process.returncode == code, err.decode()
        return (err if code else out).decode()

    async def states(self) -> dict[str, str]:
        """State by path, as `feeds status` has it."""
        found = json.loads(await self("status", "--json"))
        return {urlsplit(one["url"]).path: one["health"] for one in found}


@pytest.mark.timeout(240)
async def test_the_list_changes_while_a_poller_runs(topics_ready: str, tmp_path: Path) -> None:
    """Each change is followed, refused with a reason, or still true after the next start."""
    asked = Asked()
    async with serving(asked, host="127.0.0.1") as site:
        listed, added, imported = (f"{site.url}/{name}" for name in ("listed", "added", "imported"))
        config = write_config(tmp_path / "config", [listed])
        feeds, poller = Command(topics_ready, config), Process("one", topics_ready, config)

        def polls(url: str) -> int:
            return len(asked.by[f"127.0.0.1{urlsplit(url).path}"])

        async def is_polled(url: str) -> None:
            before = polls(url)
            await until(lambda: polls(url) > before + 1, f"{url} is not polled: {poller.log.read_text()[-2000:]}")

        # Before any poller ran, the file's feeds are known to the commands.
        await feeds("pause", listed)
        await poller.start()
        try:
            await feeds("add", added, *ABOUT)
            await is_polled(added)
            assert (polls(listed), await feeds.states()) == (0, {"/listed": "paused", "/added": "ok"})
            await feeds("resume", listed)
            await is_polled(listed)

            (tmp_path / "list.txt").write_text(f"# mine\n{added}\n{imported}\nnonsense\n")
            said = await feeds("import", str(tmp_path / "list.txt"), "--country", "GB", "--language", "en", code=1)
            place = f"{tmp_path / 'list.txt'}:4"
            assert said == f"{place}: 'nonsense' is not a feed address: it must begin with http:// or https://\n"
            await is_polled(imported)
            opml = await feeds("export", "--opml")
            assert all(url in opml for url in (listed, added, imported))

            await feeds("remove", listed)
            before = polls(listed)
            await is_polled(added)
            await is_polled(added)
            assert polls(listed) <= before + 1
        finally:
            await poller.kill()

        # A start applies the file again; what was decided by hand stands.
        again = Process("two", topics_ready, config)
        await again.start()
        try:
            before = polls(listed)
            await until(lambda: "two" in asked.by["127.0.0.1/added"], "the second poller polls nothing")
            assert (polls(listed), set(await feeds.states())) == (before, {"/added", "/imported"})
        finally:
            await again.kill()

        assert "no such feed is listed" in await feeds("pause", f"{site.url}/unknown", code=2)
        assert "no such feed is listed" in await feeds("remove", listed, code=2)
        wrong = await feeds(
            "add", f"{site.url}/new", "--outlet", "Paper", "--country", "UK", "--language", "en", code=2
        )
        assert "did you mean 'GB'?" in wrong
