"""The operator's subscriptions: each mistake is said with its line, and no secret ever is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from pipeline.errors import ConfigError
from pipeline.records.subscription import MATERIAL, Apprise, Email, KafkaTopic, Quiet, Terminal, Webhook
from pipeline.resources import shipped
from pipeline.settings.load import load_settings, load_subscriptions
from pipeline.settings.models import Settings
from pipeline.settings.subscriptions import WebhookChannel, secret_of, without_secrets
from pipeline.subscriptions.checks import new_secret

HEAD = "subscriptions:\n  - id: desk\n    owner: Ada\n    name: Desk\n"
"""Four lines; what follows begins on the fifth."""

CHANNELS = "    channels: [{type: stdout}]\n"
SECRET = "whsec_" + "A" * 32
"""24 bytes."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "counterclaim.yaml").write_text("smtp: {host: mail.example}\n")
    return load_settings(tmp_path, {})


def problems(settings: Settings, text: str, env: dict[str, str] | None = None) -> list[tuple[int | None, str]]:
    settings.subscriptions_path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_subscriptions(settings, env or {})
    assert {problem.file for problem in caught.value.problems} == {settings.subscriptions_path}
    return [(problem.line, problem.message) for problem in caught.value.problems]


def test_all_that_a_subscription_says_goes_into_its_record(settings: Settings) -> None:
    """Every key; secrets from a file and from the environment, sealed one by one."""
    (settings.directory / "secret").write_text(f"{SECRET}\n\n{new_secret()}\n")
    settings.subscriptions_path.write_text(
        HEAD
        + """\
    query: ""
    events: [conceded]
    channels:
      - {type: webhook, url: "https://desk.example/hook?a=b", secret_file: secret}
      - {type: email, to: desk@example.org}
      - {type: apprise, url_env: CHAT}
      - {type: kafka, topic: desk.alerts}
      - {type: stdout}
    mode: daily
    at: 07:30
    zone: Europe/Paris
    group_by: accused
    group_wait_seconds: 0
    group_interval_seconds: 60
    quiet: [{since: 22:00, until: 06:00}]
    max_per_day: 5
"""
    )

    (listed,) = load_subscriptions(settings, {"CHAT": "json://chat.example/token "})
    record = listed.record(lambda text: f"<{text}>")

    webhook, email, chat, kafka, terminal = record.channels
    assert isinstance(webhook, Webhook)
    assert webhook.url == "https://desk.example/hook?a=b"
    assert webhook.secrets[0] == f"<{SECRET}>"
    assert len(webhook.secrets) == 2
    assert (email, kafka, terminal) == (Email(to="desk@example.org"), KafkaTopic(topic="desk.alerts"), Terminal())
    assert chat == Apprise(url="<json://chat.example/token>", service="json")
    assert (record.id, record.owner, record.name, record.source) == ("desk", "Ada", "Desk", "file")
    assert (record.events, record.mode, record.at, record.zone) == (("conceded",), "daily", "07:30", "Europe/Paris")
    assert (record.group_by, record.group_wait_seconds, record.group_interval_seconds) == ("accused", 0, 60)
    assert (record.quiet, record.max_per_day) == ((Quiet(since="22:00", until="06:00"),), 5)
    shown = without_secrets(listed.entry)
    assert [type(one) for one in shown.channels] == [type(one) for one in record.channels]
    assert SECRET not in f"{listed} {shown}"
    assert "token" not in f"{listed} {shown}"


def test_what_is_left_out_has_the_defaults_of_the_record(settings: Settings) -> None:
    settings.subscriptions_path.write_text(HEAD + CHANNELS)

    (listed,) = load_subscriptions(settings, {})

    record = listed.record(str)
    assert (record.query, record.events, record.mode, record.zone) == ("", MATERIAL, "instant", "UTC")
    assert (record.group_wait_seconds, record.group_interval_seconds, record.max_per_day) == (30, 300, 0)


def test_the_shipped_file_is_sound_and_so_are_its_examples(settings: Settings) -> None:
    """Without the marks of a comment before them; as it is, it prints every story on the terminal."""
    text = (shipped("config") / "subscriptions.yaml").read_text()
    settings.subscriptions_path.write_text(text)
    (default,) = load_subscriptions(settings, {})
    record = default.record(str)
    assert (record.query, record.channels, record.paused) == ("", (Terminal(),), False)

    (settings.directory / "secrets").mkdir()
    (settings.directory / "secrets" / "energy-desk").write_text(SECRET)
    (settings.directory / "secrets" / "chat").write_text("json://chat.example/token")
    settings.subscriptions_path.write_text(re.sub(r"^  # ( ?(?:- id| +).*)$", r"  \1", text, flags=re.MULTILINE))
    assert [one.id for one in load_subscriptions(settings, {})] == ["terminal", "energy-desk", "morning"]


def test_the_default_file_may_be_missing_and_a_named_one_may_not(tmp_path: Path) -> None:
    """An older folder goes on working; a slip in a name does not empty the list."""
    (tmp_path / "counterclaim.yaml").write_text("{}\n")
    assert load_subscriptions(load_settings(tmp_path, {}), {}) == ()

    (tmp_path / "counterclaim.yaml").write_text("subscriptions_file: mine.yaml\n")
    with pytest.raises(ConfigError, match=r"mine\.yaml.*subscriptions_file"):
        load_subscriptions(load_settings(tmp_path, {}), {})


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (CHANNELS + "    zone: Europe/Pari\n", 6, "did you mean 'Europe/Paris'?"),
        (CHANNELS + "    zone: europe/paris\n", 6, "did you mean 'Europe/Paris'?"),
        (CHANNELS + "    mode: weekly\n", 6, "must be 'instant', 'hourly' or 'daily'"),
        (CHANNELS + "    at: 8:00\n", 6, "must match"),
        (CHANNELS + "    events: [disputed, heartbeat]\n", 6, 'events is "heartbeat": it must be'),
        (CHANNELS + "    quiet:\n      - since: 22:00\n        until: 22:00\n", 7, "both 22:00"),
        (CHANNELS + "    group_wait_seconds: -1\n", 6, "must be at least 0"),
        (CHANNELS + "    owners: Ada\n", 6, "did you mean 'owner'?"),
        (CHANNELS + '    query: "(pipeline"\n', 6, "subscriptions.query:"),
        ("    channels: []\n", 5, "must have at least 1 entry"),
        ("", 2, "subscriptions.channels is missing: add it"),
        ("    channels:\n      - type: stdout\n      - typ: stdout\n", 7, "type is missing: add it"),
        ("    channels:\n      - to: a@b.example\n        type: mail\n", 7, 'type is "mail": it must be one of'),
        ("    channels:\n      - type: email\n        to: Ada\n", 7, "'Ada' is no mail address"),
        ("    channels:\n      - type: email\n        too: Ada\n", 6, "email.to is missing"),
        ("    channels:\n      - type: email\n        to: a@b.example\n        cc: Ada\n", 8, "known here: to, type"),
        ("    channels:\n      - type: webhook\n        url: ftp://desk.example\n", 7, "begin with https://"),
        ("    channels:\n      - type: webhook\n        url: https://desk.example\n", 6, "secret_file or secret_env"),
        ("    channels:\n      - type: kafka\n        topic: flags\n", 7, "is a topic of counterclaim"),
        ("    channels:\n      - type: kafka\n        topic: a/b\n", 7, "no name of a Kafka topic"),
        ("    channels:\n      - type: apprise\n", 6, "either url_file or url_env"),
        ("    channels:\n      - type: stdout\n      - type: stdout\n", 7, "twice"),
        (CHANNELS + "  - id: desk\n    owner: Bob\n    name: Two\n" + CHANNELS, 6, "subscriptions.yaml:2 already"),
        ("    channels:\n      - type: apprise\n        url_env: CHAT\n", 6, "variable CHAT is not set"),
        (
            "    channels:\n      - type: apprise\n        url_file: no/such\n",
            6,
            "no/such cannot be read: No such file",
        ),
    ],
)
def test_each_mistake_is_said_with_its_line(settings: Settings, text: str, line: int, message: str) -> None:
    found = problems(settings, HEAD + text)

    assert len(found) >= 1
    assert [place for place, said in found if message in said] == [line], found


def test_mail_needs_a_mail_server(tmp_path: Path) -> None:
    (tmp_path / "counterclaim.yaml").write_text("{}\n")
    settings = load_settings(tmp_path, {})

    ((line, said),) = problems(settings, HEAD + "    channels:\n      - {type: email, to: desk@example.org}\n")

    assert line == 6
    assert "smtp.host" in said


@pytest.mark.parametrize(
    "secret",
    ["hunter2-hunter2", "whsec_short", "whsec_" + "A" * 28, "whsec_" + "A" * 100, f"{SECRET}\n{SECRET}"],
    ids=["no prefix", "no base64", "21 bytes", "75 bytes", "twice"],
)
def test_a_wrong_secret_is_refused_and_never_shown(settings: Settings, secret: str) -> None:
    channel = "    channels:\n      - {type: webhook, url: https://desk.example, secret_env: SECRET}\n"

    ((line, said),) = problems(settings, HEAD + channel, {"SECRET": secret})

    assert line == 6
    assert "secret" in said
    assert secret.splitlines()[0] not in said


@pytest.mark.parametrize("address", ["slak://xoxb/token", "slack://token", "just a token"])
def test_an_address_that_apprise_refuses_is_never_shown(
    settings: Settings, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither in the sentence nor in the library's own log."""
    channel = "    channels:\n      - {type: apprise, url_env: CHAT}\n"

    ((line, said),) = problems(settings, HEAD + channel, {"CHAT": address})

    assert line == 6
    assert "apprise" in said
    assert "token" not in said + caplog.text


def test_a_channel_has_one_source_of_its_secret(settings: Settings) -> None:
    both = "    channels:\n      - {type: webhook, url: https://x.example, secret_env: A, secret_file: b}\n"
    ((line, said),) = problems(settings, HEAD + both)
    assert (line, "remove one of them" in said) == (6, True)

    channel = WebhookChannel(type="webhook", url="https://x.example", secret_env="A")
    assert secret_of(channel, Path(), {"A": SECRET}) == SecretStr(SECRET)


def test_secrets_are_made_as_they_are_asked_for() -> None:
    from pipeline.subscriptions.checks import check_secret

    made = {new_secret() for _ in range(20)}

    assert len(made) == 20
    assert {check_secret(one) for one in made} == made
