"""Feed HTML to text: nothing of the story lost, nothing else kept."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.feeds.clean import _INVISIBLE, MAX_BODY_CHARS, clean_html, clean_line, clean_plain

PROSE = "The minister denied that the letter was ever sent, and said the accusation was invented by his rivals."
CARDS = "".join(f'<li><a href="/{n}">Senator number {n} accused of fraud</a></li>' for n in range(4))

MARKUP = st.builds(
    "".join,
    st.lists(
        st.sampled_from(
            ["<p>", "</p>", "<b>", "</b>", "<br>", "<script>", "</script>", "<style>", "<a href=x>", "</a>", "<",
             ">", "&", "&amp;", "&lt;", "&gt;", "amp;", "lt;", "#38;", "&#60;", "&#x3c;script&#x3e;", "<!--", "-->",
             "<![CDATA[", "]]>", "a", "b ", "word word", "\n", "\r", "\t", "\u200b", "\u200c", "\u200d", "\u202e",
             "\u2028", "\xad", "\x00", "e\u0301", "\u0301", "\u037e", "\u0644", "\ud800", "…", "Continue reading",
             "Read more", "Share", "<article>", "<html>", "<ul><li>", "<div hidden>", "<textarea>", "<title>",
             "<svg>", "3 comments", "&nbsp;", "&copy;", "'", '"']
        ),
        max_size=14,
    ),
)  # fmt: skip


def test_blocks_become_lines() -> None:
    """One line per block, inline markup gone, entities decoded, white space folded."""
    markup = "<p>The  <b>min</b>ister\n denied&nbsp;it.</p><p>&#8220;Never&#8221;,<br>he said &amp; left.</p>tail"
    assert clean_html(markup) == "The minister denied it.\n“Never”,\nhe said & left.\ntail"


@pytest.mark.parametrize(
    "junk",
    [
        "<script>alert('denies')</script>",
        "<style>p { color: red }</style>",
        "<nav><a href=/>Home</a></nav>",
        "<aside>Officials denied other things</aside>",
        "<footer>Copyright</footer>",
        "<header>Masthead</header>",
        "<form>Search <input></form>",
        "<iframe>frame</iframe>",
        "<figure><img><figcaption>A man accused of theft</figcaption></figure>",
        "<noscript>Enable scripts</noscript>",
        "<svg><title>Icon</title></svg>",
        "<!-- denied -->",
        "<div hidden>Hidden denial</div>",
        '<div style="display: none">Hidden denial</div>',
        '<div class="share-bar">Share this</div>',
        '<div class="article__related">Mayor accused of lying</div>',
        '<section id="comments">A reader alleges</section>',
        '<div class="most-read"><p>Club denies doping</p></div>',
        f"<h3>More stories</h3><ul>{CARDS}</ul>",
        "<p><a href=1>World</a> | <a href=2>Sport</a> | <a href=3>Opinion</a></p>",
        "<p>Facebook X WhatsApp</p>",
        "<p>Read more: <a href=1>Senator accused of fraud</a></p>",
    ],
)
def test_furniture_is_left_out(junk: str) -> None:
    """What is around a story is not the story, wherever it stands."""
    assert clean_html(f"<p>{PROSE}</p>{junk}<p>{PROSE}</p>") == f"{PROSE}\n{PROSE}"
    assert clean_html(f"<div>{junk}<p>{PROSE}</p></div>") == PROSE


@pytest.mark.parametrize(
    "tail",
    [
        "<p>Continue reading &rarr;</p>",
        "<p>Read more</p>",
        "<p>Share this article on Facebook</p>",
        "<p>Follow us on Telegram</p>",
        "<p>3 comments</p>",
        "<p>Leave a comment</p>",
        "<p>Story code: 12-AB</p>",
        "<p>The post <a href=x>Minister denies</a> appeared first on <a href=y>Post</a>.</p>",
        " Read more",
        "<p>Read more</p><p>Share</p><p>No comments</p>",
    ],
)
def test_tails_are_left_out(tail: str) -> None:
    """The lines after the end of a story go, however many there are."""
    assert clean_html(f"<p>{PROSE}</p>{tail}") == PROSE
    assert clean_html(f"<p>{PROSE}</p><p>{PROSE} {tail}</p>").startswith(f"{PROSE}\n{PROSE}")


def test_an_excerpt_loses_its_continue_reading() -> None:
    """The ellipsis stays, the link's text goes."""
    assert clean_html("<p>He denied it […] <a href=x>Continue reading Minister denies</a></p>") == "He denied it […]"


@pytest.mark.parametrize(
    "story",
    [
        "<p>Share prices fell after the bank denied the report.</p>",
        "<p>He read more than a hundred letters. Read on, he said, and laughed.</p>",
        "<p>Follow the money, the union said.</p>",
        "<p>Subscribers were never told, <a href=x>the regulator alleges</a>, <a href=y>again</a>.</p>",
        "<div class='content has-sidebar'><p>The whole story.</p></div>",
        "<p>Comments by the minister were denied.</p>",
        "<p><a href=x>The whole sentence is a link and the only text.</a></p>",
        "<h2>Only a heading</h2>",
    ],
)
def test_stories_are_kept(story: str) -> None:
    """Words that furniture uses are no reason to drop a sentence."""
    assert clean_html(story) == re.sub("<[^>]*>", "", story)


def test_furniture_that_holds_the_story_is_kept() -> None:
    """A wrapper named like a sidebar that holds more than half of the text is the story."""
    assert clean_html(f'<div class="social"><p>{PROSE}</p><p>{PROSE}</p></div><p>End.</p>') == f"{PROSE}\n{PROSE}\nEnd."


def test_a_page_gives_its_article() -> None:
    """Of a page, the article with the most prose; cards of other stories are articles too."""
    card = "<article><p>Bank denies leak. More soon.</p></article>"
    more = "Nobody has shown it to me, and nobody will, because it was never written, he told reporters on Monday."
    story = f"<article><p>{PROSE}</p><p>{more}</p></article>"
    page = f"<html><body>{card}<div>Ticker: club denies doping</div><main>{story}{card}</main></body></html>"
    assert clean_html(page) == f"{PROSE}\n{more}"


def test_a_page_without_article_gives_its_prose() -> None:
    """An article element too short to be the story is not taken for it."""
    page = (
        f"<html><body><nav>Menu</nav><article>Teaser</article><div><p>{PROSE}</p></div><ul>{CARDS}</ul></body></html>"
    )
    assert clean_html(page) == f"Teaser\n{PROSE}"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("AT&T denies", "AT&T denies"),
        ("AT&amp;T denies", "AT&T denies"),
        ("AT&amp;amp;amp;T denies", "AT&T denies"),
        ("AT&" + "amp;" * 20 + "T denies", "AT&T denies"),
        ("&lt;b&gt;Bank&lt;/b&gt; denies", "Bank denies"),
        ("&amp;lt;i&amp;gt;Bank&amp;lt;/i&amp;gt; denies", "Bank denies"),
        ("<em>Bank</em>\n denies ", "Bank denies"),
        ("Profit 3 < 5 > 2 & more", "Profit 3 < 5 > 2 & more"),
        ("Bank<script>alert(1)</script> denies", "Bank denies"),
        ("Caf\u0065\u0301 denies", "Café denies"),
        ("de\u200bni\xades\u202e it\x07", "denies it"),
        ("&#8216;No&#x2019;", "‘No’"),
        ("R&D; &unknown; Q&A", "R&D; &unknown; Q&A"),
        ("می\u200cشود", "می\u200cشود"),
        ("Bank <a href=", "Bank"),
        ("", ""),
    ],
)
def test_titles(text: str, line: str) -> None:
    """A title is plain text, whatever its feed made of it."""
    assert clean_line(text) == line


def test_text_about_tags_is_not_swallowed() -> None:
    """Escaped code in HTML is text; only the tags in it go."""
    text = clean_html("<p>Use &lt;video src=x&gt; here.</p><p>It denied nothing.</p>")
    assert text == "Use here.\nIt denied nothing."


def test_a_whole_text_escaped_twice_is_html() -> None:
    """A description whose HTML was escaped once too often."""
    assert clean_html("&lt;p&gt;One &amp;amp; two&lt;/p&gt;&lt;p&gt;Three&lt;/p&gt;") == "One & two\nThree"


def test_plain_text_keeps_its_lines() -> None:
    """Line breaks of plain text are its author's; tails are not looked for in it."""
    assert clean_plain("One\r\n\r\n two  words \n\nRead more") == "One\ntwo words\nRead more"


def test_limits() -> None:
    """Text is cut, never refused; nesting without end is no problem."""
    assert len(clean_html("<p>" + "word " * 50_000)) <= MAX_BODY_CHARS
    assert clean_line("a" * 10_000, 20) == "a" * 20
    assert clean_html("<div>" * 100_000 + "deep" + "</div>" * 100_000) == "deep"
    assert clean_html('<div class="share">' * 20_000 + "deep") == "deep"


@given(st.one_of(st.text(), MARKUP))
@example("&amp;" * 3 + "lt;" * 3)
@example("&" + "amp;" * 50 + "lt;script&" + "amp;" * 50 + "gt;")
@example("&am\u200bp;lt;b&gt;")
@example("Share… read more")
@example("&lt;!-- <p>x")
def test_cleaning_is_idempotent_and_safe(text: str) -> None:
    """Cleaned text cleans to itself, in NFC, without controls, and opens no tag."""
    for clean in (clean_html, clean_plain, clean_line):
        once = clean(text)
        assert clean(once) == once
        assert unicodedata.is_normalized("NFC", once)
        assert not re.search(r"<[a-zA-Z/!?]", once)
        assert not any(unicodedata.category(char) in {"Cc", "Cs"} for char in once if char != "\n")
        assert not re.search(r"[\u200b\u202a-\u202e\u2066-\u2069\ufeff]", once)


@given(st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1), min_size=1))
def test_plain_words_are_not_touched(words: list[str]) -> None:
    """Letters and digits come out as they went in, but for composition."""
    text = unicodedata.normalize("NFC", " ".join(words))
    assert clean_plain(text) == text


def test_what_is_invisible_is_not_printable() -> None:
    """Cleaning looks for printable text first, which takes a fifth of the time that the pattern does."""
    invisible = [chr(point) for point in range(0x110000) if _INVISIBLE.match(chr(point))]
    assert len(invisible) > 2_000
    assert not any(map(str.isprintable, invisible))
    assert clean_line("".join(["a\xa0", *invisible, "b"])) == "a b"
