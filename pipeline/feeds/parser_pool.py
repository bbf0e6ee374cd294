"""Feeds are parsed in worker processes, because what strangers send can cost a parser minutes or gigabytes.

A feed of 676 KB with many attributes on one element keeps feedparser busy for 41 s (quadratic).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

import msgspec

from pipeline.errors import ParseError, SandboxError
from pipeline.feeds.parse import parse, require_safe_expat
from pipeline.feeds.parsed import ParsedFeed, Source
from pipeline.sandbox import MAX_WORKER_BYTES, Loss, Sandbox, be_worker


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One body to parse; it is its own `Source`."""

    url: str
    outlet: str
    language: str
    headers: dict[str, str]
    fetched: datetime
    known: tuple[str, ...] = ()
    body: bytes


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a job: a parsed feed, or the reason why not."""

    parsed: ParsedFeed | None = None
    reason: str = ""


class ParserPool(Sandbox):
    """Parses feeds in ``processes`` workers, each within ``timeout_seconds``. Workers start when first needed.

    Use it as an async context manager, or call `close`.
    """

    def __init__(
        self,
        processes: int = 2,
        timeout_seconds: float = 20.0,
        *,
        max_worker_bytes: int = MAX_WORKER_BYTES,
        on_loss: Callable[[Loss], None] = lambda _: None,
    ) -> None:
        """
        Raises:
            UnsafeExpatError: Python's XML parser is too old for this.
        """
        require_safe_expat()
        super().__init__(
            __name__,
            "parsing",
            processes=processes,
            timeout_seconds=timeout_seconds,
            max_worker_bytes=max_worker_bytes,
            on_loss=on_loss,
        )

    async def parse(
        self, body: bytes, *, feed: Source, headers: Mapping[str, str], fetched: datetime, known: tuple[str, ...] = ()
    ) -> ParsedFeed:
        """`pipeline.feeds.parse` in a worker.

        Raises:
            ParseError: it is no feed; or parsing took too long, too much memory, or ended the worker, which is then
                replaced. Other feeds are not affected.
        """
        job = Job(
            url=feed.url,
            outlet=feed.outlet,
            language=feed.language,
            headers=dict(headers),
            fetched=fetched,
            known=known,
            body=body,
        )
        try:
            answer = _answers.decode(await self.do(_encoder.encode(job)))
        except SandboxError as error:
            raise ParseError(feed.url, error.reason) from error
        except msgspec.DecodeError as error:
            raise ParseError(feed.url, "the parser process gave an answer that cannot be read") from error
        if answer.parsed is None:
            raise ParseError(feed.url, answer.reason)
        return answer.parsed


_encoder = msgspec.msgpack.Encoder()
_answers = msgspec.msgpack.Decoder(Answer)
_jobs = msgspec.msgpack.Decoder(Job)


# -- the worker's side

_NO_MEMORY: Final = _encoder.encode(Answer(reason="parsing took more memory than a worker may have"))


def do(frame: bytes) -> tuple[bytes, bool]:
    """Parse one feed."""
    job = _jobs.decode(frame)
    try:
        return _encoder.encode(_parsed(job)), False
    except MemoryError:
        pass  # until here the error's traceback holds all that was made, which leaves no memory for an answer
    return _NO_MEMORY, True


def _parsed(job: Job) -> Answer:
    try:
        return Answer(parsed=parse(job.body, feed=job, headers=job.headers, fetched=job.fetched, known=job.known))
    except ParseError as error:
        return Answer(reason=error.reason)
    except MemoryError:
        raise
    except Exception as error:  # the boundary: what feedparser raises on hostile input is not foreseen
        return Answer(reason=f"the parser failed on it: {type(error).__name__}: {error}")


if __name__ == "__main__":
    require_safe_expat()
    be_worker(do, *sys.argv[1:3])
