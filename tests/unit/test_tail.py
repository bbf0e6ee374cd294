"""Records as lines: what a person reads, what a machine reads, and that bad ones stop nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
import typer
from typer.testing import CliRunner

from pipeline.cli.tail import tail
from pipeline.errors import UndecodableError, UsageError
from pipeline.kafka import Message
from pipeline.lines import BOLD, RED, RESET
from pipeline.readable import as_json, readable
from pipeline.records import (
    Article,
    ArticleBatch,
    CopyGroup,
    FeedState,
    Field,
    Flag,
    FlaggedArticle,
    Mention,
    PageResult,
    Record,
    Span,
    ThreadInput,
    dead_letter,
    encode,
    page_request,
)
from pipeline.topics import (
    ARTICLES_FRESH,
    ARTICLES_RAW,
    COPIES,
    FEED_STATE,
    FLAGS,
    PAGES_REQUESTS,
    PAGES_RESULTS,
    THREAD_EVENTS,
    THREADS,
    THREADS_IN,
)
from tests.disputes import Court, accuses, article_id, command, denies, telling, tick

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
TITLE = "Ministry denies shipping shells"
BODY = "A long day.\n" + "Filler words. " * 30 + "It called the claim groundless, and said no more."


def article(title: str = TITLE, outlet: str = "The Example") -> Article:
    """One article with quotes to find."""
    return Article(
        id="0" * 32,
        text_hash="0" * 16,
        url="https://example.org/a",
        outlet=outlet,
        domain="example.org",
        title=title,
        body=BODY,
        published=NOW,
        fetched=NOW,
    )


def span(field: Field, quote: str) -> Span:
    """The span of a quote in the article."""
    start = (TITLE if field == "title" else BODY).index(quote)
    return Span(field=field, start=start, end=start + len(quote), quote=quote)


def message(
    topic: str, value: Record | bytes | None, headers: tuple[tuple[str, bytes], ...] = (), key: bytes | None = b"en"
) -> Message:
    """A record on a topic."""
    data = encode(value) if isinstance(value, Record) else value
    return Message(topic, 2, 41, NOW, key, data, headers)


def flagged(*spans: Span, heartbeat: int | None = None, **changes: str) -> Message:
    """A flagged article."""
    flag = Flag(id="1", kind="denial", category="x", rule="en-deny", version=1, score=1.0, spans=spans)
    flags = (flag,) if spans else ()
    record = FlaggedArticle(article=article(**changes), flags=flags, ruleset="abc", flagged=NOW, heartbeat=heartbeat)
    return message(FLAGS, record)


@pytest.mark.parametrize(
    ("actor", "target", "historic", "shown"),
    [
        ("Norland", "Southland", False, " Norland → Southland: "),
        ("Norland", None, False, " Norland: "),
        (None, "Southland", True, " ? → Southland, historic: "),
        ("Nor\x1bland", None, True, " Nor\\x1bland, historic: "),
        (None, None, False, ": "),
    ],
)
def test_a_flag_says_who_against_whom_and_whether_it_is_old(
    actor: str | None, target: str | None, historic: bool, shown: str
) -> None:
    """Before the quote; a name cannot steer the terminal."""
    quote = span("title", "denies")
    who, whom = (Mention(name=name, span=quote) if name else None for name in (actor, target))
    flag = Flag(
        id="1", kind="denial", category="x", rule="r", version=1, score=1.0, spans=(quote,), actor=who, target=whom,
        historic=historic,
    )  # fmt: skip
    record = FlaggedArticle(article=article(), flags=(flag,), ruleset="abc", flagged=NOW)
    _, line, _ = str(readable(message(FLAGS, record))).splitlines()
    assert line == f"    denial (r){shown}{TITLE}"


def test_a_flag_shows_kind_outlet_title_and_quotes() -> None:
    """Kind, outlet, title, each quote in its context, and the link; far text between quotes is left out."""
    line = str(readable(flagged(span("title", "denies shipping"), span("body", "claim groundless"))))
    first, quote, url = line.splitlines()
    assert "denial  The Example: Ministry denies shipping shells" in first
    assert quote.strip().startswith("denial (en-deny): Ministry denies shipping shells … ")
    assert quote.endswith("claim groundless, and said no more.")
    assert len(quote) < 300
    assert url.strip() == "https://example.org/a"


def test_the_words_around_a_quote_stay_whole() -> None:
    """Text that is cut off shows an ellipsis and whole words, never the end of one."""
    quote = str(readable(flagged(span("body", "groundless")))).splitlines()[1]
    assert quote.strip() == (
        "denial (en-deny): … words. Filler words. Filler words. It called the claim groundless, and said no more."
    )


def test_spans_that_stand_close_show_the_text_between_once() -> None:
    """Two spans of one sentence read as that sentence."""
    line = str(readable(flagged(span("body", "called"), span("body", "groundless"))))
    assert "It called the claim groundless, and said no more." in line
    assert line.count("groundless") == 1


def test_the_quote_is_highlighted_on_a_terminal() -> None:
    """The quote, and not its context, is bold and red for a denial."""
    assert f"{BOLD}{RED}denies shipping{RESET}" in readable(flagged(span("title", "denies shipping"))).coloured()


def test_text_from_outside_cannot_steer_the_terminal() -> None:
    """Escape sequences in a title come out as text, in both forms."""
    line = readable(flagged(span("title", "Ministry"), title=TITLE + " \x1b]0;x\x07\x1b[2J", outlet="a\r\nb"))
    assert "\x1b" not in str(line)
    assert "\r" not in str(line)
    assert "\x1b[2J" not in line.coloured()


def test_heartbeats_are_told_apart() -> None:
    """A heartbeat says its partition, and is marked, so that it can be left out."""
    line = readable(flagged(heartbeat=3))
    assert line.heartbeat
    assert "partition 3" in str(line)
    assert not readable(flagged(span("title", "denies"))).heartbeat


def test_batches_feed_states_and_deletions() -> None:
    """Each topic has its form."""
    batch = ArticleBatch(id="b", key="en", fetched=NOW, articles=(article(), article(title="Other")))
    lines = str(readable(message(ARTICLES_FRESH, batch))).splitlines()
    assert [line.split(": ")[-1] for line in lines[1:]] == [TITLE, "Other"]
    state = FeedState(
        url="http://x/f", last_poll=NOW, next_poll=NOW, reason="as configured", outcome="soft", failures=3
    )
    shown = str(readable(message(FEED_STATE, state)))
    assert "soft, 3 failures in a row  http://x/f" in shown
    assert "configured" in shown
    assert "deleted  http://x/f" in str(readable(message(FEED_STATE, None, key=b"http://x/f")))


def test_requests_for_pages_and_their_results() -> None:
    """What is wanted and why; what became of it, and why not. Nothing in them steers the terminal."""
    wanted = msgspec.structs.replace(article(title="Red \x1b[31m"), link="https://x.example/1")
    request = page_request(wanted, "flagged", NOW)
    assert request is not None
    shown = str(readable(message(PAGES_REQUESTS, request)))
    assert "wanted, flagged  https://x.example/1\n    Red" in shown
    assert "\x1b" not in shown
    result = PageResult(id="0" * 32, url="https://x.example/1", outcome="failed", reason="HTTP 503\x1b", finished=NOW)
    shown = str(readable(message(PAGES_RESULTS, result)))
    assert "failed  https://x.example/1: HTTP 503" in shown
    assert "\x1b" not in shown


def test_what_happened_to_a_thread() -> None:
    """Kind, sentence, reason and quotes of each event; nothing in them steers the terminal."""
    court = Court()
    court.take(telling(1, accuses("Red \x1b[31m")), telling(2, denies(), hours=1), command("mark", 1, state="conceded"))
    created, joined, denier, disputed, spread, conceded = (
        str(readable(message(THREAD_EVENTS, one))) for one in court.events
    )
    assert "created  A new thread." in created
    assert "\x1b" not in created
    assert f"article {article_id(2)}  https://herald.example/2\n    0.70: Spoons. (spoons)\n" in joined
    assert "Outlet 2: “Borduria contradicts others over the silver spoons”" in joined
    assert "new_denier  Borduria denied it." in denier
    assert "disputed  One side alleges it, another denies it.  (alleged → disputed)" in disputed
    assert "spread  2 independent sources carry it." in spread
    assert "by Ada: They differ.\n" in conceded
    shown = str(readable(message(THREADS, court.thread)))
    assert "conceded  Red \\x1b[31m → Borduria; denied by Borduria  2 articles, 2 sources" in shown
    assert article_id(1) in shown


def test_what_changes_threads() -> None:
    """Articles with their flags, commands; ticks and heartbeats are left out of a tail like heartbeats."""
    article, time, order = telling(1, accuses(), denies()), tick(1), command("merge", 1, into=2)
    lines = [readable(message(THREADS_IN, ThreadInput(what=one))) for one in (article, time, order)]
    assert [line.heartbeat for line in lines] == [False, True, False]
    assert "allegation, denial  en  Outlet 1: Spoons, day 1" in str(lines[0])
    assert f"merge {article_id(1)} into {article_id(2)}, by Ada: They differ." in str(lines[2])
    beat = Court().take(msgspec.structs.replace(article, heartbeat=3)).events
    assert [readable(message(THREAD_EVENTS, one)).heartbeat for one in beat] == [True]


def test_a_look_is_told_from_other_requests() -> None:
    """Which visit it is."""
    (first,) = Court().take(telling(1, accuses())).looks
    assert "wanted, look 0  https://herald.example/1" in str(readable(message(PAGES_REQUESTS, first)))


def test_a_dead_letter_says_where_it_came_from_and_why() -> None:
    """Place, error class, reason, size and foreign headers."""
    dead = dead_letter(
        topic=ARTICLES_RAW,
        partition=1,
        offset=7,
        key=b"example.org",
        value=b"\xff\x00",
        headers=(("trace", b"9"),),
        error=UndecodableError("not a batch"),
    )
    line = str(readable(Message(dead.topic, 0, 0, NOW, dead.key, dead.value, dead.headers)))
    for part in ("articles.raw[1]@7", "UndecodableError", "not a batch", "2 bytes", "example.org", "trace: 9"):
        assert part in line


@pytest.mark.parametrize("topic", [FLAGS, ARTICLES_RAW, FEED_STATE])
def test_an_unreadable_record_is_a_line_too(topic: str) -> None:
    """Bytes that are no record are shown with their place, and nothing is raised."""
    line = str(readable(message(topic, b"\xff\xfe")))
    assert f"{topic}[2]@41" in line
    assert "unreadable, 2 bytes" in line


def test_json_is_the_record_with_its_place() -> None:
    """One line, the record unchanged; what is not JSON is given in base64."""
    sent = flagged(span("title", "denies"))
    line = as_json(sent)
    assert "\n" not in line
    parsed = json.loads(line)
    assert (parsed["topic"], parsed["partition"], parsed["offset"], parsed["key"]) == (FLAGS, 2, 41, "en")
    assert parsed["value"] == json.loads(sent.value or b"")
    assert json.loads(as_json(message(FLAGS, b"\xff")))["value_base64"] == "/w=="
    assert json.loads(as_json(message(FEED_STATE, None)))["value"] is None


def test_unknown_topic_is_bad_usage() -> None:
    """The sentence lists what may be said; the exit code is 2."""
    app = typer.Typer()
    app.command()(tail)
    result = CliRunner().invoke(app, ["flgas"])
    assert isinstance(result.exception, UsageError)
    assert result.exception.exit_code == 2
    assert "flags" in str(result.exception)


def test_a_late_original_is_shown_with_the_one_before() -> None:
    """Whose it is, and when it was published; not when it was found."""
    group = CopyGroup(
        group="a" * 32, original="b" * 32, was="c" * 32, published=NOW - timedelta(hours=2), at=NOW,
        url="https://late.example/x", outlet="Late\x1b Post",
    )  # fmt: skip
    line = str(readable(message(COPIES, group)))
    hours = [(NOW - timedelta(hours=ago)).astimezone().strftime("%Y-%m-%d %H:%M:%S") for ago in (0, 2)]
    assert line.startswith(f"{hours[0]}  earlier original  Late")
    assert f", {hours[1]}  https://late.example/x" in line
    assert f"{'b' * 32} instead of {'c' * 32}, in group {'a' * 32}" in line
    assert "\x1b" not in line
    assert "unreadable" not in line
