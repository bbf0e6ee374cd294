"""A publisher's hosts with feeds and article pages that judge every request for a page, on a clock that tests turn.

What they hold against a crawler: pages that robots.txt disallows, or that are asked for before it; visits closer
together than it asks; questions during a Retry-After; the same page again; more at once than feeds and pages may be
together; cookies and referrers; and an Accept that does not say what is wanted.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from aiohttp import web

from tests.turned import TurnedClock

PER_HOST: Final = 2
SPACING: Final = timedelta(seconds=2)
"""Closer together than this nobody should ask one host for pages, whatever its robots.txt says."""

ROBOTS_AGAIN: Final = timedelta(hours=1)
NEW_ITEM: Final = timedelta(hours=8)
"""How often each feed has a new item."""

HOLD: Final = 20
"""Turns of the event loop that an answer takes: others that ask meanwhile are seen."""


@dataclass(frozen=True)
class Kind:
    """What one host does. Times in seconds."""

    robots: str | None = "User-agent: *\nDisallow: /private\n"
    """None: 404."""

    crawl_delay: int = 0
    busy_every: int = 0
    """Each so many'th page is 429 with `Retry-After` at first."""

    retry_after: int = 7_200
    links: Sequence[str] = ("story",)
    """Kinds of pages that its feeds' items point to, in turn: the first part of their path."""


KINDS: Final[dict[str, Kind]] = {
    "127.0.2.1": Kind(links=("story", "private", "gone")),
    "127.0.2.2": Kind(robots="User-agent: *\nDisallow: /private\nCrawl-delay: 40\n", crawl_delay=40),
    "127.0.2.3": Kind(busy_every=5),
    "127.0.2.4": Kind(robots=None, links=("moved", "story")),
    "127.0.2.5": Kind(links=("moved", "trap")),
}
"""By address: each is a host of its own."""


@dataclass
class Ledger:
    """What a host knows of its visitor."""

    robots: datetime | None = None
    page: datetime | None = None
    not_before: datetime | None = None
    sent_to: str = ""
    """Where a redirect led: the next request for it belongs to the same visit."""

    open: int = 0
    pages: int = 0
    given: set[str] = field(default_factory=set)


@dataclass
class Judge:
    """Answers like well-made servers, and counts what a visitor does wrong."""

    clock: TurnedClock
    faults: Counter[str] = field(default_factory=Counter)
    first_faults: dict[str, str] = field(default_factory=dict)
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Of pages, by the kind of page and the answer."""

    asked: int = 0
    """Requests altogether."""

    busiest: int = 0
    """Most requests that a host had at once."""

    _ledgers: defaultdict[str, Ledger] = field(default_factory=lambda: defaultdict(Ledger))

    def __post_init__(self) -> None:
        self._began = self.clock.now()

    async def __call__(self, request: web.Request) -> web.Response:
        """Judge, then answer."""
        host = request.url.host or ""
        kind, ledger = KINDS[host], self._ledgers[host]
        ledger.open += 1
        self.asked += 1
        self.busiest = max(self.busiest, ledger.open)
        if ledger.open > PER_HOST:
            self._fault("many at once", request)
        try:
            for _ in range(HOLD):
                await asyncio.sleep(0)
            return self._answer(request, kind, ledger)
        finally:
            ledger.open -= 1

    @property
    def busy(self) -> bool:
        """Whether a request is being answered."""
        return any(ledger.open for ledger in self._ledgers.values())

    def _fault(self, name: str, request: web.Request) -> None:
        self.faults[name] += 1
        self.first_faults.setdefault(name, f"{request.url} at {self.clock.now()}: {dict(request.headers)}")

    def _answer(self, request: web.Request, kind: Kind, ledger: Ledger) -> web.Response:
        now = self.clock.now()
        if request.path.startswith("/feed"):
            return self._feed(request, kind, now)
        for name, wrong in _MANNERS.items():
            if wrong(request):
                self._fault(name, request)
        if request.path == "/robots.txt":
            return self._robots(request, kind, ledger, now)
        self._judge(request, kind, ledger, now)
        answer = self._page(request, kind, ledger, now)
        answer.headers["Set-Cookie"] = "reader=1; Path=/"
        self.answers[_sort(request), str(answer.status)] += 1
        return answer

    def _feed(self, request: web.Request, kind: Kind, now: datetime) -> web.Response:
        edition = int((now - self._began) / NEW_ITEM)
        tag = f'"{edition}"'
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers={"ETag": tag})
        numbers = [edition + 100 - back for back in range(4)]
        lines = [f"{_link(request, kind, number)} Story {number}" for number in numbers]
        return web.Response(text="\n".join(lines), headers={"ETag": tag})

    def _robots(self, request: web.Request, kind: Kind, ledger: Ledger, now: datetime) -> web.Response:
        if ledger.robots is not None and now - ledger.robots < ROBOTS_AGAIN:
            self._fault("robots.txt again", request)
        ledger.robots = now
        return web.Response(status=404) if kind.robots is None else web.Response(text=kind.robots)

    def _judge(self, request: web.Request, kind: Kind, ledger: Ledger, now: datetime) -> None:
        if ledger.robots is None or now - ledger.robots > timedelta(days=1, hours=1):
            self._fault("not asked robots.txt", request)
        if kind.robots is not None and _sort(request) == "private":
            self._fault("disallowed", request)
        if request.path in ledger.given:
            self._fault("visited again", request)
        if ledger.not_before is not None and now < ledger.not_before:
            self._fault("early: Retry-After", request)
        pause = max(SPACING, timedelta(seconds=kind.crawl_delay))
        if ledger.page is not None and now - ledger.page < pause and request.path != ledger.sent_to:
            self._fault("early: Crawl-delay" if kind.crawl_delay else "early: the pause", request)
        ledger.page = now

    def _page(self, request: web.Request, kind: Kind, ledger: Ledger, now: datetime) -> web.Response:
        ledger.pages += 1
        ledger.sent_to = ""
        if kind.busy_every and ledger.pages % kind.busy_every == 0:
            ledger.not_before = now + timedelta(seconds=kind.retry_after)
            return web.Response(status=429, headers={"Retry-After": str(kind.retry_after)})
        ledger.given.add(request.path)
        sort, _, rest = request.path[1:].partition("/")
        if sort == "gone":
            return web.Response(status=404)
        if sort in ("moved", "trap"):
            ledger.sent_to = f"/{'story' if sort == 'moved' else 'private'}/of-{sort}/{rest}"
            return web.Response(status=302, headers={"Location": ledger.sent_to})
        return web.Response(text=f"The whole text of {request.path}.", content_type="text/html")


def _sort(request: web.Request) -> str:
    return request.path[1:].partition("/")[0]


def _link(request: web.Request, kind: Kind, number: int) -> str:
    """The pages are on another port than the feeds, as on another machine behind the same name."""
    sort = kind.links[number % len(kind.links)]
    return f"http://{request.url.host}:{request.query['pages']}/{sort}{request.path}/{number}"


_MANNERS: Final[dict[str, Callable[[web.Request], bool]]] = {
    "cookie": lambda request: "Cookie" in request.headers,
    "referrer": lambda request: "Referer" in request.headers,
    "wrong Accept": lambda request: (
        ("text/plain" if request.path == "/robots.txt" else "text/html") not in request.headers.get("Accept", "")
    ),
    "nameless": lambda request: "counterclaim/" not in request.headers.get("User-Agent", ""),
}

FAULTS: Final = frozenset(
    {
        "not asked robots.txt", "robots.txt again", "disallowed", "visited again", "many at once",
        "early: the pause", "early: Crawl-delay", "early: Retry-After", *_MANNERS,
    }
)  # fmt: skip
"""Everything that is judged."""
