"""pydantic's findings as sentences: which key, which value, what to do; on which line is the document's to say."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Final, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pipeline.documents.document import Document, Where
from pipeline.errors import Problem

M = TypeVar("M", bound=BaseModel)

_WANTED: Final[Mapping[str, str]] = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "keys and values",
    "model_type": "keys and values",
    "path_type": "a path",
}
"""pydantic's error types (https://docs.pydantic.dev/latest/errors/validation_errors/) that say: this is not a …"""

_LIMITS: Final[Mapping[str, Callable[[dict[str, Any]], str]]] = {
    "greater_than": lambda limit: f"must be more than {limit['gt']:g}",
    "greater_than_equal": lambda limit: f"must be at least {limit['ge']:.10g}",
    "less_than_equal": lambda limit: f"must be at most {limit['le']:.10g}",
    "too_short": lambda limit: f"must have at least {limit['min_length']} entry",
    "string_too_short": lambda limit: "must not be empty",
    "string_too_long": lambda limit: f"must have at most {limit['max_length']} characters",
    "string_pattern_mismatch": lambda limit: f"must match {limit['pattern']}",
    "literal_error": lambda limit: f"must be {limit['expected']}",
}


def check(document: Document, model: type[M], problems: list[Problem]) -> M | None:
    """The document as a ``model``; None, and every reason added to ``problems``, if it is not one.

    Types are taken strictly: `port: "9092"` is text, and no port.
    """
    try:
        return strictly(model, document.data)
    except ValidationError as error:
        problems.extend(
            Problem(document.file, document.line(_place(detail, document.data)), sentence(detail, model))
            for detail in error.errors(include_url=False)
            if not _follows(detail)
        )
        return None


def strictly(model: type[M], data: Any) -> M:
    """``data`` from a file as a ``model``.

    By way of JSON, where pydantic's strict mode knows lists and paths but guesses nothing else.

    Raises:
        ValidationError: it is not one.
    """
    return model.model_validate_json(json.dumps(data), strict=True)


def _place(detail: ErrorDetails, data: Any) -> Where:
    """Where a finding is in the file: pydantic's way to it has a part more for each model that was chosen by `type`."""
    where: list[str | int] = []
    for part in detail["loc"]:
        if isinstance(data, dict) and part not in data and data.get("type") == part:
            continue
        where.append(part)
        try:
            data = data[part]
        except (LookupError, TypeError):
            data = None  # what is missing
    return (*where, "type") if detail["type"] == "union_tag_invalid" else tuple(where)


def _follows(detail: ErrorDetails) -> bool:
    """A list is "too short" too when its entries are wrong: they have problems of their own."""
    return detail["type"] == "too_short" and len(detail["input"]) >= detail["ctx"]["min_length"]


def sentence(detail: ErrorDetails, model: type[BaseModel]) -> str:
    """One finding in words."""
    where, kind = detail["loc"], detail["type"]
    name = dotted(where)
    if kind == "extra_forbidden":
        return _unknown(where, model)
    if kind == "missing":
        return f"{name} is missing: add it"
    if kind == "value_error":
        return f"{name}: {detail['ctx']['error']}"
    if kind == "union_tag_not_found":
        return f"{name}.type is missing: add it"
    if kind == "union_tag_invalid":
        tag, known = detail["ctx"]["tag"], detail["ctx"]["expected_tags"]
        hint = nearest(tag, re.findall("'(.*?)'", known))
        return f"{name}.type is {_shown(tag)}: it must be one of {known}{hint}"
    if kind in _WANTED:
        return f"{name} is {_shown(detail['input'])}: it must be {_WANTED[kind]}"
    if kind in _LIMITS:
        return f"{name} is {_shown(detail['input'])}: it {_LIMITS[kind](detail['ctx'])}"
    return f"{name} is {_shown(detail['input'])}: {detail['msg']}"


def dotted(where: Where) -> str:
    """The keys on the way to a value; list positions are left out, because the line tells them."""
    return ".".join(part for part in where if isinstance(part, str) and part != "[key]") or "this file"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else text[:77] + "…"


def _unknown(where: Where, model: type[BaseModel]) -> str:
    known = sorted(keys_at(model, where[:-1]))
    hint = nearest(str(where[-1]), known) or f"; known here: {', '.join(known)}"
    return f"unknown key {dotted(where)!r}{hint}"


def keys_at(model: type[BaseModel], where: Where) -> tuple[str, ...]:
    """The keys that ``model`` knows at a place inside it."""
    shape: Any = model
    for part in where:
        fields = getattr(shape, "model_fields", None)
        shape = fields[part].annotation if fields and part in fields else _inner(shape, part)
    return tuple(getattr(shape, "model_fields", ()))


def nearest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """`; did you mean 'x'?` for the known word that is most like this one, or "" where none is.

    ``cutoff`` is difflib's ratio from 0 to 1; 0.6, its own default, finds slips in words of this length.
    """
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=cutoff)
    return f"; did you mean {found[0]!r}?" if found else ""


def _inner(shape: Any, part: str | int) -> Any:
    """The type of the values of a list, a tuple, a dict, an optional or a union: the model among them, if one is; of
    several, the one that is chosen by the `type` of this name."""
    inner = [one for one in get_args(_bare(shape)) if one not in (type(None), ...)]
    models = [one for one in inner if hasattr(one, "model_fields")]
    chosen = [
        one for one in models if "type" in one.model_fields and part in get_args(one.model_fields["type"].annotation)
    ]
    return next(iter(chosen or models or inner), shape)


def _bare(shape: Any) -> Any:
    return get_args(shape)[0] if get_origin(shape) is Annotated else shape
