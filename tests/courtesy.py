"""A publisher's server with many kinds of feeds that judges every request it gets, on a clock that tests turn.

What it holds against a poller are the complaints of publishers (rachelbythebay.com's feed reader score, Open RSS):
whole bodies asked for again and again, validators that it never gave, questions before the time it asked for, many at
once, cookies and referrers, and an Accept that does not say what is wanted.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Final

from aiohttp import web

from tests.turned import TurnedClock

FLOOR: Final = timedelta(seconds=300)
"""Sooner than this nobody should ask again, whatever the feed says."""

WHOLE_AGAIN: Final = timedelta(days=1)
"""Asking for the whole body once a day is prudence (some servers' validators lie); more often is waste."""

UNVALIDATED: Final = timedelta(hours=1)
PER_HOST: Final = 2
SECOND: Final = timedelta(seconds=1)

RSS = """<rss version="2.0"><channel><title>t</title>{channel}{items}</channel></rss>"""
ITEM = "<item><title>Item {n} of {path}</title><link>https://courtesy.example{path}/{n}</link></item>"


@dataclass(frozen=True)
class Kind:
    """What one feed does. Times in seconds."""

    changes_every: float = 21_600
    etag: bool = True
    last_modified: bool = False
    max_age: int | None = None
    expires_in: int | None = None
    ttl_minutes: int | None = None
    skip_hours: tuple[int, ...] = ()
    busy_every: int = 0
    """Each so many'th answer is 429 with `Retry-After`."""

    retry_after: int = 5_400
    down_days: tuple[float, float] = (0, 0)
    gone_after_days: float = 10_000
    moved_to: str = ""
    cookie: bool = False


KINDS: Final[dict[str, Kind]] = {
    "/etag": Kind(),
    "/both": Kind(last_modified=True, changes_every=86_400),
    "/modified": Kind(etag=False, last_modified=True),
    "/neither": Kind(etag=False),
    "/max-age": Kind(max_age=7_200),
    "/expires": Kind(expires_in=9_000),
    "/ttl": Kind(ttl_minutes=150),
    "/skips": Kind(skip_hours=(1, 2, 3, 4, 22, 23)),
    "/busy": Kind(busy_every=3),
    "/down": Kind(down_days=(5, 15)),
    "/gone": Kind(gone_after_days=20),
    "/moved": Kind(moved_to="/etag-2"),
    "/etag-2": Kind(),
    "/cookie": Kind(cookie=True),
}


@dataclass
class Ledger:
    """What the server knows of one feed's reader."""

    etag: str = ""
    modified: str = ""
    whole: datetime | None = None
    """When it last gave a whole body."""

    not_before: datetime | None = None
    why: str = ""
    answers: int = 0


@dataclass
class Judge:
    """Answers like a well-made server, and counts what a reader does wrong."""

    clock: TurnedClock
    faults: Counter[str] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)
    first_faults: dict[str, str] = field(default_factory=dict)
    _ledgers: dict[str, Ledger] = field(default_factory=dict)
    _open: int = 0

    def __post_init__(self) -> None:
        self._began = self.clock.now()

    async def __call__(self, request: web.Request) -> web.Response:
        """Judge, then answer."""
        self._open += 1
        try:
            await asyncio.sleep(0)  # others that ask at the same moment are seen
            return self._answer(request, KINDS[request.path])
        finally:
            self._open -= 1

    def _fault(self, name: str, request: web.Request, more: str = "") -> None:
        self.faults[name] += 1
        self.first_faults.setdefault(name, f"{request.path} at {self.clock.now()}: {dict(request.headers)} {more}")

    def _answer(self, request: web.Request, kind: Kind) -> web.Response:
        now, ledger = self.clock.now(), self._ledgers.setdefault(request.path, Ledger())
        self.requests[request.path] += 1
        ledger.answers += 1
        self._judge(request, kind, ledger, now)
        ledger.not_before, ledger.why = now + FLOOR, "the floor"
        age = now - self._began
        if age >= timedelta(days=kind.gone_after_days):
            ledger.not_before, ledger.why = datetime.max.replace(tzinfo=now.tzinfo), "410"
            return web.Response(status=410)
        if timedelta(days=kind.down_days[0]) <= age < timedelta(days=kind.down_days[1]):
            return web.Response(status=503)
        if kind.busy_every and ledger.answers % kind.busy_every == 0:
            ledger.not_before, ledger.why = now + kind.retry_after * SECOND, "Retry-After"
            return web.Response(status=429, headers={"Retry-After": str(kind.retry_after)})
        if kind.moved_to:
            return web.Response(status=301, headers={"Location": kind.moved_to})
        return self._feed(request, kind, ledger, now)

    def _feed(self, request: web.Request, kind: Kind, ledger: Ledger, now: datetime) -> web.Response:
        edition = int((now - self._began).total_seconds() // kind.changes_every)
        edited = self._began + edition * kind.changes_every * SECOND
        headers = self._headers(request, kind, edition, edited, now)
        fresh = (kind.etag and request.headers.get("If-None-Match") == headers["ETag"]) or (
            not kind.etag
            and kind.last_modified
            and request.headers.get("If-Modified-Since") == headers["Last-Modified"]
        )
        ledger.etag, ledger.modified = headers.get("ETag", ""), headers.get("Last-Modified", "")
        for seconds, why in (
            (kind.max_age, "max-age"),
            (kind.expires_in, "Expires"),
            (kind.ttl_minutes and kind.ttl_minutes * 60, "ttl"),
            (None if kind.etag or kind.last_modified else UNVALIDATED.total_seconds(), "no validators"),
        ):
            if seconds and now + seconds * SECOND > (ledger.not_before or now):
                ledger.not_before, ledger.why = now + seconds * SECOND, why
        if fresh:
            return web.Response(status=304, headers=headers)
        ledger.whole = now
        items = "".join(ITEM.format(n=edition - n, path=request.path) for n in range(5))
        return web.Response(text=RSS.format(channel=_channel(kind), items=items), headers=headers)

    def _headers(
        self, request: web.Request, kind: Kind, edition: int, edited: datetime, now: datetime
    ) -> dict[str, str]:
        headers = {"Content-Type": "application/rss+xml", "Date": format_datetime(now, usegmt=True)}
        if kind.etag:
            headers["ETag"] = f'W/"{request.path[1:]}-{edition}"'
        if kind.last_modified:
            headers["Last-Modified"] = format_datetime(edited, usegmt=True)
        if kind.max_age is not None:
            headers["Cache-Control"] = f"public, max-age={kind.max_age}"
        if kind.expires_in is not None:
            headers["Expires"] = format_datetime(now + kind.expires_in * SECOND, usegmt=True)
        if kind.cookie:
            headers["Set-Cookie"] = "reader=1; Path=/"
        return headers

    def _judge(self, request: web.Request, kind: Kind, ledger: Ledger, now: datetime) -> None:
        tag, since = request.headers.get("If-None-Match", ""), request.headers.get("If-Modified-Since", "")
        if (tag and tag != ledger.etag) or (since and since != ledger.modified):
            self._fault("validators that we did not give", request, f"{ledger.etag} {ledger.modified}")
        had = ledger.etag or ledger.modified
        if had and not (tag or since) and ledger.whole is not None and now - ledger.whole < WHOLE_AGAIN:
            self._fault("whole body again", request)
        if ledger.not_before is not None and now < ledger.not_before:
            self._fault(f"early: {ledger.why}", request, f"not before {ledger.not_before}")
        if now.hour in kind.skip_hours and ledger.answers > 1:
            self._fault("early: skipHours", request)
        if self._open > PER_HOST:
            self._fault("many at once", request)
        for name, wrong in _MANNERS.items():
            if wrong(request):
                self._fault(name, request)


_MANNERS: Final[dict[str, Callable[[web.Request], bool]]] = {
    "cookie": lambda request: "Cookie" in request.headers,
    "referrer": lambda request: "Referer" in request.headers,
    "Accept without feeds": lambda request: "application/rss+xml" not in request.headers.get("Accept", ""),
    "nameless": lambda request: "counterclaim/" not in request.headers.get("User-Agent", ""),
}

FAULTS: Final = frozenset(
    {
        "validators that we did not give", "whole body again", "many at once", "early: the floor", "early: max-age",
        "early: Expires", "early: ttl", "early: no validators", "early: skipHours", "early: Retry-After", "early: 410",
        *_MANNERS,
    }
)  # fmt: skip
"""Everything that is judged."""


def _channel(kind: Kind) -> str:
    hours = "".join(f"<hour>{hour}</hour>" for hour in kind.skip_hours)
    ttl = f"<ttl>{kind.ttl_minutes}</ttl>" if kind.ttl_minutes else ""
    return ttl + (f"<skipHours>{hours}</skipHours>" if hours else "")
