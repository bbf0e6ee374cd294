"""Who may import whom, and that an import does no work."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

ONLY_IN = {
    "feedparser": "pipeline.feeds.parse",
    "kafka": "pipeline.kafka",
    "faust": "agents",
    "apprise": "pipeline.subscriptions.services",
    "aiosmtplib": "pipeline.channels.mail",
    "jinja2": "pipeline.channels.templates",
    "standardwebhooks": "pipeline.channels.webhook",
}
"""A library, and the one module or package that may know it."""

SUBSCRIBER = "pipeline.demo.receiver"
"""Stands for somebody else's program, which verifies what ours signed."""

ALLOWED = {
    "pipeline.errors": set(),
    "pipeline.resources": set(),
    "pipeline.records": {"pipeline.errors"},
    "pipeline.documents": {"pipeline.errors"},
    "pipeline.dedupe": {"pipeline.errors", "pipeline.records"},
    "pipeline.rules": {"pipeline.errors", "pipeline.records", "pipeline.documents", "pipeline.resources"},
    "pipeline.settings": {
        "pipeline.errors",
        "pipeline.resources",
        "pipeline.records",
        "pipeline.documents",
        "pipeline.dedupe",
        "pipeline.rules",
        "pipeline.subscriptions",  # what a query must look like
    },
}
"""The lower floors, and all of ours that each may stand on. Above them only circles are forbidden."""

PURE = (
    "pipeline.records", "pipeline.dedupe", "pipeline.rules", "pipeline.threads", "pipeline.feeds.schedule",
    "pipeline.alerts", "pipeline.subscriptions.editing",
)  # fmt: skip
"""Packages and modules that decide, and act on nothing."""

IMPURE = {"aiohttp", "asyncio", "kafka", "prometheus_client", "random", "socket", "structlog", "subprocess", "typer"}


def modules() -> dict[str, Path]:
    """Every module of both packages."""
    found = {}
    for package in ("pipeline", "agents"):
        for path in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = path
    return found


MODULES = modules()


def imported(name: str, *, at_start: bool = False) -> set[str]:
    """What a module imports: of ours the module that is named, of others the name as written.

    Imports for type checkers alone do not count; those inside functions do, unless ``at_start``.
    """
    path = MODULES[name]
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    return {
        target
        for node in _imports(ast.parse(path.read_text(encoding="utf-8")), at_start=at_start)
        for target in _targets(node, package)
        if target != name
    }


def _imports(tree: ast.AST, *, at_start: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        elif not (at_start and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)):
            yield from _imports(node, at_start=at_start)


def _targets(node: ast.Import | ast.ImportFrom, package: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
    module = ".".join([*above, *([node.module] if node.module else [])])
    for alias in node.names:
        inner = f"{module}.{alias.name}"
        yield inner if inner in MODULES else module


def within(name: str, package: str) -> bool:
    """Whether a module is a package or lies in it."""
    return name == package or name.startswith(f"{package}.")


def test_the_imports_are_found() -> None:
    """The test's own eyes: it sees plain, nested and package imports."""
    assert "pipeline.errors" in imported("pipeline.settings.load")
    assert "pipeline.records.article" in imported("pipeline.records")
    assert any(within(target, "pipeline") for target in imported("agents.worker"))


@pytest.mark.parametrize("name", MODULES)
def test_pipeline_never_imports_agents(name: str) -> None:
    """The agents are one way to run the pipeline; nothing in it knows them."""
    if within(name, "pipeline"):
        assert not [target for target in imported(name) if within(target, "agents")]


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_library_is_known_in_one_place(library: str) -> None:
    """Whoever replaces one of these replaces one module; and that module does use it."""
    users = {name for name in MODULES if any(within(target, library) for target in imported(name))} - {SUBSCRIBER}
    assert users
    assert {name for name in users if not within(name, ONLY_IN[library])} == set()


def test_no_module_imports_itself_in_a_circle() -> None:
    """Sorting the modules by their imports works only without a cycle; CycleError names one."""
    TopologicalSorter({name: imported(name) & MODULES.keys() for name in MODULES}).prepare()


def test_no_package_imports_itself_in_a_circle() -> None:
    """Nor do two packages need each other by way of different modules."""
    graph: dict[str, set[str]] = {}
    for name in MODULES:
        own = _package(name)
        targets = {_package(target) for target in imported(name) & MODULES.keys()}
        graph.setdefault(own, set()).update(targets - {own})
    TopologicalSorter(graph).prepare()


def _package(name: str) -> str:
    """`pipeline.rules` for `pipeline.rules.load`; `agents` for all of it."""
    parts = name.split(".")
    return ".".join(parts[:2]) if parts[0] == "pipeline" else parts[0]


@pytest.mark.parametrize("package", ALLOWED)
def test_a_lower_package_stands_only_on_those_below(package: str) -> None:
    """Records know no rules, rules know no settings, settings know no poller."""
    inside = [name for name in MODULES if within(name, package)]
    assert inside
    needed = {_package(target) for name in inside for target in imported(name) & MODULES.keys()}
    assert needed - {package, "pipeline"} <= ALLOWED[package]


def test_only_the_entry_points_import_the_command() -> None:
    """What the command line offers can be used without it."""
    users = {name for name in MODULES if any(within(target, "pipeline.cli") for target in imported(name))}
    assert {name for name in users if not within(name, "pipeline.cli")} <= {"pipeline.__main__", "agents.__main__"}


@pytest.mark.parametrize("name", [name for name in MODULES if any(within(name, package) for package in PURE)])
def test_what_decides_does_not_act(name: str) -> None:
    """No clock that runs, no socket, no process, no log, no chance in the pure packages."""
    assert {target.partition(".")[0] for target in imported(name)} & IMPURE == set()


def test_the_worker_needs_nothing_of_those_who_deliver() -> None:
    """It tells a story in a record; mail, templates and signatures would be memory of each worker."""
    code = "import json, sys, agents.worker; print(json.dumps(sorted(name for name in sys.modules if '.' not in name)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {"aiosmtplib", "apprise", "jinja2", "standardwebhooks"} & set(json.loads(done.stdout)) == set()


WATCH = """
import importlib, json, os, sys

roots, names = tuple(sys.argv[1].split(os.pathsep)), sys.argv[2:]
offences = []

def at_import():
    # The nearest code that runs at import time: ours, if a statement of our module's own does the work.
    frame = sys._getframe(2)
    while frame is not None and frame.f_code.co_name != "<module>":
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return None  # the import system itself, reading code
        if "/pydantic/plugin/" in frame.f_code.co_filename:
            return None  # pydantic looks for its plug-ins whenever a model class is made
        frame = frame.f_back
    name = frame.f_code.co_filename if frame is not None else ""
    return f"{name}:{frame.f_lineno}" if name.startswith(roots) else None

def watch(event, arguments):
    if event in {"open", "os.listdir", "os.scandir", "os.mkdir", "subprocess.Popen", "os.exec", "os.fork"} or (
        event.startswith("socket.")
    ):
        if (place := at_import()) is not None:
            offences.append([place, event, repr(arguments[0])[:80]])

class Watched(type(os.environ)):
    def __getitem__(self, key):
        if (place := at_import()) is not None:
            offences.append([place, "os.environ", str(key)])
        return super().__getitem__(key)

sys.addaudithook(watch)
os.environ.__class__ = Watched
for name in names:
    importlib.import_module(name)
print(json.dumps(offences))
"""


def offences(root: Path, names: list[str]) -> list[list[str]]:
    """What importing these modules of ``root`` does besides: place, event, argument."""
    ours = os.pathsep.join({f"{root / name.partition('.')[0]}" for name in names})
    command = [sys.executable, "-c", WATCH, ours, *names]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True, timeout=100)
    found: list[list[str]] = json.loads(done.stdout)
    return found


def test_an_import_does_no_work() -> None:
    """No file, no environment variable, no socket, no process when our modules are imported."""
    names = [name for name in MODULES if not name.endswith("__main__")]
    assert offences(ROOT, names) == []


def test_work_at_import_would_be_seen(tmp_path: Path) -> None:
    """The watch sees a file read and a variable looked up, and not what a library does for itself."""
    (tmp_path / "busy.py").write_text(
        "import os, socket, tempfile\n"
        "HOME = os.environ.get('HOME')\n"
        "HOSTS = open('/etc/hosts').read()\n"
        "SOCKET = socket.socket()\n"
        "def later():\n"
        "    return open('/etc/hosts')\n"
    )
    seen = [(Path(place).name, event) for place, event, _ in offences(tmp_path, ["busy"])]
    assert seen == [("busy.py:2", "os.environ"), ("busy.py:3", "open"), ("busy.py:4", "socket.__new__")]
