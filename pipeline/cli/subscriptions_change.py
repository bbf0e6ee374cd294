"""`counterclaim subscriptions add|edit|pause|resume|remove|rotate|apply`: what is wanted, changed while all runs."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated

import typer

from pipeline.cli.options import ConfigOption, JsonOption, config_dir, login
from pipeline.cli.subscription_options import (
    AppriseOption,
    AtOption,
    EmailOption,
    EventsOption,
    FeedOption,
    FirstOption,
    GroupByOption,
    IntervalOption,
    KafkaOption,
    ModeOption,
    MostOption,
    NameOption,
    OwnerOption,
    QueryOption,
    QuietOption,
    SecretFileOption,
    Secrets,
    StdoutOption,
    WaitOption,
    WebhookOption,
    ZoneOption,
    channel_entries,
    channels_of,
    fields_of,
    given,
    quiet_hours,
    secret_in,
)
from pipeline.cli.subscriptions import IdArgument, listed, of
from pipeline.errors import UsageError
from pipeline.kafka import Publisher
from pipeline.records import Subscription
from pipeline.records.alert import channel_key
from pipeline.sealing import Seals
from pipeline.settings.load import load_settings, load_subscriptions
from pipeline.settings.models import Settings
from pipeline.settings.subscriptions import said
from pipeline.subscriptions import editing
from pipeline.subscriptions.checks import new_secret
from pipeline.subscriptions.file import read_list, reconcile_file, write_list
from pipeline.subscriptions.listing import Changes, sealed_elsewhere


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
    values = given(
        query=query, name=name, owner=owner, mode=mode, at=at, zone=zone, group_by=group_by,
        group_wait_seconds=group_wait, group_interval_seconds=group_interval, max_per_day=max_per_day,
        events=[] if first_only else event, quiet=quiet_hours(quiet),
    )  # fmt: skip
    entries = channel_entries(settings, webhook, secret_file, email, apprise_file, feed, stdout, kafka)
    seals = _seals(settings) if webhook or apprise_file else None
    fields = fields_of({"name": id, "owner": login()} | values | {"id": id})
    made: Secrets = {}

    def change(known: Mapping[str, Subscription], now: datetime) -> Subscription:
        if id not in known and id in listed(settings):
            raise UsageError(f"{id}: is in the file; change it there, then `counterclaim subscriptions apply`")
        channels = channels_of(entries, None, seals, made)
        return editing.added(fields.record(channels, "runtime"), known.get(id), now)

    _change(settings, id, change, as_json, "subscribed", made, seals)


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
    values = given(
        query=query, name=name, owner=owner, mode=mode, at=at, zone=zone, group_by=group_by,
        group_wait_seconds=group_wait, group_interval_seconds=group_interval, max_per_day=max_per_day,
        events=[] if first_only else event, quiet=[] if never_quiet else quiet_hours(quiet),
    )  # fmt: skip
    entries = channel_entries(settings, webhook, secret_file, email, apprise_file, feed, stdout, kafka)
    seals = _seals(settings) if webhook or apprise_file else None
    made: Secrets = {}

    def change(known: Mapping[str, Subscription], now: datetime) -> Subscription:
        before = of(known, id)
        channels = channels_of(entries, before, seals, made)
        after = fields_of(said(before) | values).record(channels, before.source)
        return editing.edited(before, after, drop or (), now)

    _change(settings, id, change, as_json, "changed", made, seals)


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
    seals = _seals(settings)
    secret = secret_in(secret_file) if secret_file else new_secret()
    made = {} if secret_file else {webhook or "all webhooks": secret}
    what = f"signed with two secrets until `counterclaim subscriptions rotate {id} --finish`"
    _change(
        settings,
        id,
        lambda known, _: editing.rotated(of(known, id), webhook, secret, seals),
        as_json,
        what,
        made,
        seals,
    )


def apply(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Take up subscriptions.yaml now; otherwise the delivering process does it when it starts.

        counterclaim subscriptions apply

    What was decided by command stays. Its secrets must be readable here.
    """
    settings = load_settings(config_dir(config), os.environ)
    changes = asyncio.run(_apply(settings, _seals(settings)))
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


def _seals(settings: Settings) -> Seals:
    return Seals.open(settings.alerts.key_file, create=True)


def _change(
    settings: Settings,
    name: str,
    change: Callable[[Mapping[str, Subscription], datetime], Subscription],
    as_json: bool,
    what: str,
    made: Secrets | None = None,
    seals: Seals | None = None,
) -> None:
    """Read the subscriptions, decide, write what changes, and say it."""
    known = read_list(settings.kafka.servers)
    after = change(known, datetime.now(UTC))
    differs = known.get(name) != after
    if differs:
        asyncio.run(_write(settings, {name: after}))
    secrets = made if made and differs else {}
    others = sealed_elsewhere({**known, name: after}, seals) if seals else []
    if others:
        print(
            f"the secrets of {', '.join(others)} are sealed with another key than {settings.alerts.key_file}: unless "
            "that key was lost, messages that need what was sealed now will fail; every machine needs the same file",
            file=sys.stderr,
        )
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
