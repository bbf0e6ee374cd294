"""Items that come again just as they were are not made into articles again, and are known all the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from pipeline.feeds.keys import item_part, mark, seen_key, text_part
from pipeline.feeds.parse import parse
from pipeline.feeds.parsed import ParsedFeed
from pipeline.settings.models import Feed
from tests.articles import NOON, make_article
from tests.pollers import feed

RSS = """<rss version="2.0"><channel><title>t</title><link>https://herald.example/</link>{}</channel></rss>"""
ITEM = """<item><title>{title}</title><link>https://herald.example/{n}</link><description>{lead}</description></item>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>t</title>{}</feed>"""
ENTRY = """<entry><id>tag:{n}</id><title>{title}</title><link href="https://herald.example/{n}"/>
<summary>{lead}</summary></entry>"""
JSON = """{{"version": "https://jsonfeed.org/version/1.1", "title": "t", "items": [{}]}}"""
POST = """{{"id": "{n}", "url": "https://herald.example/{n}", "title": "{title}", "summary": "{lead}"}}"""
SITEMAP = """<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"
xmlns:news="http://www.google.com/schemas/sitemap-news/0.9">{}</urlset>"""
PAGE = (
    """<url><loc>https://herald.example/{n}</loc><news:news><news:title>{title} {lead}</news:title></news:news></url>"""
)
KINDS = {"rss": (RSS, ITEM, ""), "atom": (ATOM, ENTRY, ""), "json": (JSON, POST, ","), "sitemap": (SITEMAP, PAGE, "")}

Body = Callable[..., bytes]


@pytest.fixture(params=KINDS)
def body(request: pytest.FixtureRequest) -> Body:
    """Writes a feed of one kind, of items that are number, title and lead."""
    frame, piece, between = KINDS[request.param]

    def write(*items: tuple[int, str, str]) -> bytes:
        return frame.format(
            between.join(piece.format(n=n, title=title, lead=lead) for n, title, lead in items)
        ).encode()

    return write


def read(text: bytes, *known: str, listed: Feed | None = None, hours: float = 0) -> ParsedFeed:
    """Parse it when these keys are known."""
    listed = listed or feed("https://herald.example/feed")
    return parse(text, feed=listed, headers={}, fetched=NOON + timedelta(hours=hours), known=known)


def test_only_what_is_new_or_changed_is_made(body: Body) -> None:
    """The keys tell of all, in the feed's order, as if all had been made."""
    old = read(body((1, "one", "first"), (2, "two", "second"), (3, "three", "third")))
    assert [one.title.split()[0] for one in old.articles] == ["one", "two", "three"]
    text = body((4, "four", "fourth"), (1, "one", "first"), (2, "two", "mended"), (3, "three", "third"))
    found = read(text, *old.keys, hours=2)
    assert [one.title.split()[0] for one in found.articles] == ["four", "two"]
    assert found.keys == read(text, hours=2).keys
    assert found.keys[1::2] == old.keys[0::2]
    assert item_part(found.keys[2]) == item_part(old.keys[1])
    assert text_part(found.keys[2]) != text_part(old.keys[1])
    assert found.skipped == 0
    assert read(text, *found.keys).articles == ()


def test_an_item_without_text_is_skipped_every_time(body: Body) -> None:
    """It has no key."""
    text = body((1, "one", "first"), (2, "", ""))
    first = read(text)
    second = read(text, *first.keys)
    assert (len(first.articles), len(second.articles)) == (1, 0)
    assert first.skipped == second.skipped == 1
    assert first.keys == second.keys


def test_keys_without_a_mark_spare_nothing(body: Body) -> None:
    """They were written when items had none."""
    text = body((1, "one", "first"))
    first = read(text)
    assert read(text, *map(seen_key, first.articles)) == first


def test_another_outlet_makes_another_article(body: Body) -> None:
    """It is part of what an article is made from."""
    text = body((1, "one", "first"))
    known = read(text).keys
    assert len(read(text, *known, listed=feed("https://herald.example/feed", outlet="Other")).articles) == 1


def test_what_a_key_is_made_of() -> None:
    """Item, text and mark, each of them apart."""
    one, mended = make_article(1), make_article(1, title="mended")
    key = seen_key(one, mark(["raw"]))
    assert len(key) == 32
    assert text_part(key) == seen_key(one)
    assert item_part(key) == item_part(seen_key(mended))
    assert text_part(key) != seen_key(mended)
    assert mark(["ab", "c"]) != mark(["a", "bc"])
    assert mark(["\ud800"]) != mark(["?"])
