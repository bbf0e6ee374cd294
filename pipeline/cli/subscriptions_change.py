"""`counterclaim subscriptions add|edit|pause|resume|remove|rotate|apply`: what is wanted, changed while all runs."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

import typer
from pydantic import BaseModel, ValidationError

from pipeline.cli.options import ConfigOption, JsonOption, config_dir, login
from pipeline.cli.subscriptions import IdArgument, listed, of
from pipeline.documents import sentence, strictly
from pipeline.errors import UsageError
from pipeline.kafka import Publisher
from pipeline.records import Subscription
from pipeline.records.alert import channel_key
from pipeline.records.subscription import Channel, GroupBy, Mode, Webhook
from pipeline.sealing import Seals
from pipeline.settings.load import load_settings, load_subscriptions
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
    said,
    secret_of,
)
from pipeline.subscriptions import editing
from pipeline.subscriptions.checks import check_secret, new_secret
from pipeline.subscriptions.file import read_list, reconcile_file, write_list
from pipeline.subscriptions.listing import Changes, Seal, sealing_like

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


def add(
    id: IdArgument,  # noqa: A002 - as the argument is named
    query: QueryOption = None,
    name: NameOption = None,
    owner: OwnerOption = None,
    webhook: WebhookOption = None,
    secret_file: SecretFileOption = None,
    email: EmailOption = None,
    apprise_file: AppriseOption = None,
    feed: FeedOption = False,
    stdout: StdoutOption = False,
    kafka: KafkaOption = None,
    event: EventsOption = None,
    first_only: FirstOption = False,
    mode: ModeOption = None,
    at: AtOption = None,
    zone: ZoneOption = None,
    group_by: GroupByOption = None,
    group_wait: WaitOption = None,
    group_interval: IntervalOption = None,
    quiet: QuietOption = None,
    max_per_day: MostOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a subscription: which stories, to whom, and how. It holds from now on, for stories that come from now on.

        counterclaim subscriptions add energy -q 'pipeline OR "power grid"' --webhook https://desk.example/hook

        counterclaim subscriptions add morning --email desk@example.org --mode daily --at 08:00 --zone Europe/Paris

    A webhook's secret is made unless you give one, and is shown this once: the receiver needs it to check signatures.
    """
    settings = load_settings(config_dir(config), os.environ)
    seals = Seals.open(settings.alerts.key_file, create=True)
    given = _given(
        query=query, name=name, owner=owner, mode=mode, at=at, zone=zone, group_by=group_by,
        group_wait_seconds=group_wait, group_interval_seconds=group_interval, max_per_day=max_per_day,
        events=[] if first_only else event, quiet=_quiet(quiet),
    )  # fmt: skip
    entries = _entries(settings, webhook, secret_file, email, apprise_file, feed, stdout, kafka)
    fields = _fields({"name": id, "owner": login()} | given | {"id": id})
    made: Secrets = {}

    def change(known: Mapping[str, Subscription], now: datetime) -> Subscription:
        if id not in known and id in listed(settings):
            raise UsageError(f"{id}: is in the file; change it there, then `counterclaim subscriptions apply`")
        channels = _channels(entries, sealing_like(None, seals), made)
        return editing.added(fields.record(channels, "runtime"), known.get(id), now)

    _change(settings, id, change, as_json, "subscribed", made)


def edit(
    id: IdArgument,  # noqa: A002
    query: QueryOption = None,
    name: NameOption = None,
    owner: OwnerOption = None,
    webhook: WebhookOption = None,
    secret_file: SecretFileOption = None,
    email: EmailOption = None,
    apprise_file: AppriseOption = None,
    feed: FeedOption = False,
    stdout: StdoutOption = False,
    kafka: KafkaOption = None,
    drop: Annotated[
        list[str] | None, typer.Option("--drop", metavar="KEY", help="Remove this channel; `show` has the keys.")
    ] = None,
    event: EventsOption = None,
    first_only: FirstOption = False,
    mode: ModeOption = None,
    at: AtOption = None,
    zone: ZoneOption = None,
    group_by: GroupByOption = None,
    group_wait: WaitOption = None,
    group_interval: IntervalOption = None,
    quiet: QuietOption = None,
    never_quiet: Annotated[bool, typer.Option("--no-quiet", help="No quiet hours any more.")] = False,
    max_per_day: MostOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change what is given of a subscription; channels are added to those that it has. The file changes it no more.

        counterclaim subscriptions edit energy --quiet 22:00-06:30 --zone Europe/Paris

        counterclaim subscriptions edit energy --email night@desk.example --drop 4f1c09aa27d35e80

    With another query, only stories count that come from now on.
    """
    settings = load_settings(config_dir(config), os.environ)
    seals = Seals.open(settings.alerts.key_file, create=True)
    given = _given(
        query=query, name=name, owner=owner, mode=mode, at=at, zone=zone, group_by=group_by,
        group_wait_seconds=group_wait, group_interval_seconds=group_interval, max_per_day=max_per_day,
        events=[] if first_only else event, quiet=[] if never_quiet else _quiet(quiet),
    )  # fmt: skip
    entries = _entries(settings, webhook, secret_file, email, apprise_file, feed, stdout, kafka)
    made: Secrets = {}

    def change(known: Mapping[str, Subscription], now: datetime) -> Subscription:
        before = of(known, id)
        channels = _channels(entries, sealing_like(before, seals), made)
        after = _fields(said(before) | given).record(channels, before.source)
        return editing.edited(before, after, drop or (), now)

    _change(settings, id, change, as_json, "changed", made)


def pause(id: IdArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:  # noqa: A002
    """Match nothing for a subscription until it is resumed. One of the file stays paused at every start.

    counterclaim subscriptions pause energy
    """
    settings = load_settings(config_dir(config), os.environ)
    what = f"paused; `counterclaim subscriptions resume {id}` goes on"
    _change(settings, id, lambda known, _: editing.paused(of(known, id)), as_json, what)


def resume(id: IdArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:  # noqa: A002
    """Go on with a subscription that was paused or removed; try channels again that were disabled.

    What happened meanwhile is not told.

        counterclaim subscriptions resume energy
    """
    settings = load_settings(config_dir(config), os.environ)
    _change(settings, id, lambda known, now: editing.resumed(of(known, id, gone=True), now), as_json, "resumed")


def remove(id: IdArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:  # noqa: A002
    """Remove a subscription. It stays removed if the file lists it, until it is resumed or added again.

    counterclaim subscriptions remove energy
    """
    settings = load_settings(config_dir(config), os.environ)
    what = f"removed; `counterclaim subscriptions resume {id}` brings it back"
    _change(settings, id, lambda known, _: editing.removed(of(known, id)), as_json, what)


def rotate(
    id: IdArgument,  # noqa: A002
    webhook: Annotated[str | None, typer.Option("--webhook", metavar="URL", help="Only of this webhook.")] = None,
    secret_file: SecretFileOption = None,
    finish: Annotated[bool, typer.Option("--finish", help="Sign with the new secret only from now on.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give the webhooks of a subscription a new secret, and sign with both until `--finish`. It is shown this once.

        counterclaim subscriptions rotate energy

        counterclaim subscriptions rotate energy --finish

    Between the two, the receiver changes over: a message carries a signature of each secret.
    """
    settings = load_settings(config_dir(config), os.environ)
    if finish:
        what = "signed with the newest secret only"
        _change(settings, id, lambda known, _: editing.settled(of(known, id), webhook), as_json, what)
        return
    seals = Seals.open(settings.alerts.key_file, create=True)
    secret = _secret(secret_file) if secret_file else new_secret()
    made = {} if secret_file else {webhook or "all webhooks": secret}
    what = f"signed with two secrets until `counterclaim subscriptions rotate {id} --finish`"
    _change(settings, id, lambda known, _: editing.rotated(of(known, id), webhook, secret, seals), as_json, what, made)


def apply(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Take up subscriptions.yaml now; otherwise the delivering process does it when it starts.

        counterclaim subscriptions apply

    What was decided by command stays. Its secrets must be readable here.
    """
    settings = load_settings(config_dir(config), os.environ)
    seals = Seals.open(settings.alerts.key_file, create=True)
    changes = asyncio.run(_apply(settings, seals))
    told = {name: "removed" if record is None else "written" for name, record in sorted(changes.items())}
    if as_json:
        print(json.dumps({"changed": told}, ensure_ascii=False))
        return
    for name, what in told.items():
        print(f"{name}: {what}")
    if not told:
        print("nothing to change")


async def _apply(settings: Settings, seals: Seals) -> Changes:
    listed = load_subscriptions(settings, os.environ)
    async with Publisher(settings.kafka.servers) as publisher:
        return await reconcile_file(listed, settings.kafka.servers, seals, publisher, datetime.now(UTC))


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _quiet(spans: Sequence[str] | None) -> list[dict[str, str]] | None:
    if spans is None:
        return None
    found = []
    for span in spans:
        since, dash, until = span.partition("-")
        if not dash:
            raise UsageError(f"--quiet {span!r} is no span of hours: say 22:00-06:30")
        found.append({"since": since.strip(), "until": until.strip()})
    return found or None


def _fields(values: Mapping[str, Any]) -> SubscriptionFields:
    return _valid(SubscriptionFields, dict(values), str(values["id"]))


def _valid(model: type[M], values: dict[str, Any], name: str) -> M:
    try:
        return strictly(model, values)
    except ValidationError as error:
        found = [sentence(detail, model) for detail in error.errors(include_url=False)]
        raise UsageError("\n".join(f"{name}: {text}" for text in found)) from error


def _entries(
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


def _channels(entries: Sequence[ChannelEntry], seal: Seal, made: Secrets) -> tuple[Channel, ...]:
    """As they go on the topic; a webhook without a secret gets one."""
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


def _secret(file: Path) -> str:
    entry = WebhookChannel(type="webhook", url="https://unused.example", secret_file=file)
    try:
        found = secret_of(entry, Path(), os.environ)
        return check_secret(found.get_secret_value().strip() if found else "")
    except ValueError as error:
        raise UsageError(f"--secret-file: {error}") from error


def _change(
    settings: Settings,
    name: str,
    change: Callable[[Mapping[str, Subscription], datetime], Subscription],
    as_json: bool,
    what: str,
    made: Secrets | None = None,
) -> None:
    """Read the subscriptions, decide, write what changes, and say it."""
    known = read_list(settings.kafka.servers)
    after = change(known, datetime.now(UTC))
    differs = known.get(name) != after
    if differs:
        asyncio.run(_write(settings, {name: after}))
    secrets = made if made and differs else {}
    if as_json:
        keys = [channel_key(name, channel) for channel in after.channels]
        told = {"id": name, "changed": differs, "channels": keys, "source": after.source, "secrets": secrets}
        print(json.dumps(told, ensure_ascii=False))
        return
    print(f"{name}: {what}" if differs else f"{name}: nothing to change")
    if differs and name in known and known[name].source == "file" and after.source == "runtime":
        print("from now on subscriptions.yaml does not change it any more")
    for url, secret in secrets.items():
        print(f"secret of {url}, shown this once:\n  {secret}")


async def _write(settings: Settings, changes: Changes) -> None:
    async with Publisher(settings.kafka.servers) as publisher:
        await write_list(publisher, changes)
