"""`counterclaim subscriptions list|show`: who is told of which stories, and how that goes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table

from pipeline.cli.late import Verb, late
from pipeline.cli.options import ConfigOption, JsonOption, config_dir
from pipeline.cli.tables import print_table
from pipeline.errors import ConfigError, UsageError
from pipeline.logs import visible
from pipeline.records import Subscription, SubscriptionState
from pipeline.records.alert import channel_key
from pipeline.records.subscription import Apprise, Webhook
from pipeline.settings.load import load_settings
from pipeline.settings.models import Settings

VERBS = (
    Verb(
        "add",
        "pipeline.cli.subscriptions_change:add",
        "Add a subscription: which stories, to whom, and how. It holds from now on, for stories that come from now on.",
    ),
    Verb(
        "edit",
        "pipeline.cli.subscriptions_change:edit",
        "Change what is given of a subscription; channels are added to those that it has. The file changes it no more.",
    ),
    Verb(
        "test",
        "pipeline.cli.subscriptions_try:try_out",
        "Send a test message by all channels of a subscription; or, with --query, see what a query would have matched.",
    ),
    Verb(
        "pause",
        "pipeline.cli.subscriptions_change:pause",
        "Match nothing for a subscription until it is resumed. One of the file stays paused at every start.",
    ),
    Verb(
        "resume",
        "pipeline.cli.subscriptions_change:resume",
        "Go on with a subscription that was paused or removed; try channels again that were disabled.",
    ),
    Verb(
        "remove",
        "pipeline.cli.subscriptions_change:remove",
        "Remove a subscription. It stays removed if the file lists it, until it is resumed or added again.",
    ),
    Verb(
        "rotate",
        "pipeline.cli.subscriptions_change:rotate",
        "Give the webhooks of a subscription a new secret, and sign with both until `--finish`. It is shown this once.",
    ),
    Verb(
        "apply",
        "pipeline.cli.subscriptions_change:apply",
        "Take up subscriptions.yaml now; otherwise the delivering process does it when it starts.",
    ),
)

subscriptions_app = typer.Typer(
    name="subscriptions",
    cls=late(*VERBS),
    help="Who is told of which stories, and how; changed while all runs.",
    epilog="What is decided by command wins over subscriptions.yaml, also at the next start: what was added or edited "
    "is changed by command only, what was paused or removed stays so though the file lists it. All else follows the "
    "file.",
    no_args_is_help=True,
)

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The subscription's id: small letters, digits, . _ -")]


@subscriptions_app.command("list")
def list_subscriptions(
    everything: Annotated[bool, typer.Option("--all", help="Those that were removed too.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the subscriptions: state, stories told, when last, channels that are not tried any more.

    counterclaim subscriptions list
    """
    settings = load_settings(config_dir(config), os.environ)
    known, states = _read(settings)
    waiting = {name: one for name, one in _listed_or_none(settings).items() if name not in known}
    shown = [one for _, one in sorted({**known, **waiting}.items()) if everything or not one.removed]
    if as_json:
        plain = [_plain(one, states.get(one.id), waiting=one.id in waiting) for one in shown]
        print(json.dumps(plain, ensure_ascii=False))
        return
    table = Table("id", "state", "name", "owner", "mode", "channels", "stories", "last delivered", "query", box=None)
    for one in shown:
        fares = states.get(one.id)
        table.add_row(
            one.id,
            _state(one, fares, waiting=one.id in waiting),
            visible(one.name),
            visible(one.owner),
            one.mode,
            ", ".join(str(channel.__struct_config__.tag) for channel in one.channels),
            str(fares.stories if fares else 0),
            _when(fares.last_delivered if fares else None),
            visible(one.query) or "every story",
        )
    print_table(table)
    print(f"{len(shown)} subscriptions")


@subscriptions_app.command("show")
def show(id: IdArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:  # noqa: A002
    """Show one subscription whole: its channels with their keys, and how each fares. No secret is shown.

    counterclaim subscriptions show energy
    """
    settings = load_settings(config_dir(config), os.environ)
    known, states = _read(settings)
    waiting = id not in known
    one = of({**_listed_or_none(settings), **known}, id, gone=True)
    if as_json:
        print(json.dumps(_plain(one, states.get(id), waiting=waiting), ensure_ascii=False))
        return
    for name, text in _lines(one, states.get(id), waiting=waiting):
        print(f"{name:>14}  {text}")


def of(known: Mapping[str, Subscription], name: str, *, gone: bool = False) -> Subscription:
    """The subscription of this id; ``gone``: one that was removed may be meant.

    Raises:
        UsageError: there is none.
    """
    one = known.get(name)
    if one is None:
        raise UsageError(
            f"{name}: no such subscription; `counterclaim subscriptions list` shows those that there are, and "
            "`counterclaim subscriptions apply` takes up those of the file"
        )
    if one.removed and not gone:
        raise UsageError(f"{name}: was removed; `counterclaim subscriptions resume {name}` brings it back")
    return one


def listed(settings: Settings) -> dict[str, Subscription]:
    """What the file says, without secrets: whoever gives a command need not be able to read them.

    Raises:
        ConfigError: the file is wrong.
    """
    from pipeline.settings.load import load_entries
    from pipeline.settings.subscriptions import without_secrets

    return {entry.id: without_secrets(entry) for entry in load_entries(settings)}


def _listed_or_none(settings: Settings) -> dict[str, Subscription]:
    """To look at what is there, the file need not be right; `config check` says what is wrong in it."""
    try:
        return listed(settings)
    except ConfigError:
        return {}


def _read(settings: Settings) -> tuple[dict[str, Subscription], dict[str, SubscriptionState]]:
    from pipeline.subscriptions.file import read_list, read_states

    servers = settings.kafka.servers
    return read_list(servers), read_states(servers)


def _state(one: Subscription, fares: SubscriptionState | None, *, waiting: bool) -> str:
    if waiting:
        return "not taken up"
    if one.removed:
        return "removed"
    if one.paused:
        return "paused"
    off = len(_disabled(one, fares))
    return f"{off} of {len(one.channels)} channels disabled" if off else "live"


def _disabled(one: Subscription, fares: SubscriptionState | None) -> dict[str, str]:
    """Channels that it still has and that are not tried, by key, and why."""
    keys = {channel_key(one.id, channel) for channel in one.channels}
    return {key: why for key, why in (fares.disabled if fares else {}).items() if key in keys}


def _plain(one: Subscription, fares: SubscriptionState | None, *, waiting: bool) -> dict[str, Any]:
    """For machines: all of it, secrets only counted."""
    from pipeline.subscriptions.editing import address

    disabled = _disabled(one, fares)
    channels = []
    for channel in one.channels:
        key = channel_key(one.id, channel)
        shown = msgspec.to_builtins(channel)
        if isinstance(channel, Webhook):
            shown["secrets"] = len(channel.secrets)
        if isinstance(channel, Apprise):
            shown.pop("url", None)
        channels.append(shown | {"key": key, "address": address(channel), "disabled": disabled.get(key)})
    fields = {name: getattr(one, name) for name in one.__struct_fields__ if name not in ("schema", "channels")}
    told = msgspec.to_builtins(fares) if fares else {}
    about = {name: told.get(name) for name in ("stories", "messages", "held", "last_message", "last_delivered")}
    state = {"state": _state(one, fares, waiting=waiting)}
    plain: dict[str, Any] = msgspec.to_builtins(fields)
    return plain | {"channels": channels} | state | about


def _lines(one: Subscription, fares: SubscriptionState | None, *, waiting: bool) -> Iterator[tuple[str, str]]:
    from pipeline.subscriptions.editing import address

    yield "subscription", one.id
    yield "state", _state(one, fares, waiting=waiting)
    yield "name", visible(one.name)
    yield "owner", visible(one.owner)
    yield "query", visible(one.query) or "every story"
    yield "follow-ups", ", ".join(one.events) or "none"
    disabled = _disabled(one, fares)
    for channel in one.channels:
        key = channel_key(one.id, channel)
        rotating = ", signed with two secrets" if isinstance(channel, Webhook) and len(channel.secrets) > 1 else ""
        why = f", disabled: {visible(disabled[key])}" if key in disabled else ""
        yield "channel", f"{key}  {visible(address(channel))}{rotating}{why}"
    yield "mode", one.mode + (f" at {one.at} {one.zone}" if one.mode == "daily" else "")
    yield (
        "grouped by",
        f"{one.group_by}; waits {one.group_wait_seconds:g} s, then every {one.group_interval_seconds:g} s",
    )
    for quiet in one.quiet:
        yield "quiet", f"{quiet.since} to {quiet.until} {one.zone}"
    yield "a day at most", str(one.max_per_day or "no limit")
    yield "decided by", "subscriptions.yaml" if one.source == "file" else "command"
    if one.changed is not None:
        yield "tells since", _when(one.changed)
    if fares is not None:
        yield "told", f"{fares.stories} stories in {fares.messages} messages; {fares.held} held and never told"
        yield "last delivered", _when(fares.last_delivered) or "never"


def _when(moment: datetime | None) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else ""
