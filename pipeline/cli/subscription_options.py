"""What the command line says of a subscription: its options, and what they make, checked as in the file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

import typer
from pydantic import BaseModel, ValidationError

from pipeline.documents import sentence, strictly
from pipeline.errors import UsageError
from pipeline.records import Subscription
from pipeline.records.subscription import Channel, GroupBy, Mode, Webhook
from pipeline.sealing import Seals
from pipeline.settings.models import Settings
from pipeline.settings.subscriptions import (
    NO_MAIL,
    AppriseChannel,
    ChannelEntry,
    EmailChannel,
    FeedChannel,
    FollowUp,
    KafkaChannel,
    StdoutChannel,
    SubscriptionFields,
    WebhookChannel,
    channel_of,
    read_secret,
    secret_of,
)
from pipeline.subscriptions.checks import check_secret, new_secret
from pipeline.subscriptions.listing import sealing_like

M = TypeVar("M", bound=BaseModel)

Secrets = dict[str, str]
"""What was made for webhooks and is to be shown, by URL."""

NameOption = Annotated[str | None, typer.Option("--name", help="Stands in messages. Default: the id.")]
OwnerOption = Annotated[
    str | None, typer.Option("--owner", help="Who may change it: a person or a desk. Default: you.")
]
QueryOption = Annotated[
    str | None, typer.Option("--query", "-q", help="Which stories: docs/subscriptions.md. Default: every story.")
]
EventsOption = Annotated[
    list[str] | None,
    typer.Option("--event", metavar="KIND", help=f"A follow-up that is wanted: {', '.join(get_args(FollowUp))}."),
]
FirstOption = Annotated[bool, typer.Option("--first-only", help="No follow-ups: one alert a story.")]
WebhookOption = Annotated[list[str] | None, typer.Option("--webhook", metavar="URL", help="POST there, signed.")]
SecretFileOption = Annotated[
    Path | None,
    typer.Option("--secret-file", metavar="FILE", help="Secret of the webhooks given here. Default: one is made."),
]
EmailOption = Annotated[list[str] | None, typer.Option("--email", metavar="ADDRESS", help="Mail to this address.")]
AppriseOption = Annotated[
    list[Path] | None,
    typer.Option("--apprise-file", metavar="FILE", help="File with the address of a chat or push service."),
]
FeedOption = Annotated[bool, typer.Option("--feed", help="An Atom and a JSON Feed file.")]
StdoutOption = Annotated[bool, typer.Option("--stdout", help="The output of the process that delivers.")]
KafkaOption = Annotated[list[str] | None, typer.Option("--kafka", metavar="TOPIC", help="A Kafka topic of yours.")]
ModeOption = Annotated[Mode | None, typer.Option("--mode", help="As it happens, each full hour, or once a day.")]
AtOption = Annotated[str | None, typer.Option("--at", metavar="HH:MM", help="Local time of a daily message.")]
ZoneOption = Annotated[str | None, typer.Option("--zone", help="Of --at and --quiet: Europe/Paris. Default: UTC.")]
GroupByOption = Annotated[GroupBy | None, typer.Option("--group-by", help="What goes into one message.")]
WaitOption = Annotated[float | None, typer.Option("--group-wait", help="Seconds that the first of a group waits.")]
IntervalOption = Annotated[float | None, typer.Option("--group-interval", help="Seconds between two of a group.")]
QuietOption = Annotated[
    list[str] | None, typer.Option("--quiet", metavar="HH:MM-HH:MM", help="Nothing is delivered then: 22:00-06:30.")
]
MostOption = Annotated[int | None, typer.Option("--max-per-day", help="Messages a day; 0: no limit.")]


def given(**values: Any) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in values.items() if value is not None}


def quiet_hours(spans: Sequence[str] | None) -> list[dict[str, str]] | None:
    """`22:00-06:30` as the file has it."""
    if spans is None:
        return None
    found = []
    for span in spans:
        since, dash, until = span.partition("-")
        if not dash:
            raise UsageError(f"--quiet {span!r} is no span of hours: say 22:00-06:30")
        found.append({"since": since.strip(), "until": until.strip()})
    return found or None


def fields_of(values: Mapping[str, Any]) -> SubscriptionFields:
    """Checked as in the file. Raises UsageError, with all that is wrong."""
    return _valid(SubscriptionFields, dict(values), str(values["id"]))


def _valid(model: type[M], values: dict[str, Any], name: str) -> M:
    try:
        return strictly(model, values)
    except ValidationError as error:
        found = [sentence(detail, model) for detail in error.errors(include_url=False)]
        raise UsageError("\n".join(f"{name}: {text}" for text in found)) from error


def channel_entries(
    settings: Settings,
    webhook: Sequence[str] | None,
    secret_file: Path | None,
    email: Sequence[str] | None,
    apprise_file: Sequence[Path] | None,
    feed: bool,
    stdout: bool,
    kafka: Sequence[str] | None,
) -> list[ChannelEntry]:
    """The channels that are asked for, each checked as in the file."""
    secret = {"secret_file": str(secret_file)} if secret_file else {}
    if secret and not webhook:
        raise UsageError("--secret-file is for the --webhook beside it; `rotate` gives a webhook another secret")
    wanted: list[tuple[type[ChannelEntry], dict[str, str]]] = [
        *((WebhookChannel, {"type": "webhook", "url": url} | secret) for url in webhook or ()),
        *((EmailChannel, {"type": "email", "to": to}) for to in email or ()),
        *((AppriseChannel, {"type": "apprise", "url_file": str(file)}) for file in apprise_file or ()),
        *((FeedChannel, {"type": "feed"}) for _ in range(feed)),
        *((StdoutChannel, {"type": "stdout"}) for _ in range(stdout)),
        *((KafkaChannel, {"type": "kafka", "topic": topic}) for topic in kafka or ()),
    ]
    if email and not settings.smtp.host:
        raise UsageError(f"--email {NO_MAIL}")
    return [_valid(model, values, f"--{values['type']}") for model, values in wanted]


def channels_of(
    entries: Sequence[ChannelEntry], before: Subscription | None, seals: Seals | None, made: Secrets
) -> tuple[Channel, ...]:
    """As they go on the topic; a webhook without a secret gets one. ``seals`` None: none has a secret."""
    seal = sealing_like(before, seals) if seals else str
    found: list[Channel] = []
    for entry in entries:
        if isinstance(entry, WebhookChannel) and entry.secret_file is None:
            made.setdefault(entry.url, new_secret())
            found.append(Webhook(url=entry.url, secrets=(seal(made[entry.url]),)))
            continue
        try:
            found.append(channel_of(entry, secret_of(entry, Path(), os.environ), seal))
        except ValueError as error:
            raise UsageError(f"--{entry.type}: {error}") from error
    return tuple(found)


def secret_in(file: Path) -> str:
    """The one webhook secret in a file. Raises UsageError: there is none."""
    try:
        return check_secret(read_secret(file).get_secret_value().strip())
    except ValueError as error:
        raise UsageError(f"--secret-file: {error}") from error
