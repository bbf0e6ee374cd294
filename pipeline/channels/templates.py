"""The templates of the messages: the shipped ones, and an operator's in their place.

Every value is escaped as it goes in, for the place that it goes to, whatever the template says: in HTML by Jinja's
autoescape and again by `finalize`, in a chat by `defang`. A template is an operator's, but what it is filled with
comes from anywhere. They run in Jinja's sandbox. One that is broken is told of, and the shipped one is used instead:
no alert is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from traceback import walk_tb
from typing import Any, Final, Literal, get_args

import structlog
from jinja2 import BaseLoader, ChoiceLoader, FileSystemLoader, StrictUndefined, TemplateSyntaxError
from jinja2.meta import find_referenced_templates
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import escape

from pipeline.channels.clean import Link, clean, defang
from pipeline.channels.sample import SAMPLES
from pipeline.channels.view import View
from pipeline.errors import Problem, TemplateError
from pipeline.resources import shipped

log = structlog.get_logger(__name__)

TemplateName = Literal[
    "terminal.j2", "email_subject.j2", "email.txt.j2", "email.html.j2", "chat_title.j2", "chat.j2", "feed_title.j2",
    "feed.html.j2",
]  # fmt: skip

MAX_CHARS: Final = 200_000
"""Of a rendered text; a template that makes more is broken."""

_UNSAFE_FILTERS: Final = ("safe", "xmlattr", "tojson", "urlize", "pprint")
"""They make markup of values; a template that wants one is broken."""


class Templates:
    """Renders messages.

    Args:
        folder: the operator's templates; each replaces the shipped one of its name.
        broken: called with the template's name each time that an operator's one could not be used.
    """

    def __init__(self, folder: Path | None = None, *, broken: Callable[[str], None] | None = None) -> None:
        self._broken = broken
        ours = FileSystemLoader(shipped("config/templates"))
        self._shipped = _environments(ours)
        self._operators = None if folder is None else _environments(ChoiceLoader([FileSystemLoader(folder), ours]))
        self._told: set[tuple[str, str]] = set()

    def render(self, name: TemplateName, message: View, *, unsubscribe: Link | None = None) -> str:
        """The text of ``message``, without white space around it.

        Args:
            unsubscribe: where a reader of the mail unsubscribes, if there is such a place.

        Raises:
            TemplateError: the shipped template is broken.
        """
        values = {"message": message, "unsubscribe": unsubscribe or Link()}
        if self._operators is not None:
            try:
                return _rendered(self._operators[_form(name)], name, values)
            except Exception as error:  # templates raise whatever they like
                self._tell(name, error)
        try:
            return _rendered(self._shipped[_form(name)], name, values)
        except Exception as error:
            raise TemplateError(name, f"{type(error).__name__}: {error}") from error

    def _tell(self, name: str, error: Exception) -> None:
        if self._broken is not None:
            self._broken(name)
        reason = _reason(error)[:300]
        line = getattr(error, "lineno", None)
        if (name, reason) not in self._told:  # once: each alert would say the same
            self._told.add((name, reason))
            log.error("template broken, the shipped one is used", template=name, line=line, reason=reason)


def template_problems(folder: Path) -> list[Problem]:
    """What is wrong with an operator's templates, each with the line: all are compiled, and rendered with samples.

    What would be used of the shipped ones is not looked at.
    """
    if not folder.is_dir():
        return [Problem(folder, None, "is no folder: `templates_dir` names the one with your templates")]
    environments = _environments(
        ChoiceLoader([FileSystemLoader(folder), FileSystemLoader(shipped("config/templates"))])
    )
    problems: dict[tuple[Path, int | None], Problem] = {}  # one a line: each message would say the same
    for problem in (*_uncompiled(folder, environments["text"]), *_unrendered(folder, environments)):
        problems.setdefault((problem.file, problem.line), problem)
    return list(problems.values())


def _uncompiled(folder: Path, environment: ImmutableSandboxedEnvironment) -> Iterator[Problem]:
    known = {path.name for path in Path(shipped("config/templates")).iterdir()}
    own = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*.j2"))}
    included: set[str | None] = set()
    for path in own.values():
        try:
            source = path.read_text(encoding="utf-8")
            included |= set(find_referenced_templates(environment.parse(source)))
            environment.compile(source)
        except TemplateSyntaxError as error:
            yield Problem(path, error.lineno, f"{error.message}")
        except (OSError, UnicodeDecodeError) as error:
            yield Problem(path, None, str(error))
    if None in included:  # one includes whatever a variable names
        return
    for name in own.keys() - known - included:
        yield Problem(own[name], None, f"is never used: no template is named {name}, and none of yours includes it")


def _unrendered(folder: Path, environments: Mapping[_Form, ImmutableSandboxedEnvironment]) -> Iterator[Problem]:
    for name in get_args(TemplateName):
        for message in SAMPLES:
            for unsubscribe in (Link(), Link("https://herald.example/leave")):
                try:
                    _rendered(environments[_form(name)], name, {"message": message, "unsubscribe": unsubscribe})
                except Exception as error:  # templates raise whatever they like
                    if (place := _place(folder, name, error)) is not None:
                        yield Problem(
                            *place, f"{_reason(error)} (in {name}, with a message of the kind {message.kind})"
                        )


def _place(folder: Path, name: str, error: Exception) -> tuple[Path, int | None] | None:
    """The operator's file and line that an error comes from; None: it comes from a shipped template."""
    if isinstance(error, TemplateSyntaxError):
        file = Path(error.filename or folder / name)
        return (file, error.lineno) if file.is_relative_to(folder) else None
    # Jinja gives the frames of a traceback the files and lines of the templates.
    frames = [(Path(frame.f_code.co_filename), line) for frame, line in walk_tb(error.__traceback__)]
    own = [(file, line) for file, line in frames if file.is_relative_to(folder)]
    if own:
        return own[-1]
    return (folder / name, None) if (folder / name).exists() else None


def _reason(error: Exception) -> str:
    return error.reason if isinstance(error, TemplateError) else f"{type(error).__name__}: {error}"


_Form = Literal["text", "html", "chat"]


def _form(name: str) -> _Form:
    if name.startswith("chat"):
        return "chat"
    return "html" if ".html." in name else "text"


def _rendered(environment: ImmutableSandboxedEnvironment, name: str, values: Mapping[str, Any]) -> str:
    pieces: list[str] = []
    size = 0
    for piece in environment.get_template(name).generate(values):
        size += len(piece)
        if size > MAX_CHARS:
            raise TemplateError(name, f"it makes more than {MAX_CHARS} characters")
        pieces.append(piece)
    text = "".join(pieces).strip()
    if not text:
        raise TemplateError(name, "it makes an empty text")
    return text


def _environments(loader: BaseLoader) -> dict[_Form, ImmutableSandboxedEnvironment]:
    return {
        "text": _environment(loader, lambda value: clean(str(value)), autoescape=False),
        "chat": _environment(loader, defang, autoescape=False),
        "html": _environment(loader, escape, autoescape=True),
    }


def _environment(
    loader: BaseLoader, finalize: Callable[[Any], str], *, autoescape: bool
) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        autoescape=autoescape,
        finalize=finalize,
        keep_trailing_newline=True,
        loader=loader,
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    for name in _UNSAFE_FILTERS:
        environment.filters.pop(name, None)
    return environment
