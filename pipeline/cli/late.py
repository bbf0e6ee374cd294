"""Verbs whose modules are imported when they are called, and not when another is, or `--help`.

A verb stands on what its work needs (Kafka's client, aiohttp, numpy, the rules' grammar): seconds of processor time for
all of them, most of it nothing to the one verb that runs. So a group knows of such a verb what its help and the shell's
completion say: name, summary, panel.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb, or a group of verbs, of which only the name and what a list says of it are known."""

    name: str
    place: str
    """`module:name` of a function, or of a `typer.Typer`."""
    summary: str
    """The first paragraph of the function's docstring, or the group's help, in one line."""
    panel: str | None = None
    """Where `--help` lists it."""

    def load(self) -> Any:
        """The function or the `typer.Typer`: here its module is imported."""
        module, _, name = self.place.partition(":")
        return getattr(import_module(module), name)

    def command(self) -> TyperCommand | TyperGroup:
        """The whole command, as if it had been registered like any other."""
        holder, found = typer.Typer(), self.load()
        if isinstance(found, typer.Typer):
            holder.add_typer(found, name=self.name)
        else:
            holder.command(self.name)(found)
        command = get_group(holder).commands[self.name]
        assert isinstance(command, TyperCommand | TyperGroup)
        return command


def late(*verbs: Verb) -> type[TyperGroup]:
    """The class of a group with these verbs, after those that are registered with it: `typer.Typer(cls=late(…))`."""
    by_name = {verb.name: verb for verb in verbs}

    class Late(TyperGroup):
        def __init__(self, **settings: Any) -> None:
            super().__init__(**settings)
            for verb in verbs:
                self.add_command(TyperCommand(verb.name, help=verb.summary, rich_help_panel=verb.panel))

        def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
            # Lists ask `get_command`; only a call, and the completion of its options, comes here.
            name, command, rest = super().resolve_command(ctx, args)
            return name, by_name[name].command() if name in by_name else command, rest

    return Late
