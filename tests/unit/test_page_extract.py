"""The main text of article pages."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import PageError
from pipeline.feeds.clean import clean_extracted
from pipeline.feeds.page_head import read_head
from pipeline.pages.extract import PageText, decoded, extract

ARTICLES = Path(__file__).parents[1] / "fixtures" / "articles"
NOW = datetime(2026, 2, 5, 12, tzinfo=UTC)
URL = "https://www.harbour-post.example/news/minister-denies"


def read(name: str, content_type: str = "text/html; charset=utf-8", encoding: str = "utf-8") -> PageText:
    """The text of a fixture, sent in an encoding."""
    body = (ARTICLES / name).read_text(encoding="utf-8").encode(encoding)
    return extract(body, url=URL, content_type=content_type, now=NOW)


def test_a_page_gives_its_story_line_by_line() -> None:
    """Paragraphs, a heading between them and the entries of a list, in order, without the headline."""
    lines = read("harbour.html").text.split("\n")
    assert [line.split()[0] for line in lines] == ["The", "“There", "The", "Letters", "The", "-", "-", "Prosecutors"]
    assert lines[0].startswith("The minister of ports, Ilse Varga, on Tuesday denied that she had taken money")
    assert lines[5] == "- The first letter names a sum of 40,000 crowns, to be paid before the spring."
    assert lines[-1] == "Prosecutors said that they were looking at the letters, and that nobody was a suspect so far."


@pytest.mark.parametrize(
    ("page", "furniture"),
    [
        (
            "harbour.html",
            ["READ MORE", "Mayor accuses", "Bishop rejects", "Court clears", "lying", "cookies", "tracking"],
        ),
        ("harbour.html", ["Sport", "Share", "newsletter", "rights reserved", "Most read", "Comments"]),
        ("prichal.html", ["Читайте", "обвинили в краже", "опроверг слухи", "Главная", "защищены"]),
        ("marsa.html", ["اتهام رئيس النادي", "الأكثر قراءة", "الرئيسية"]),
    ],
)
def test_what_stands_around_a_story_never_reaches_the_rules(page: str, furniture: list[str]) -> None:
    """Each of these would be a false hit, or is noise."""
    text = read(page).text
    assert [words for words in furniture if words in text] == []


def test_a_page_says_who_wrote_it_when_and_where_it_lives() -> None:
    """From its metadata: JSON-LD names authors better than `meta`; only the article's, not the site's."""
    page = read("harbour.html")
    assert page.title == "Minister denies taking harbour money"
    assert page.authors == ("Mara Lindqvist", "Tomas Okoye")
    assert page.published == datetime(2026, 2, 3, 8, 30, tzinfo=UTC)
    assert page.canonical == URL
    assert (page.language, page.site) == ("en", "The Harbour Post")


@pytest.mark.parametrize(
    ("markup", "authors"),
    [
        ('<meta name="author" content="By &amp; For"><p>x', ("By & For",)),
        ('<meta name="author" content="https://social.example/mara"><p>x', ()),
        ('<script type="application/ld+json">{"@type": "Article", "author": "Mara"}</script>', ("Mara",)),
        (
            '<script type="application/ld+json">[{"@type": ["NewsArticle"], "author": ["A", "B", "A"]}]</script>',
            ("A", "B"),
        ),
        ('<script type="application/ld+json">{"@type": "Article", "author": {"name": ["A"]}}</script>', ("A",)),
        ('<script type="application/ld+json">{"@type": "Article", "author": 7}</script>', ()),
        ('<script type="application/ld+json">{broken</script><meta name="author" content="Mara">', ("Mara",)),
        ('<script type="application/ld+json">' + "[" * 100_000 + "</script>", ()),
        ('<script type="application/ld+json">{"@type": "Article", "author": "' + "x" * 101 + '"}</script>', ()),
    ],
)
def test_authors_are_names(markup: str, authors: tuple[str, ...]) -> None:
    """Whatever shape the metadata has; addresses, sentences and broken JSON name nobody."""
    assert read_head(markup, NOW).authors == authors


def test_a_table_comes_as_its_rows() -> None:
    """Without the frame of Markdown that the extractor draws."""
    rows = "".join(f"<tr><td>Pier {n}</td><td>{n} boats</td></tr>" for n in range(1, 5))
    before = "<p>The council of the port counted its boats again this year, and the number had grown once more.</p>"
    after = "<p>It will count again next year, as the law wants it to, and publish the numbers in March.</p>"
    page = f"<body><article><h1>Boats</h1>{before}<table>{rows}</table>{after}</article></body>"
    text = extract(page.encode(), url=URL, content_type="text/html", now=NOW).text
    assert "Pier 2 | 2 boats" in text.split("\n")
    assert "---" not in text


@pytest.mark.parametrize(
    ("encoding", "content_type"),
    [
        ("utf-8", "text/html"),
        ("cp1251", "text/html; charset=windows-1251"),
        ("cp1251", 'text/html;charset="WINDOWS-1251"'),
        ("koi8-r", "text/html; charset=koi8-r"),
        ("utf-8-sig", "text/html; charset=windows-1251"),
        ("utf-8", "text/html; charset=no-such-thing"),
    ],
)
def test_a_page_is_read_in_its_own_encoding(encoding: str, content_type: str) -> None:
    """A byte order mark first, then the header; an unknown name is passed over."""
    assert read("prichal.html", content_type, encoding) == read("prichal.html")


def test_a_page_may_declare_its_encoding_itself() -> None:
    """In a `meta`, if the header says nothing; `iso-8859-1` means windows-1252, as in browsers."""
    assert decoded('<meta charset="windows-1251">мэр'.encode("cp1251"), "text/html").endswith("мэр")
    assert decoded('<meta charset="iso-8859-1">“no”'.encode("cp1252"), "").endswith("“no”")


def test_a_few_broken_bytes_do_not_cost_the_page_its_encoding() -> None:
    """A cut character stays one; text that is no UTF-8 at all is read as windows-1252."""
    assert decoded("мэр ".encode() * 100 + b"\xd0", "").startswith("мэр мэр")
    assert decoded("“né à l’été” ".encode("cp1252") * 9, "").startswith("“né à l’été”")


@pytest.mark.parametrize(
    ("body", "content_type", "why"),
    [
        (b"%PDF-1.7", "application/pdf", "application/pdf, not HTML"),
        (b"", "text/html", "no main text"),
        (b"<html><body><p>Please enable JavaScript.</p></body></html>", "text/html", "no main text"),
    ],
)
def test_what_is_no_story_is_an_error_that_says_why(body: bytes, content_type: str, why: str) -> None:
    """The feed's own text stays then."""
    with pytest.raises(PageError, match=why) as caught:
        extract(body, url=URL, content_type=content_type, now=NOW)
    assert caught.value.url == URL


def test_lines_that_say_what_they_are_go_and_their_lists_with_them() -> None:
    """By words, not by shape: the story's own list and links stay."""
    story = "\n".join(
        [
            "The mayor of the town said on Monday that he had sold nothing to nobody.",
            "1) Twelve boats",
            "www.town.example/boats",
            "Related: Bishop is accused of theft",
            "The council meets again in the spring, in the hall that was painted last year.",
            "DON'T MISS",
            "Captain denies everything",
            "Pilot accuses captain",
        ]
    )
    assert clean_extracted(story).split("\n") == [
        "The mayor of the town said on Monday that he had sold nothing to nobody.",
        "1) Twelve boats",
        "www.town.example/boats",
        "The council meets again in the spring, in the hall that was painted last year.",
    ]


@given(
    st.binary(max_size=400), st.sampled_from(["", "text/html", "text/html; charset=utf-16", "text/html; charset=idna"])
)
@settings(max_examples=60, deadline=None)
def test_any_bytes_are_a_page_or_an_error(body: bytes, content_type: str) -> None:
    """Nothing else comes out, whatever comes in."""
    try:
        page = extract(b"<html><body><article><p>" + body, url=URL, content_type=content_type, now=NOW)
    except PageError:
        return
    assert page.text == clean_extracted(page.text)
