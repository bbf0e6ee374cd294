"""The one door of the configuration: files and environment in, values out, or every problem as an exact sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pipeline.documents import Document, Where, check, read_document
from pipeline.errors import ConfigError, Problem, RuleError
from pipeline.rules import Rules, load_rules
from pipeline.settings.consistency import inconsistencies
from pipeline.settings.environment import ENVIRONMENT, Override, read_environment
from pipeline.settings.feeds import read_feeds
from pipeline.settings.models import Feed, Outlet, Settings, SettingsFile
from pipeline.settings.outlets import contradictions, read_outlets
from pipeline.settings.subscriptions import (
    ListedSubscription,
    SubscriptionEntry,
    read_secrets,
    read_subscriptions,
)

SETTINGS_FILE: Final = "counterclaim.yaml"

_PATHS: Final = ("feeds_file", "rules_dir", "outlets_file", "actors_file", "subscriptions_file")


@dataclass(frozen=True, slots=True)
class Polling:
    """What a poller needs of a configuration folder."""

    settings: Settings
    feeds: tuple[Feed, ...]


@dataclass(frozen=True, slots=True)
class Configuration(Polling):
    """All that a configuration folder says, validated as a whole."""

    outlets: tuple[Outlet, ...]
    rules: Rules
    subscriptions: tuple[SubscriptionEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class Origins:
    """Where each setting comes from."""

    document: Document
    overrides: Mapping[Where, str]

    def of(self, where: Where) -> str:
        """A variable's name, file:line, or "default"."""
        if where in self.overrides:
            return self.overrides[where]
        return self.document.place(where) if where in self.document.lines else "default"


def load_settings(directory: Path, env: Mapping[str, str]) -> Settings:
    """The settings of ``directory`` under the environment's overrides.

    Raises:
        ConfigError: with every problem of the file and the environment.
    """
    return load_settings_and_origins(directory, env)[0]


def load_settings_and_origins(directory: Path, env: Mapping[str, str]) -> tuple[Settings, Origins]:
    """As `load_settings`, with where each value comes from.

    Raises:
        ConfigError: with every problem of the file and the environment.
    """
    problems: list[Problem] = []
    settings, origins = _read_settings(directory, env, problems)
    _raise(problems)
    return settings, origins


def load_feeds(settings: Settings) -> tuple[Feed, ...]:
    """The feeds of the operator's list: includes resolved, drops and overrides applied.

    Raises:
        ConfigError: with every problem of the list and what it includes.
    """
    problems: list[Problem] = []
    listed = read_feeds(settings.feeds_path, problems)
    _raise(problems)
    return tuple(one.feed for one in listed)


def load_outlets(settings: Settings) -> tuple[Outlet, ...]:
    """What is known of outlets.

    Raises:
        ConfigError: with every problem of the file.
    """
    problems: list[Problem] = []
    outlets = read_outlets(settings.outlets_path, problems)
    _raise(problems)
    return outlets


def load_subscriptions(settings: Settings, env: Mapping[str, str]) -> tuple[ListedSubscription, ...]:
    """The operator's subscriptions, with the secrets that they name files and variables of.

    Raises:
        ConfigError: with every problem of the file and of the secrets.
    """
    problems: list[Problem] = []
    listed = _read_subscriptions(settings, problems, env)
    _raise(problems)
    return listed


def load_entries(settings: Settings) -> tuple[SubscriptionEntry, ...]:
    """The operator's subscriptions without their secrets.

    Raises:
        ConfigError: with every problem of the file.
    """
    problems: list[Problem] = []
    listed = _read_subscriptions(settings, problems, None)
    _raise(problems)
    return tuple(one.entry for one in listed)


def load_polling(directory: Path, env: Mapping[str, str]) -> Polling:
    """Settings and feeds: the rules, which take longest to read, do not matter to a poller.

    Raises:
        ConfigError: with every problem of the settings, or else of the list and what it includes.
    """
    settings = load_settings(directory, env)
    return Polling(settings, load_feeds(settings))


def load_all(directory: Path, env: Mapping[str, str], *, secrets: bool = False) -> Configuration:
    """Settings, feeds, outlets, rules and subscriptions, validated as a whole.

    ``secrets``: those of channels too. Only who delivers needs them, and others may well not be able to read them.

    Raises:
        ConfigError: with every problem of every file, so that one run shows all there is to mend.
    """
    problems: list[Problem] = []
    settings, _ = _read_settings(directory, env, problems)
    feeds = read_feeds(settings.feeds_path, problems)
    outlets = read_outlets(settings.outlets_path, problems)
    problems += contradictions(feeds, outlets)
    rules = _read_rules(settings, problems)
    subscriptions = _read_subscriptions(settings, problems, env if secrets else None)
    _raise(problems)
    if rules is None:  # unreachable: then there were problems
        raise ConfigError(problems)
    entries = tuple(one.entry for one in subscriptions)
    return Configuration(settings, tuple(one.feed for one in feeds), outlets, rules, entries)


def _raise(problems: list[Problem]) -> None:
    """End here if there are problems; those of one file come in the order of its lines."""
    if problems:
        files = list(dict.fromkeys(problem.file for problem in problems))
        raise ConfigError(sorted(problems, key=lambda problem: (files.index(problem.file), problem.line or 0)))


def _read_rules(settings: Settings, problems: list[Problem]) -> Rules | None:
    try:
        return load_rules(settings.rules_path, settings.actors_path)
    except RuleError as error:
        problems.extend(error.problems)
        return None


def _read_subscriptions(
    settings: Settings, problems: list[Problem], env: Mapping[str, str] | None
) -> tuple[ListedSubscription, ...]:
    """``env`` None: without secrets. Who names no file of subscriptions need not have one."""
    optional = settings.subscriptions_file == SettingsFile().subscriptions_file
    entries, document = read_subscriptions(
        settings.subscriptions_path, problems, mail=bool(settings.smtp.host), optional=optional
    )
    if document is None or env is None:
        return tuple(ListedSubscription(one, ()) for one in entries)
    return read_secrets(entries, document, env, problems)


def _read_settings(directory: Path, env: Mapping[str, str], problems: list[Problem]) -> tuple[Settings, Origins]:
    """The effective settings. With problems, they are good for nothing but finding the other files."""
    path = directory / SETTINGS_FILE
    document = read_document(path, problems, missing=f"`counterclaim init {directory}` writes a starter configuration")
    document = document or Document(path, {}, {})
    overrides = read_environment(env, problems)
    origins = Origins(document, {override.where: override.variable for override in overrides})
    written = check(document, SettingsFile, problems)
    if written is None:
        written = SettingsFile.model_validate({key: document.data[key] for key in _PATHS if _is_text(document, key)})
    settings = _effective(written, overrides, directory)
    if not problems:
        problems.extend(_inconsistencies(settings, origins))
    return settings, origins


def _is_text(document: Document, key: str) -> bool:
    return isinstance(document.data.get(key), str)


def _effective(written: SettingsFile, overrides: tuple[Override, ...], directory: Path) -> Settings:
    data: dict[str, Any] = written.model_dump() | {"directory": directory}
    for override in overrides:
        inner = data
        for part in override.where[:-1]:
            inner = inner[str(part)]
        inner[str(override.where[-1])] = override.value
    return Settings.model_validate(data)


def _inconsistencies(settings: Settings, origins: Origins) -> list[Problem]:
    found = []
    for where, message in inconsistencies(settings):
        overridden = origins.overrides.get(where)
        if overridden:
            found.append(Problem(ENVIRONMENT, None, f"{overridden}: {message}"))
        else:
            found.append(Problem(origins.document.file, origins.document.line(where), message))
    return found
