"""Synthetic feeds, the same for the same seed: what 10,000 of them answer, round by round.

Feeds share a few templates, because what is measured depends on the shape of a body and not on who else has the same.
In each round one feed in ten has a new edition, which begins with two new items; all others answer 304.
"""

from __future__ import annotations

import gzip
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from itertools import accumulate
from typing import Final

TEMPLATES: Final = 20
ITEMS: Final = 30
"""In one body; the median of captured news feeds."""

PARAGRAPHS: Final = 17
"""Of 55 words in an item: 60 KB of gzip a body."""

NEW_ITEMS: Final = 2
CHANGED_EVERY: Final = 10
"""One feed in ten has changed: 90 % of the answers are 304."""

FIRST_ITEM: Final = 1_000
"""The newest of edition 0; older editions have negative numbers."""

FEEDS_PER_HOST: Final = 5
FIRST: Final = datetime(2026, 3, 1, 6, tzinfo=UTC)

_SYLLABLES: Final = (
    *("ka", "to", "mi", "ren", "sol", "va", "dor", "pel", "in", "sha", "gru", "tem", "bo", "li", "nar", "ost", "ye"),
    *("fal", "qui", "dem", "ar", "cho"),
)
_LEXICON: Final = 4_000


@dataclass(frozen=True, slots=True)
class Edition:
    """One body as it goes over the wire, and what names it."""

    body: bytes
    """gzip."""

    size: int
    """Before gzip."""

    etag: str


def edition_number(feed: int, turn: int) -> int:
    """Which edition a feed has in a round; in round 0 all have their first."""
    return (turn + CHANGED_EVERY - 1 - feed % CHANGED_EVERY) // CHANGED_EVERY


def changed(feed: int, turn: int) -> bool:
    """Whether a feed's edition is new in this round."""
    return edition_number(feed, turn) != edition_number(feed, turn - 1)


def etag(feed: int, turn: int) -> str:
    """Of a feed's body in a round."""
    return f'"{feed % TEMPLATES:02x}-{edition_number(feed, turn):x}-5f3c1a"'


@cache
def edition(template: int, number: int) -> Edition:
    """A template's body with this number."""
    newest = FIRST_ITEM + number * NEW_ITEMS
    items = "".join(_item(template, item) for item in range(newest, newest - ITEMS, -1))
    text = _CHANNEL.format(template=template, items=items).encode()
    return Edition(gzip.compress(text, 6, mtime=0), len(text), f'"{template:02x}-{number:x}-5f3c1a"')


def host(feed: int) -> str:
    """A loopback address of its own for every five feeds: a host to a poller as any other, and no name to resolve."""
    number = feed // FEEDS_PER_HOST
    return f"127.{1 + number // 62_500}.{number // 250 % 250}.{1 + number % 250}"


def url(feed: int, port: int, reader: str) -> str:
    """A feed's address; each reader has its own, so that each sees every round."""
    return f"http://{host(feed)}:{port}/{reader}/{feed}"


@cache
def _item(template: int, number: int) -> str:
    dice = random.Random(template * 10_007 + number)
    paragraphs = [_prose(dice, 55) for _ in range(PARAGRAPHS)]
    return _ITEM.format(
        title=_prose(dice, 9).rstrip("."),
        link=f"https://paper-{template}.example/2026/03/{number}/{'-'.join(_words(dice, 6))}",
        guid=f"https://paper-{template}.example/?p={number}",
        date=format_datetime(FIRST + timedelta(minutes=40 * number), usegmt=True),
        author=" ".join(word.title() for word in _words(dice, 2)),
        lead=_prose(dice, 35),
        image=f"https://paper-{template}.example/media/{number}.jpg",
        body="".join(f'&lt;p class="text"&gt;{one}&lt;/p&gt;' for one in paragraphs),
    )


@cache
def _lexicon() -> tuple[list[str], list[float]]:
    dice = random.Random(7)
    words = ["".join(dice.choices(_SYLLABLES, k=dice.choice((1, 2, 2, 3, 3)))) for _ in range(_LEXICON)]
    return words, list(accumulate(1 / (rank + 3) for rank in range(_LEXICON)))


def _words(dice: random.Random, count: int) -> list[str]:
    words, weights = _lexicon()
    return dice.choices(words, cum_weights=weights, k=count)


def _prose(dice: random.Random, count: int) -> str:
    return " ".join(_words(dice, count)).capitalize() + "."


_CHANNEL: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0" '
    'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:atom="http://www.w3.org/2005/Atom">\n<channel>\n'
    "<title>Paper {template}</title>\n<link>https://paper-{template}.example/</link>\n"
    "<description>What happens</description>\n<language>en-GB</language>\n<ttl>5</ttl>\n{items}</channel>\n</rss>\n"
)
_ITEM: Final = (
    '<item>\n<title>{title}</title>\n<link>{link}</link>\n<guid isPermaLink="false">{guid}</guid>\n'
    "<pubDate>{date}</pubDate>\n<dc:creator>{author}</dc:creator>\n<category>News</category>\n"
    '<description>&lt;img src="{image}" alt=""&gt; {lead} &lt;a href="{link}"&gt;More&lt;/a&gt;</description>\n'
    "<content:encoded>{body}</content:encoded>\n</item>\n"
)
