"""Canonical URLs and registrable domains."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.dedupe.canonical import canonical_url, is_public_name, registrable_domain

PAGE = "https://example.org/news/a"

URL_LIKE = st.builds(
    "".join,
    st.lists(
        st.sampled_from(
            ["http://", "https://", "HTTPS:", "//", "/", "\\", ".", "..", "%", "%2", "%25", "%41", "%2e", "%2F", "?",
             "&", "&amp;", "=", ";", "#", "amp", ".amp", ".html", ";sid=1", "utm_source", "ref", "www.", "m.",
             "example.org", "bücher.de", "[::1]", ":80", ":443", "@", " ", "\t", "\u0301", "e", "1", "+", "%20", "é",
             "\ud800", "\xa0", "cdn.ampproject.org/c/s/", "google.com/amp/s/", "co.uk"]
        ),
        max_size=12,
    ),
)  # fmt: skip


@pytest.mark.parametrize(
    "variant",
    [
        "HTTPS://Example.ORG/news/a",
        "https://example.org:443/news/a",
        "https://example.org/news/a#comments",
        "https://example.org/news/a/",
        "https://example.org//news/./x/../a",
        "https://example.org/n%65ws/a",
        "https://www.example.org/news/a",
        "https://m.example.org/news/a",
        "https://amp.example.org/news/a",
        "https://example.org/news/a/amp",
        "https://example.org/news/a/amp/",
        "https://example.org/amp/news/a",
        "https://example.org/news/a.amp",
        "https://example.org/news/a?outputType=amp",
        "https://example.org/news/a?amp",
        "https://example.org/news/a?utm_source=rss&utm_medium=feed",
        "https://example.org/news/a?fbclid=1&gclid=2&CMP=3&cmpid=4&ocid=5&xtor=RSS-6",
        "https://example.org/news/a?at_medium=RSS&at_campaign=x&ns_campaign=y",
        "https://example.org/news/a?ref=rss",
        "https://example.org/news/a?ref=une-page-d%C3%A9but",
        "https://example.org/news/a;jsessionid=0A1B",
        "https://reader@example.org/news/a",
        "https://example.org./news/a",
        "  https://example.org/news/a\n",
        "https://www.google.com/amp/s/www.example.org/news/a",
        "https://www-example-org.cdn.ampproject.org/c/s/www.example.org/news/a",
    ],
)
def test_variants_of_a_page_are_one(variant: str) -> None:
    """Case, port, tracking, AMP and mobile hosts make no other page."""
    assert canonical_url(variant) == PAGE


@pytest.mark.parametrize(
    "other",
    [
        "http://example.org/news/a",
        "https://example.org:8443/news/a",
        "https://example.org/news/A",
        "https://example.org/news/a%2Fb",
        "https://example.org/news/a?id=1",
        "https://example.org/news/a?ref=123",
        "https://example.org/news/a?cid=7",
        "https://live.example.org/news/a",
        "https://example.com/news/a",
        "https://example.org/news/a.html",
    ],
)
def test_other_pages_stay_apart(other: str) -> None:
    """Where a part of the URL may name another page, it is kept: a wrong merge is worse than a missed one."""
    assert canonical_url(other) not in {"", PAGE}


def test_parameters_are_sorted_and_kept() -> None:
    """What is no tracking parameter stays, in one order, with its escapes in capitals."""
    assert canonical_url("http://example.org/?b=%c3%a9&a=1&b=&flag") == "http://example.org/?a=1&b=&b=%C3%A9&flag"
    assert canonical_url("http://example.org/?a=1&amp;b=2") == "http://example.org/?a=1&b=2"
    assert canonical_url("http://example.org/?q=a%20b") == canonical_url("http://example.org/?q=a+b")


def test_international_names_become_ascii() -> None:
    """Host by IDNA, path by UTF-8 in NFC."""
    assert canonical_url("http://BÜCHER.example/ä") == "http://xn--bcher-kva.example/%C3%A4"
    assert canonical_url("http://bücher.example/a\u0308") == "http://xn--bcher-kva.example/%C3%A4"
    assert canonical_url("http://новости.example/") == "http://xn--b1amnebsh.example/"


@pytest.mark.parametrize(
    "url",
    ["", " ", "news/a", "//example.org/a", "ftp://example.org/a", "javascript:alert(1)", "mailto:a@example.org", "http://",
     "http:///a", "http://[::1", "http://a b/", "http://example.org:99999/", "http://exa<mple.org/", "http://a..b/",
     "https://example.org/" + "a" * 5000, "data:text/html,x"],
)  # fmt: skip
def test_no_usable_url_is_empty(url: str) -> None:
    """Whatever is no http(s) URL with a host gives the empty string."""
    assert canonical_url(url) == ""


@given(st.one_of(st.text(), URL_LIKE, URL_LIKE.map("https://example.org/".__add__)))
@example("http://example.org/%2541")
@example("http://example.org/%%34%31")
@example("http://example.org/a.amp.amp/amp.amp/.amp")
@example("http://example.org/a.amp.html.amp")
@example("http://example.org/?&%61mp;utm_source=1")
@example("http://example.org/?ref=a%20b")
@example("https://x.cdn.ampproject.org/amp/c/s/example.org/a")
def test_canonical_is_idempotent_and_never_raises(url: str) -> None:
    """The canonical form of a canonical URL is itself, on any text; and it is ASCII."""
    once = canonical_url(url)
    assert canonical_url(once) == once
    assert once.isascii()


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("https://www.bbc.co.uk/news", "bbc.co.uk"),
        ("feeds.bbci.co.uk", "bbci.co.uk"),
        ("https://news.example/a", "news.example"),
        ("https://www.news.example/a", "news.example"),
        ("http://127.0.0.1:8000/a", "127.0.0.1"),
        ("http://localhost:8000/a", "localhost"),
        ("http://[::1]:8000/a", "[::1]"),
        ("https://bücher.example/", "xn--bcher-kva.example"),
        ("https://co.uk/", "co.uk"),
        ("", ""),
        ("http://[", ""),
    ],
)
def test_registrable_domain(url: str, domain: str) -> None:
    """One label below the public suffix; a host that is no public name is itself, without its port."""
    assert registrable_domain(url) == domain


@given(st.one_of(st.text(), URL_LIKE))
def test_registrable_domain_never_raises(url: str) -> None:
    """Any text gives a domain or nothing, and a domain's domain is itself."""
    domain = registrable_domain(url)
    assert registrable_domain(domain) == domain


def test_public_names() -> None:
    """Addresses, machine names and public suffixes belong to no one outlet."""
    assert [is_public_name(name) for name in ("bbc.co.uk", "news.example")] == [True, True]
    assert not any(map(is_public_name, ("127.0.0.1", "localhost", "[::1]", "co.uk", "")))
