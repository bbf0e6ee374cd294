"""What is known of outlets, and that feeds do not contradict it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pipeline.errors import ConfigError
from pipeline.resources import shipped
from pipeline.settings.checks import countries, languages
from pipeline.settings.feeds import read_feeds
from pipeline.settings.load import load_all, load_outlets
from pipeline.settings.models import Outlet, Settings

HERALD = "{name: The Herald, owner: Herald Group, country: GB, domains: [herald.example]}"


def read(directory: Path, *outlets: str) -> tuple[Outlet, ...]:
    """The outlets of a file with these, one a line from line 2 on."""
    (directory / "outlets.yaml").write_text("outlets:\n" + "".join(f"  - {one}\n" for one in outlets))
    return load_outlets(Settings(directory=directory))


def said(directory: Path, *outlets: str) -> list[str]:
    """The problems of a file with these outlets."""
    with pytest.raises(ConfigError) as caught:
        read(directory, *outlets)
    return [str(problem).replace(f"{directory}/", "") for problem in caught.value.problems]


def test_an_outlet_is_read(tmp_path: Path) -> None:
    """State control and editions are said only where there are any."""
    (outlet,) = read(tmp_path, HERALD)
    assert (outlet.name, outlet.domains, outlet.state_control, outlet.editions) == (
        "The Herald",
        ("herald.example",),
        False,
        (),
    )


@pytest.mark.parametrize(
    ("outlet", "problem"),
    [
        (
            HERALD.replace("herald.example]", "www.herald.example]"),
            "outlets.domains: 'www.herald.example' is not a registrable domain in lower case; write 'herald.example'",
        ),
        (
            HERALD.replace("herald.example]", "Herald.Example]"),
            "outlets.domains: 'Herald.Example' is not a registrable domain in lower case; write 'herald.example'",
        ),
        (HERALD.replace("[herald.example]", "[]"), "outlets.domains is []: it must have at least 1 entry"),
        (HERALD.replace("name: The Herald, ", ""), "outlets.name is missing: add it"),
        (
            HERALD.replace("}", ", state_control: partly}"),
            'outlets.state_control is "partly": it must be true or false',
        ),
        (
            HERALD.replace("}", ", state_controled: true}"),
            "unknown key 'outlets.state_controled'; did you mean 'state_control'?",
        ),
    ],
)
def test_a_wrong_outlet_is_said_with_its_line(tmp_path: Path, outlet: str, problem: str) -> None:
    """Exact sentences."""
    assert said(tmp_path, outlet) == [f"outlets.yaml:2: {problem}"]


def test_a_name_or_domain_of_two_outlets_names_both_places(tmp_path: Path) -> None:
    """A link or a feed's outlet would otherwise be of either."""
    other = "{name: Post, owner: Post, country: GB, domains: [herald.example], editions: [the herald]}"
    assert said(tmp_path, HERALD, other) == [
        "outlets.yaml:3: outlet 'the herald' is at outlets.yaml:2 already: remove one of them",
        "outlets.yaml:3: domain 'herald.example' is at outlets.yaml:2 already: remove one of them",
    ]


def test_a_feed_that_says_another_owner_is_a_problem(tmp_path: Path) -> None:
    """Independent sources are counted by owner: there is one truth about it, for editions too."""
    read(tmp_path, HERALD.replace("}", ", editions: [Herald Sunday]}"))
    (tmp_path / "counterclaim.yaml").write_text(f"rules_dir: {shipped('config/rules')}\n")
    (tmp_path / "feeds.yaml").write_text(
        "feeds:\n"
        "  - {url: 'https://a.example/', outlet: Herald Sunday, owner: Sunday Ltd, country: GB, language: en}\n"
        "  - {url: 'https://b.example/', outlet: Unknown Post, owner: Somebody, country: GB, language: en}\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_all(tmp_path, {})
    assert [str(problem) for problem in caught.value.problems] == [
        (
            f"{tmp_path}/feeds.yaml:2: feed 'https://a.example/' says that Herald Sunday belongs to 'Sunday Ltd'; "
            "the list of outlets says 'Herald Group': correct one of them"
        )
    ]


def test_codes_are_those_of_iso() -> None:
    """249 countries of ISO 3166-1 and Kosovo; the 183 languages of ISO 639-1 that CLDR names, and more is wrong."""
    assert len(countries()) == 250
    assert {"XK", "TW", "PS", "NO"} < countries()
    assert not {"EU", "UN", "UK", "SU", "ZZ"} & countries()
    assert {"en", "es", "fr", "de", "it", "pt", "ru", "uk", "ar", "fa", "tr", "zh"} < languages()


def test_the_shipped_configuration_is_sound_and_as_broad_as_promised() -> None:
    """At least 80 feeds on all continents, in twelve languages; most of their outlets are known."""
    configuration = load_all(shipped("config"), {})
    feeds, outlets = configuration.feeds, configuration.outlets
    assert len(feeds) >= 80
    assert {feed.language for feed in feeds} >= {"en", "es", "fr", "de", "it", "pt", "ru", "uk", "ar", "fa", "tr", "zh"}
    assert {"ZA", "NG", "US", "BR", "CN", "IN", "GB", "AU"} <= {feed.country for feed in feeds}
    known = {name for outlet in outlets for name in (outlet.name, *outlet.editions)}
    assert len(outlets) >= 60
    assert sum(feed.outlet in known for feed in feeds) / len(feeds) > 0.9
    assert sum(outlet.state_control for outlet in outlets) >= 10


def test_the_shipped_feeds_are_asked_for_over_https_where_they_can_be() -> None:
    """A plain http address is an exception, not a habit."""
    listed = read_feeds(shipped("config/feeds.yaml"), [])
    plain = [one.feed.url for one in listed if urlsplit(one.feed.url).scheme == "http"]
    assert len(plain) <= len(listed) * 0.05
