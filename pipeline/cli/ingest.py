"""`counterclaim ingest`: documents from files into the stream."""

from __future__ import annotations

import asyncio
import json as json_format
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress

from pipeline.cli.options import ConfigOption, JsonOption, config_dir, read_files
from pipeline.errors import UsageError
from pipeline.feeds.files import Line, read_documents
from pipeline.ingest import as_json, ingest, to_articles
from pipeline.kafka import Publisher, require_topics
from pipeline.records import Article
from pipeline.settings.load import load_settings
from pipeline.topics import ARTICLES_RAW, topics

FilesArgument = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE…",
        help="Pages (.txt, .html) and articles (.json, .jsonl: {title, lead?, body?, url?, outlet?, language?, "
        "published?, id?}); - is standard input.",
        show_default=False,
    ),
]
OutletOption = Annotated[str | None, typer.Option("--outlet", help="Who publishes them, whatever they say themselves.")]
LanguageOption = Annotated[
    str | None, typer.Option("--language", metavar="CODE", help="What they are written in, if the text cannot tell.")
]
UrlOption = Annotated[str | None, typer.Option("--url", help="Address of the page, where there is one document.")]
PublishedOption = Annotated[
    str | None, typer.Option("--published", metavar="DATE", help="When they were published, ISO 8601.")
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Read and clean, but publish nothing.")]


def run_ingest(
    files: FilesArgument,
    outlet: OutletOption = None,
    language: LanguageOption = None,
    url: UrlOption = None,
    published: PublishedOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Publish documents like articles of a feed: cleaned, deduplicated and flagged by the workers.

    Of pages only title and story are taken, without menus, share bars and lists of other headlines. Given again, a
    document is "seen again"; with another text a revision. If one document is wrong, nothing is published.

        counterclaim ingest page.html note.txt --outlet "Harbour Post"
        counterclaim ingest --dry-run --json < page.txt -
    """
    now = datetime.now(UTC)
    lines = with_options(
        read_documents(read_files(files), now), outlet=outlet, language=language, url=url, published=published
    )
    articles = to_articles(lines, now)
    if not dry_run:
        settings = load_settings(config_dir(config), os.environ)
        bootstrap = settings.kafka.servers
        wanted = topics(settings.kafka.partitions, settings.kafka.replication, settings.worker.app_id)
        require_topics(bootstrap, [topic for topic in wanted if topic.name == ARTICLES_RAW])
        asyncio.run(_publish(bootstrap, articles, now))
    for line, article in zip(lines, articles, strict=True):
        if json:
            print(json_format.dumps(as_json(line, article), ensure_ascii=False))
        elif dry_run:
            print(f"{line.id}: {article.title} ({len(article.body)} characters, {article.url or 'no address'})")
    print(f"{len(articles)} articles {'read, nothing published' if dry_run else 'published'}", file=sys.stderr)


def with_options(
    lines: Sequence[Line], *, outlet: str | None, language: str | None, url: str | None, published: str | None
) -> list[Line]:
    """The documents with what the options say of them.

    Raises:
        UsageError: one address for several documents, or a date that is none.
    """
    if url is not None and len(lines) != 1:
        raise UsageError(f"--url is the address of one document, and these are {len(lines)}")
    said = {"outlet": outlet, "language": language, "url": url, "published": published}
    changes = {name: value for name, value in said.items() if value is not None}
    changed = [msgspec.structs.replace(line, **changes) for line in lines]
    try:
        _ = [line.when for line in changed[:1]]
    except ValueError as error:
        raise UsageError(f"--published {published!r} is not an ISO 8601 date such as 2026-02-01T12:00:00Z") from error
    return changed


async def _publish(bootstrap: Sequence[str], articles: Sequence[Article], now: datetime) -> None:
    """On a terminal with a bar on standard error that goes away when it is done."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("publishing", total=len(articles))
        async with Publisher(bootstrap) as publisher:
            async for done in ingest(publisher, articles, now):
                progress.advance(task, done)
