"""The templates of the messages: the shipped ones, and an operator's in their place.

Every value is escaped as it goes in, for the place that it goes to, whatever the template says: in HTML by Jinja's
autoescape and again by `finalize`, in a chat by `defang`. A template is an operator's, but what it is filled with
comes from anywhere. They run in Jinja's sandbox. One that is broken is told of, and the shipped one is used instead:
no alert is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Literal

import structlog
from jinja2 import BaseLoader, ChoiceLoader, FileSystemLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import escape

from pipeline.channels.clean import Link, clean, defang
from pipeline.channels.view import View
from pipeline.errors import TemplateError
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
        reason = f"{type(error).__name__}: {error}"[:300]
        line = getattr(error, "lineno", None)
        if (name, reason) not in self._told:  # once: each alert would say the same
            self._told.add((name, reason))
            log.error("template broken, the shipped one is used", template=name, line=line, reason=reason)


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
