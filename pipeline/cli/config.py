"""`counterclaim config`: is the configuration sound, what is in force and why, and which keys there are."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel

from pipeline.cli.options import ConfigOption, JsonOption, config_dir
from pipeline.documents import Where, nearest
from pipeline.errors import ConfigError, Problem, UsageError
from pipeline.settings.load import Configuration, load_all, load_settings, load_settings_and_origins
from pipeline.settings.schemas import schema_names, schema_text, write_schemas

config_app = typer.Typer(
    name="config",
    help="Check the configuration, show what is in force, print its schemas.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@config_app.command("check")
def check(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Read every file, and say everything that is wrong: file, line, value, what to do. Starts nothing.

    Templates of messages are tried with samples.

    Exit code 0 if all is well, 2 if not.

        counterclaim config check --config /etc/counterclaim
    """
    directory = config_dir(config)
    try:
        configuration = _checked(directory)
    except ConfigError as error:
        if not as_json:
            raise
        print(json.dumps(_problems(directory, error), ensure_ascii=False))
        sys.exit(error.exit_code)
    found = _counts(directory, configuration)
    print(json.dumps(found, ensure_ascii=False) if as_json else _summary(found))


def _checked(directory: Path) -> Configuration:
    problems: list[Problem] = []
    try:
        configuration = load_all(directory, os.environ, secrets=True)
    except ConfigError as error:
        problems += error.problems
    with suppress(ConfigError):  # it was told
        templates = load_settings(directory, os.environ).templates_path
        if templates is not None:
            from pipeline.channels.templates import template_problems  # here: Jinja, for those who have templates

            problems += template_problems(templates)
    if problems:
        raise ConfigError(problems)
    return configuration


def _problems(directory: Path, error: ConfigError) -> dict[str, Any]:
    problems = [{"file": str(one.file), "line": one.line, "message": one.message} for one in error.problems]
    return {"ok": False, "directory": str(directory), "problems": problems}


def _counts(directory: Path, configuration: Configuration) -> dict[str, Any]:
    feeds = configuration.feeds
    return {
        "ok": True,
        "directory": str(directory),
        "feeds": len(feeds),
        "feeds_by_language": dict(Counter(feed.language for feed in feeds).most_common()),
        "feed_outlets": len({feed.outlet for feed in feeds}),
        "outlets": len(configuration.outlets),
        "rules_by_language": {language: len(pack.rules) for language, pack in configuration.rules.packs.items()},
        "ruleset": configuration.rules.hash,
        "subscriptions": len(configuration.subscriptions),
    }


def _summary(found: dict[str, Any]) -> str:
    return (
        f"{found['directory']} is sound: "
        f"{found['feeds']} feeds of {found['feed_outlets']} outlets ({_listed(found['feeds_by_language'])}), "
        f"{found['outlets']} known outlets, "
        f"{sum(found['rules_by_language'].values())} rules ({_listed(found['rules_by_language'])}), "
        f"{found['subscriptions']} subscriptions"
    )


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{language} {count}" for language, count in counts.items())


@config_app.command("show")
def show(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Print the settings in force, each with where it comes from: a variable, file:line, or the default.

    Secrets are masked.

        COUNTERCLAIM_POLL_PER_HOST=1 counterclaim config show
    """
    settings, origins = load_settings_and_origins(config_dir(config), os.environ)
    rows = [(where, value, origins.of(where)) for where, value in leaves(settings) if where != ("directory",)]
    if as_json:
        found = {".".join(map(str, where)): {"value": value, "from": origin} for where, value, origin in rows}
        print(json.dumps({"directory": str(settings.directory), "settings": found}, ensure_ascii=False))
        return
    texts = [f"{'.'.join(map(str, where))} = {_shown(value)}" for where, value, _ in rows]
    width = max(map(len, texts))
    for text, (_, _, origin) in zip(texts, rows, strict=True):
        print(f"{text:{width}}  # {origin}")


def _shown(value: Any) -> str:
    """As one would write it in the file: 600, not 600.0."""
    plain = int(value) if isinstance(value, float) and value.is_integer() else value
    return json.dumps(plain, ensure_ascii=False)


def leaves(model: BaseModel) -> Iterator[tuple[Where, Any]]:
    """Every setting with its value as JSON has it; a `SecretStr` comes out as asterisks."""
    for name, value in model.model_dump(mode="json").items():
        inner = getattr(model, name)
        if isinstance(inner, BaseModel):
            for where, leaf in leaves(inner):
                yield (name, *where), leaf
        else:
            yield (name,), value


@config_app.command("schema")
def schema(
    name: Annotated[str | None, typer.Argument(help="Whose schema; without it, their names.")] = None,
    write: Annotated[
        Path | None,
        typer.Option("--write", metavar="DIR", help="Write NAME.schema.json there; without NAME, all."),
    ] = None,
) -> None:
    """Print the JSON Schema of a configuration file or of a record on the topics.

    counterclaim config schema feeds
    counterclaim config schema --write docs/schemas
    """
    if name is not None and name not in schema_names():
        raise UsageError(f"no schema is named {name!r}{nearest(name, schema_names())}: there are {_names()}")
    if write is not None:
        for path in write_schemas(write, (name,) if name else ()):
            print(path)
    else:
        print(schema_text(name) if name else "\n".join(schema_names()), end="" if name else "\n")


def _names() -> str:
    return ", ".join(schema_names())
