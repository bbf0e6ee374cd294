"""The operator's subscriptions: the shapes of `subscriptions.yaml`, and of what the command line says of one.

Secrets stand in files or in the environment, never here: whoever may read the configuration need not read them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import msgspec
from pydantic import AfterValidator, Field, SecretStr, StringConstraints, model_validator

from pipeline.documents import Document, Where, check, read_document
from pipeline.errors import Problem
from pipeline.records import Subscription
from pipeline.records.subscription import (
    MATERIAL,
    Apprise,
    Channel,
    Email,
    FeedFile,
    GroupBy,
    KafkaTopic,
    Mode,
    Quiet,
    SubscriptionSource,
    Terminal,
    Webhook,
)
from pipeline.settings.checks import check_webhook_url
from pipeline.settings.values import Model, Name
from pipeline.subscriptions.checks import (
    check_apprise,
    check_email,
    check_query,
    check_secrets,
    check_topic,
    check_zone,
)

Seal = Callable[[str], str]

Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Clock = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
WebhookUrl = Annotated[
    str, AfterValidator(check_webhook_url), Field(json_schema_extra={"pattern": "^[hH][tT][tT][pP]"})
]
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]

FollowUp = Literal[
    "created", "joined", "disputed", "new_denier", "new_accuser", "spread", "stance_changed", "silent",
    "conceded", "retracted", "reopened", "merged", "split", "moved",
]  # fmt: skip
"""The events of a thread that can be told: all but `refused` and `heartbeat`, which are no news of a story."""


class WebhookChannel(Model):
    """POST to a URL, signed as Standard Webhooks 1.0."""

    type: Literal["webhook"]
    url: WebhookUrl
    """https:// or http://, without a user name."""

    secret_file: Path | None = None
    """File with the secret (`whsec_` and base64), one a line, the newest first; two while they rotate. Relative to the
    folder of this file."""

    secret_env: Variable | None = None
    """Variable of the environment with the same, in place of a file."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.secret_file is not None and self.secret_env is not None:
            raise ValueError("secret_file and secret_env are both there: remove one of them")
        return self


class EmailChannel(Model):
    """A mail, by the server of `smtp`."""

    type: Literal["email"]
    to: Annotated[str, AfterValidator(check_email)]
    """Address alone, such as desk@example.org."""


class AppriseChannel(Model):
    """Whatever the library apprise speaks: chats, push services. Its address holds tokens, so it is a secret."""

    type: Literal["apprise"]
    url_file: Path | None = None
    """File with the address. Relative to the folder of this file."""

    url_env: Variable | None = None
    """Variable of the environment with the same, in place of a file."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.url_file is None) == (self.url_env is None):
            raise ValueError("either url_file or url_env must be there")
        return self


class FeedChannel(Model):
    """An Atom file and a JSON Feed file in `alerts.feeds_dir`, named after the subscription."""

    type: Literal["feed"]


class StdoutChannel(Model):
    """The standard output of the process that delivers."""

    type: Literal["stdout"]


class KafkaChannel(Model):
    """A Kafka topic: the same body as a webhook's."""

    type: Literal["kafka"]
    topic: Annotated[str, AfterValidator(check_topic)]
    """None of counterclaim's own. Make it first: nothing here does."""


ChannelEntry = Annotated[
    WebhookChannel | EmailChannel | AppriseChannel | FeedChannel | StdoutChannel | KafkaChannel,
    Field(discriminator="type"),
]


class QuietHours(Model):
    """Hours in which nothing is delivered; past midnight where `until` is earlier."""

    since: Clock
    until: Clock

    @model_validator(mode="after")
    def _some_time(self) -> Self:
        if self.since == self.until:
            raise ValueError(
                f"since and until are both {self.since}: choose two times; `counterclaim subscriptions pause` stops all"
            )
        return self


class SubscriptionFields(Model):
    """All but the channels: what the command line gives one by one."""

    id: Id
    """Small letters, digits, `.`, `_`, `-`. Names it in commands, and stays: what was told is remembered under it."""

    owner: Name
    """Who may change it, and is asked about it: a person or a desk."""

    name: Name
    """Stands in messages."""

    query: Annotated[str, AfterValidator(check_query)] = ""
    """Which stories, in the language of docs/subscriptions.md; empty: every story."""

    events: tuple[FollowUp, ...] = MATERIAL  # type: ignore[assignment]
    """Follow-ups that are wanted of a story that was told; the first alert comes with whatever event first matches."""

    mode: Mode = "instant"
    """`instant`: as it happens; `hourly`: at each full hour; `daily`: once a day, at `at`."""

    at: Clock = "08:00"
    """Local time of a daily message."""

    zone: Annotated[str, AfterValidator(check_zone)] = "UTC"
    """IANA name of the time zone of `at`, `quiet` and the day of `max_per_day`: Europe/Paris."""

    group_by: GroupBy = "story"
    """What goes into one message: one `story`, stories about the same `accused`, by the same `accuser`, of one
    `language`, or `all`."""

    group_wait_seconds: Annotated[float, Field(ge=0, le=3600)] = 30
    """How long the first of a group waits for others."""

    group_interval_seconds: Annotated[float, Field(ge=0, le=86_400)] = 300
    """Time between two messages of a group."""

    quiet: Annotated[tuple[QuietHours, ...], Field(max_length=10)] = ()
    """Hours in which nothing is delivered; what matches meanwhile comes afterwards, as one message."""

    max_per_day: Annotated[int, Field(ge=0, le=100_000)] = 0
    """Messages a day; what is beyond is held and comes as one message after midnight. 0: no limit."""

    def record(self, channels: tuple[Channel, ...], source: SubscriptionSource) -> Subscription:
        """As it goes on the topic."""
        plain = self.model_dump(exclude={"quiet", "channels"})
        quiet = tuple(Quiet(since=one.since, until=one.until) for one in self.quiet)
        return Subscription(**plain, quiet=quiet, channels=channels, source=source)


def said(record: Subscription) -> dict[str, Any]:
    """What a subscription says, but for its channels, as the keys of `SubscriptionFields`."""
    plain = msgspec.to_builtins(record)
    return {name: plain[name] for name in SubscriptionFields.model_fields if name in plain}


class SubscriptionEntry(SubscriptionFields):
    """One subscription of the file."""

    channels: Annotated[tuple[ChannelEntry, ...], Field(min_length=1, max_length=20)]
    """Where its messages go: all of them to each."""


class SubscriptionsFile(Model):
    """What `subscriptions.yaml` holds."""

    subscriptions: tuple[SubscriptionEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class ListedSubscription:
    """A subscription of the file, with the secrets of its channels: of each in its order, None where it has none."""

    entry: SubscriptionEntry
    secrets: tuple[SecretStr | None, ...]

    @property
    def id(self) -> str:
        """The subscription's."""
        return self.entry.id

    def record(self, seal: Seal) -> Subscription:
        """As it goes on the topic, its secrets sealed."""
        pairs = zip(self.entry.channels, self.secrets, strict=True)
        return self.entry.record(tuple(channel_of(entry, secret, seal) for entry, secret in pairs), "file")


def channel_of(entry: ChannelEntry, secret: SecretStr | None, seal: Seal) -> Channel:
    """The channel as it goes on the topic. Raises ValueError: its secret is not what it should be."""
    text = secret.get_secret_value() if secret is not None else ""
    match entry:
        case WebhookChannel():
            return Webhook(url=entry.url, secrets=tuple(map(seal, check_secrets(text))))
        case EmailChannel():
            return Email(to=entry.to)
        case AppriseChannel():
            service = check_apprise(text.strip())
            return Apprise(url=seal(text.strip()), service=service)
        case FeedChannel():
            return FeedFile()
        case StdoutChannel():
            return Terminal()
        case KafkaChannel():
            return KafkaTopic(topic=entry.topic)


def without_secrets(entry: SubscriptionEntry) -> Subscription:
    """As it will go on the topic once a delivering process has read its secrets: to show it before."""
    channels: list[Channel] = []
    for channel in entry.channels:
        match channel:
            case WebhookChannel():
                channels.append(Webhook(url=channel.url))
            case AppriseChannel():
                channels.append(Apprise(url=""))
            case _:
                channels.append(channel_of(channel, None, seal=str))
    return entry.record(tuple(channels), "file")


NO_MAIL: Final = "asks for mail, but there is no mail server: set smtp.host in counterclaim.yaml"


def read_subscriptions(
    path: Path, problems: list[Problem], *, mail: bool, optional: bool
) -> tuple[tuple[SubscriptionEntry, ...], Document | None]:
    """The subscriptions of ``path``, and where each is. ``mail``: whether there is a mail server; ``optional``: whether
    the file may be missing."""
    if optional and not path.exists():
        return (), None
    document = read_document(
        path, problems, missing="write it, or name another as subscriptions_file in counterclaim.yaml"
    )
    if document is None or (checked := check(document, SubscriptionsFile, problems)) is None:
        return (), document
    places: dict[str, Where] = {}

    def wrong(where: Where, message: str) -> None:
        problems.append(Problem(document.file, document.line(where), message))

    for position, one in enumerate(checked.subscriptions):
        where: Where = ("subscriptions", position)
        if one.id in places:
            wrong((*where, "id"), f"subscription {one.id!r} is at {document.place(places[one.id])} already: rename one")
        places.setdefault(one.id, (*where, "id"))
        said: set[str] = set()
        for number, channel in enumerate(one.channels):
            at = (*where, "channels", number)
            if isinstance(channel, EmailChannel) and not mail:
                wrong(at, f"subscription {one.id!r} {NO_MAIL}")
            if isinstance(channel, WebhookChannel) and channel.secret_file is None and channel.secret_env is None:
                wrong(
                    at,
                    "secret_file or secret_env is missing: a webhook is signed with whsec_ and random base64, "
                    "such as `openssl rand -base64 32` prints",
                )
            key = channel.model_dump_json(exclude={"secret_file", "secret_env"})
            if key in said:
                wrong(at, f"subscription {one.id!r} has this channel twice: remove one of them")
            said.add(key)
    return checked.subscriptions, document


def read_secrets(
    entries: tuple[SubscriptionEntry, ...], document: Document, env: Mapping[str, str], problems: list[Problem]
) -> tuple[ListedSubscription, ...]:
    """The subscriptions with what their files and variables hold; what is missing or wrong goes to ``problems``."""
    found = []
    for position, one in enumerate(entries):
        secrets: list[SecretStr | None] = []
        for number, channel in enumerate(one.channels):
            where: Where = ("subscriptions", position, "channels", number)
            try:
                secret = secret_of(channel, document.file.parent, env)
                if secret is not None:
                    channel_of(channel, secret, seal=str)
            except ValueError as error:
                problems.append(Problem(document.file, document.line(where), f"subscription {one.id!r}: {error}"))
                secret = None
            secrets.append(secret)
        found.append(ListedSubscription(one, tuple(secrets)))
    return tuple(found)


def secret_of(channel: ChannelEntry, folder: Path, env: Mapping[str, str]) -> SecretStr | None:
    """What the channel's file or variable holds; None where it names none. Raises ValueError: it cannot be read."""
    match channel:
        case WebhookChannel(secret_file=file, secret_env=variable) | AppriseChannel(url_file=file, url_env=variable):
            if file is not None:
                return read_secret(folder / file)
            if variable is not None:
                if not env.get(variable):
                    raise ValueError(f"the variable {variable} is not set: set it, or name another")
                return SecretStr(env[variable])
    return None


def read_secret(path: Path) -> SecretStr:
    """What a file holds. Raises ValueError: it cannot be read."""
    try:
        return SecretStr(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ValueError(f"{path} cannot be read: {why}") from error
