"""The operator's list of feeds: includes, overrides, drops, and every fault with its place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ConfigError
from pipeline.resources import shipped
from pipeline.settings.checks import feed_key
from pipeline.settings.feeds import included_files
from pipeline.settings.load import load_feeds
from pipeline.settings.models import Feed, Settings

A, B, C = (f"https://{name}.example/rss" for name in "abc")


def entry(url: str, **changes: object) -> str:
    """A feed as one line of YAML."""
    fields = {"outlet": "The Herald", "owner": "Herald Group", "country": "GB", "language": "en"} | changes
    return f"{{url: {url!r}, " + ", ".join(f"{key}: {value}" for key, value in fields.items()) + "}"


def listed(*urls: str) -> str:
    """A list of these feeds, one a line from line 2 on."""
    return "feeds:\n" + "".join(f"  - {entry(url)}\n" for url in urls)


def read(directory: Path, files: Mapping[str, str]) -> tuple[Feed, ...]:
    """The feeds of `feeds.yaml` among these files."""
    for name, text in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text, encoding="utf-8")
    return load_feeds(Settings(directory=directory))


def said(directory: Path, files: Mapping[str, str]) -> list[str]:
    """The problems of `feeds.yaml` among these files, places by file name alone."""
    with pytest.raises(ConfigError) as caught:
        read(directory, files)
    return [str(problem).replace(f"{directory}/", "") for problem in caught.value.problems]


def urls(feeds: tuple[Feed, ...]) -> list[str]:
    """Their addresses."""
    return [feed.url for feed in feeds]


def test_a_list_gives_its_feeds_in_order(tmp_path: Path) -> None:
    """Every field arrives, and an interval where there is one."""
    text = f"feeds:\n  - {entry(A)}\n  - {entry(B, country='NO', language='no', interval_seconds=900)}\n"
    first, second = read(tmp_path, {"feeds.yaml": text})
    assert first == Feed(url=A, outlet="The Herald", owner="Herald Group", country="GB", language="en")
    assert (second.country, second.language, second.interval_seconds) == ("NO", "no", 900)


def test_includes_come_first_and_may_be_patterns(tmp_path: Path) -> None:
    """A path is relative to the list that names it; `*` takes files in the order of their names."""
    files = {
        "feeds.yaml": "include: [lists/*.yaml]\n" + listed(C),
        "lists/1.yaml": listed(A),
        "lists/2.yaml": "include: [deeper/x.yaml]\n",
        "lists/deeper/x.yaml": listed(B),
    }
    assert urls(read(tmp_path, files)) == [A, B, C]


def test_shipped_lists_are_named_with_seeds() -> None:
    """`seeds:` is where the shipped lists are, whichever way counterclaim was installed."""
    files = included_files("seeds:feeds/*.yaml", Path("/nowhere"))
    assert files
    assert {path.parent for path in files} == {shipped("seeds/feeds")}
    assert included_files(f"seeds:feeds/{files[0].name}", Path("/nowhere")) == files[:1]


def test_feeds_of_included_lists_can_be_dropped_and_overridden(tmp_path: Path) -> None:
    """By URL, however it is written; what an override leaves out stays."""
    files = {
        "feeds.yaml": f"include: [all.yaml]\ndrop: ['HTTPS://A.example:443/rss']\n"
        f"override:\n  '{B}#top': {{interval_seconds: 1200, owner: New Owner, full_text: flagged}}\n",
        "all.yaml": listed(A, B, C),
    }
    b, c = read(tmp_path, files)
    assert (b.full_text, c.full_text) == ("flagged", "never")
    assert (b.url, b.interval_seconds, b.owner, b.outlet) == (B, 1200, "New Owner", "The Herald")
    assert (c.url, c.interval_seconds) == (C, None)


def test_a_dropped_feed_can_be_listed_anew_elsewhere(tmp_path: Path) -> None:
    """A list that includes one which drops a feed may add that feed itself."""
    files = {
        "feeds.yaml": "include: [middle.yaml]\n" + listed(A),
        "middle.yaml": f"include: [all.yaml]\ndrop: ['{A}']\n",
        "all.yaml": listed(A, B),
    }
    assert urls(read(tmp_path, files)) == [B, A]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"url": "ftp://a.example/rss"},
            "feeds.url: 'ftp://a.example/rss' is not a feed address: it must begin with http:// or https://",
        ),
        ({"url": "https:///rss"}, "feeds.url: 'https:///rss' has no host"),
        (
            {"url": "https://me:secret@a.example/rss"},
            (
                "feeds.url: 'https://***@a.example/rss' has a user name or password in it: "
                "remove everything before the @"
            ),
        ),
        (
            {"url": "https://a.example/a b"},
            "feeds.url: 'https://a.example/a b' has white space or a control character in it: write a space as %20",
        ),
        (
            {"url": "https://a.example:port/"},
            "feeds.url: 'https://a.example:port/' is not a URL: Port could not be cast to integer value as 'port'",
        ),
        (
            {"country": "UK"},
            "feeds.country: 'UK' is no country code of ISO 3166-1 (two capital letters); did you mean 'GB'?",
        ),
        (
            {"country": "fr"},
            "feeds.country: 'fr' is no country code of ISO 3166-1 (two capital letters); did you mean 'FR'?",
        ),
        ({"country": "EU"}, "feeds.country: 'EU' is no country code of ISO 3166-1 (two capital letters)"),
        (
            {"language": "pt-BR"},
            "feeds.language: 'pt-BR' is no language code of ISO 639-1 (two small letters); did you mean 'pt'?",
        ),
        (
            {"language": "iw"},
            "feeds.language: 'iw' is no language code of ISO 639-1 (two small letters); did you mean 'he'?",
        ),
        ({"outlet": "''"}, 'feeds.outlet is "": it must not be empty'),
        ({"owner": "null"}, "feeds.owner is null: it must be text"),
        ({"lang": "en"}, "unknown key 'feeds.lang'; did you mean 'language'?"),
        ({"interval_seconds": "fast"}, 'feeds.interval_seconds is "fast": it must be a number'),
        ({"interval_seconds": "0"}, "feeds.interval_seconds is 0: it must be more than 0"),
    ],
)
def test_a_wrong_entry_is_said_with_its_line(tmp_path: Path, changes: dict[str, str], problem: str) -> None:
    """Exact sentences; a password in a URL is not repeated."""
    wrong = entry(**({"url": A} | changes))
    assert said(tmp_path, {"feeds.yaml": f"feeds:\n  - {entry(B)}\n  - {wrong}\n"}) == [f"feeds.yaml:3: {problem}"]


def test_a_missing_field_is_said_at_its_feed(tmp_path: Path) -> None:
    """The line is the entry's, because the field has none."""
    text = f"feeds:\n  - url: {A}\n    outlet: Herald\n    owner: Herald\n    language: en\n"
    assert said(tmp_path, {"feeds.yaml": text}) == ["feeds.yaml:2: feeds.country is missing: add it"]


@pytest.mark.parametrize("again", [A, "HTTPS://A.example/rss", "https://a.example:443/rss", f"{A}#top"])
def test_a_feed_listed_twice_names_both_places(tmp_path: Path, again: str) -> None:
    """The same feed under another spelling of its URL is the same feed."""
    assert said(tmp_path, {"feeds.yaml": listed(A, B, again)}) == [
        f"feeds.yaml:4: feed {again!r} is listed at feeds.yaml:2 already: remove one of them"
    ]


def test_a_feed_that_an_included_list_has_names_that_list(tmp_path: Path) -> None:
    """The operator's own line is the one to mend."""
    assert said(tmp_path, {"feeds.yaml": "include: [all.yaml]\n" + listed(B), "all.yaml": listed(A, B)}) == [
        f"feeds.yaml:3: feed {B!r} is listed at all.yaml:3 already: remove one of them"
    ]


def test_a_host_alone_and_its_root_are_one_feed(tmp_path: Path) -> None:
    """An empty path is requested as / (RFC 9112 §3.2.1)."""
    assert said(tmp_path, {"feeds.yaml": listed("https://a.example/", "https://a.example")}) == [
        "feeds.yaml:3: feed 'https://a.example' is listed at feeds.yaml:2 already: remove one of them"
    ]


def test_feeds_that_differ_in_scheme_or_query_are_two(tmp_path: Path) -> None:
    """A query may choose another feed, and http another server."""
    several = [A, f"{A}?section=world", A.replace("https", "http"), f"{A}/"]
    assert urls(read(tmp_path, {"feeds.yaml": listed(*several)})) == several


def test_an_include_that_is_not_there_is_said(tmp_path: Path) -> None:
    """So is a pattern that matches nothing."""
    text = "include:\n  - gone.yaml\n  - gone/*.yaml\n  - seeds:feeds/gone.yaml\n" + listed(A)
    assert said(tmp_path, {"feeds.yaml": text}) == [
        "feeds.yaml:2: includes 'gone.yaml', but there is no such file",
        "feeds.yaml:3: includes 'gone/*.yaml', but there is no such file",
        "feeds.yaml:4: includes 'seeds:feeds/gone.yaml', but there is no such file",
    ]


def test_lists_that_include_each_other_are_said(tmp_path: Path) -> None:
    """The way round is named, and reading ends."""
    files = {
        "feeds.yaml": "include: [a.yaml]\n" + listed(A),
        "a.yaml": "include:\n  - b.yaml\n",
        "b.yaml": "include:\n  - a.yaml\n",
    }
    assert said(tmp_path, files) == ["b.yaml:2: includes 'a.yaml', which includes itself: a.yaml → b.yaml → a.yaml"]


def test_a_list_included_twice_is_said(tmp_path: Path) -> None:
    """One sentence, not one for each of its feeds."""
    files = {"feeds.yaml": "include:\n  - a.yaml\n  - '*a.yaml'\n", "a.yaml": listed(A, B)}
    assert said(tmp_path, files) == ["feeds.yaml:3: includes a.yaml again, after feeds.yaml:2"]


def test_an_override_or_drop_that_matches_nothing_is_said(tmp_path: Path) -> None:
    """A feed that a shipped list no longer has is noticed; a slip gets the nearest URL."""
    text = (
        f"include: [all.yaml]\noverride:\n  {A}x: {{interval_seconds: 900}}\n"
        "  https://other.example/: {interval_seconds: 900}\n"
        f"drop:\n  - {B[:-1]}\n"
    )
    assert said(tmp_path, {"feeds.yaml": text, "all.yaml": listed(A, B)}) == [
        f"feeds.yaml:3: overrides '{A}x', which is in no list; did you mean {A!r}?",
        "feeds.yaml:4: overrides 'https://other.example/', which is in no list",
        f"feeds.yaml:6: drops {B[:-1]!r}, which is in no list; did you mean {B!r}?",
    ]


def test_an_override_of_a_dropped_feed_is_said(tmp_path: Path) -> None:
    """One of the two is a leftover."""
    text = f"include: [all.yaml]\ndrop:\n  - {A}\n  - {A}\noverride:\n  {A}: {{interval_seconds: 900}}\n"
    assert said(tmp_path, {"feeds.yaml": text, "all.yaml": listed(A, B)}) == [
        f"feeds.yaml:4: drops {A!r} again: remove one of them",
        f"feeds.yaml:6: overrides {A!r}, which feeds.yaml:3 drops",
    ]


def test_a_wrong_override_is_said_at_its_key(tmp_path: Path) -> None:
    """Its URL and its values are checked like a feed's."""
    text = f"include: [all.yaml]\noverride:\n  {A}:\n    languages: en\n  b.example: {{language: en}}\n"
    assert said(tmp_path, {"feeds.yaml": text, "all.yaml": listed(A)}) == [
        f"feeds.yaml:4: unknown key 'override.{A}.languages'; did you mean 'language'?",
        ("feeds.yaml:5: override.b.example: 'b.example' is not a feed address: it must begin with http:// or https://"),
    ]


def test_a_list_without_feeds_is_said(tmp_path: Path) -> None:
    """Nothing to poll is no configuration."""
    assert said(tmp_path, {"feeds.yaml": "# nothing yet\n"}) == [
        "feeds.yaml: lists no feed: add one under `feeds`, or include a list"
    ]


def test_all_problems_of_all_lists_come_at_once(tmp_path: Path) -> None:
    """A bad entry hides no duplicate, and a bad list no other."""
    files = {
        "feeds.yaml": f"include: [bad.yaml, syntax.yaml]\nfeeds:\n  - {entry(A, country='XX')}\n"
        f"  - {entry(B)}\n  - {entry(B)}\nfeed: []\n",
        "bad.yaml": f"feeds:\n  - {entry('x')}\n",
        "syntax.yaml": "feeds: [\n",
    }
    found = said(tmp_path, files)
    assert [one.split(": ")[0] for one in found] == [
        "feeds.yaml:3",
        "feeds.yaml:5",
        "feeds.yaml:6",
        "bad.yaml:2",
        "syntax.yaml:2",
    ]


@given(
    scheme=st.sampled_from(["http", "https", "HTTPS"]),
    host=st.sampled_from(["news.example", "News.Example", "[::1]", "192.0.2.1", "news.example."]),
    port=st.sampled_from(["", ":80", ":443", ":8080"]),
    rest=st.tuples(
        st.sampled_from(["", "/", "/a/B", "/a%2Fb"]),
        st.sampled_from(["", "?", "?x=1&y=2"]),
        st.sampled_from(["", "#", "#top"]),
    ).map("".join),
)
def test_a_feeds_key_is_its_own_key(scheme: str, host: str, port: str, rest: str) -> None:
    """Canonical form is idempotent, and never has capitals in the host or a fragment."""
    key = feed_key(f"{scheme}://{host}{port}{rest}")
    assert feed_key(key) == key
    assert "#" not in key
    assert key.startswith(f"{scheme.lower()}://{host.lower().rstrip('.')}")
