"""Items to articles, articles to batches."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dedupe.fingerprint import article_id, text_hash
from pipeline.feeds.article import batches, build, domain_of
from pipeline.feeds.clean import MAX_LEAD_CHARS
from pipeline.records import MAX_BATCH_ARTICLES, MAX_BATCH_BYTES, Article, decode_batch, encode
from tests.articles import make_article

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def item(**changes: Any) -> Article:
    """The article of an item in which a test names what it cares about."""
    fields: dict[str, Any] = {
        "outlet": "The Harbour Post",
        "feed": "https://feeds.post.example/news.xml",
        "link": "https://www.post.example/a?utm_source=rss",
        "guid": "7",
        "title": "Bank denies leak",
        "lead": "<p>The bank said no.</p>",
        "body": "<p>It said so <b>twice</b>.</p>",
        "authors": ["Ines Abad"],
        "language": "en-GB",
        "published": NOON - timedelta(hours=1),
        "fetched": NOON,
        "html": True,
    }
    return build(**fields | changes)


def test_an_item_becomes_an_article() -> None:
    """Text is cleaned, the URL canonical, the ids made of them."""
    article = item()
    assert (article.title, article.lead, article.body) == ("Bank denies leak", "The bank said no.", "It said so twice.")
    assert (article.url, article.link) == ("https://post.example/a", "https://www.post.example/a?utm_source=rss")
    assert article.id == article_id("https://post.example/a")
    assert article.text_hash == text_hash(article.title, article.lead, article.body)
    assert (article.domain, article.language, article.authors) == ("post.example", "en", ("Ines Abad",))
    assert (article.published, article.published_source) == (NOON - timedelta(hours=1), "feed")


def test_an_item_without_a_link_is_named_by_its_guid() -> None:
    """Its domain is then the feed's."""
    article = item(link="")
    assert article.id == article_id("", outlet="The Harbour Post", guid="7")
    assert (article.url, article.link, article.domain) == ("", "", "post.example")


def test_links_to_the_front_page_name_no_article() -> None:
    """Some feeds link every item to the site: such items are told apart by their guids."""
    first, second = (item(link="https://www.post.example/", guid=guid) for guid in ("1", "2"))
    assert first.url == second.url == "https://post.example/"
    assert first.id != second.id


def test_a_bad_scheme_is_no_link() -> None:
    """A javascript: or data: link goes nowhere, and is not stored."""
    assert item(link="javascript:alert(1)").link == ""


def test_the_id_without_link_and_guid_survives_a_second_poll() -> None:
    """It holds the date as the feed gave it, not the fetch time, nor a clamped one."""
    bare = {"link": "", "guid": ""}
    for published in (None, NOON + timedelta(days=400)):
        first = item(**bare, published=published)
        second = item(**bare, published=published, fetched=NOON + timedelta(minutes=10))
        assert first.id == second.id
        assert first.published != second.published


@pytest.mark.parametrize(
    ("lead", "body", "kept"),
    [
        ("The bank said no.", "The bank said no. It said so twice.", ""),
        ("The bank said […]", "<p>The bank said no.</p>", ""),
        ("Bank denies leak", "It said so.", ""),
        ("Another summary.", "The bank said no.", "Another summary."),
        ("The bank said no.", "", "The bank said no."),
    ],
)
def test_a_lead_that_repeats_is_dropped(lead: str, body: str, kept: str) -> None:
    """A flag would be found twice in a lead that is the body's beginning or the title."""
    assert item(lead=lead, body=body).lead == kept


def test_a_body_does_not_begin_with_the_headline() -> None:
    """A whole page's text does; the title has it already."""
    assert item(body="<article><h1>Bank denies LEAK</h1><p>It said so.</p></article>").body == "It said so."


def test_a_long_lead_is_a_body() -> None:
    """A feed that puts the whole story in its description loses none of it."""
    story = "word " * MAX_LEAD_CHARS
    article = item(lead=story, body="")
    assert (article.lead, article.body) == ("", story.strip())
    assert len(item(lead=story, body="Short.").lead) <= MAX_LEAD_CHARS


def test_an_empty_title_takes_the_leads_start() -> None:
    """Cut at a word; and a short lead is then not told twice."""
    article = item(title="<b> </b>", lead="denied " * 40)
    assert article.title == ("denied " * 17).strip()
    assert article.lead.startswith(article.title)
    assert (item(title="", lead="Short.").title, item(title="", lead="Short.").lead) == ("Short.", "")
    assert item(title="", lead="", body="<p>Body.</p>").title == "Body."


def test_dates_settle_at_the_fetch_time() -> None:
    """None and the future become the fetch time, and say so."""
    missing, future = item(published=None), item(published=NOON + timedelta(days=1))
    assert (missing.published, missing.published_source) == (NOON, "fetched")
    assert (future.published, future.published_source) == (NOON, "clamped")


def test_authors_are_plain_text_and_few() -> None:
    """Names once each, without markup."""
    assert item(authors=["<b>A</b> &amp; B", "A & B", " ", *map(str, range(50))]).authors[:2] == ("A & B", "0")
    assert len(item(authors=[*map(str, range(50))]).authors) == 10


def test_plain_text_keeps_its_lines() -> None:
    """`html=False` is for text that a person or a file gave: maybe a page, whose furniture goes."""
    text = "Number one was there.\nNumber two was not."
    assert item(body=text, html=False).body == text
    assert item(body=f"Home\n{text}\nRead more", html=False).body == text


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("https://www.bbc.co.uk/a", "bbc.co.uk"),
        ("http://127.0.0.1:8000/a", "127.0.0.1/the-harbour-post"),
        ("http://localhost/a", "localhost/the-harbour-post"),
        ("", "the-harbour-post"),
    ],
)
def test_domains(url: str, domain: str) -> None:
    """A registrable domain is one outlet's; an address is shared, so the outlet's name joins it."""
    assert domain_of(url, "The Harbour Post!") == domain


@settings(max_examples=50)
@given(st.text(), st.text(), st.text(), st.booleans())
def test_building_never_raises(title: str, text: str, link: str, html: bool) -> None:
    """Whatever a feed holds becomes an article that can be sent, and alike each time."""
    article = item(
        title=title, lead=text, body=text + title, link=link, guid=text, authors=[title], language=link, html=html
    )
    assert article == item(
        title=title, lead=text, body=text + title, link=link, guid=text, authors=[title], language=link, html=html
    )
    (batch,) = batches([article], fetched=NOON)
    assert decode_batch(encode(batch)) == (batch, ())


def test_batches_keep_domains_apart_and_order() -> None:
    """One batch a domain, in the feed's order."""
    articles = [make_article(n, domain=f"{n % 2}.example") for n in range(6)]
    even, odd = batches(articles, fetched=NOON)
    assert [one.id for one in even.articles] == [articles[n].id for n in (0, 2, 4)]
    assert (even.key, odd.key) == ("0.example", "1.example")
    assert even.id != odd.id


def test_batches_hold_so_many_articles() -> None:
    """The 65th article begins a new batch; none is lost."""
    articles = [make_article(n) for n in range(MAX_BATCH_ARTICLES + 1)]
    first, second = batches(articles, fetched=NOON)
    assert (len(first.articles), len(second.articles)) == (MAX_BATCH_ARTICLES, 1)
    assert first.articles + second.articles == tuple(articles)
    assert batches([], fetched=NOON) == ()


@settings(max_examples=20)
@given(st.lists(st.integers(0, 240_000), min_size=1, max_size=12))
def test_batches_hold_so_many_bytes(sizes: list[int]) -> None:
    """No batch is larger than a record may be, and none could have taken the next one's first article."""
    articles = [make_article(n, body='"' * (size // 2)) for n, size in enumerate(sizes)]
    made = batches(articles, fetched=NOON)
    assert [one for batch in made for one in batch.articles] == articles
    assert all(len(encode(batch)) <= MAX_BATCH_BYTES for batch in made)
    for batch, following in pairwise(made):
        (both,) = batches([following.articles[0]], fetched=NOON)
        assert len(encode(batch)) + len(encode(both)) > MAX_BATCH_BYTES


def test_the_largest_article_fits_a_batch_alone() -> None:
    """Limits of the fields are such that no article is too large to be sent."""
    article = item(
        title='"' * 10**5, lead='"' * 10**5, body="\U0001f30d" * 10**5, authors=['"' * 1000 + str(n) for n in range(99)]
    )
    assert len(encode(batches([article], fetched=NOON)[0])) < MAX_BATCH_BYTES


def test_a_batch_sent_again_has_its_id() -> None:
    """Ids come from content, so a second send is the same record; a revision is another."""
    articles = [make_article(1), make_article(2)]
    first = batches(articles, fetched=NOON)[0].id
    assert batches(articles, fetched=NOON)[0].id == first
    assert batches([make_article(1, title="Changed"), make_article(2)], fetched=NOON)[0].id != first
