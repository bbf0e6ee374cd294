"""What is remembered of a feed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.feeds.keys import seen_key
from pipeline.feeds.state import MAX_SEEN, MIN_SEEN, decode_states, news, remembered
from pipeline.records import Article, FeedState, encode
from pipeline.topics import topics
from tests.articles import NOON, make_article

URL = "https://herald.example/feed"


def state(*seen: str) -> FeedState:
    """A state that remembers these items."""
    return FeedState(url=URL, last_poll=NOON, next_poll=NOON, reason="", outcome="changed", seen=" ".join(seen))


def item(number: int, **changes: str) -> Article:
    """An article with an id that is told apart by its first digits, as hashes are."""
    return make_article(number, id=f"{number:016x}" * 2, **changes)


def test_states_are_read_by_url() -> None:
    """As they were written."""
    kept = state("a:b")
    assert decode_states({URL.encode(): encode(kept)}) == {URL: kept}


def test_a_state_that_cannot_be_read_starts_its_feed_afresh() -> None:
    """Broken or from a newer version: the others are read, and nothing ends."""
    newer = encode(state()).replace(b'"1.0"', b'"2.0"')
    table = {b"https://a.example/": b"{", b"\xff": b"null", b"https://b.example/": newer, URL.encode(): encode(state())}
    assert list(decode_states(table)) == [URL]


def test_the_memory_is_bounded_and_fits_a_record() -> None:
    """An endless feed: the newest body's items, up to the cap; the record stays below what the topic takes."""
    many = [item(number, title=f"title {number}") for number in range(MAX_SEEN + 500)]
    kept = remembered(
        list(map(seen_key, many)), state(*(seen_key(item(number)) for number in range(10**6, 10**6 + 50)))
    )
    assert len(kept) == MAX_SEEN
    assert kept[0] == seen_key(many[0])
    limit = next(topic for topic in topics() if topic.name == "feed-state").max_message_bytes
    assert len(encode(state(*kept))) < limit / 2


def test_what_left_the_body_is_remembered_for_a_while() -> None:
    """Beside a short body a hundred, beside a long one as many as it has."""
    old = [seen_key(item(number)) for number in range(10**6, 10**6 + 5000)]
    assert len(remembered([seen_key(item(1))], state(*old))) == MIN_SEEN
    assert len(remembered([seen_key(item(number)) for number in range(300)], state(*old))) == 600


@given(st.lists(st.dictionaries(st.integers(0, 5), st.integers(0, 2), max_size=6), max_size=6))
def test_no_text_is_missed_and_none_that_stays_is_repeated(bodies: list[dict[int, int]]) -> None:
    """Body after body: what differs from the item's last known text is news, and nothing else is."""
    known = state()
    last: dict[int, int] = {}
    for body in bodies:
        articles = [item(number, title=f"text {text}") for number, text in body.items()]
        expected = [
            seen_key(one)
            for one, (number, text) in zip(articles, body.items(), strict=True)
            if last.get(number) != text
        ]
        assert [seen_key(one) for one in news(articles, known)] == expected
        known = state(*remembered(list(map(seen_key, articles)), known))
        last |= body


def test_a_text_that_is_twice_in_a_body_is_news_once() -> None:
    """Feeds repeat items."""
    assert len(news([item(1), item(2), item(1)], None)) == 2
