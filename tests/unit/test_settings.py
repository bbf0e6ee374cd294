"""The settings: defaults, the file, the environment over it, and every fault as an exact sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.documents import parse_document, read_document
from pipeline.errors import ConfigError, Problem
from pipeline.resources import shipped
from pipeline.settings.environment import variables
from pipeline.settings.load import load_settings, load_settings_and_origins
from pipeline.settings.models import Settings, SettingsFile


def said(directory: Path, text: str, env: dict[str, str] | None = None) -> list[str]:
    """The problems that a settings file with this text has, files by their name alone."""
    (directory / "counterclaim.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_settings(directory, env or {})
    assert caught.value.exit_code == 2
    return [str(problem).replace(f"{directory}/", "") for problem in caught.value.problems]


def read(directory: Path, text: str = "", env: dict[str, str] | None = None) -> Settings:
    """The settings of a file with this text."""
    (directory / "counterclaim.yaml").write_text(text, encoding="utf-8")
    return load_settings(directory, env or {})


def test_an_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    """Every key may be left out."""
    settings = read(tmp_path)
    assert settings == Settings(directory=tmp_path)
    assert (settings.poll.interval_seconds, settings.poll.floor_seconds, settings.kafka.partitions) == (600, 300, 4)


def test_the_shipped_file_writes_out_every_default() -> None:
    """config/counterclaim.yaml shows each key once, with the value that holds without it."""
    document = read_document(shipped("config/counterclaim.yaml"), [], missing="")
    assert document is not None
    assert SettingsFile.model_validate(document.data) == SettingsFile()
    assert document.data.keys() == SettingsFile.model_fields.keys()
    for section, values in document.data.items():
        if isinstance(values, dict):
            assert values.keys() == type(getattr(SettingsFile(), section)).model_fields.keys()


def test_values_of_the_file_are_taken(tmp_path: Path) -> None:
    """Each type of value arrives: a list, a path, a number, a word."""
    settings = read(
        tmp_path,
        "kafka: {bootstrap: ['a.example:9092', '[::1]:9093'], data_dir: /var/lib/kafka, partitions: 12}\n"
        "poll: {timeout_seconds: 12.5, allow_private: true}\n"
        "log: {format: json}\n",
    )
    assert settings.kafka.bootstrap == ("a.example:9092", "[::1]:9093")
    assert settings.kafka.data_dir == Path("/var/lib/kafka")
    assert (settings.poll.timeout_seconds, settings.poll.allow_private, settings.log.format) == (12.5, True, "json")


def test_the_other_files_are_found_from_the_folder(tmp_path: Path) -> None:
    """Relative names are relative to the settings, absolute ones stay."""
    settings = read(tmp_path, "feeds_file: lists/mine.yaml\nrules_dir: /etc/rules\n")
    assert settings.feeds_path == tmp_path / "lists/mine.yaml"
    assert settings.rules_path == Path("/etc/rules")
    assert settings.outlets_path == tmp_path / "outlets.yaml"


def test_settings_do_not_change(tmp_path: Path) -> None:
    """They are values: whoever wants others reads others."""
    with pytest.raises(ValueError, match="frozen"):
        read(tmp_path).poll.per_host = 3


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (
            "poll:\n  intervall_seconds: 5\n",
            ["counterclaim.yaml:2: unknown key 'poll.intervall_seconds'; did you mean 'interval_seconds'?"],
        ),
        (
            "pol: {}\n",
            ["counterclaim.yaml:1: unknown key 'pol'; did you mean 'poll'?"],
        ),
        (
            "log:\n  colour: yes\n",
            ["counterclaim.yaml:2: unknown key 'log.colour'; known here: format, level"],
        ),
        (
            'kafka:\n  broker: embedded\n  port: "9092"\n',
            ['counterclaim.yaml:3: kafka.port is "9092": it must be a whole number'],
        ),
        (
            "kafka:\n  port: 70000\n  partitions: 2\n",
            [
                "counterclaim.yaml:2: kafka.port is 70000: it must be at most 65535",
                "counterclaim.yaml:3: kafka.partitions is 2: it must be at least 4",
            ],
        ),
        (
            "kafka:\n  bootstrap:\n    - a.example:9092\n    - b.example\n",
            ["counterclaim.yaml:4: kafka.bootstrap: 'b.example' is not host:port, such as kafka.example:9092"],
        ),
        (
            "kafka:\n  bootstrap: a.example:9092\n",
            ['counterclaim.yaml:2: kafka.bootstrap is "a.example:9092": it must be a list'],
        ),
        (
            "log:\n  level: loud\n",
            ["counterclaim.yaml:2: log.level is \"loud\": it must be 'debug', 'info', 'warning' or 'error'"],
        ),
        (
            "poll:\n",
            ["counterclaim.yaml:1: poll is null: it must be keys and values"],
        ),
        (
            "poll:\n  per_host: true\n",
            ["counterclaim.yaml:2: poll.per_host is true: it must be a whole number"],
        ),
        (
            "poll:\n  timeout_seconds: .inf\n",
            ["counterclaim.yaml:2: poll.timeout_seconds is Infinity: it must be a finite number"],
        ),
        (
            "poll:\n  timeout_seconds: 0\n",
            ["counterclaim.yaml:2: poll.timeout_seconds is 0: it must be more than 0"],
        ),
        (
            'poll:\n  contact: "a (b)"\n',
            [
                (
                    "counterclaim.yaml:2: poll.contact: 'a (b)' cannot go into a User-Agent: "
                    "use printable ASCII without parentheses"
                )
            ],
        ),
        (
            "worker:\n  app_id: two words\n",
            ['counterclaim.yaml:2: worker.app_id is "two words": it must match ^[A-Za-z0-9._-]{1,100}$'],
        ),
        (
            "poll:\n  per_host: 1\nlog: {}\npoll:\n  per_host: 2\n",
            ["counterclaim.yaml:4: key 'poll' is already on line 1: remove one of them"],
        ),
        (
            "poll:\n  per_host: [1\nlog: {}\n",
            [
                (
                    "counterclaim.yaml:3: is not YAML at column 4: did not find expected ',' or ']', "
                    "while parsing a flow sequence"
                )
            ],
        ),
        ("- poll\n", ["counterclaim.yaml:1: must hold keys and values, such as `name: value`, not ['poll']"]),
        ("1: 2\n", ["counterclaim.yaml:1: key 1 is not text: put it in quotes"]),
        (
            "kafka: &k {port: 1}\nlog: *k\n",
            [
                "counterclaim.yaml:2: uses an alias (*name): write the value out",
                "counterclaim.yaml:2: log is null: it must be keys and values",
            ],
        ),
        (
            "log:\n  level: !!python/name:os.system info\n",
            [
                (
                    "counterclaim.yaml:2: has the tag 'tag:yaml.org,2002:python/name:os.system': "
                    "only plain values are known here"
                ),
                "counterclaim.yaml:2: log.level is null: it must be 'debug', 'info', 'warning' or 'error'",
            ],
        ),
    ],
)
def test_a_fault_is_said_with_file_line_and_value(tmp_path: Path, text: str, problems: list[str]) -> None:
    """The sentences that an operator sees, word for word."""
    assert said(tmp_path, text) == problems


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "poll:\n  interval_seconds: 60\n",
            (
                "counterclaim.yaml:2: poll.interval_seconds (60) is less than poll.floor_seconds (300), "
                "and no feed is polled more often: raise it or lower the floor"
            ),
        ),
        (
            "poll:\n  cap_seconds: 400\n",
            (
                "counterclaim.yaml:2: poll.cap_seconds (400) is less than poll.interval_seconds (600) "
                "or poll.floor_seconds (300): raise it"
            ),
        ),
        (
            "poll:\n  timeout_seconds: 5\n",
            (
                "counterclaim.yaml:1: poll.connect_timeout_seconds (10) is more than poll.timeout_seconds (5), "
                "which covers it: lower it"
            ),
        ),
        (
            "kafka:\n  replication: 3\n",
            (
                "counterclaim.yaml:2: kafka.replication is 3, but our own broker is one server: "
                "set it to 1, or name a cluster as kafka.bootstrap"
            ),
        ),
        (
            "metrics:\n  worker_port: 9470\n",
            "counterclaim.yaml:2: metrics.worker_port is 9470, and so is metrics.poll_port: choose another",
        ),
        (
            "metrics:\n  up_port: 9092\n",
            "counterclaim.yaml:2: metrics.up_port is 9092, and so is kafka.port: choose another",
        ),
    ],
)
def test_what_does_not_fit_together_is_said(tmp_path: Path, text: str, problem: str) -> None:
    """Values that are right one by one are also checked against each other."""
    assert said(tmp_path, text) == [problem]


def test_any_free_port_may_be_asked_for_twice(tmp_path: Path) -> None:
    """0 is no port that two could share."""
    assert read(tmp_path, "metrics: {poll_port: 0, worker_port: 0, up_port: 0}\n").metrics.up_port == 0


def test_a_cluster_takes_no_port_of_ours(tmp_path: Path) -> None:
    """With a cluster named, kafka.port and one server's replication do not count."""
    text = "kafka: {bootstrap: ['k.example:9092'], replication: 3}\nmetrics: {poll_port: 9092}\n"
    assert read(tmp_path, text).metrics.poll_port == 9092


def test_a_missing_folder_says_what_to_do(tmp_path: Path) -> None:
    """The first thing a newcomer may see."""
    with pytest.raises(ConfigError) as caught:
        load_settings(tmp_path / "desk", {})
    assert [problem.message for problem in caught.value.problems] == [
        f"there is no such file: `counterclaim init {tmp_path / 'desk'}` writes a starter configuration"
    ]


def test_a_file_in_another_encoding_is_said(tmp_path: Path) -> None:
    """Latin-1 is not read as something else."""
    (tmp_path / "counterclaim.yaml").write_bytes("poll: {contact: 'café'}\n".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"counterclaim.yaml: is not UTF-8 \(byte 20\): save it as UTF-8"):
        load_settings(tmp_path, {})


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    """Each field has its variable; the value is read as the field's type, quoted nowhere."""
    env = {
        "COUNTERCLAIM_POLL_PER_HOST": "1",
        "COUNTERCLAIM_POLL_ALLOW_PRIVATE": "true",
        "COUNTERCLAIM_WORKER_APP_ID": "7",
        "COUNTERCLAIM_WORKER_DATA_DIR": "/var/lib/worker",
        "COUNTERCLAIM_METRICS_POLL_PORT": "0",
        "COUNTERCLAIM_FEEDS_FILE": "other.yaml",
        "PATH": "/bin",
    }
    settings = read(tmp_path, "poll: {per_host: 4, parsers: 3}\n", env)
    assert (settings.poll.per_host, settings.poll.parsers, settings.poll.allow_private) == (1, 3, True)
    assert (settings.worker.app_id, settings.worker.data_dir) == ("7", Path("/var/lib/worker"))
    assert (settings.metrics.poll_port, settings.feeds_file) == (0, Path("other.yaml"))


def test_a_cluster_is_named_by_one_short_variable(tmp_path: Path) -> None:
    """COUNTERCLAIM_KAFKA takes servers with commas between; empty means none."""
    env = {"COUNTERCLAIM_KAFKA": "a.example:9092, b.example:9092"}
    assert read(tmp_path, env=env).kafka.bootstrap == ("a.example:9092", "b.example:9092")
    assert read(tmp_path, env={"COUNTERCLAIM_KAFKA": ""}).kafka.bootstrap == ()


def test_hours_of_silence_may_be_listed_in_one_variable(tmp_path: Path) -> None:
    """Numbers with commas between; empty means that silence is never told."""
    env = {"COUNTERCLAIM_THREADS_SILENCE_HOURS": "6, 48"}
    assert read(tmp_path, env=env).threads.silence_hours == (6, 48)
    assert read(tmp_path, env={"COUNTERCLAIM_THREADS_SILENCE_HOURS": ""}).threads.silence_hours == ()


def test_a_value_may_come_from_a_file(tmp_path: Path) -> None:
    """…_FILE names a file, as secrets are mounted; the newline at its end is not part of the value."""
    (tmp_path / "contact").write_text("desk@news.example\n")
    env = {"COUNTERCLAIM_POLL_CONTACT_FILE": str(tmp_path / "contact")}
    assert read(tmp_path, env=env).poll.contact == "desk@news.example"


@pytest.mark.parametrize(
    ("env", "problem"),
    [
        (
            {"COUNTERCLAIM_POLL_PERHOST": "1"},
            "environment: COUNTERCLAIM_POLL_PERHOST is no setting; did you mean 'COUNTERCLAIM_POLL_PER_HOST'?",
        ),
        (
            {"COUNTERCLAIM_POLL_PER_HOST": "many"},
            'environment: COUNTERCLAIM_POLL_PER_HOST: poll.per_host is "many": it must be a whole number',
        ),
        (
            {"COUNTERCLAIM_KAFKA": "a.example"},
            (
                "environment: COUNTERCLAIM_KAFKA: kafka.bootstrap: 'a.example' is not host:port, "
                "such as kafka.example:9092"
            ),
        ),
        (
            {"COUNTERCLAIM_KAFKA": "a:1", "COUNTERCLAIM_KAFKA_BOOTSTRAP": "b:1"},
            "environment: COUNTERCLAIM_KAFKA_BOOTSTRAP sets what COUNTERCLAIM_KAFKA sets too: remove one of them",
        ),
        (
            {"COUNTERCLAIM_POLL_INTERVAL_SECONDS": "5"},
            (
                "environment: COUNTERCLAIM_POLL_INTERVAL_SECONDS: poll.interval_seconds (5) is less than "
                "poll.floor_seconds (300), and no feed is polled more often: raise it or lower the floor"
            ),
        ),
    ],
)
def test_a_fault_in_the_environment_names_the_variable(tmp_path: Path, env: dict[str, str], problem: str) -> None:
    """There is no line to name, so the variable is."""
    assert said(tmp_path, "", env) == [problem]


def test_a_file_that_a_variable_names_must_be_there(tmp_path: Path) -> None:
    """A secret that was not mounted is said, not taken for empty."""
    (found,) = said(tmp_path, "", {"COUNTERCLAIM_POLL_CONTACT_FILE": "/nowhere/contact"})
    assert found.startswith("environment: COUNTERCLAIM_POLL_CONTACT_FILE names /nowhere/contact, which cannot be read")


def test_variables_of_other_use_are_left_alone(tmp_path: Path) -> None:
    """Which folder, which test broker: those are not settings, and no mistake."""
    env = {"COUNTERCLAIM_CONFIG": "x", "COUNTERCLAIM_TEST_BROKER": "apache", "COUNTERCLAIM_READY_FILE": "y"}
    assert read(tmp_path, env=env) == Settings(directory=tmp_path)


def test_every_setting_has_one_variable_of_its_own() -> None:
    """No two settings share a variable, though names have underscores in them too."""
    places = variables()
    leaves = sum(len(getattr(info.annotation, "model_fields", [None])) for info in SettingsFile.model_fields.values())
    assert len(places) == leaves + 1  # and COUNTERCLAIM_KAFKA
    assert places["COUNTERCLAIM_HEARTBEAT_INTERVAL_SECONDS"] == ("heartbeat", "interval_seconds")


def test_every_problem_is_listed_in_the_order_of_the_lines(tmp_path: Path) -> None:
    """One run shows all there is to mend, file and environment."""
    found = said(tmp_path, "a: 1\nlog: {level: x}\npoll: {per_host: 0}\n", {"COUNTERCLAIM_B": "1"})
    assert [one.split(" ")[0] for one in found] == [
        "environment:",
        "counterclaim.yaml:1:",
        "counterclaim.yaml:2:",
        "counterclaim.yaml:3:",
    ]


def test_origins_tell_where_each_value_comes_from(tmp_path: Path) -> None:
    """A variable, a line, or the default."""
    (tmp_path / "counterclaim.yaml").write_text("poll:\n  parsers: 3\n  per_host: 4\n")
    _, origins = load_settings_and_origins(tmp_path, {"COUNTERCLAIM_POLL_PER_HOST": "1"})
    assert origins.of(("poll", "per_host")) == "COUNTERCLAIM_POLL_PER_HOST"
    assert origins.of(("poll", "parsers")) == f"{tmp_path}/counterclaim.yaml:2"
    assert origins.of(("poll", "max_bytes")) == "default"


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("NO", "NO"),
        ("no", "no"),
        ("on", "on"),
        ("y", "y"),
        ("true", True),
        ("12:30", "12:30"),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("2026-03-01", "2026-03-01"),
        ("1e3", 1000.0),
        ("-.5", -0.5),
        ("~", None),
        ("", None),
        ("'5'", "5"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(scalar: str, value: object) -> None:
    """Norway's code is text, a time is no number in base 60, a date is text: the core schema of YAML 1.2."""
    problems: list[Problem] = []
    document = parse_document(Path("x.yaml"), f"key: {scalar}\n", problems)
    assert document is not None
    assert (document.data["key"], type(document.data["key"]), problems) == (value, type(value), [])
