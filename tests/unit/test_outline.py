"""Lists of feeds from elsewhere: what is read, what is wrong where, and that an export comes back."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.cli.feeds_change import additions
from pipeline.feeds.listing import from_file
from pipeline.feeds.outline import Fault, read_outline, write_opml
from pipeline.settings.checks import feed_key
from pipeline.settings.models import Feed, FeedsFile

DEFAULTS = {"country": "GB", "language": "en"}

OPML = b"""<?xml version="1.0"?>
<opml version="1.1"><head><title>mine</title></head><body>
<outline text="News">
  <outline text="Herald" title="The Herald" type="rss" xmlUrl="https://herald.example/rss?a=1&amp;b=2"/>
  <outline
      text="Courier" language="fr" xmlUrl="https://courier.example/feed"/>
</outline>
<outline text="Bare" xmlurl="ftp://bare.example/"/>
<outline text="Again" xmlUrl="HTTPS://Herald.example:443/rss?a=1&amp;b=2"/>
<outline text="Tongue" language="english" xmlUrl="https://tongue.example/"/>
</body></opml>
"""

names = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20).filter(
    lambda text: text == text.strip() and text.isprintable()
)
feeds = st.builds(
    Feed,
    url=st.from_regex(r"https?://[a-z]{1,8}\.example/[a-z0-9?&=%'\"<>;]{0,12}", fullmatch=True),
    outlet=names,
    owner=names,
    country=st.sampled_from(["GB", "FR", "XK"]),
    language=st.sampled_from(["en", "zh"]),
    full_text=st.sampled_from(["never", "flagged", "always"]),
    interval_seconds=st.none() | st.floats(min_value=1, max_value=86_400),
)


@settings(deadline=None)
@given(st.lists(feeds, max_size=5, unique_by=lambda one: feed_key(one.url)))
def test_what_is_exported_is_imported_as_it_was(listed: list[Feed]) -> None:
    """Names in any script, addresses with any sign, intervals to the last digit."""
    outline = read_outline(write_opml(listed).encode(), {"country": "IT", "language": "it", "interval_seconds": 5})
    assert outline.faults == ()
    with_default = [one.model_copy(update={"interval_seconds": one.interval_seconds or 5}) for one in listed]
    assert [feed for _, feed in outline.feeds] == with_default


@settings(deadline=None)
@given(st.lists(feeds, max_size=3, unique_by=lambda one: feed_key(one.url)))
def test_the_exported_list_is_a_feeds_file(listed: list[Feed]) -> None:
    """What `feeds export` prints can be included."""
    text = yaml.safe_dump({"feeds": [one.model_dump(exclude_none=True) for one in listed]}, allow_unicode=True)
    assert list(FeedsFile.model_validate(yaml.safe_load(text)).feeds) == listed


def test_opml_of_other_readers_is_read_with_defaults() -> None:
    """Title before text, nested folders, and each fault with its line."""
    outline = read_outline(OPML, DEFAULTS)
    assert [(line, feed.url, feed.outlet, feed.owner, feed.language) for line, feed in outline.feeds] == [
        (4, "https://herald.example/rss?a=1&b=2", "The Herald", "The Herald", "en"),
        (5, "https://courier.example/feed", "Courier", "Courier", "fr"),
    ]
    assert [fault.line for fault in outline.faults] == [8, 9, 10]
    assert "must begin with http:// or https://" in outline.faults[0].why
    assert outline.faults[1].why.endswith("is in line 4 already")
    assert "no language code" in outline.faults[2].why


def test_a_list_of_addresses_is_read() -> None:
    """Comments and empty lines are left out; an outlet without a name has that of its host."""
    data = b"# mine\r\n\r\nhttps://a.example/rss\r\nnonsense\r\nhttps://a.example/rss#top\r\n\xff\n"
    outline = read_outline(data, DEFAULTS)
    assert [(line, feed.url, feed.outlet) for line, feed in outline.feeds] == [
        (3, "https://a.example/rss", "a.example")
    ]
    assert [fault.line for fault in outline.faults] == [4, 5, 6]
    assert outline.faults[2] == Fault(6, "is not UTF-8")


def test_what_a_feed_needs_and_nobody_says_is_asked_for() -> None:
    """Country and language cannot be guessed."""
    (fault,) = read_outline(b"https://a.example/rss", {}).faults
    assert fault == Fault(1, "country is missing: add it; language is missing: add it")


@pytest.mark.parametrize(
    ("data", "line", "why"),
    [
        (b"<opml>\n<body>\n<outline xmlUrl='https://a.example/'>", 3, "is not XML from here on"),
        (b"<!DOCTYPE opml [<!ENTITY a 'aaaa'>]>\n<opml><body/></opml>", 1, "has a document type"),
    ],
)
def test_broken_and_dangerous_xml_is_refused_with_its_line(data: bytes, line: int, why: str) -> None:
    """No entity is ever expanded."""
    (fault,) = read_outline(data, DEFAULTS).faults
    assert fault.line == line
    assert fault.why.startswith(why)


def test_an_import_changes_nothing_that_is_there() -> None:
    """Not even a feed that was removed: that was decided after it was listed somewhere."""
    outline = read_outline(b"https://a.example/\nhttps://b.example/\n", DEFAULTS)
    known = {"https://a.example/": from_file(outline.feeds[0][1])}
    (new,) = additions(outline, known).values()
    assert new is not None
    assert (new.url, new.source) == ("https://b.example/", "runtime")
