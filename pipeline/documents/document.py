"""A YAML file as plain values that remember their lines.

The core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema), not PyYAML's 1.1: `country: NO` is Norway
and not false, `12:30` is text. Anchors and aliases are refused: a problem's line would be that of another place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from pipeline.errors import Problem

Where = tuple[str | int, ...]
"""The way to a value: keys and list positions, as pydantic gives them."""

_TAG: Final = "tag:yaml.org,2002:"

_SCALARS: Final[Mapping[str, Callable[[str], Any]]] = {
    f"{_TAG}null": lambda text: None,
    f"{_TAG}bool": lambda text: text.lower() == "true",
    f"{_TAG}int": lambda text: int(text, 0) if text[:2] in {"0x", "0o"} else int(text),
    f"{_TAG}float": lambda text: float(text.replace(".inf", "inf").replace(".nan", "nan").lower()),
    f"{_TAG}str": str,
}


_KNOWN_TAGS: Final = frozenset({*_SCALARS, f"{_TAG}map", f"{_TAG}seq"})

_Resolvers = dict[str, list[tuple[str, re.Pattern[str]]]]


def _resolvers() -> _Resolvers:
    """PyYAML's table: first character of a plain scalar → tags to try, with the pattern that decides."""
    table: _Resolvers = {}
    for name, pattern, first_characters in (
        ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
        ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
        ("int", r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", "-+0123456789"),
        ("float", r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.inf|\.nan)$", "-+.0123456789"),
    ):
        for first in first_characters:
            table.setdefault(first, []).append((_TAG + name, re.compile(pattern)))
    return table


class _CoreLoader(yaml.CSafeLoader):
    """Finds out types as YAML 1.2 does."""

    yaml_implicit_resolvers = _resolvers()


@dataclass(frozen=True)
class Document:
    """What a file says, and on which line."""

    file: Path
    data: dict[str, Any]
    lines: Mapping[Where, int]

    def line(self, where: Where) -> int | None:
        """The line of a value's key or list item; of the nearest thing around it that has one."""
        for end in range(len(where), 0, -1):
            if where[:end] in self.lines:
                return self.lines[where[:end]]
        return None

    def place(self, where: Where) -> str:
        """file:line, for a sentence that names a second place."""
        line = self.line(where)
        return f"{self.file}:{line}" if line else str(self.file)


def read_document(path: Path, problems: list[Problem], *, missing: str) -> Document | None:
    """The mapping in ``path``; None (and a problem more) where there is none. An empty file is an empty mapping.

    Args:
        path: the file.
        problems: every problem found is added here.
        missing: what to do when the file is not there, the end of a sentence.
    """
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError:
        problems.append(Problem(path, None, f"there is no such file: {missing}"))
        return None
    except UnicodeDecodeError as error:
        problems.append(Problem(path, None, f"is not UTF-8 (byte {error.start}): save it as UTF-8"))
        return None
    except OSError as error:
        problems.append(Problem(path, None, f"cannot be read: {error.strerror}"))
        return None
    return parse_document(path, text, problems)


def parse_document(path: Path, text: str, problems: list[Problem]) -> Document | None:
    """As `read_document`, from the text of a file."""
    try:
        node = yaml.compose(text, Loader=_CoreLoader)
    except yaml.MarkedYAMLError as error:
        problems.append(_syntax(path, error))
        return None
    except yaml.YAMLError as error:
        problems.append(Problem(path, None, f"is not YAML: {_one_line(error)}"))
        return None
    walk = _Walk(path, problems)
    data = walk.value(node, ()) if node is not None else {}
    if data is None:
        data = {}
    if not isinstance(data, dict):
        problems.append(Problem(path, 1, f"must hold keys and values, such as `name: value`, not {data!r:.60}"))
        return None
    return Document(path, data, walk.lines)


def _syntax(path: Path, error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    column = f" at column {mark.column + 1}" if mark else ""
    said = ", ".join(part for part in (error.problem, error.context) if part)
    return Problem(path, mark.line + 1 if mark else None, f"is not YAML{column}: {said}")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


@dataclass
class _Walk:
    """From YAML nodes to values, noting lines and what is wrong on the way."""

    path: Path
    problems: list[Problem]
    lines: dict[Where, int] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)

    def value(self, node: yaml.Node, where: Where) -> Any:
        line = self.lines.setdefault(where, node.start_mark.line + 1)
        if id(node) in self.seen:
            self._wrong(line, "uses an alias (*name): write the value out")
            return None
        self.seen.add(id(node))
        if node.tag not in _KNOWN_TAGS:
            self._wrong(line, f"has the tag {node.tag!r}: only plain values are known here")
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, where)
        if isinstance(node, yaml.SequenceNode):
            return [self._item(item, (*where, position)) for position, item in enumerate(node.value)]
        return self._scalar(node, line)

    def _wrong(self, line: int, message: str) -> None:
        self.problems.append(Problem(self.path, line, message))

    def _item(self, node: yaml.Node, where: Where) -> Any:
        self.lines[where] = node.start_mark.line + 1
        return self.value(node, where)

    def _mapping(self, node: yaml.MappingNode, where: Where) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = self.value(key_node, (*where, "[key]", line))
            if not isinstance(key, str):
                self._wrong(line, f"key {key!r} is not text: put it in quotes")
            elif key in found:
                self._wrong(line, f"key {key!r} is already on line {self.lines[*where, key]}: remove one of them")
            else:
                self.lines[*where, key] = line
                found[key] = self.value(value_node, (*where, key))
        return found

    def _scalar(self, node: yaml.Node, line: int) -> Any:
        try:
            return _SCALARS[node.tag](node.value)
        except (KeyError, ValueError):
            self._wrong(line, f"{node.value!r} is not what its tag says")
            return None
