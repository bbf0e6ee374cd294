"""`counterclaim rules explain`: what the rules make of a text, and why."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from pipeline.cli.options import ConfigOption, JsonOption
from pipeline.cli.rules import RulesOption, open_rules
from pipeline.dedupe.language import decide_language
from pipeline.errors import UsageError
from pipeline.evaluate.layout import quotes
from pipeline.feeds.files import STDIN, Line, read_documents, to_article
from pipeline.logs import visible
from pipeline.records import FIELDS, Article, Flag, Mention
from pipeline.rules.explain import Block, Explainer, Explainers, Explanation, Outcome, Tried

_MARKS: Final[Mapping[Outcome, tuple[str, str]]] = {
    "flagged": ("+", "bold green"),
    "taken": ("=", "cyan"),
    "asked": ("?", "yellow"),
    "blocked": ("-", "red"),
}
_SEEN, _FLAGGED, _BLOCKER, _DIM = "underline", "bold reverse", "red", "dim"

TextArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[TEXT|FILE|-]",
        help="A headline; or a file (.txt, .html, .json, .jsonl) or - (standard input) with one or more articles.",
    ),
]
LangOption = Annotated[str | None, typer.Option("--lang", help="Language whose rules are asked. Default: as found.")]
TitleOption = Annotated[str | None, typer.Option("--title", help="The title, instead of TEXT.")]
LeadOption = Annotated[str | None, typer.Option("--lead", help="The lead.")]
BodyOption = Annotated[str | None, typer.Option("--body", help="The body.")]


def explain(
    text: TextArgument = None,
    lang: LangOption = None,
    title: TitleOption = None,
    lead: LeadOption = None,
    body: BodyOption = None,
    rules: RulesOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell what the rules make of a text: every cue seen, each rule that found something, and what blocked it.

    The text is cleaned as an article of a feed is.

        counterclaim rules explain "Mayor did not deny the claims"
        counterclaim rules explain article.txt --json | jq .tried
    """
    asked = {"title": title, "lead": lead, "body": body}
    parts = {name: value for name, value in asked.items() if value is not None}
    given = read_given(text) if text is not None else [Line(title="")]
    documents = [msgspec.structs.replace(line, **parts) for line in given]
    if not any(line.title or line.lead or line.body for line in documents):
        raise UsageError("there is nothing to explain: give a text, a file, - or --title")
    written, loaded = open_rules(rules, config)
    known = Explainers(written, loaded)
    console = Console(highlight=False, soft_wrap=True)
    for number, line in enumerate(documents):
        found = explain_line(line, lang, known)
        if as_json:
            print(json.dumps(to_json(found, loaded.hash), ensure_ascii=False))
            continue
        for text_line in [*([Text()] if number else []), *lines(found)]:
            console.print(text_line)


def explain_line(line: Line, lang: str | None, known: Mapping[str, Explainer]) -> Explanation:
    """By the rules of the language that was asked for, else of the language that the text is found to be in.

    Raises:
        UsageError: there are no rules for it.
    """
    article = to_article(line, datetime.now(UTC))
    language = lang or decide_language(article.title, f"{article.lead} {article.body}", article.language)
    if language not in known:
        raise UsageError(f"there are no rules for language {language!r}; say --lang {' or '.join(sorted(known))}")
    return known[language].explain(msgspec.structs.replace(article, language=language))


def read_given(text: str) -> list[Line]:
    """A headline, or what a file or standard input holds. A text of one line is a headline.

    Raises:
        UsageError: the file cannot be read, or what it holds is no article.
    """
    data = sys.stdin.buffer.read() if text == STDIN else _file(text)
    if data is None:
        return [Line(title=text)]
    found = read_documents([(text, data)], datetime.now(UTC))
    return [
        msgspec.structs.replace(line, title=line.body, body="")
        if line.body and not line.title and "\n" not in line.body
        else line
        for line in found
    ]


def _file(text: str) -> bytes | None:
    """What the file of this name holds; None if the text names no file, but is one itself."""
    path = Path(text)
    try:
        return path.read_bytes() if path.is_file() else None
    except OSError as error:
        if len(text.split()) > 1:  # a headline can be longer than the name of a file may be
            return None
        raise UsageError(f"{text}: cannot be read: {error.strerror}") from error


def lines(found: Explanation) -> Iterator[Text]:
    """An explanation for people."""
    yield from _article(found)
    yield Text()
    if found.seen:
        yield Text("words of the lists", _DIM)
    by_span: dict[tuple[str, int, int, str], list[str]] = {}
    for seen in found.seen:
        span = seen.span
        lemma = f" ({seen.lemma})" if seen.lemma else ""
        by_span.setdefault((span.field, span.start, span.end, span.quote), []).append(f"{seen.name}{lemma}")
    for (field, _, _, quote), names in by_span.items():
        yield Text(f"  {field}  “{visible(quote)}”  {', '.join(names)}")
    if found.seen:
        yield Text()
    for tried in found.tried:
        yield from _tried(tried)
    others = "other rules" if found.tried else "rules"
    yield Text(f"{found.silent} {others} of {found.language} found nothing", _DIM)


def _article(found: Explanation) -> Iterator[Text]:
    for field in FIELDS:
        text: str = getattr(found.article, field)
        if not text:
            continue
        shown = Text(_shown(text))
        for seen in found.seen:
            if seen.span.field == field:
                shown.stylize(_SEEN, seen.span.start, seen.span.end)
        for block in (block for tried in found.tried for block in tried.blocks):
            for span in (span for span in block.words if span.field == field):
                shown.stylize(_BLOCKER, span.start, span.end)
        for span in (span for flag in found.flags for span in flag.spans if span.field == field):
            shown.stylize(_FLAGGED, span.start, span.end)
        yield Text().append(f"{field:6}", _DIM).append_text(shown)


def _shown(text: str) -> str:
    """The same length, without a character that could steer the terminal."""
    return "".join(c if visible(c) == c else " " if c.isspace() else "\ufffd" for c in text)


def _tried(one: Tried) -> Iterator[Text]:
    mark, style = _MARKS[one.outcome]
    said = {"taken": f"taken by {one.taken_by or 'a rule before it'}", "asked": "the headline only asks"}
    outcome = f"score {one.flag.score:g}" if one.flag else said.get(one.outcome, one.outcome)
    category = f"{one.kind}/{one.category}"
    yield Text(f"{mark} ", style).append(f"{one.rule} v{one.version}", "bold").append(f"  {category}  {outcome}", style)
    if one.outcome != "blocked":
        yield Text(f"    {quotes(one.spans)}")
    if one.flag:
        yield from _who(one.flag)
    for block in one.blocks:
        yield _block(block)


def _who(flag: Flag) -> Iterator[Text]:
    for name, mention in (("actor", flag.actor), ("target", flag.target)):
        if mention is not None:
            yield Text(f"    {name}: {_mention(mention)}")
    if flag.claim is not None:
        yield Text(f"    claim: “{visible(flag.claim.quote)}”")
    if flag.historic:
        yield Text("    historic: the text looks back")


def _mention(one: Mention) -> str:
    code = f" [{one.code}]" if one.code else ""
    return f"{visible(one.name)}{code}, “{visible(one.span.quote)}”"


def _block(block: Block) -> Text:
    shown = Text(f"    {quotes(block.spans)} blocked by ")
    return shown.append(quotes(block.words) or "the article", _BLOCKER).append(f"  {visible(block.by)}", _DIM)


def to_json(found: Explanation, ruleset: str) -> dict[str, Any]:
    """An explanation for machines."""
    article: Article = found.article
    return {
        "ruleset": ruleset,
        "language": found.language,
        **{field: getattr(article, field) for field in FIELDS},
        "seen": msgspec.to_builtins(found.seen),
        "tried": msgspec.to_builtins(found.tried),
        "silent": found.silent,
        "flags": msgspec.to_builtins(found.flags),
    }
