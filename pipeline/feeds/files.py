"""Files to documents: a copied page (.txt), a saved one (.html), articles as JSON (.json, .jsonl).

`counterclaim ingest` and `counterclaim backtest` read through here, and make articles as a poll makes them, so that one
file gives one result whichever way it goes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Final

import msgspec

from pipeline.errors import UsageError
from pipeline.feeds.article import MAX_FALLBACK_TITLE_CHARS, build
from pipeline.feeds.clean import MAX_INPUT_CHARS, clean_html, page_story
from pipeline.feeds.page_head import read_head
from pipeline.records import Article

STDIN: Final = "-"

MAX_PROBLEMS: Final = 20
"""Wrong documents that are listed: enough to see what is wrong with a file, not a page for each line of it."""

MAX_FILE_BYTES: Final = 10 * MAX_INPUT_CHARS
"""Of one text or page: a saved page with pictures in it has a few megabytes."""

_SNIFFED: Final = 1024
_CHARSET: Final = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([A-Za-z0-9_-]{2,40})", re.IGNORECASE)
"""Where HTML says how it is encoded, within its first 1024 bytes (HTML Standard, 4.2.5.4)."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One document: a line of JSON, an item of an array, or a file. Unknown keys are ignored, so that labelled files
    can be used as they are."""

    title: str
    id: str | int = ""
    """Names it in the output; its place in the input if it has none of its own."""

    lead: str | None = None
    body: str | None = None
    """Its text, maybe that of a whole page."""

    url: str | None = None
    outlet: str | None = None
    language: str | None = None
    published: str | None = None

    @property
    def when(self) -> datetime | None:
        """The date of publication; one without a zone is UTC.

        Raises:
            ValueError: `published` is not an ISO 8601 date.
        """
        if not self.published:
            return None
        when = datetime.fromisoformat(self.published)
        return when if when.tzinfo else when.replace(tzinfo=UTC)


class _WrongError(ValueError):
    """One document of a file is not one; the message says why."""


_line_decoder = msgspec.json.Decoder(Line)
_items_decoder = msgspec.json.Decoder(list[msgspec.Raw])


def to_article(line: Line, now: datetime) -> Article:
    """The article that a document stands for, as a poll would make it at ``now``.

    Without `url`, its id comes from outlet and id.
    """
    return build(
        outlet=line.outlet or "",
        feed="",
        link=line.url or "",
        guid=str(line.id),
        title=line.title,
        lead=line.lead or "",
        body=line.body or "",
        authors=(),
        language=line.language or "",
        published=line.when,
        fetched=now,
        html=False,
    )


def read_documents(files: Sequence[tuple[str, bytes]], now: datetime) -> list[Line]:
    """The documents of all files, in order.

    Args:
        files: name and bytes of each; the name's ending says what it is, of `-` its first character does.
        now: between 3/4 and 4/3 of a page's date the newest that is not later is meant.

    Raises:
        UsageError: names file and line of everything that is not as it must be.
    """
    lines: list[Line] = []
    problems: list[str] = []
    first: dict[str | int, str] = {}
    for name, data in files:
        for number, document in _read(name, data, now):
            where = f"{name}:{number}" if number else name
            if isinstance(document, _WrongError):
                problems.append(f"{where}: {document}")
                continue
            if document.id in first:
                problems.append(f"{where}: id {document.id!r} is on {_short(first[document.id], name)} already")
            first.setdefault(document.id, where)
            lines.append(document)
    if problems:
        more = len(problems) - MAX_PROBLEMS
        raise UsageError("\n".join(problems[:MAX_PROBLEMS] + ([f"and {more} more"] if more > 0 else [])))
    return lines


def _short(where: str, name: str) -> str:
    """A place in the same file is its line alone."""
    return f"line {where[len(name) + 1 :]}" if where.startswith(f"{name}:") else where


_Found = Iterator[tuple[int | None, Line | _WrongError]]
"""Documents, or what is wrong with one, with their lines."""


def _read(name: str, data: bytes, now: datetime) -> _Found:
    kind = _sniffed(data) if name == STDIN else PurePath(name).suffix.lower()
    reader = _READERS.get(kind)
    if reader is None:
        yield None, _WrongError(f"is none of {', '.join(_READERS)}: rename it")
        return
    try:
        yield from reader(name, data, now)
    except _WrongError as error:
        yield None, error


def _sniffed(data: bytes) -> str:
    start = data.lstrip(b"\xef\xbb\xbf \t\r\n")[:_SNIFFED]
    if start.startswith(b"<"):
        return ".html"
    if start.startswith(b"["):
        return ".json"
    return ".jsonl" if start.startswith(b"{") else ".txt"


def _text(name: str, data: bytes, now: datetime) -> _Found:
    story = page_story(_decoded(data))
    title, paragraphs = story.title, story.paragraphs
    if not title and len(paragraphs) > 1 and len(paragraphs[0]) <= MAX_FALLBACK_TITLE_CHARS:
        title, paragraphs = paragraphs[0], paragraphs[1:]
    if not title and not paragraphs:
        raise _WrongError("holds no text but a page's menus and lists" if data.strip() else "is empty")
    yield None, Line(id=name, title=title, body="\n".join(paragraphs))


def _page(name: str, data: bytes, now: datetime) -> _Found:
    markup = _decoded(data, declared=_CHARSET.search(data[:_SNIFFED]))
    head = read_head(markup, now)
    body = clean_html(markup)
    if not head.title and not body:
        raise _WrongError("holds no text")
    yield (
        None,
        Line(
            id=name,
            title=head.title,
            body=body,
            url=head.url,
            outlet=head.outlet,
            language=head.language,
            published=head.published.isoformat() if head.published else None,
        ),
    )


def _json(name: str, data: bytes, now: datetime) -> _Found:
    if not data.lstrip().startswith(b"["):
        yield None, _named(_line(data), name)
        return
    try:
        items = _items_decoder.decode(data)
    except msgspec.DecodeError as error:
        raise _WrongError(f"is not JSON: {error}") from error
    end, line = 0, 1
    for number, item in enumerate(map(bytes, items), 1):
        start = data.index(item, end)
        line += data.count(b"\n", end, start)
        try:
            yield line, _named(_line(item), f"{name}#{number}")
        except _WrongError as error:
            yield line, error
        end = start + len(item)
        line += data.count(b"\n", start, end)


def _json_lines(name: str, data: bytes, now: datetime) -> _Found:
    for number, text in enumerate(data.splitlines(), 1):
        if not text.strip():
            continue
        try:
            yield number, _named(_line(text), f"{name}:{number}")
        except _WrongError as error:
            yield number, error


def _line(text: bytes) -> Line:
    try:
        line = _line_decoder.decode(text)
    except UnicodeDecodeError as error:
        raise _WrongError(f"is not UTF-8 at byte {error.start + 1}") from error
    except msgspec.ValidationError as error:
        raise _WrongError(f"is not an article: {error}") from error
    except msgspec.DecodeError as error:
        raise _WrongError(f"is not JSON: {error}") from error
    try:
        _ = line.when
    except ValueError as error:
        message = f"published {line.published!r} is not an ISO 8601 date such as 2026-02-01T12:00:00Z"
        raise _WrongError(message) from error
    return line


def _named(line: Line, name: str) -> Line:
    return line if line.id != "" else msgspec.structs.replace(line, id=name)


def _decoded(data: bytes, declared: re.Match[bytes] | None = None) -> str:
    if len(data) > MAX_FILE_BYTES:
        raise _WrongError(
            f"has {len(data) // 1_000_000} MB: a text or a page has at most {MAX_FILE_BYTES // 1_000_000}"
        )
    charset = declared[1].decode() if declared else "utf-8"
    for name in ("utf-8-sig", charset):
        try:
            return data.decode(name)
        except (UnicodeDecodeError, LookupError):
            continue
    raise _WrongError(f"is not {charset.upper()}: save it as UTF-8")


_READERS: Final[Mapping[str, Callable[[str, bytes, datetime], _Found]]] = {
    ".txt": _text,
    ".text": _text,
    ".html": _page,
    ".htm": _page,
    ".json": _json,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
}
