"""Files to documents: pages as text and as HTML, articles as JSON, and what a wrong one says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from pipeline.errors import UsageError
from pipeline.feeds.files import Line, read_documents, to_article
from pipeline.records import Article, Flag
from pipeline.resources import shipped
from pipeline.rules import load_rules

NOW = datetime(2026, 3, 20, tzinfo=UTC)
PAGES = Path(__file__).parents[1] / "fixtures" / "pages"

PAGE = """<!doctype html>
<html lang="en-GB">
<head>
<title>Pyongyang denies it | Harbour Post</title>
<meta property="og:title" content="Pyongyang says story of shells has no basis">
<meta property="og:site_name" content="Harbour Post">
<meta property="article:published_time" content="2026-03-14T09:12:00+01:00">
<link rel="canonical" href="https://harbourpost.example/world/shells">
</head>
<body>
<nav><a href="/">Home</a> <a href="/w">World</a></nav>
<ul><li>Bank denies it hid losses</li><li>Coach accused of fixing</li><li>Actor denies assault</li></ul>
<h1>Pyongyang says story of shells has no basis</h1>
<p>North Korea has rejected the US charge of supplying Russia with artillery shells, calling it unfounded.</p>
<p>Washington said last week that shells had been sent by way of the Middle East and Africa, to hide them.</p>
<div><span>Related</span><p>Mayor accused of fraud</p><p>Minister denies lying</p></div>
<p>© 2026 Harbour Post</p>
</body></html>
"""


def read(name: str, data: str | bytes) -> list[Line]:
    """The documents of one file."""
    return read_documents([(name, data.encode() if isinstance(data, str) else data)], NOW)


def copied(stem: str) -> tuple[str, str]:
    """A page of ours as it was copied, and its furniture."""
    lines = (PAGES / f"{stem}.txt").read_text(encoding="utf-8").splitlines()
    return "\n".join(line[2:] for line in lines), "\n".join(line[2:] for line in lines if line[0] == "-")


def test_a_saved_page_says_itself_who_when_and_where() -> None:
    """Its title, address, date, language and outlet come from its head; its body is the story."""
    (line,) = read("a.html", PAGE)
    assert (line.title, line.url) == (
        "Pyongyang says story of shells has no basis",
        "https://harbourpost.example/world/shells",
    )
    assert (line.outlet, line.language) == ("Harbour Post", "en-GB")
    assert line.when == datetime(2026, 3, 14, 8, 12, tzinfo=UTC)
    article = to_article(line, NOW)
    assert [text[:20] for text in article.body.split("\n")] == ["North Korea has reje", "Washington said last"]
    assert article.language == "en"


@pytest.mark.parametrize(
    ("head", "title"),
    [
        ("<title>One | Post</title>", "Heading"),
        ('<meta name="twitter:title" content="Two &amp; a half">', "Two & a half"),
        ("", "Heading"),
    ],
)
def test_a_page_has_its_title_from_where_there_is_one(head: str, title: str) -> None:
    """What is written for others comes before the heading, and that before the window's name."""
    assert read("a.htm", f"<html><head>{head}</head><body><h1>Heading</h1><p>Text.</p></body></html>")[0].title == title


@pytest.mark.parametrize(
    ("markup", "when"),
    [
        ('<script type="application/ld+json">{"datePublished": "2026-02-01T10:00:00Z"}</script>', "2026-02-01T10:00"),
        ('<article><time datetime="2026-02-03">3 February</time></article>', "2026-02-03T00:00"),
        ('<meta itemprop="datePublished" content="02/05/2026">', "2026-02-05T00:00"),
        ('<meta name="date" content="soon">', None),
    ],
)
def test_a_page_has_its_date_from_where_there_is_one(markup: str, when: str | None) -> None:
    """JSON-LD, a time element, schema.org; what is no date is none, and none lies in the future."""
    (line,) = read("a.html", f"<html><body>{markup}<h1>Heading</h1></body></html>")
    assert (line.published or "")[:16] == (when or "")


def test_a_page_in_another_encoding_is_read_as_it_says() -> None:
    """As the meta element names it."""
    markup = '<html><head><meta charset="windows-1251"></head><body><h1>Мэр отрицает вину</h1></body></html>'
    assert read("a.html", markup.encode("cp1251"))[0].title == "Мэр отрицает вину"


@pytest.mark.parametrize("stem", ["en-harbour-post", "en-northern-wire"])
def test_nothing_of_a_copied_page_is_flagged_but_its_story(stem: str) -> None:
    """The model case: menus, share bars, story codes and unrelated headlines full of denials around one denial."""
    text, furniture = copied(stem)
    rules = load_rules(shipped("config") / "rules")
    article = to_article(read("page.txt", text)[0], NOW)
    flags = rules.flags(_english(article))
    assert "denial" in {flag.kind for flag in flags}
    around = {line for line in furniture.split("\n") if line}
    assert not flagged_lines(article, flags) & around
    assert not around & set(article.body.split("\n"))
    as_it_is = to_article(Line(title="Latest", lead=text), NOW)
    assert flagged_lines(as_it_is, rules.flags(_english(as_it_is))) & around, "it would not be flagged anyway"


def flagged_lines(article: Article, flags: Sequence[Flag]) -> set[str]:
    """The lines in which flags have their spans."""
    found = set()
    for span in (span for flag in flags for span in flag.spans):
        text = getattr(article, span.field)
        found.add(text[text.rfind("\n", 0, span.start) + 1 : span.end] + text[span.end :].partition("\n")[0])
    return found


def _english(article: Article) -> Article:
    return msgspec.structs.replace(article, language="en")


def test_a_text_has_its_title_above_it() -> None:
    """The first line, where nothing else is there; also when it ends in a full stop."""
    assert read("a.txt", "Mayor denies theft\n\nHe said that nothing is missing.")[0] == Line(
        id="a.txt", title="Mayor denies theft", body="He said that nothing is missing."
    )
    assert read("a.txt", "Mayor denies theft today.\nHe said that nothing is missing.")[0].title == (
        "Mayor denies theft today."
    )


def test_json_is_one_article_or_a_list_of_them() -> None:
    """An id of its own names a document; else its place."""
    assert [line.id for line in read("a.json", '[{"title": "One"}, {"title": "Two", "id": 7}]')] == ["a.json#1", 7]
    assert [line.id for line in read("a.json", '{"title": "One", "body": "Text.", "label": 1}')] == ["a.json"]
    assert [line.id for line in read("a.jsonl", '{"title": "One"}\n\n{"title": "Two"}\n')] == ["a.jsonl:1", "a.jsonl:3"]


@pytest.mark.parametrize(
    ("data", "title"),
    [
        ("Mayor denies theft\nHe said that nothing is missing.", "Mayor denies theft"),
        ("\n <!doctype html><h1>Heading</h1>", "Heading"),
        ('{"title": "One"}', "One"),
        ('[{"title": "One"}]', "One"),
    ],
)
def test_standard_input_is_what_it_looks_like(data: str, title: str) -> None:
    """A name that says nothing leaves it to the first character."""
    assert read("-", data)[0].title == title


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("x.jsonl", b"[1]", "x.jsonl:1: is not an article: Expected `object`, got `array`"),
        ("x.jsonl", b'{"id": 1, "title": "a"', "x.jsonl:1: is not JSON: "),
        ("x.jsonl", b'\n{"id": 1.5, "title": "a"}', "x.jsonl:2: is not an article: Expected `int | str`, got `float`"),
        ("x.jsonl", b'{"id": 1, "title": "\xff"}', "x.jsonl:1: is not "),
        ("x.jsonl", b'{"id": 1, "title": "a", "published": "soon"}', "x.jsonl:1: published 'soon' is not an ISO 8601"),
        ("x.jsonl", b'{"id": 1, "title": "a"}\n{"id": 1, "title": "b"}', "x.jsonl:2: id 1 is on line 1 already"),
        ("x.jsonl", b'{"id": 2}', "x.jsonl:1: is not an article: Object missing required field `title`"),
        ("x.json", b'[{"title":\n"a"},\n 3]', "x.json:3: is not an article: Expected `object`, got `int`"),
        ("x.json", b"{", "x.json: is not JSON: "),
        ("x.json", b"[{", "x.json: is not JSON: "),
        ("x.json", b'{"title": "a", "published": "soon"}', "x.json: published 'soon' is not an ISO 8601 date"),
        ("x.txt", b"\xff\xfe", "x.txt: is not UTF-8: save it as UTF-8"),
        ("x.txt", b" \n", "x.txt: is empty"),
        ("x.txt", b"Home\nNews\n", "x.txt: holds no text but a page's menus and lists"),
        ("x.html", b"<html></html>", "x.html: holds no text"),
        ("x.pdf", b"%PDF", "x.pdf: is none of .txt, .text, .html, .htm, .json, .jsonl, .ndjson: rename it"),
        ("x.txt", b"a" * 10_000_001, "x.txt: has 10 MB: a text or a page has at most 10"),
    ],
)
def test_a_wrong_document_is_named(name: str, data: bytes, why: str) -> None:
    """File, line and what is wrong."""
    with pytest.raises(UsageError) as caught:
        read(name, data)
    assert str(caught.value).startswith(why)


def test_every_wrong_line_is_named_up_to_a_limit() -> None:
    """Many wrong lines do not fill the terminal."""
    with pytest.raises(UsageError) as caught:
        read("x.jsonl", b"?\n" * 25)
    told = str(caught.value).splitlines()
    assert (len(told), told[-1]) == (21, "and 5 more")


def test_two_files_cannot_have_one_id() -> None:
    """The second is named, and where the first is."""
    with pytest.raises(UsageError, match=r"b\.jsonl:1: id 7 is on a\.jsonl:1 already"):
        read_documents([("a.jsonl", b'{"id": 7, "title": "a"}'), ("b.jsonl", b'{"id": 7, "title": "b"}')], NOW)
