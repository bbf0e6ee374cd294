"""Ids of articles and hashes of texts."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from pipeline.dedupe.fingerprint import article_id, text_hash

URL = "https://example.org/a"
DAY = datetime(2026, 2, 3, tzinfo=UTC)


def test_values_are_fixed() -> None:
    """The hashes are part of what is stored: another value for the same input would make everything new."""
    assert article_id(URL) == "fd9c8ac32a3380b6204e48c80e06b337"
    assert text_hash("Title", "Lead", "Body") == "70d7b97743f21d3d"


def test_the_url_alone_names_an_article() -> None:
    """Where there is a canonical URL, nothing else counts: two feeds of an outlet give one article."""
    assert article_id(URL, outlet="A", guid="1", title="x", published=DAY) == article_id(URL, outlet="B", guid="2")


def test_without_a_url_outlet_and_guid_name_it() -> None:
    """An item id is unique within its outlet only; a new title does not make a new article."""
    assert article_id("", outlet="A", guid="1", title="x") == article_id(
        "", outlet="A", guid="1", title="y", published=DAY
    )
    assert article_id("", outlet="A", guid="1") != article_id("", outlet="B", guid="1")
    assert article_id("", outlet="A", guid="1") != article_id("", outlet="A", guid="2")


def test_without_both_outlet_title_and_date_name_it() -> None:
    """The last resort tells two days' items of one title apart, not two spellings."""
    first = article_id("", outlet="A", title="Morning  briefing", published=DAY)
    assert first == article_id("", outlet="A", title="MORNING BRIEFING", published=DAY)
    assert first != article_id("", outlet="A", title="Morning briefing", published=DAY.replace(day=4))
    assert first != article_id("", outlet="A", guid="Morning briefing")


@given(st.text(), st.text(), st.text())
def test_shapes(title: str, lead: str, body: str) -> None:
    """Any text gives 16 and 32 hex digits, always the same."""
    assert re.fullmatch("[0-9a-f]{16}", text_hash(title, lead, body))
    assert re.fullmatch("[0-9a-f]{32}", article_id("", outlet=title, guid=lead, title=body))
    assert text_hash(title, lead, body) == text_hash(title, lead, body)


def test_case_space_and_composition_do_not_count() -> None:
    """A text set again in capitals or with other spaces is the same revision."""
    assert text_hash("Émile denies", "a  b\nc", "") == text_hash("E\u0301MILE DENIES ", " a b c", "\n")
    assert text_hash("Straße", "", "") == text_hash("STRASSE", "", "")


def test_words_and_fields_count() -> None:
    """One word more is a revision; the same word in another field is another text."""
    assert text_hash("denies", "", "") != text_hash("denied", "", "")
    assert text_hash("a", "b", "") != text_hash("a b", "", "")
    assert text_hash("a", "b", "") != text_hash("a", "", "b")
