"""JSON Schemas of the configuration files, for editors and for `check-jsonschema`, beside those of the records.

A schema knows keys, types and limits; that a country code is one of ISO's, or a feed not listed twice, only
`counterclaim config check` knows.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from pipeline.records.schemas import DIALECT, RECORDS, field_docstrings, record_schema
from pipeline.rules.actors import ActorsFile
from pipeline.rules.lexicon import Lexicon
from pipeline.settings.models import FeedsFile, OutletsFile, SettingsFile
from pipeline.settings.subscriptions import SubscriptionsFile

FILES: Final[Mapping[str, type[BaseModel]]] = {
    "counterclaim": SettingsFile,
    "feeds": FeedsFile,
    "outlets": OutletsFile,
    "subscriptions": SubscriptionsFile,
    "rules": Lexicon,
    "actors": ActorsFile,
}
"""The shapes of the configuration files, by the name of their schema."""

_SUFFIX: Final = ".schema.json"


def schema_names() -> tuple[str, ...]:
    """What `schema` knows: the configuration files, then the records."""
    return (*FILES, *RECORDS)


def schema(name: str) -> dict[str, Any]:
    """JSON Schema (2020-12) of a configuration file or a record.

    Raises:
        KeyError: no schema has that name.
    """
    if name in RECORDS:
        return record_schema(name)
    model = FILES[name]
    shape = model.model_json_schema()
    described = {model.__name__: shape} | shape.get("$defs", {})
    for inner, part in described.items():
        for field, text in field_docstrings(getattr(sys.modules[model.__module__], inner)).items():
            part["properties"][field].setdefault("description", text)
    return {"$schema": DIALECT} | shape


def schema_text(name: str) -> str:
    """As `schema`, as the text of its file."""
    return json.dumps(schema(name), indent=2, ensure_ascii=False) + "\n"


def write_schemas(directory: Path, names: tuple[str, ...] = ()) -> tuple[Path, ...]:
    """Write the schemas (all, unless named) into ``directory``, which is made if need be; returns the files.

    Raises:
        OSError: a file cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for name in names or schema_names():
        path = directory / f"{name}{_SUFFIX}"
        path.write_text(schema_text(name), encoding="utf-8")
        written.append(path)
    return tuple(written)
