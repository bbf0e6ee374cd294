"""A message in words, and its templates: who says what, and no text of an article leaves its place."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, get_args
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.channels.body import MAX_BYTES, webhook_body
from pipeline.channels.clean import Link, clean, defang, link
from pipeline.channels.compose import composed
from pipeline.channels.feed_file import atom, entry
from pipeline.channels.mail import written
from pipeline.channels.templates import TemplateName, Templates, template_problems
from pipeline.records import Message
from pipeline.resources import shipped
from tests.told import NOW, event, evidence, item, message, story

SHIPPED = Templates()
NAMES = get_args(TemplateName)

ATTACKS = (
    "\x1b[2J\x1b]0;title\x07", "\x9b31m", "\u202eevil\u202c", "a\r\nBcc: x@y", "\n\n.\r\nMAIL FROM:",
    "<script>alert(1)</script>", '"><img src=x onerror=y>', "@everyone", "@here", "<!channel>", "<@U123>",
    "<http://e|click>", "[click](http://e)", "*bold* _it_ ~no~ `code`", "||spoiler||", "# heading", "{{ message.id }}",
    "{% raw %}", "]]>", "&lt;b&gt;", "\ud800", "\u2028", "</q>", "${x}", "\\", "\x00", "javascript:alert(1)",
)  # fmt: skip

hostile = st.lists(st.one_of(st.sampled_from(ATTACKS), st.text(max_size=12)), max_size=4).map("".join).map("x".__add__)


def filled(text: str) -> Message:
    """A message in which everything that an article or a person can say is `text`."""
    quote = evidence(text, text, link=f"https://news.example/{text}")
    hostile_story = story(
        title=text, claim=quote, accusers=(text,), accused=(text, text), deniers=(text,), first_allegation=quote,
        first_denial=evidence("y" + text, text, published_source="fetched"), url=f"https://news.example/{text}",
        outlet=text, rules=(text,), ruleset=text, language=text,
    )  # fmt: skip
    hostile_event = event(
        "stance_changed", what=text, evidence=(evidence("z" + text, text),), author=text, comment=text
    )
    one = item(story=hostile_story, event=hostile_event, since=text)
    return message("story.update", (one,), name=text, text=text, held={"old": 2})


def rendered(name: Any, text: str) -> str:
    """The shipped template, filled with `text`."""
    return SHIPPED.render(name, composed(filled(text)), unsubscribe=Link("https://c.example/unsubscribe?token=t"))


class Tags(HTMLParser):
    """The tags and attributes of a document, and where its links lead."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.links: list[str] = []
        self.feed(document)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_comment(self, data: str) -> None:
        self.tags.append(("comment", (data,)))


def test_a_message_says_who_says_what_by_whose_account() -> None:
    """The sides with their quotes, outlets, times, links; sources, lag, rule and version."""
    text = SHIPPED.render("email.txt.j2", composed(message()))
    for expected in (
        "New story: Borduria denied what Syldavia alleged against Borduria",
        "Syldavia alleged against Borduria, according to reports, first by Daily Example: “Syldavia accuses",
        "Daily Example, 2026-11-22 12:00 UTC  https://news.example/story",
        "Borduria denied it, according to reports, first by Example Times: “Borduria denies jamming radio”",
        "2 independent sources in 3 articles, 1 of them copies: 2 with the allegation, 1 with a denial.",
        "The first denial came 3 h after the first allegation.",
        "Found by en.denial.denies/3 of rule set 0123456789ab",
    ):
        assert expected in text


def test_one_article_alone_is_named_as_the_account() -> None:
    """Of one article it is certain who says that somebody says it."""
    view = composed(message(items=(item(story=story(articles=1, copies=0), first=True),)))
    assert view.stories[0].sides[0].who == "Syldavia alleged against Borduria, according to Daily Example"


@pytest.mark.parametrize(
    ("change", "headline", "sides"),
    [
        ({"deniers": (), "first_denial": None}, "Syldavia alleged against Borduria", ["Syldavia", "No denial is"]),
        (
            {"accusers": (), "accused": (), "first_allegation": None},
            "Borduria denied what is alleged",
            ["Borduria denied it"],
        ),
        ({"accusers": ()}, "Borduria denied what is alleged against Borduria", ["It is alleged", "Borduria denied it"]),
        ({"deniers": ()}, "Somebody denied what Syldavia alleged against Borduria", ["Syldavia", "It is denied"]),
        (
            {"accusers": ("A", "B", "C", "D"), "accused": ()},
            "Borduria denied what A, B, C and others alleged",
            ["A, B, C and others alleged, according", "Borduria"],
        ),
        (
            {"accusers": (), "accused": (), "deniers": (), "first_allegation": None, "first_denial": None},
            "It is alleged",
            ["Example Times tells of it", "No denial is known"],
        ),
        (
            {"state": "conceded"},
            "Borduria denied what Syldavia alleged against Borduria; marked as conceded",
            ["Syldavia", "Borduria"],
        ),
    ],
)  # fmt: skip
def test_who_is_not_known_is_said(change: dict[str, Any], headline: str, sides: list[str]) -> None:
    """Every mixture of known and unknown sides makes sentences."""
    told = composed(message(items=(item(story=story(**change)),))).stories[0]
    assert told.headline == headline
    assert len(told.sides) == len(sides)
    for said, begins in zip(told.sides, sides, strict=True):
        assert said.who.startswith(begins)


def test_a_new_story_says_that_a_text_was_changed() -> None:
    """The words of a denial that was removed stand there; without this they would be told as if it stood."""
    removed = event("stance_changed", change="removed", what="The denial was removed.", evidence=(evidence(),))
    view = composed(message(items=(item(first=True, event=removed),)))
    assert view.stories[0].changes == ("The denial was removed in the text of Daily Example.",)
    assert composed(message()).stories[0].changes == ()


def test_items_of_one_story_are_told_together() -> None:
    """Each change once, the story as it is at the end."""
    first = item(1, since="One.", story=story(articles=3))
    again = item(2, since="Two.", story=story(articles=7))
    view = composed(message(items=(first, again, item(3, since="Two.", story=story(articles=9)))))
    assert [one.changes for one in view.stories] == [("One.", "Two.")]
    assert "9 articles" in view.stories[0].sources


def test_subjects_stay_the_same_for_a_story() -> None:
    """Mail programs thread by them; the second is an answer."""
    new, update = (composed(message(kind)) for kind in ("story.new", "story.update"))
    assert SHIPPED.render("email_subject.j2", new) == "Example Times: “Borduria denies jamming radio”"
    assert SHIPPED.render("email_subject.j2", update) == "Re: Example Times: “Borduria denies jamming radio”"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (message("held", (), held={"backlog": 1, "old": 3}, thread=""), "3 stories from longer ago than alerts"),
        (message("notice", (), text="A channel was disabled.", thread=""), "A channel was disabled."),
        (message("test", (), text="It works.", thread=""), "It works."),
        (
            message("digest", (item(1, story=story(thread="1" * 32)), item(2)), more=4, thread=""),
            "4 more alerts were left out",
        ),
    ],
)
def test_every_kind_has_a_text_in_every_form(name: Any, other: Message, expected: str) -> None:
    """Held, notice, test and digest."""
    text = SHIPPED.render(name, composed(other))
    assert text
    if "title" not in name and "subject" not in name:
        assert expected in text


@settings(deadline=None)
@given(hostile)
def test_clean_text_is_one_printable_line(text: str) -> None:
    """And cleaning it again changes nothing."""
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    assert all(c.isprintable() or c in "\u200c\u200d" for c in cleaned)
    cleaned.encode()


def test_clean_takes_whole_escapes_and_keeps_scripts() -> None:
    """No remains of a colour; Persian joiners stay, directions go."""
    assert clean("a\x1b[31;1mred\x1b[0m b\x1b]8;;http://e\x07c") == "ared bc"
    assert clean("می\u200cخواهم\u202e\n שלום") == "می\u200cخواهم שלום"


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "data:text/html,x", "ftp://a/b", "//a/b", "https://", "https://u:p@a/", "http://[::1/", ""],
)
def test_what_is_no_link_is_none(url: str) -> None:
    """Only http and https with a host, without a user."""
    assert link(url) == ""


@settings(deadline=None)
@given(hostile)
def test_a_link_ends_nowhere_early(text: str) -> None:
    """ASCII, without white space, quotes, angle brackets; and a link of a link is the same."""
    made = link(f"https://news.example/{text}?q={text}#{text}")
    assert re.fullmatch(r"https://news\.example/[!#$%&'()*+,./0-9:;=?@A-Za-z_~-]*", made)
    assert link(made) == made
    assert not set("*_~@()'[]<>|`\\") & set(defang(made))


@settings(deadline=None)
@given(hostile)
def test_plain_text_keeps_its_lines(text: str) -> None:
    """As many lines as with a harmless text, and nothing that steers a terminal."""
    for name in ("terminal.j2", "email.txt.j2", "email_subject.j2", "feed_title.j2"):
        made = rendered(name, text)
        assert len(made.splitlines()) == len(rendered(name, "x").splitlines())
        assert all(c.isprintable() or c in "\n\u200c\u200d" for c in made)


@settings(deadline=None)
@given(hostile)
def test_a_chat_is_given_no_markup(text: str) -> None:
    """Neither Slack's nor Discord's nor Telegram's: nobody is called, no link is hidden."""
    for name in ("chat_title.j2", "chat.j2"):
        made = rendered(name, text)
        assert not set("*_~`|<>[]@\\") & set(made)
        assert "#" not in re.sub(r"https://\S+", "", made)
        assert len(made.splitlines()) == len(rendered(name, "x").splitlines())


@settings(deadline=None)
@given(hostile)
def test_html_keeps_its_tags(text: str) -> None:
    """The same tags and attributes as with a harmless text, and links to the web only."""
    for name in ("email.html.j2", "feed.html.j2"):
        made, harmless = Tags(rendered(name, text)), Tags(rendered(name, "x"))
        assert made.tags == harmless.tags
        assert all(target.startswith("https://") for target in made.links)


@settings(deadline=None)
@given(hostile)
def test_a_mail_keeps_its_headers(text: str) -> None:
    """No header is added, none is broken, and no line is too long for SMTP."""
    one = filled(text)
    mail = written(one, composed(one), SHIPPED, sender="a@news.example", to="b@news.example")
    harmless = filled("x")
    plain = written(harmless, composed(harmless), SHIPPED, sender="a@news.example", to="b@news.example")
    raw = mail.as_bytes()
    head = raw.split(b"\r\n\r\n", 1)[0]
    names = [line.split(b":")[0] for line in head.split(b"\r\n") if not line.startswith((b" ", b"\t"))]
    assert names == [name.encode() for name in plain]
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert max(map(len, raw.split(b"\r\n"))) <= 998


@settings(deadline=None)
@given(hostile)
def test_feeds_keep_their_elements(text: str) -> None:
    """The Atom document is XML with one entry, and its HTML keeps its tags."""
    one = filled(text)
    document = ET.fromstring(atom("tag:x", clean(text), [entry(one, composed(one), SHIPPED)]))
    assert len(list(document.iter("{http://www.w3.org/2005/Atom}entry"))) == 1
    content = document.findtext(".//{http://www.w3.org/2005/Atom}content") or ""
    assert Tags(content).tags == Tags(rendered("feed.html.j2", "x")).tags


@settings(deadline=None)
@given(hostile)
def test_a_body_is_json_with_printable_texts(text: str) -> None:
    """And stays below the limit."""
    body = webhook_body(filled(text))
    assert len(body) <= MAX_BYTES
    assert all(c.isprintable() or c in "\u200c\u200d" for c in body.decode())
    assert json.loads(body)["data"]["alerts"][0]["since"] == clean(text)


@pytest.mark.parametrize(
    "source",
    [
        "{{ nothing }}",  # an undefined name
        "{% if %}",  # no template
        "{{ message.__class__.__mro__ }}",  # out of the sandbox
        "{{ message.name|safe }}",  # unescaped
        "{% include 'gone.j2' %}",
        "{{ 1 / 0 }}",
        "  \n ",  # nothing
        "{% for a in range(99999) %}{{ message.made }}{% endfor %}",  # too much
    ],
)
def test_a_broken_template_of_an_operator_loses_no_alert(tmp_path: Path, source: str) -> None:
    """The shipped one is used, and it is counted each time."""
    (tmp_path / "email.html.j2").write_text(source)
    broken: list[str] = []
    templates = Templates(tmp_path, broken=broken.append)
    view = composed(message())
    for _ in range(2):
        assert templates.render("email.html.j2", view) == SHIPPED.render("email.html.j2", view)
    assert broken == ["email.html.j2", "email.html.j2"]


def test_an_operators_template_replaces_one_and_is_escaped_too(tmp_path: Path) -> None:
    """Others stay; even with autoescape switched off no value is markup."""
    (tmp_path / "email.html.j2").write_text("<b>{% autoescape false %}{{ message.name }}{% endautoescape %}</b>")
    (tmp_path / "chat.j2").write_text("*{{ message.name }}*")
    templates = Templates(tmp_path)
    view = composed(message(name="<i>*x*"))
    assert templates.render("email.html.j2", view) == "<b>&lt;i&gt;*x*</b>"
    assert templates.render("chat.j2", view) == "*\u2039i\u203a\u2217x\u2217*"
    assert templates.render("terminal.j2", view) == SHIPPED.render("terminal.j2", view)


def test_all_shipped_templates_are_there() -> None:
    """Each name that is rendered has a file."""
    there = {file.name for file in shipped("config/templates").iterdir()}
    assert set(NAMES) <= there


def sized(make: Callable[[int], Any], number: int) -> Message:
    """A digest of so many alerts."""
    return message("digest", tuple(make(n) for n in range(number)), thread="")


def test_a_long_message_leaves_out_the_least_important_alerts() -> None:
    """Articles that joined go first, stories told for the first time last; the rest is counted."""
    filler = "q" * 390

    def make(number: int) -> Any:
        quote = evidence(filler)
        joined = event("joined", id=f"{number:032x}", when=NOW + timedelta(seconds=number), evidence=(quote,) * 5)
        first = number == 7
        return item(number, first=first, event=joined, story=story(thread=f"{number:032x}", claim=quote, title=filler))

    one = sized(make, 60)
    denied = item(90, event=event("new_denier", id="9" * 32, names=("Borduria",)), story=story(thread="9" * 32))
    data = json.loads(webhook_body(message("digest", (*one.items, denied), more=5, thread="")))["data"]
    kept = [alert["id"] for alert in data["alerts"]]
    assert 0 < len(kept) < 61
    assert data["more"] == 5 + 61 - len(kept)
    assert {f"{7:032x}", f"{90:032x}"} <= set(kept)
    assert kept == sorted(kept)


def test_one_alert_always_fits() -> None:
    """The fullest story in the widest script loses quotes and names, but is told."""
    wide = "\U0001f600"  # four bytes
    quote = evidence(wide * 100, wide * 30, source=wide * 30, link="https://x.example/" + '"' * 480)
    names = tuple('"' * 110 + f"{n:02}" for n in range(10))
    full = story(
        title='"' * 400, claim=quote, accusers=names, accused=names, deniers=names, first_allegation=quote,
        first_denial=quote, rules=('"' * 100,) * 8, outlet=wide * 30, url="https://x.example/" + '"' * 480,
    )  # fmt: skip
    many = event("new_denier", names=names, evidence=(quote,) * 10, author='"' * 1000, comment=wide * 1000)
    body = webhook_body(message(items=(item(story=full, event=many, since=wide * 5000),), name=wide * 5000))
    assert len(body) <= MAX_BYTES
    assert len(json.loads(body)["data"]["alerts"]) == 1


@pytest.mark.parametrize(
    ("name", "source", "line", "said"),
    [
        ("email.html.j2", "<p>\n{{ nothing }}", 2, "'nothing' is undefined"),
        ("email.html.j2", "\n\n{% if %}", 3, "Expected an expression"),
        ("chat.j2", "{{ message.name|safe }}", 1, "No filter named 'safe'"),
        ("chat.j2", "a\n{{ message.name.__class__ }}", 2, "unsafe"),
        ("chat.j2", "a\n{% include 'gone.j2' %}", 2, "gone.j2"),
        (
            "terminal.j2",
            "{{ message.name }}{% for story in message.stories %}\n{{ story.nam }}\n{% endfor %}",
            2,
            "in terminal.j2",
        ),
        (
            "story.txt.j2",
            "{{ story.headline }}\n{{ story.sides[0].who }}",
            2,
            "with a message of the kind story.update",
        ),
        ("feed_title.j2", "{% if message.stories %}{{ message.subject }}{% endif %}", None, "it makes an empty text"),
        ("chat.j2", "{% for a in range(99999) %}{{ message.made }}{% endfor %}", None, "more than 200000 characters"),
        ("chats.j2", "{{ message.subject }}", None, "no template is named chats.j2"),
    ],
)
def test_what_is_wrong_with_a_template_is_known_before_it_is_used(
    tmp_path: Path, name: str, source: str, line: int | None, said: str
) -> None:
    """File, line and reason, once, whichever templates include it."""
    (tmp_path / name).write_text(source)
    (problem,) = template_problems(tmp_path)
    assert (problem.file, problem.line) == (tmp_path / name, line)
    assert said in problem.message


def test_templates_that_work_have_no_problems(tmp_path: Path) -> None:
    """Neither have the shipped ones in an operator's place, nor a part of his own that one of them includes."""
    for path in Path(shipped("config/templates")).iterdir():
        (tmp_path / path.name).write_text(path.read_text())
    (tmp_path / "foot.j2").write_text("-- {{ message.made }}")
    (tmp_path / "chat.j2").write_text("{{ message.subject }}{% include 'foot.j2' %}")
    assert template_problems(tmp_path) == []
    (problem,) = template_problems(tmp_path / "gone")
    assert problem.file == tmp_path / "gone"
