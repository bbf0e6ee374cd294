"""What a journalist types → a syntax tree, or the word where it stops making sense.

The grammar is LALR(1), parsed by lark. Operators from loose to tight: OR; AND, NOT, UNLESS; NEAR/n, ONEAR/n and their
NOT forms; fields. Operators of one level group to the left.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from pipeline.errors import CounterclaimError
from pipeline.records import Field
from pipeline.rules import tokens
from pipeline.rules.query import (
    MIN_PREFIX,
    And,
    Attribute,
    AttributeName,
    In,
    Near,
    Not,
    NotNear,
    Phrase,
    Query,
    Unless,
    Word,
    either,
    is_local,
)

MAX_DISTANCE: Final = 50
"""Largest n of NEAR/n: more than a long sentence has words; bounds the work on a hostile text."""

MAX_LENGTH: Final = 10_000
MAX_DEPTH: Final = 50
"""Characters of a query, and brackets or operators in each other: far above any sound query, far below Python's stack.
`a AND b NOT c` is two in each other, since it is `(a AND b) NOT c`; what OR joins stands side by side."""

CORE: Final = r"""
start: either
?either: both | both (_OR both)+ -> any_of
?both: near
     | both _AND near   -> both
     | both NOT near    -> without
     | both UNLESS near -> unless
?near: item
     | near NEAR item     -> near
     | near NOT_NEAR item -> not_near
?item: WORD   -> word
     | PHRASE -> phrase
     | LIST   -> listed
     | TEXT_FIELD item -> scoped
     | "(" either ")"

_OR.4: /OR(?![^\s()"])/
_AND.4: /AND(?![^\s()"])/
NOT.4: /(AND\s+)?NOT(?![^\s()"])/
UNLESS.4: /UNLESS(?![^\s()"])/
NEAR.4: /O?NEAR\/\d+(?![^\s()"])/
NOT_NEAR.5: /(AND\s+)?NOT\s+O?NEAR\/\d+(?![^\s()"])/
TEXT_FIELD.3: /(title|lead|body):(?=\S)/
LIST.3: /@[a-z][a-z0-9_]*/
PHRASE: /"[^"]*"/
WORD: /[^\s()":@]+/
%ignore /\s+/
"""
"""What the languages of rules and of subscriptions have in common."""

_RULES: Final = r"""
%extend item: ATTRIBUTE (WORD | PHRASE) -> attribute
ATTRIBUTE.3: /(actor|outlet|lang|kind):(?=\S)/
"""

NAMES: Final = {
    "_OR": "OR",
    "_AND": "AND",
    "NOT": "NOT",
    "UNLESS": "UNLESS",
    "NEAR": "NEAR/n",
    "NOT_NEAR": "NOT NEAR/n",
    "RPAR": "a closing bracket",
    "WORD": "a word",
    "PHRASE": 'a "phrase"',
    "LIST": "a @list",
    "LPAR": "an opening bracket",
    "TEXT_FIELD": "a field",
    "$END": "the end",
}
"""How the grammar's tokens are called in a message, in the order in which they are listed."""

_FIELDS: Final = ("title", "lead", "body", "actor", "outlet", "lang", "kind")
_NESTING: Final = re.compile(
    r'"[^"]*"|[()]|(?<![^\s()"])(?:OR|AND\s+NOT|AND|NOT|UNLESS|O?NEAR/\d+)(?![^\s()"])|[^\s()":]+:'
)
_OPERATOR: Final = re.compile(r"(and|or|not|unless|o?near(/\d*)?)\Z", re.IGNORECASE)


class QueryError(CounterclaimError):
    """A query makes no sense from one word on. ``column`` and ``line`` count from 1, within the query."""

    exit_code = 2

    def __init__(self, message: str, *, token: str, column: int, line: int = 1) -> None:
        self.message, self.token, self.column, self.line = message, token, column, line
        super().__init__(f"column {column}, at {token!r}: {message}")


def parse_query(text: str, lists: Mapping[str, Query] | None = None) -> Query:
    """The syntax tree of a query. ``lists``: what each `@name` stands for.

    Raises:
        QueryError: at the first word where it stops making sense.
    """
    return _rules.read(text, Build(lists or {}))


def parse_entry(text: str) -> Query:
    """One entry of a list: a word, `wild*`, or several words in a row.

    Raises:
        QueryError: it holds no word, or a `*` elsewhere than at the end of a word.
    """
    return _phrase(text, column=1)


def _check_size(text: str) -> None:
    if len(text) > MAX_LENGTH:
        raise QueryError(f"the query is longer than {MAX_LENGTH} characters", token=text[:20], column=MAX_LENGTH + 1)
    opened: list[tuple[int, int]] = []
    start = here = deepest = 0  # of what these brackets hold: where it begins, the part at hand, the deepest part
    for match in _NESTING.finditer(text):
        what = match[0]
        if what == "(":
            opened.append((start, deepest))
            start = here = deepest = here + 1
        elif what == ")":
            here = deepest  # operators behind the bracket come on top of what is in it
            start, before = opened.pop() if opened else (0, 0)
            deepest = max(before, here)
        elif what == "OR":
            here = start
        elif what[0] != '"':
            here += 1
        deepest = max(deepest, here)
        if here > MAX_DEPTH:
            many = f"more than {MAX_DEPTH} brackets or operators in each other"
            raise QueryError(f"{many}; join words by OR in one pair of brackets", token=what, column=match.start() + 1)


class Build(Transformer[Token, Query]):
    """Syntax tree from lark's tree. lark calls a method for each rule, named as the rule."""

    def __init__(self, lists: Mapping[str, Query]) -> None:
        super().__init__()
        self._lists = lists

    def _call_userfunc(self, tree: Any, new_children: Any = None) -> Any:
        # lark would wrap what is raised here in its own error, and the column with it.
        children = tree.children if new_children is None else new_children
        return getattr(self, tree.data)(children)

    def start(self, children: list[Query]) -> Query:
        return children[0]

    def any_of(self, children: list[Query]) -> Query:
        return either(tuple(children))

    def both(self, children: list[Query]) -> Query:
        left, right = children
        return And((*left.parts, right) if isinstance(left, And) else (left, right))

    def without(self, children: list[Any]) -> Query:
        keep, _, drop = children
        return Not(keep, drop)

    def unless(self, children: list[Any]) -> Query:
        keep, operator, drop = children
        _require_local(operator, keep, drop)
        return Unless(keep, drop)

    def near(self, children: list[Any]) -> Query:
        left, operator, right = children
        _require_local(operator, left, right)
        return Near(left, right, _distance(operator), "ONEAR" in operator)

    def not_near(self, children: list[Any]) -> Query:
        keep, operator, drop = children
        _require_local(operator, keep, drop)
        return NotNear(keep, drop, _distance(operator), "ONEAR" in operator)

    def word(self, children: list[Token]) -> Query:
        token = children[0]
        if token.isupper() and _OPERATOR.match(token):
            raise error_at(token, _operator_hint(token))
        return _phrase(str(token), _column(token), _line(token))

    def phrase(self, children: list[Token]) -> Query:
        return _phrase(str(children[0]), _column(children[0]), _line(children[0]))

    def listed(self, children: list[Token]) -> Query:
        token = children[0]
        name = token[1:]
        if name not in self._lists:
            raise error_at(token, f"there is no list {name!r}")
        return self._lists[name]

    def scoped(self, children: list[Any]) -> Query:
        field, inner = children
        return In(cast("Field", field[:-1]), inner)

    def attribute(self, children: list[Token]) -> Query:
        name, value = children
        return Attribute(cast("AttributeName", name[:-1]), tokens.fold(value.strip('" ')))


def _phrase(text: str, column: int, line: int = 1) -> Query:
    words: list[Word] = []
    for piece in text.replace('"', " ").split():
        prefix = piece.endswith("*")
        found = tokens.words(piece)
        if "*" in piece[:-1]:
            raise QueryError("a * can only end a word", token=piece, column=column, line=line)
        if prefix and (not found or len(found[-1]) < MIN_PREFIX):
            message = f"a * needs at least {MIN_PREFIX} letters before it"
            raise QueryError(message, token=piece, column=column, line=line)
        words += [Word(word) for word in found]
        if prefix:
            words[-1] = Word(words[-1].text, prefix=True)
    if not words:
        raise QueryError("there is no word here", token=text, column=column, line=line)
    return words[0] if len(words) == 1 else Phrase(tuple(words))


def _distance(operator: Token) -> int:
    distance = int(operator.rpartition("/")[2])
    if distance > MAX_DISTANCE:
        raise error_at(operator, f"at most {MAX_DISTANCE} words can lie between")
    return distance


def _require_local(operator: Token, *sides: Query) -> None:
    if not all(map(is_local, sides)):
        what = operator.split("/")[0]
        raise error_at(
            operator, f"{what} stands between words, phrases and lists; AND, NOT and attributes go outside it"
        )


def _column(token: Token) -> int:
    return token.column or 1


def _line(token: Token) -> int:
    return token.line or 1


def error_at(token: Token, message: str) -> QueryError:
    """What is wrong at a token."""
    return QueryError(message, token=str(token), column=_column(token), line=_line(token))


def _operator_hint(token: Token) -> str:
    if token.isupper() and "NEAR" not in token:
        return f"{token} needs something on both sides"
    how = "write NEAR with a number, NEAR/5" if "near" in token.casefold() else "operators are in capitals"
    return f'{how}; to look for the word itself, put it in quotes: "{token}"'


class Grammar:
    """The core and what one language adds to it.

    ``check``: looks at tokens when they are read, by the name of their terminal. ``names``: how terminals are called in
    a message, in the order in which they are listed.
    """

    def __init__(
        self,
        more: str,
        fields: Sequence[str],
        names: Mapping[str, str] = NAMES,
        check: Mapping[str, Callable[[Token], Token]] | None = None,
    ) -> None:
        self._parser = Lark(
            CORE + more, parser="lalr", lexer="basic", maybe_placeholders=False, lexer_callbacks=dict(check or {})
        )
        self._fields, self._names = " ".join(f"{name}:" for name in fields), names

    def read(self, text: str, build: Build) -> Query:
        """The syntax tree of a query.

        Raises:
            QueryError: at the first word where it stops making sense.
        """
        text = text.replace("“", '"').replace("”", '"')
        _check_size(text)
        try:
            tree = self._parser.parse(text)
        except UnexpectedInput as error:
            raise self._explain(error, text) from error
        return build.transform(tree)

    def _explain(self, error: UnexpectedInput, text: str) -> QueryError:
        if isinstance(error, UnexpectedCharacters):
            rest = text[error.pos_in_stream :]
            token = rest.split(maxsplit=1)[0]
            return QueryError(self._bad_character(rest), token=token, column=error.column, line=error.line)
        if isinstance(error, UnexpectedToken) and error.token.type != "$END":
            expected = self._expected(error.accepts or error.expected)
            if _OPERATOR.match(error.token):
                return error_at(error.token, _operator_hint(error.token))
            hint = " (a phrase needs quotes)" if error.token.type == "WORD" else ""
            return error_at(error.token, f"this makes no sense here; expected {expected}{hint}")
        lines = text.rstrip().splitlines() or [""]
        expected = self._expected(getattr(error, "accepts", None) or getattr(error, "expected", ()))
        message = f"the query ends too early; expected {expected}"
        return QueryError(message, token="the end", column=len(lines[-1]) + 1, line=len(lines))  # noqa: S106  # not a secret

    def _bad_character(self, rest: str) -> str:
        match rest[0]:
            case '"':
                return "the quote that opens here is never closed"
            case "@":
                return "a list's name is small letters, digits and _, and begins with a letter"
            case _:
                return f"this is not a field; fields are {self._fields}"

    def _expected(self, accepted: Any) -> str:
        names = [name for terminal, name in self._names.items() if terminal in accepted]
        return ", ".join(names[:-1]) + " or " + names[-1] if len(names) > 1 else "".join(names)


_rules = Grammar(_RULES, _FIELDS)
