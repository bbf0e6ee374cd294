"""Bytes of feeds to articles, on own-written feeds of every kind."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import ParseError, UnsafeExpatError
from pipeline.feeds.parse import parse, require_safe_expat
from pipeline.feeds.parsed import MAX_ITEMS, ParsedFeed
from pipeline.feeds.state import MAX_SEEN

FIXTURES = Path(__file__).parent.parent / "fixtures" / "feeds"
NOON = datetime(2026, 2, 3, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Listed:
    """A feed as the operator lists it."""

    url: str = "https://feeds.example.org/news/rss.xml"
    outlet: str = "The Harbour Post"
    language: str = "en"


def read(name: str, **headers: str) -> ParsedFeed:
    """A fixture, parsed."""
    return parse((FIXTURES / name).read_bytes(), feed=Listed(), headers=headers, fetched=NOON)


def rss(items: str, channel: str = "<link>https://example.org/</link>") -> bytes:
    """An RSS 2.0 document with these items."""
    return f"<rss version='2.0'><channel><title>T</title>{channel}{items}</channel></rss>".encode()


def parsed(body: bytes, **headers: str) -> ParsedFeed:
    """A body, parsed as the listed feed's."""
    return parse(body, feed=Listed(), headers=headers, fetched=NOON)


def test_rss_20() -> None:
    """Title, link, text, author, date, language and the feed's own pace."""
    feed = read("rss20.xml")
    assert (feed.title, feed.ttl_seconds, feed.update_period_seconds) == ("The Harbour Post & Courier", 900, 900)
    ferry, bridge, mayor = feed.articles
    assert ferry.title == "Ministry denies selling the ferry"
    assert ferry.lead == "The ministry said it never sold the ferry."
    assert ferry.body.splitlines() == [
        "A spokesman told reporters on Tuesday that no sale had taken place.",
        "The union had accused it of a secret deal.",
    ]
    assert (ferry.url, ferry.authors) == ("https://harbourpost.example/news/ferry?id=7", ("Ines Abad",))
    assert (ferry.published, ferry.language) == (datetime(2026, 2, 3, 8, 30, tzinfo=UTC), "en")
    assert (ferry.outlet, ferry.feed, ferry.domain) == ("The Harbour Post", Listed().url, "harbourpost.example")
    assert (bridge.link, bridge.lead) == ("https://www.harbourpost.example/news/bridge", "Cars may cross again.")
    assert (mayor.link, mayor.published) == (
        "https://www.harbourpost.example/news/mayor",
        datetime(2026, 2, 1, 6, tzinfo=UTC),
    )
    assert mayor.title == "Mayor accused of hiding the accounts of the swimming pool."


def test_items_without_text_are_counted() -> None:
    """A picture alone is no article; that it was left out is said."""
    assert read("rss20.xml").skipped == 1


def test_rss_091() -> None:
    """The oldest form, with its external DTD and no dates."""
    feed = read("rss091.xml")
    assert [one.title for one in feed.articles] == ["Gemeinderat weist Vorwurf zurück", "Markt am Samstag"]
    assert {(one.language, one.published_source, one.published) for one in feed.articles} == {("de", "fetched", NOON)}


def test_rdf() -> None:
    """RSS 1.0 with Dublin Core."""
    (article,) = read("rdf.xml").articles
    assert (article.title, article.language, article.authors) == (
        "Il sindaco smentisce le accuse",
        "it",
        ("Redazione",),
    )
    assert article.published == datetime(2026, 2, 3, 7, 15, tzinfo=UTC)


def test_atom() -> None:
    """XHTML and text content, xml:base, xml:lang per entry, several authors."""
    feed = read("atom.xml")
    first, second = feed.articles
    assert feed.title == "El Faro"
    assert first.link == "https://faro.example/noticias/1.html"
    assert first.authors == ("Lucía Ferro", "Marco Sol")
    assert first.body == "El ministro lo negó ante la prensa.\nLa oposición habla de fraude."
    assert first.published == datetime(2026, 2, 3, 12, tzinfo=UTC)
    assert (first.language, second.language) == ("es", "pt")
    assert second.body == "Nota oficial:\nAT&T não participou."
    assert second.published == datetime(2026, 2, 3, 9, 40, tzinfo=UTC)


def test_a_broken_feed_gives_what_it_has() -> None:
    """Unescaped ampersands, undeclared entities, unclosed tags, a file that ends in the middle."""
    first, second = read("broken.xml").articles
    assert (first.title, first.lead) == ('Council rejects claim it "hid" report twice', "Unclosed paragraph")
    assert first.link == "https://valleywire.example/a?x=1&y=2"
    assert first.published == datetime(2026, 2, 3, tzinfo=UTC)
    assert second.title == "Second story survives"


def test_a_legacy_encoding() -> None:
    """The XML declaration's charset; and Content-Type's where the feed declares none."""
    (article,) = read("cp1251.xml").articles
    assert article.title == "Министерство опровергло обвинения"
    body = (FIXTURES / "cp1251.xml").read_bytes().replace(b' encoding="windows-1251"', b"")
    (article,) = parsed(body, **{"Content-Type": "application/rss+xml; charset=windows-1251"}).articles
    assert article.title == "Министерство опровергло обвинения"


def test_a_whole_page_gives_its_story() -> None:
    """Menus, share bar, lists of other headlines, sidebar, comment stub and story code stay out."""
    (article,) = read("page.xml").articles
    assert article.body.splitlines() == [
        "The airline said on Tuesday that its engineers had reported the crack in the wing on the day they found it.",
        "A union had accused it of keeping the report back for a month. “That is simply not true,” the airline said.",
        "The regulator has asked for the documents.",
    ]


def test_relative_links_are_the_feeds() -> None:
    """Relative to the feed; to the site where another host serves the feed for it."""
    item = "<item><title>a</title><link>a.html</link></item>"
    (own,) = parsed(rss(item, "<link>https://www.example.org/</link>")).articles
    (proxied,) = parsed(rss(item, "<link>https://paper.example/</link>")).articles
    assert (own.link, proxied.link) == ("https://feeds.example.org/news/a.html", "https://paper.example/a.html")


def test_the_original_of_a_proxied_link() -> None:
    """FeedBurner keeps the publisher's link beside its own."""
    item = (
        "<item xmlns:feedburner='http://rssnamespace.org/feedburner/ext/1.0'><title>a</title>"
        "<link>https://proxy.example/~r/x</link><feedburner:origLink>https://paper.example/a</feedburner:origLink></item>"
    )
    assert parsed(rss(item)).articles[0].url == "https://paper.example/a"


def test_the_language_falls_back_to_the_operators() -> None:
    """Entry, then feed, then the operator's list."""
    item = "<item><title>a</title></item>"
    assert parsed(rss(item, "<language>de-ch</language>")).articles[0].language == "de"
    assert parsed(rss(item)).articles[0].language == "en"


@pytest.mark.parametrize("ttl", ["", "0", "-5", "soon", "9" * 30])
def test_a_senseless_ttl_is_none(ttl: str) -> None:
    """Only a number of minutes is a pace."""
    assert parsed(rss("", f"<ttl>{ttl}</ttl>")).ttl_seconds is None


@pytest.mark.parametrize(
    ("channel", "hours", "days"),
    [
        ("<skipHours><hour>3</hour>\n<hour> 22 </hour></skipHours>", (3, 22), ()),
        ("<skipHours><hour>24</hour><hour>25</hour><hour>x</hour></skipHours>", (0,), ()),
        ("<skipDays><day>Sunday</day><day>monday</day><day>Someday</day></skipDays>", (), (0, 6)),
        ("", (), ()),
    ],
)
def test_when_not_to_ask(channel: str, hours: tuple[int, ...], days: tuple[int, ...]) -> None:
    """All hours and days of the lists, those that there are."""
    feed = parsed(rss("", channel))
    assert (feed.skip_hours, feed.skip_days) == (hours, days)


def test_an_empty_feed_is_a_feed() -> None:
    """Quiet days are no error."""
    assert parsed(rss("")).articles == ()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "the body is empty"),
        (b" \n ", "the body is empty"),
        (b"<!DOCTYPE html><html><body><p>Not found</p></body></html>", "an HTML page"),
        (b"<html lang=en><h1>Log in</h1></html>", "an HTML page"),
        (b'{"version": "https://jsonfeed.org/version/1.1"}', "no JSON Feed: it has no version or no items"),
        (bytes(range(256)) * 50, "neither RSS, RDF, Atom, JSON Feed"),
        (gzip.compress(b"<rss version='2.0'/>", mtime=0), "neither RSS, RDF, Atom, JSON Feed"),
        (b"<?xml version='1.0'?><opml><body/></opml>", "neither RSS, RDF, Atom, JSON Feed"),
    ],
)
def test_what_is_no_feed_is_said_to_be_none(body: bytes, reason: str) -> None:
    """One sentence that names the feed and what came instead."""
    with pytest.raises(ParseError, match=reason) as caught:
        parsed(body)
    assert caught.value.url == Listed().url


@pytest.mark.parametrize(
    "subset",
    [
        '<!ENTITY a "' + "ha" * 500 + '">',
        "".join(f'<!ENTITY e{n} "{n}">' for n in range(5000)),
        '<!ENTITY a "x">' + " " * 50_000,
    ],
)
def test_a_bomb_of_entities_is_refused(subset: str) -> None:
    """Before a parser sees it: no feed declares that much."""
    with pytest.raises(ParseError, match="DTD"):
        parsed(f"<!DOCTYPE rss [{subset}]>".encode() + rss("<item><title>&a;</title></item>"))


def test_a_small_dtd_is_read() -> None:
    """Old feeds declare HTML entities."""
    body = b'<!DOCTYPE rss [<!ENTITY nbsp "&#160;"><!ENTITY eacute "&#233;">]>' + rss(
        "<item><title>&eacute;t&eacute;</title></item>"
    )
    assert parsed(body).articles[0].title == "été"


def test_nothing_outside_is_opened(tmp_path: Path) -> None:
    """External entities are not followed."""
    secret = tmp_path / "secret"
    secret.write_text("hush")
    body = f'<!DOCTYPE rss [<!ENTITY x SYSTEM "{secret.as_uri()}">]>'.encode() + rss(
        "<item><title>a&x;b</title></item>"
    )
    assert "hush" not in parsed(body).articles[0].title


def test_an_old_expat_is_refused() -> None:
    """Before the first feed is parsed; with the version that is needed."""
    require_safe_expat()
    with pytest.raises(UnsafeExpatError, match=r"2\.4\.0.*2\.4\.1"):
        require_safe_expat((2, 4, 0))


@pytest.mark.parametrize("name", [b"utf\x00-8", b"utf\x80-8"])
def test_an_encoding_whose_name_is_no_name_is_a_parse_error(name: bytes) -> None:
    """feedparser 6.0 raises ValueError or UnicodeDecodeError for these; a poll must see one kind of failure."""
    body = b'<?xml version="1.0" encoding="' + name + b'"?><rss version="2.0"><channel><title>T</title></channel></rss>'
    with pytest.raises(ParseError, match="the parser gave up on it"):
        parsed(body)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damage_costs_a_parse_error_at_most(data: st.DataObject) -> None:
    """A feed with bytes cut out or put in is parsed or refused; nothing else escapes."""
    body = bytearray((FIXTURES / data.draw(st.sampled_from(["rss20.xml", "atom.xml", "rdf.xml"]))).read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        start = data.draw(st.integers(0, len(body)))
        body[start : start + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=8))
    try:
        feed = parsed(bytes(body))
    except ParseError:
        return
    assert all(one.title or one.body for one in feed.articles)


@pytest.mark.parametrize("newest_first", [True, False])
def test_of_too_many_items_the_newest_are_kept(newest_first: bool) -> None:
    """In the feed's order, whichever that is; how many were left out is said."""
    days = range(MAX_ITEMS + 40)
    dates = [(NOON - timedelta(hours=number)).isoformat() for number in days]
    items = [f"<item><title>Story {number}</title><pubDate>{dates[number]}</pubDate></item>" for number in days]
    feed = parsed(rss("".join(items if newest_first else reversed(items))))
    assert (len(feed.articles), feed.left_out, feed.skipped) == (MAX_ITEMS, 40, 0)
    kept = [f"Story {number}" for number in range(MAX_ITEMS)]
    assert [article.title for article in feed.articles] == (kept if newest_first else kept[::-1])


def test_of_too_many_items_without_dates_the_first_are_kept() -> None:
    """Feeds begin with the newest."""
    feed = parsed(rss("".join(f"<item><title>Story {number}</title></item>" for number in range(MAX_ITEMS + 1))))
    assert feed.articles[-1].title == f"Story {MAX_ITEMS - 1}"
    assert feed.left_out == 1


def test_a_feed_does_not_hold_more_items_than_are_remembered() -> None:
    """Else the rest would be published again whenever it changes."""
    assert MAX_ITEMS <= MAX_SEEN
