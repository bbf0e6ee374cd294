"""Settings from the environment: `COUNTERCLAIM_<SECTION>_<FIELD>`; with `_FILE` behind it, a file that holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from pipeline.documents import Where, nearest, sentence
from pipeline.errors import Problem
from pipeline.settings.models import SettingsFile

PREFIX: Final = "COUNTERCLAIM_"

SHORT: Final[Mapping[str, Where]] = {"COUNTERCLAIM_KAFKA": ("kafka", "bootstrap")}
"""Names of their own for what is set most."""

LISTS: Final[frozenset[Where]] = frozenset({("kafka", "bootstrap"), ("threads", "silence_hours")})
"""Settings that are lists: written with commas."""

NOT_SETTINGS: Final = frozenset(
    {
        "COUNTERCLAIM_CONFIG",  # which configuration folder
        "COUNTERCLAIM_READY_FILE",  # a child touches it when it is ready
        "COUNTERCLAIM_TEST_BROKER",  # which broker the integration tests run on
        "COUNTERCLAIM_LOSS_RUNS",  # how often the loss tests run
        "COUNTERCLAIM_DATA",  # where the tests find real data
    }
)

ENVIRONMENT: Final = Path("environment")
"""Stands where a file would in a problem's place."""


@dataclass(frozen=True, slots=True)
class Override:
    """One setting from the environment."""

    where: Where
    variable: str
    value: Any


def variables() -> dict[str, Where]:
    """Every variable that is a setting, and where in the settings it goes."""
    found: dict[str, Where] = dict(SHORT)
    for name, info in SettingsFile.model_fields.items():
        section = info.annotation
        fields = section.model_fields if isinstance(section, type) and issubclass(section, BaseModel) else None
        for where in [(name, field) for field in fields] if fields else [(name,)]:
            found[PREFIX + "_".join(where).upper()] = where
    return found


def read_environment(env: Mapping[str, str], problems: list[Problem]) -> tuple[Override, ...]:
    """The overrides in ``env``; what is unknown, unreadable or set twice is added to ``problems``."""
    known = variables()
    found: dict[Where, Override] = {}
    for variable in sorted(name for name in env if name.startswith(PREFIX) and name not in NOT_SETTINGS):
        override = _override(variable, env[variable], known, problems)
        if override is None:
            continue
        if (earlier := found.get(override.where)) is not None:
            _wrong(problems, f"{variable} sets what {earlier.variable} sets too: remove one of them")
        found[override.where] = override
    return tuple(found.values())


def _wrong(problems: list[Problem], message: str) -> None:
    problems.append(Problem(ENVIRONMENT, None, message))


def _override(variable: str, text: str, known: Mapping[str, Where], problems: list[Problem]) -> Override | None:
    where = known.get(variable)
    if where is None and variable.endswith("_FILE"):
        where = known.get(variable.removesuffix("_FILE"))
        if where is not None:
            contents = _contents(variable, Path(text), problems)
            return None if contents is None else _typed(variable, contents, where, problems)
    if where is None:
        _wrong(problems, f"{variable} is no setting{_near(variable, known)}")
        return None
    return _typed(variable, text, where, problems)


def _near(variable: str, known: Mapping[str, Where]) -> str:
    """Compared without the prefix, which would make all of them alike."""
    rest = {name.removeprefix(PREFIX): name for name in known}
    hint = nearest(variable.removeprefix(PREFIX), rest)
    return hint.replace("'", f"'{PREFIX}", 1)


def _contents(variable: str, path: Path, problems: list[Problem]) -> str | None:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        _wrong(problems, f"{variable} names {path}, which cannot be read: {error}")
        return None


def _typed(variable: str, text: str, where: Where, problems: list[Problem]) -> Override | None:
    """The text as the type that its field has: here `5` may be a number, as it must be quoted nowhere."""
    value: Any = text
    if where in LISTS:
        value = [one.strip() for one in text.split(",") if one.strip()]
    for part in reversed(where):
        value = {part: value}
    try:
        read: Any = SettingsFile.model_validate(value)
    except ValidationError as error:
        problems.extend(
            Problem(ENVIRONMENT, None, f"{variable}: {sentence(detail, SettingsFile)}")
            for detail in error.errors(include_url=False)
        )
        return None
    for part in where:
        read = getattr(read, str(part))
    return Override(where, variable, read)
