"""The reader of plain feeds says what feedparser says, or leaves the document to it."""

from __future__ import annotations

from html import escape
from pathlib import Path

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from pipeline.errors import ParseError
from pipeline.feeds.parse import parse
from pipeline.feeds.parse.plain import Document, Odd, read_plain
from pipeline.feeds.parsed import ParsedFeed
from tests.unit.test_parse import FIXTURES, NOON, Listed

NAMESPACES = (
    'xmlns:atom="http://www.w3.org/2005/Atom" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    ' xmlns:dcterms="http://purl.org/dc/terms/" xmlns:content="http://purl.org/rss/1.0/modules/content/"'
    ' xmlns:media="http://search.yahoo.com/mrss/" xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"'
    ' xmlns:feedburner="http://rssnamespace.org/feedburner/ext/1.0" xmlns:own="https://harbour.example/ns"'
    ' xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" xmlns:gd="http://schemas.google.com/g/2005"'
)


def rss(items: str, channel: str = "", attributes: str = "") -> bytes:
    """An RSS 2.0 document."""
    head = f"<title>T</title><link>https://example.org/</link>{channel}"
    return f'<rss version="2.0" {NAMESPACES} {attributes}><channel>{head}{items}</channel></rss>'.encode()


def atom(entries: str, head: str = "", attributes: str = "") -> bytes:
    """An Atom document."""
    return f'<feed xmlns="http://www.w3.org/2005/Atom" {NAMESPACES} {attributes}>{head}{entries}</feed>'.encode()


def outcome(body: bytes, headers: dict[str, str], *, by_the_book: bool) -> ParsedFeed | str:
    """What parsing comes to."""
    try:
        return parse(body, feed=Listed(), headers=headers, fetched=NOON, by_the_book=by_the_book)
    except ParseError as error:
        return error.reason


def both(body: bytes, **headers: str) -> ParsedFeed | str:
    """The outcome, which is the same with and without the reader of plain documents."""
    found = outcome(body, headers, by_the_book=False)
    assert found == outcome(body, headers, by_the_book=True)
    return found


def plain(body: bytes, **headers: str) -> ParsedFeed:
    """The articles of a document that is certainly plain."""
    known = {name.lower(): value for name, value in headers.items()}
    assert isinstance(read_plain(body, known), Document)
    found = both(body, **headers)
    assert isinstance(found, ParsedFeed)
    return found


def why_odd(body: bytes, **headers: str) -> str:
    """Why feedparser has to look at it."""
    read = read_plain(body, headers)
    assert isinstance(read, Odd)
    both(body)
    return read.reason


@pytest.mark.parametrize("path", sorted(FIXTURES.iterdir()), ids=lambda path: path.stem)
def test_the_fixtures(path: Path) -> None:
    """The same articles both ways."""
    both(path.read_bytes())


@pytest.mark.parametrize(
    "item",
    [
        "<title>a</title><description>b</description><content:encoded>c</content:encoded>",
        "<content:encoded>c</content:encoded><description>b</description><title>a</title>",
        "<content:encoded><![CDATA[<p>c &amp; d</p>]]></content:encoded>",
        "<title/><description/><content:encoded>c</content:encoded>",
        "<title>a</title><guid>https://example.org/1</guid>",
        "<title>a</title><guid isPermaLink='false'>1</guid><link>/x?a=1&amp;b=2&amp;amp;c;</link>",
        "<title>a</title><link>https://example.org/1</link><guid>https://example.org/2</guid>",
        "<title>a</title><guid isPermaLink='false'>1</guid>",
        "<title>Ã©tÃ©</title><description>Ã©tÃ©</description>",
        "<title>a</title><link/><guid>https://example.org/2</guid>",
        "<title>a</title><atom:link href='https://example.org/3' rel='ALTERNATE'/><atom:link rel='self' href='x'/>",
        "<title>a</title><link>https:///example.org//4</link>",
        "<title>a</title><author>ann@example.org (Ann Day)</author><dc:creator>Bo</dc:creator>",
        "<title>a</title><dc:creator/><dc:creator>Bo Orm</dc:creator><dc:creator>bo@example.org</dc:creator>",
        "<title>a</title><pubDate>Tue, 03 Feb 2026 08:30:00 EST</pubDate><dc:date>2026-02-03</dc:date>",
        "<title>a</title><pubDate>3 février 2026</pubDate>",
        "<title>a</title><pubDate>2016/6/29</pubDate><dcterms:modified>2026-02-03T01:00+02:00</dcterms:modified>",
        "<title>Ã©tÃ© \x80 \x93x\x94</title><description>é &#8217; &amp;eacute;</description>".replace(
            "\x80", "&#x80;"
        ),
        "<title>a</title><source url='https://other.example/'>Other</source>",
        "<title>a</title><feedburner:origLink>https://paper.example/a</feedburner:origLink>",
        "<title>a</title><media:content url='x'><media:title type='plain'>b</media:title></media:content>",
        "<description>a</description><media:group><media:description>b &amp;lt; c</media:description></media:group>",
        "<description>a</description><media:description>&lt;p&gt;b&lt;/p&gt;</media:description><title>t</title>",
        "<title>t</title><media:description type='html'>b</media:description><content:encoded>c</content:encoded>",
        "<title>a</title><own:thing a='1'><own:title>b</own:title></own:thing><subject>c</subject>",
        "<title>a</title><category>c</category><enclosure url='x' length='1' type='audio/mpeg'/>",
        "<title>a<!-- b -->c<?d e?></title>",
        "<title xml:lang='pt_BR'>a</title><language>de</language>",
    ],
)
def test_plain_items(item: str) -> None:
    """What feedparser does with each of these is known."""
    plain(rss(f"<item>{item}</item><item><title>z</title></item>"))


@pytest.mark.parametrize(
    "entry",
    [
        "<title>a</title><link href='/1'/><id>tag:example.org,2026:1</id><content type='html'>&lt;p&gt;c</content>",
        "<title type='html'>a &amp;amp; b</title><summary>x &lt; y</summary><content type='TEXT'>&lt;c></content>",
        "<content xml:base='https://other.example/' xml:lang='it'>c</content><link href='rel'/>",
        "<title xml:base='/deep/'>t</title><link rel='enclosure' href='x'/><link href='' type='text/html'/>",
        "<author><name>A</name><uri>u</uri><email>a@example.org</email></author><author><email>b@b.example</email></author>",
        "<title>a</title><author><name>A</name><email>a@a.example</email></author><author><gd:image a=''/></author>",
        "<title>a</title><published>2026-02-03T08:30:00Z</published><updated>2026-02-03T09:30:00.5-03:00</updated>",
        "<title>a</title><author>Plain Name</author><rights>r</rights><category term='t'/>",
    ],
)
@pytest.mark.parametrize("attributes", ["", 'xml:base="https://base.example/a/" xml:lang="es_ES"', 'xml:base="b/"'])
def test_plain_entries(entry: str, attributes: str) -> None:
    """Bases and languages around them and in them."""
    plain(
        atom(f"<entry xml:lang='fr'>{entry}</entry><entry><link href='rel'/><title>z</title></entry>", "", attributes)
    )


@pytest.mark.parametrize(
    "channel",
    [
        "<language>de-ch</language><ttl>15</ttl><sy:updatePeriod>daily</sy:updatePeriod>",
        "<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>4</sy:updateFrequency><ttl>0</ttl>",
        "<image><title>Other</title><url>u</url><link>https://other.example/</link></image>",
        "<atom:link href='https://other.example/'/><managingEditor>a@example.org (A)</managingEditor>",
        "<skipHours><hour>3</hour></skipHours><skipDays><day>Sunday</day></skipDays>",
        "<description>d</description><lastBuildDate>Tue, 03 Feb 2026 08:30:00 EST</lastBuildDate><docs>x</docs>",
        "<site xmlns='com-wordpress:feed-additions:1'>1</site>",
    ],
)
def test_plain_channels(channel: str) -> None:
    """The feed's own hints, with an item whose link depends on the feed's."""
    plain(rss("<item><title>a</title><link>x</link></item>", channel))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<rss version='2.0'><channel><title>a & b</title></channel></rss>", "not well-formed"),
        (b"<!DOCTYPE rss []>" + rss(""), "DTD"),
        (b"<?xml version='1.0' encoding='x-none'?>" + bytes([0xFF, 0x81, 0x8D]) * 9, "not well-formed"),
        (rss("<item><title>a</title><title>b</title></item>"), "two titles"),
        (rss("<item><description>a</description><description>b</description></item>"), "two summaries"),
        (rss("<item><description>a <b>b</b></description></item>"), "markup"),
        (rss("<item><media:title>a</media:title><title>b</title></item>"), "element media_title"),
        (rss("<item><own:x><title>b</title></own:x></item>"), "element title"),
        (rss("<item><media:description>a</media:description><description>b</description></item>"), "two summaries"),
        (rss("<item><content:encoded>a</content:encoded><media:description>b</media:description></item>"), "content"),
        (rss("", "<media:description>b</media:description>"), "element media_description"),
        (rss("<item><date>2026</date></item>"), "element date"),
        (rss("<item><own:x xml:base='https://x.example/'/></item>"), "attribute"),
        (rss("<item><content:encoded/><content:encoded>b</content:encoded></item>"), "two contents"),
        (rss("<item><title>a</title><source/><media:title>b</media:title></item>"), "element media_title"),
        (rss("<item><description type='text'>&lt;p&gt;a&lt;/p&gt;</description></item>"), "plain description"),
        (rss("", "", "lang='de'"), "attribute lang"),
        (rss("<item a='1'/>"), "attributes of an entry"),
        (rss("", "<itunes:summary>a</itunes:summary>"), "element itunes_summary"),
        (rss("", "", "xmlns:sy2='http://purl.org/rss/1.0/' lang='de'"), "namespace"),
        (rss("", "<x xmlns:dc='https://harbour.example/dc'/>"), "prefix dc"),
        (rss("", "", "xmlns:media2='http://search.yahoo.com/mrss/' xmlns:OWN='urn:x'"), "prefix own"),
        (atom("<entry><content type='xhtml'><div>a</div></content></entry>"), "markup"),
        (atom("<entry><content type='image/png'>aGk=</content></entry>"), "type image/png"),
        ((FIXTURES / "rdf.xml").read_bytes(), "namespace http://purl.org/rss/1.0/"),
    ],
)
def test_what_is_odd(body: bytes, reason: str) -> None:
    """It goes to feedparser, and the reason says why."""
    assert reason in why_odd(body)


@pytest.mark.parametrize("charset", ["", "; charset=utf-8", "; charset=windows-1251", "; charset=nonsense"])
@pytest.mark.parametrize("kind", ["application/rss+xml", "text/xml", "text/html"])
@pytest.mark.parametrize("name", ["cp1251.xml", "rss20.xml"])
def test_encodings(name: str, kind: str, charset: str) -> None:
    """feedparser's own way with them is used."""
    both((FIXTURES / name).read_bytes(), **{"Content-Type": kind + charset})


# -- feeds at random

TEXTS = st.one_of(
    st.sampled_from([
        "", " ", "Harbour reopens", "a &amp; b", "&lt;p&gt;One.&lt;/p&gt;&lt;p&gt;Two.", "<![CDATA[<p>One</p> two]]>",
        "&amp;lt;b&amp;gt;", "Ã©tÃ©", "été &#147;so&#148;", "&#8230;", "<![CDATA[a]]><![CDATA[&amp;]]>", "a@b.example",
        "Ann Day &lt;ann@example.org&gt;", "ann@example.org (Ann)", "&amp;nbsp;", "&lt;/div&gt; &amp;foo;", "x\r\ny\tz",
    ]),
    st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=["Cs", "Cn"]), max_size=30).map(
        escape
    ),
)  # fmt: skip
LINKS = st.sampled_from([
    "https://example.org/a", "/a?b=1&amp;c=2", "../up", "", "?q", "#f", "https:///x/y", "HTTP://Example.org/%C3%A9",
    "tag:example.org,2026:1", "urn:x:1", "javascript:x", "http://[bad", "a b", "&amp;copy;=1", "//host.example/p",
])  # fmt: skip
DATES = st.sampled_from([
    "Tue, 03 Feb 2026 08:30:00 GMT", "2026-02-03T08:30:00+01:00", "2026-02-03", "3/4/2026", "Feb 3, 2026 8:30 AM CET",
    "2026-02-30T00:00:00Z", "tomorrow", "", "Mi, 03 Feb 2026 08:30:00 MESZ", "20260203", "2026", "99999-01-01",
    "Tue Feb 3 08:30:00 2026", "0001-01-01T00:00:00Z", "2026-034", "03 Feb 26 08:30 PST", "1e9", "24:00",
])  # fmt: skip
ATTRIBUTES = st.sampled_from([
    "", "", "", "", " xml:lang='pt_BR'", " xml:base='https://base.example/d/'", " xml:base='e/'", " type='html'",
    " type='text'", " isPermaLink='false'", " ispermalink='TRUE'", " own:a='1'", " xml:lang=''",
])  # fmt: skip


def element(names: list[str], content: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """One element of one of these names."""
    return st.builds("<{0}{1}>{2}</{0}>".format, st.sampled_from(names), ATTRIBUTES, content)


ANCHORS = st.builds(
    "<{}link{} href='{}'{}/>".format,
    st.sampled_from(["atom:", ""]),
    st.sampled_from(["", " rel='alternate'", " rel='Self'", " rel='replies'"]),
    LINKS,
    st.sampled_from(["", " type='text/html'", " type='application/json'", " title='t'"]),
)
PEOPLE = st.lists(element(["name", "uri", "email", "gd:image"], TEXTS), max_size=3).map("".join)
NESTED = st.sampled_from([
    "<media:group><media:content url='u'/><media:title>m</media:title></media:group>",
    "<media:thumbnail url='u'>t</media:thumbnail>", "<own:a><own:b c='1'>x</own:b>y</own:a>", "<own:a b='1'>z</own:a>",
    "<source url='u'>s</source>", "<category domain='d'>c</category>", "<enclosure url='u'/>",
    "<own:a><own:a b='1'/></own:a>", "<comments>u</comments>", "<!-- c -->", "<media:description>d</media:description>",
    "<media:content><media:description type='plain'>&lt;b&gt;d&lt;/b&gt;</media:description></media:content>",
    "<media:description xml:base='m/'>&amp;amp; d</media:description>",
])  # fmt: skip
PARTS = st.one_of(
    element(["title", "description", "content:encoded", "summary", "content", "media:title"], TEXTS),
    element(["author", "dc:creator", "author"], st.one_of(TEXTS, PEOPLE)),
    element(["guid", "id", "link", "feedburner:origLink"], LINKS),
    element(["pubDate", "dc:date", "updated", "published", "dcterms:created", "dcterms:issued"], DATES),
    ANCHORS,
    NESTED,
)
CHANNEL_PARTS = st.one_of(
    element(["language", "ttl", "sy:updatePeriod", "copyright", "generator", "docs"], TEXTS),
    element(["id", "logo"], LINKS),
    element(["updated", "lastBuildDate", "pubDate"], DATES),
    ANCHORS,
    NESTED,
    st.just("<image><url>u</url><title>i</title><link>https://image.example/</link></image>"),
    st.builds("<author>{}</author>".format, PEOPLE),
)


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """RSS or Atom, with most of what such feeds hold, in any order."""
    is_atom = draw(st.booleans())
    name = "entry" if is_atom else "item"
    entries = draw(
        st.lists(st.lists(PARTS, max_size=6, unique_by=lambda part: part.split(">")[0].split(" ")[0]), max_size=3)
    )
    pieces = [f"<{name}>{''.join(parts)}</{name}>" for parts in entries]
    pieces += draw(st.lists(CHANNEL_PARTS, max_size=3))
    attributes = draw(
        st.sampled_from(["", " xml:lang='de_AT'", " xml:base='https://root.example/r/'", " xml:base='r'"])
    )
    return (atom if is_atom else rss)("".join(draw(st.permutations(pieces))), "", attributes)


@settings(max_examples=400, deadline=None)
@given(documents())
def test_plain_is_what_feedparser_says(body: bytes) -> None:
    """Whatever the document, the articles and the feed's hints are the same."""
    event("plain" if isinstance(read_plain(body, {}), Document) else "odd")
    both(body)
