"""What robots.txt lets us fetch (RFC 9309)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.pages.robots import (
    KEEP,
    KEEP_LEAST,
    MAX_ROBOTS_BYTES,
    RETRY,
    UNREACHABLE_LIMIT,
    address,
    answered,
    permit,
    unreachable,
)

NOW = datetime(2026, 2, 3, 12, tzinfo=UTC)
SITE = "https://news.example"


@pytest.mark.parametrize(
    ("rules", "path", "allowed"),
    [
        ("", "/a", True),
        ("User-agent: *\nDisallow: /", "/a", False),
        ("User-agent: *\nDisallow:", "/a", True),
        ("User-agent: *\nDisallow: /private/", "/private/a", False),
        ("User-agent: *\nDisallow: /private/", "/public", True),
        ("User-agent: *\nDisallow: /news\nAllow: /news/2026", "/news/2026/a", True),
        ("User-agent: *\nDisallow: /*.pdf$", "/a.pdf", False),
        ("User-agent: *\nDisallow: /*.pdf$", "/a.pdf.html", True),
        ("User-agent: *\nDisallow: /\n\nUser-agent: counterclaim\nAllow: /", "/a", True),
        ("User-agent: *\nAllow: /\n\nUser-agent: CounterClaim\nDisallow: /", "/a", False),
        ("User-agent: claim\nDisallow: /", "/a", True),
        ("User-agent: otherbot\nUser-agent: counterclaim\nDisallow: /", "/a", False),
        ("\ufeffUser-agent: *\nDisallow: /", "/a", False),
        ("nonsense\nUser-agent: *\nblah: blah\nDisallow: /a", "/a", False),
        ("<html><body>Not found</body></html>", "/a", True),
    ],
)
def test_rules_allow_or_refuse_a_path(rules: str, path: str, allowed: bool) -> None:
    """The most specific group and the longest rule count; a broken line costs itself."""
    found = permit(rules.encode(), SITE + path)
    assert (found.allowed, bool(found.reason)) == (allowed, not allowed)
    assert not found.temporary


@pytest.mark.parametrize(
    ("line", "delay"), [("Crawl-delay: 10", 10.0), ("Crawl-delay: 0.5", 0.5), ("Crawl-delay: soon", 0.0), ("", 0.0)]
)
def test_a_crawl_delay_is_the_time_between_two_requests(line: str, delay: float) -> None:
    """Not in the RFC, but asked for by many; nonsense is none."""
    assert permit(f"User-agent: *\n{line}\n".encode(), SITE).delay_seconds == delay


def test_a_crawl_delay_beyond_an_hour_is_a_refusal() -> None:
    """Nothing would be read in time, and the queue would grow."""
    found = permit(b"User-agent: *\nCrawl-delay: 86400", SITE)
    assert not found.allowed
    assert "86400 s" in found.reason


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("https://news.example/a/b?c", "https://news.example/robots.txt"),
        ("http://news.example:8080/", "http://news.example:8080/robots.txt"),
        ("https://user:secret@news.example/a", "https://news.example/robots.txt"),
    ],
)
def test_rules_are_for_one_scheme_host_and_port(url: str, where: str) -> None:
    """And who asks is not told."""
    assert address(url) == where


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451, 304])
def test_a_host_without_a_robots_txt_allows_everything(status: int) -> None:
    """ "Unavailable" in the RFC's words: 4xx, and what is neither rules nor failure."""
    found = answered(status, {}, None, now=NOW)
    assert (found.access, found.until) == ("all", NOW + KEEP)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_host_that_fails_allows_nothing_for_a_while(status: int) -> None:
    """ "Unreachable"; 429 says "not now", which is no permission."""
    found = answered(status, {}, None, now=NOW)
    assert (found.access, found.until, found.unreachable_since) == ("none", NOW + RETRY, NOW)


def test_a_host_that_names_a_time_is_asked_then() -> None:
    """Retry-After counts where it is longer than our own pause, up to a day."""
    waits = [answered(503, {"retry-after": value}, None, now=NOW).until - NOW for value in ("7200", "1", "99999999")]
    assert waits == [timedelta(hours=2), RETRY, KEEP]


def test_after_thirty_days_without_an_answer_everything_is_allowed() -> None:
    """The RFC's way out; a failure in between that is answered starts the count anew."""
    first = unreachable("no connection", now=NOW)
    later = answered(500, {}, None, now=NOW + UNREACHABLE_LIMIT - timedelta(minutes=1), before=first)
    assert later.access == "none"
    assert unreachable("no connection", now=NOW + UNREACHABLE_LIMIT, before=later).access == "all"
    back = answered(200, {}, b"", now=NOW + timedelta(days=29), before=first)
    assert unreachable("no connection", now=NOW + UNREACHABLE_LIMIT, before=back).access == "none"


@pytest.mark.parametrize(
    ("header", "kept"),
    [({}, KEEP), ({"cache-control": "max-age=7200"}, timedelta(hours=2)), ({"cache-control": "max-age=5"}, KEEP_LEAST),
     ({"cache-control": "max-age=999999999"}, KEEP)],
)  # fmt: skip
def test_rules_are_kept_as_long_as_the_server_says_within_bounds(header: dict[str, str], kept: timedelta) -> None:
    """A day at the most, as the RFC wants; an hour at the least, so that no page costs a robots.txt of its own."""
    assert answered(200, header, b"", now=NOW).until - NOW == kept


def test_of_a_huge_file_the_first_500_kib_count() -> None:
    """Whole lines of them: a rule that was cut in the middle would be another rule."""
    filler = b"# nothing\n" * (MAX_ROBOTS_BYTES // 10 - 3)
    start = b"User-agent: *\nDisallow: /a\n"
    body = start + filler + b"Disallow: /only-this-page\nDisallow: /b\n"
    found = answered(200, {}, body, now=NOW)
    assert len(found.rules) <= MAX_ROBOTS_BYTES < len(body)
    assert not permit(found.rules, f"{SITE}/a").allowed
    assert permit(found.rules, f"{SITE}/b").allowed
    assert permit(found.rules, f"{SITE}/other").allowed


@given(st.binary(max_size=300), st.text(max_size=40))
def test_any_bytes_are_rules(rules: bytes, path: str) -> None:
    """Nothing that a server sends raises."""
    permit(b"User-agent: *\n" + rules, f"{SITE}/{path}")
