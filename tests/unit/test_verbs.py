"""A verb costs the import of its own module; lists and completion know all of them all the same."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from pipeline.cli import app as root
from pipeline.cli import archive, feeds, rules, subscriptions, threads
from pipeline.cli.late import Verb

ALL = [*root.VERBS, *archive.VERBS, *feeds.VERBS, *rules.VERBS, *subscriptions.VERBS, *threads.VERBS]

CLIENTS = {"aiohttp", "faust", "feedparser", "kafka", "numpy", "prometheus_client", "structlog", "trafilatura"}
"""What moves data: nothing that only reads files needs it."""

HEAVY = CLIENTS | {"asyncio", "lark", "msgspec", "requests", "tldextract", "yaml"}


WATCH = """
import atexit, runpy, sys

atexit.register(lambda: print(*sys.modules, sep="\\n", file=sys.stderr))
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


def imports(*arguments: str) -> set[str]:
    """The modules that a command has imported when it ends."""
    command = [sys.executable, "-c", WATCH, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=100)
    return set(done.stderr.splitlines())


def invoke(*arguments: str, **env: str) -> str:
    result = CliRunner().invoke(root.app, arguments, prog_name="counterclaim", env={"COLUMNS": "200", **env})
    return result.output


@pytest.mark.parametrize(
    "arguments",
    [("pipeline", "--version"), ("pipeline", "--help"), ("pipeline", "worker", "--help"), ("agents", "--help")],
    ids=" ".join,
)
def test_what_needs_no_library_imports_none(arguments: tuple[str, ...]) -> None:
    """Neither the libraries nor the modules of other verbs: a second of processor time, and more."""
    found = imports(*arguments)
    assert "typer" in found
    assert found & HEAVY == set()
    assert {name for name in found if name.startswith("pipeline.cli.")} <= {
        "pipeline.cli.app",
        "pipeline.cli.late",
        "pipeline.cli.options",
        "pipeline.cli.worker",
    }


def test_a_check_of_files_imports_no_client() -> None:
    """The configuration is checked without what fetches, publishes or serves."""
    found = imports("pipeline", "config", "check")
    assert {"pipeline.cli.config", "pipeline.settings.load"} <= found
    assert found & CLIENTS == set()


@pytest.mark.parametrize("verb", ALL, ids=lambda verb: f"{verb.place.removeprefix('pipeline.cli.')}")
def test_a_list_says_of_a_verb_what_the_verb_says_itself(verb: Verb) -> None:
    """The summary is written twice, so that a list imports nothing; it is the same sentence."""
    loaded = verb.load()
    text = loaded.info.help if isinstance(loaded, typer.Typer) else inspect.getdoc(loaded)
    assert isinstance(text, str)
    assert verb.summary == " ".join(text.split("\n\n")[0].split())


@pytest.mark.parametrize("group", [[], ["archive"], ["feeds"], ["rules"], ["subscriptions"], ["threads"]], ids=" ".join)
def test_help_lists_late_verbs_in_their_order(group: list[str]) -> None:
    """Each with the beginning of its summary, and in its panel."""
    groups = {"archive": archive, "feeds": feeds, "rules": rules, "subscriptions": subscriptions, "threads": threads}
    verbs = groups.get("".join(group), root).VERBS
    output = invoke(*group, "--help")
    lines = [f"│ {verb.name} " for verb in verbs]
    panels = dict.fromkeys(f"─ {verb.panel or 'Commands'} ─" for verb in verbs)
    for wanted in (lines, list(panels)):
        places = [output.find(text) for text in wanted]
        assert -1 not in places
        assert places == sorted(places)
    assert all(verb.summary[:40] in output for verb in verbs)


@pytest.mark.parametrize(
    ("arguments", "own"),
    [
        (("poll",), "--once"),
        (("config", "schema"), "--write"),
        (("feeds", "status"), "--failing"),
        (("feeds", "import"), "--interval"),
        (("rules", "diff"), "--since"),
        (("subscriptions", "edit"), "--drop"),
        (("threads", "split"), "--comment"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else value,
)
def test_a_verb_that_is_named_is_whole(arguments: tuple[str, ...], own: str) -> None:
    """Its own options are in its help, and completed by the shell."""
    assert own in invoke(*arguments, "--help")
    words = " ".join(["counterclaim", *arguments, "--"])
    assert own in invoke(_COUNTERCLAIM_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS=words)


def test_a_shell_completes_verbs() -> None:
    """Of both kinds: those of the group's own module, and the late ones."""
    completed = invoke(_COUNTERCLAIM_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS="counterclaim feeds ")
    assert '"status"' in completed
    assert '"resume"' in completed


def test_a_misspelt_verb_is_corrected() -> None:
    """As by typer for verbs that it knows."""
    assert "Did you mean 'threads'?" in invoke("threads-list")
    assert "Did you mean 'explain'?" in invoke("rules", "explian")
