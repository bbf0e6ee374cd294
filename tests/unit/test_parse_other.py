"""JSON Feed and news sitemaps, by way of the one function that parses all feeds."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ParseError
from tests.unit.test_parse import NOON, Listed, parsed

V11 = "https://jsonfeed.org/version/1.1"


def json_feed(*items: Any, **channel: Any) -> bytes:
    """A JSON Feed with these items."""
    return json.dumps({"version": V11, "title": "The Harbour Post", "items": list(items)} | channel).encode()


def test_json_feed() -> None:
    """Address, texts, authors, date, language; relative addresses belong to the home page."""
    item = {
        "id": "7",
        "url": "/news/ferry",
        "title": "Ministry denies selling the ferry",
        "summary": "It never did, it says.",
        "content_html": "<p>No sale had taken place.</p><p>Nobody asked.</p>",
        "date_published": "2026-02-03T08:30:00Z",
        "authors": [{"name": "Ines Abad"}, {"url": "https://nobody.example"}],
        "language": "en-GB",
    }
    feed = parsed(b"\xef\xbb\xbf" + json_feed(item, home_page_url="https://harbourpost.example/"))
    (ferry,) = feed.articles
    assert feed.title == "The Harbour Post"
    assert (ferry.title, ferry.lead) == ("Ministry denies selling the ferry", "It never did, it says.")
    assert ferry.body.splitlines() == ["No sale had taken place.", "Nobody asked."]
    assert (ferry.url, ferry.authors) == ("https://harbourpost.example/news/ferry", ("Ines Abad",))
    assert (ferry.published, ferry.language) == (datetime(2026, 2, 3, 8, 30, tzinfo=UTC), "en")


def test_json_feed_with_liberties() -> None:
    """A number for an id, one author as in 1.0, an id that is the address, nulls; an item without text is skipped."""
    feed = parsed(
        json_feed(
            {"id": 12, "title": "One", "author": {"name": "A. B."}, "url": None},
            {"id": "https://harbourpost.example/two", "content_text": "Two & three <b>stay</b>."},
            {"id": "3"},
            "no item at all",
            version="https://jsonfeed.org/version/1",
        )
    )
    one, two = feed.articles
    assert (one.title, one.authors, one.url) == ("One", ("A. B.",), "")
    assert (two.url, two.published_source) == ("https://harbourpost.example/two", "fetched")
    assert two.title.startswith("Two & three")
    assert feed.skipped == 2


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"items": []}', "no JSON Feed"),
        (b'{"version": "https://jsonfeed.org/version/1.1", "items": {}}', "no JSON Feed"),
        (b"{" * 100_000, "is none"),
        (b'{"version": ', "is none"),
    ],
)
def test_other_json_is_no_feed(body: bytes, reason: str) -> None:
    """With a sentence that says what it is."""
    with pytest.raises(ParseError, match=reason):
        parsed(body)


JSON = st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3))


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["id", "url", "title", "summary", "content_html", "authors", "date_published"]), JSON
        ),
        max_size=4,
    )
)
def test_any_json_is_parsed_or_refused(items: list[dict[str, Any]]) -> None:
    """Nothing but a `ParseError` comes out of what a publisher may write."""
    assert len(parsed(json_feed(*items)).articles) <= len(items)


SITEMAP = """<?xml version="1.0" encoding="UTF-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:n="http://www.google.com/schemas/sitemap-news/0.9">
  <!-- two of three are news -->
  <url><loc>https://harbourpost.example/ferry</loc>
    <n:news><n:publication><n:name>The Harbour Post</n:name><n:language>pt</n:language></n:publication>
    <n:publication_date>2026-02-03T08:30:00+01:00</n:publication_date>
    <n:title>Ferry &amp; bridge</n:title></n:news></url>
  <url><loc>https://harbourpost.example/about</loc></url>
  <url><loc>https://harbourpost.example/mayor</loc><lastmod>2026-01-12</lastmod>
    <n:news><n:title>Mayor denies it</n:title></n:news></url>
</urlset>"""


def test_news_sitemap() -> None:
    """Title, address, date and language; an address without news is skipped."""
    feed = parsed(SITEMAP.encode())
    ferry, mayor = feed.articles
    assert (ferry.title, ferry.url, ferry.language) == ("Ferry & bridge", "https://harbourpost.example/ferry", "pt")
    assert ferry.published == datetime(2026, 2, 3, 7, 30, tzinfo=UTC)
    assert (mayor.language, mayor.published) == (Listed().language, datetime(2026, 1, 12, tzinfo=UTC))
    assert mayor.published < NOON
    assert feed.skipped == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("<sitemapindex><sitemap><loc>https://a.example/news.xml</loc></sitemap></sitemapindex>", "index of sitemaps"),
        ("<urlset><url><loc>https://a.example/about</loc></url></urlset>", "without news"),
        ("<urlset><url></urlset>", "not well-formed"),
        ("<?xml version='1.0' encoding='klingon'?><urlset/>", "not well-formed"),
    ],
)
def test_other_sitemaps_are_refused(body: str, reason: str) -> None:
    """And say what would help."""
    with pytest.raises(ParseError, match=reason):
        parsed(body.encode())


def test_a_quiet_sitemap_is_a_feed() -> None:
    """Nothing published in two days is no error."""
    assert parsed(b"<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'></urlset>").articles == ()
