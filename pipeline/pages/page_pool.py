"""Pages and robots.txt are read in worker processes: either can be written to cost a parser minutes or gigabytes.

A page of 650 KB with 60,000 attributes on one element keeps trafilatura busy for 80 s (measured; quadratic).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from typing import Final

import msgspec

from pipeline.errors import PageError, SandboxError
from pipeline.pages.extract import PageText, extract
from pipeline.pages.robots import Permit, permit
from pipeline.sandbox import MAX_WORKER_BYTES, Loss, Sandbox, be_worker


class PageJob(msgspec.Struct, frozen=True, kw_only=True, tag="page"):
    """A page to take the text out of."""

    url: str
    body: bytes
    content_type: str
    now: datetime


class RobotsJob(msgspec.Struct, frozen=True, kw_only=True, tag="robots"):
    """A URL to be judged by its host's rules."""

    url: str
    rules: bytes


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a job: the page's text, the permit, or the reason why not."""

    page: PageText | None = None
    permit: Permit | None = None
    reason: str = ""


class PagePool(Sandbox):
    """Reads pages in ``processes`` workers, each within ``timeout_seconds``. Workers start when first needed.

    Use it as an async context manager, or call `close`.
    """

    def __init__(
        self,
        processes: int = 1,
        timeout_seconds: float = 20.0,
        *,
        max_worker_bytes: int = MAX_WORKER_BYTES,
        on_loss: Callable[[Loss], None] = lambda _: None,
    ) -> None:
        super().__init__(
            __name__,
            "reading",
            processes=processes,
            timeout_seconds=timeout_seconds,
            max_worker_bytes=max_worker_bytes,
            on_loss=on_loss,
        )

    async def extract(self, body: bytes, *, url: str, content_type: str, now: datetime) -> PageText:
        """`pipeline.pages.extract.extract` in a worker.

        Raises:
            PageError: the page has no main text, or reading it took too long, too much memory, or ended the worker.
        """
        answer = await self._answer(PageJob(url=url, body=body, content_type=content_type, now=now))
        if answer.page is None:
            raise PageError(url, answer.reason)
        return answer.page

    async def permit(self, rules: bytes, url: str) -> Permit:
        """`pipeline.pages.robots.permit` in a worker; rules that cannot be read allow nothing."""
        try:
            answer = await self._answer(RobotsJob(url=url, rules=rules))
        except PageError as error:
            return Permit(allowed=False, reason=f"robots.txt could not be read: {error.reason}")
        return answer.permit or Permit(allowed=False, reason=f"robots.txt could not be read: {answer.reason}")

    async def _answer(self, job: PageJob | RobotsJob) -> Answer:
        try:
            return _answers.decode(await self.do(_encoder.encode(job)))
        except SandboxError as error:
            raise PageError(job.url, error.reason) from error
        except msgspec.DecodeError as error:
            raise PageError(job.url, "the process that read it gave an answer that cannot be read") from error


_encoder = msgspec.msgpack.Encoder()
_answers = msgspec.msgpack.Decoder(Answer)
_jobs = msgspec.msgpack.Decoder(PageJob | RobotsJob)


# -- the worker's side

_NO_MEMORY: Final = _encoder.encode(Answer(reason="reading it took more memory than a worker may have"))


def do(frame: bytes) -> tuple[bytes, bool]:
    """Read one page, or judge one URL."""
    job = _jobs.decode(frame)
    try:
        return _encoder.encode(_done(job)), False
    except MemoryError:
        pass  # until here the error's traceback holds all that was made, which leaves no memory for an answer
    return _NO_MEMORY, True


def _done(job: PageJob | RobotsJob) -> Answer:
    try:
        if isinstance(job, RobotsJob):
            return Answer(permit=permit(job.rules, job.url))
        return Answer(page=extract(job.body, url=job.url, content_type=job.content_type, now=job.now))
    except PageError as error:
        return Answer(reason=error.reason)
    except MemoryError:
        raise
    except Exception as error:  # the boundary: what the libraries raise on hostile input is not foreseen
        return Answer(reason=f"the parser failed on it: {type(error).__name__}: {error}")


if __name__ == "__main__":
    be_worker(do, *sys.argv[1:3])
