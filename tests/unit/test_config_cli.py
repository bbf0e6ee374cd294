"""`counterclaim config` and `counterclaim init`, run as an operator runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from pydantic import BaseModel, SecretStr
from typer.testing import CliRunner, Result

from pipeline.cli.config import config_app, leaves
from pipeline.cli.init import init
from pipeline.errors import ConfigError, UsageError
from pipeline.resources import shipped
from pipeline.settings.models import SettingsFile
from pipeline.settings.schemas import schema_names, schema_text

app = typer.Typer()
app.add_typer(config_app)
app.command()(init)


def run(*words: str | Path, env: dict[str, str] | None = None) -> Result:
    """The command with these words."""
    return CliRunner().invoke(app, [str(word) for word in words], env=env or {})


def refused(result: Result) -> str:
    """The sentence of the error that the command ended with; main() prints it and exits with 2."""
    assert isinstance(result.exception, ConfigError | UsageError)
    assert result.exception.exit_code == 2
    return str(result.exception)


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A configuration of one's own, as `init` writes it."""
    directory = tmp_path / "desk"
    assert run("init", directory).exit_code == 0
    return directory


def test_the_shipped_configuration_is_sound() -> None:
    """One line, with what was found."""
    result = run("config", "check", "--config", shipped("config"))
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"{shipped('config')} is sound: ")
    assert result.output.count("\n") == 1


def test_check_counts_for_machines() -> None:
    """Feeds by language add up; the rule set has its hash."""
    found = json.loads(run("config", "check", "--json", "--config", shipped("config")).output)
    assert found["ok"] is True
    assert sum(found["feeds_by_language"].values()) == found["feeds"] >= 80
    assert found["rules_by_language"]["en"] > 0
    assert len(found["ruleset"]) == 12


def test_check_says_every_problem_of_every_file(desk: Path) -> None:
    """Settings, feeds, outlets and rules in one run."""
    (desk / "counterclaim.yaml").write_text("log:\n  level: loud\n")
    (desk / "feeds.yaml").write_text("include: [gone.yaml]\n")
    (desk / "outlets.yaml").write_text("outlets: 3\n")
    (desk / "rules" / "en.yaml").write_text("language: en\nrules: []\n")
    problems = refused(run("config", "check", "--config", desk)).splitlines()
    assert [line.split(": ")[0].removeprefix(f"{desk}/") for line in problems] == [
        "counterclaim.yaml:2",
        "feeds.yaml:1",
        "outlets.yaml:1",
        "rules/en.yaml:2",
    ]


def test_check_tries_the_templates(desk: Path) -> None:
    """Also when other files are wrong, too; and nothing is said of those that work."""
    settings = (desk / "counterclaim.yaml").read_text().replace("templates_dir: null", "templates_dir: own")
    (desk / "counterclaim.yaml").write_text(settings)
    (desk / "own").mkdir()
    (desk / "own" / "chat.j2").write_text("{{ message.subject }}")
    assert run("config", "check", "--config", desk).exit_code == 0
    (desk / "own" / "chat.j2").write_text("{{ message.subject }}\n{{ message.sbject }}")
    assert refused(run("config", "check", "--config", desk)).startswith(f"{desk}/own/chat.j2:2: UndefinedError: ")
    (desk / "feeds.yaml").write_text("include: [gone.yaml]\n")
    assert len(refused(run("config", "check", "--config", desk)).splitlines()) == 2


def test_check_tells_machines_the_problems(desk: Path) -> None:
    """Exit code 2, and file, line and message apart."""
    (desk / "counterclaim.yaml").write_text("log:\n  level: loud\n")
    result = run("config", "check", "--json", "--config", desk)
    assert result.exit_code == 2
    assert json.loads(result.output) == {
        "ok": False,
        "directory": str(desk),
        "problems": [
            {
                "file": str(desk / "counterclaim.yaml"),
                "line": 2,
                "message": "log.level is \"loud\": it must be 'debug', 'info', 'warning' or 'error'",
            }
        ],
    }


def test_show_tells_value_and_origin(tmp_path: Path) -> None:
    """A variable wins over a line, a line over the default."""
    (tmp_path / "counterclaim.yaml").write_text("poll:\n  parsers: 3\n  per_host: 4\n  interval_seconds: 900\n")
    result = run("config", "show", "--config", tmp_path, env={"COUNTERCLAIM_POLL_PER_HOST": "1"})
    shown = dict(line.split("  # ", 1) for line in result.output.splitlines())
    shown = {setting.strip(): origin for setting, origin in shown.items()}
    assert shown["poll.per_host = 1"] == "COUNTERCLAIM_POLL_PER_HOST"
    assert shown["poll.parsers = 3"] == f"{tmp_path}/counterclaim.yaml:2"
    assert shown["poll.interval_seconds = 900"] == f"{tmp_path}/counterclaim.yaml:4"
    assert shown["poll.max_bytes = 15000000"] == "default"
    assert len(shown) == len(list(leaves(SettingsFile())))


def test_show_for_machines(tmp_path: Path) -> None:
    """The same, as JSON."""
    (tmp_path / "counterclaim.yaml").write_text("kafka:\n  bootstrap: ['a.example:9092']\n")
    found = json.loads(run("config", "show", "--json", "--config", tmp_path).output)
    assert found["settings"]["kafka.bootstrap"] == {
        "value": ["a.example:9092"],
        "from": f"{tmp_path}/counterclaim.yaml:2",
    }


def test_secrets_are_masked() -> None:
    """A secret setting shows as asterisks, however deep it lies."""

    class Inner(BaseModel):
        password: SecretStr = SecretStr("hunter2")

    class Outer(BaseModel):
        inner: Inner = Inner()
        user: str = "me"

    assert dict(leaves(Outer())) == {("inner", "password"): "**********", ("user",): "me"}


def test_schema_prints_names_or_one_schema() -> None:
    """Without a name their names; with one the schema."""
    assert tuple(run("config", "schema").output.split()) == schema_names()
    assert run("config", "schema", "feeds").output == schema_text("feeds")


def test_schema_of_an_unknown_name_is_refused() -> None:
    """The nearest name is suggested, and all are listed."""
    said = refused(run("config", "schema", "feed"))
    assert said.startswith("no schema is named 'feed'; did you mean 'feeds'?: there are counterclaim, feeds,")


def test_schemas_are_written_to_a_folder(tmp_path: Path) -> None:
    """All of them, or the one named."""
    run("config", "schema", "--write", tmp_path / "all")
    assert {path.name for path in (tmp_path / "all").iterdir()} == {f"{name}.schema.json" for name in schema_names()}
    run("config", "schema", "rules", "--write", tmp_path / "one")
    assert [path.read_text() for path in (tmp_path / "one").iterdir()] == [schema_text("rules")]


def test_a_starter_configuration_is_sound(desk: Path) -> None:
    """What `init` writes passes the check as it is, and shares nothing with the shipped folder but the seeds."""
    result = run("config", "check", "--json", "--config", desk)
    assert result.exit_code == 0, result.output
    assert {path.name for path in desk.iterdir()} == {
        "counterclaim.yaml",
        "feeds.yaml",
        "outlets.yaml",
        "actors.yaml",
        "subscriptions.yaml",
        "rules",
        "schemas",
    }


def test_a_starter_configuration_points_editors_at_its_own_schemas(desk: Path) -> None:
    """The first line of each file names a schema that is there."""
    files = [*desk.glob("*.yaml"), *desk.glob("rules/*.yaml")]
    assert len(files) >= 4
    for path in files:
        first = path.read_text(encoding="utf-8").splitlines()[0]
        mark, _, schema = first.partition("$schema=")
        assert mark == "# yaml-language-server: "
        assert (path.parent / schema).resolve().parent == desk / "schemas"
        assert (path.parent / schema).is_file()


def test_the_shipped_files_point_editors_at_the_committed_schemas() -> None:
    """The same in a checkout."""
    config = shipped("config")
    for path in (*config.glob("*.yaml"), *config.glob("rules/*.yaml"), *shipped("seeds/feeds").glob("*.yaml")):
        first = path.read_text(encoding="utf-8").splitlines()[0]
        assert (path.parent / first.partition("$schema=")[2]).is_file(), path


@pytest.mark.parametrize("name", ["counterclaim.yaml", "outlets.yaml", "schemas"])
def test_init_overwrites_nothing(tmp_path: Path, name: str) -> None:
    """One file that is there, and nothing is written."""
    (tmp_path / name).write_text("mine")
    assert refused(run("init", tmp_path)) == (
        f"{tmp_path / name} is there already and stays as it is: name another folder, or move it away"
    )
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "mine")]


def test_init_says_what_it_wrote_and_what_to_do_next(tmp_path: Path) -> None:
    """For people with the next steps, for machines with the files alone."""
    assert f"counterclaim config check --config {tmp_path / 'a'}" in run("init", tmp_path / "a").output
    found = json.loads(run("init", tmp_path / "b", "--json").output)
    written = {Path(path) for path in found["written"]}
    assert written == {path for path in (tmp_path / "b").rglob("*") if path.is_file()}


def test_init_where_nothing_can_be_written_says_so(tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "desk").write_text("mine")
    assert refused(run("init", tmp_path / "desk")).startswith(f"cannot write to {tmp_path / 'desk'}")
