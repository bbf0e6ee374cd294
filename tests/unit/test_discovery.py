"""Where a site keeps its feeds."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest
from aiohttp import web

from pipeline.errors import FetchError
from pipeline.feeds.discovery import MAX_CANDIDATES, find, named, sitemaps
from tests.pollers import World
from tests.sites import Handler, serving
from tests.unit.test_courtesy import HereParser

PAGE = """<html><head><base href="/section/">
<link rel="stylesheet" type="text/css" href="feed.css">
<link rel="Alternate" type="application/rss+xml; charset=utf-8" title="News" href="../rss.xml">
<link rel="alternate" type="application/atom+xml" href="https://other.example/atom">
<link rel="alternate" hreflang="de" href="/de/">
</head><body><a href="news/feed/">Feed</a> <a href="/rss.xml">again</a> <a href="/about">About</a>
<a href="mailto:feed@a.example">write</a> <a href="http://[bad/feed">broken</a></body></html>"""

RSS = """<rss version="2.0"><channel><title>The Post</title><item><title>Ferry sails</title>
<pubDate>Tue, 03 Feb 2026 08:30:00 GMT</pubDate></item></channel></rss>"""


def test_what_a_page_names() -> None:
    """The head first, then links that look like feeds; each once, relative to the page's base."""
    assert [one.url for one in named(PAGE, "https://post.example/index.html")] == [
        "https://post.example/rss.xml",
        "https://other.example/atom",
        "https://post.example/section/news/feed/",
    ]


def test_a_page_of_links_is_not_scanned() -> None:
    """No more than a few addresses are asked."""
    page = "".join(f"<a href='/feed/{n}'>x</a>" for n in range(500))
    assert len(named(page, "https://post.example/")) == MAX_CANDIDATES


def test_news_sitemaps_of_robots_txt() -> None:
    """Only those for news, also where they are relative."""
    robots = "User-agent: *\nSitemap: https://post.example/news.xml\nsitemap: /sitemap-news.xml\nSitemap: /pages.xml"
    urls = [one.url for one in sitemaps(robots, "https://post.example/robots.txt")]
    assert urls == ["https://post.example/news.xml", "https://post.example/sitemap-news.xml"]


def site(pages: dict[str, str]) -> Handler:
    """These pages, and 404 for all others."""

    async def answer(request: web.Request) -> web.Response:
        text = pages.get(request.path)
        if text is None:
            return web.Response(status=404)
        return web.Response(text=text, content_type="text/html" if "<html" in text else "application/xml")

    return answer


async def found(pages: dict[str, str], path: str = "/") -> list[tuple[str, str, int]]:
    """Path, title and items of what is found."""
    async with serving(site(pages)) as there, World().fetcher() as fetcher:
        feeds = await find(there.url + path, fetcher=fetcher, parser=HereParser())
        return [(one.url.removeprefix(there.url), one.title, one.items) for one in feeds]


async def test_feeds_are_tried_and_only_those_that_answer_are_told() -> None:
    """A page that names one that is there and one that is not."""
    pages = {"/": "<html><a href='/gone/feed'>a</a><a href='/real/rss'>b</a></html>", "/real/rss": RSS}
    assert await found(pages) == [("/real/rss", "The Post", 1)]


async def test_usual_places_are_tried_last() -> None:
    """Only where nothing is named."""
    assert await found({"/": "<html></html>", "/feed": RSS}) == [("/feed", "The Post", 1)]
    named_one = {"/": "<html><a href='/x/rss'>x</a></html>", "/x/rss": RSS, "/feed": RSS}
    assert await found(named_one) == [("/x/rss", "The Post", 1)]


async def test_a_feed_is_found_at_its_own_address() -> None:
    """Who gives the feed itself gets it back."""
    assert await found({"/rss": RSS}, "/rss") == [("/rss", "The Post", 1)]


async def test_no_site_is_an_error_no_feed_is_none() -> None:
    """What cannot be reached is said."""
    assert await found({"/": "<html></html>"}) == []
    async with World().fetcher() as fetcher:
        with pytest.raises(FetchError):
            await find("http://127.0.0.1:1/", fetcher=fetcher, parser=HereParser())


async def test_the_command(tmp_path: Path) -> None:
    """Tells what it found, for machines too; exit code 1 where there is nothing."""
    (tmp_path / "counterclaim.yaml").write_text("poll: {allow_private: true}\n")

    async def run(url: str) -> tuple[int | None, str, str]:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "pipeline", "feeds", "find", url, "--json", "--config", str(tmp_path),
            stdout=pipe, stderr=pipe, env=dict(os.environ),
        )  # fmt: skip
        out, err = await process.communicate()
        return process.returncode, out.decode(), err.decode()

    async with serving(
        site({"/": "<html><a href='/rss'>b</a></html>", "/rss": RSS, "/empty": "<html></html>"})
    ) as there:
        code, out, err = await run(there.url)
        assert code == 0, err
        (one,) = json.loads(out)
        assert (one["title"], one["items"], one["newest"]) == ("The Post", 1, "2026-02-03T08:30:00+00:00")
    async with serving(site({"/": "<html></html>"})) as bare:
        code, out, err = await run(bare.url)
        assert (code, out.strip()) == (1, "[]"), err
    code, _, err = await run("ftp://post.example/")
    assert code == 2
    assert "http" in err
