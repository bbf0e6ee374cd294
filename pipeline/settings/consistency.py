"""Settings that are right one by one, and wrong together. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.documents import Where
from pipeline.settings.models import SettingsFile


def inconsistencies(settings: SettingsFile) -> Iterator[tuple[Where, str]]:
    """What does not fit together: the setting to look at first, and what to do."""
    poll, kafka = settings.poll, settings.kafka
    interval, floor, cap = poll.interval_seconds, poll.floor_seconds, poll.cap_seconds
    connect, timeout = poll.connect_timeout_seconds, poll.timeout_seconds
    if interval < floor:
        below = f"poll.interval_seconds ({interval:g}) is less than poll.floor_seconds ({floor:g})"
        yield ("poll", "interval_seconds"), f"{below}, and no feed is polled more often: raise it or lower the floor"
    if cap < max(interval, floor):
        less = f"poll.cap_seconds ({cap:g}) is less than poll.interval_seconds ({interval:g})"
        yield ("poll", "cap_seconds"), f"{less} or poll.floor_seconds ({floor:g}): raise it"
    if connect > timeout:
        more = f"poll.connect_timeout_seconds ({connect:g}) is more than poll.timeout_seconds ({timeout:g})"
        yield ("poll", "connect_timeout_seconds"), f"{more}, which covers it: lower it"
    if kafka.replication > 1 and not kafka.bootstrap:
        alone = f"kafka.replication is {kafka.replication}, but our own broker is one server"
        yield ("kafka", "replication"), f"{alone}: set it to 1, or name a cluster as kafka.bootstrap"
    yield from _ports(settings)


def _ports(settings: SettingsFile) -> Iterator[tuple[Where, str]]:
    metrics = settings.metrics
    ports: list[tuple[Where, int]] = [
        (("metrics", "poll_port"), metrics.poll_port),
        (("metrics", "worker_port"), metrics.worker_port),
        (("metrics", "up_port"), metrics.up_port),
        (("metrics", "deliver_port"), metrics.deliver_port),
        (("metrics", "archive_port"), metrics.archive_port),
    ]
    if not settings.kafka.bootstrap:
        ports.insert(0, (("kafka", "port"), settings.kafka.port))
    taken: dict[int, Where] = {}
    for where, port in ports:
        if port and port in taken:
            first = ".".join(map(str, taken[port]))
            yield where, f"{'.'.join(map(str, where))} is {port}, and so is {first}: choose another"
        taken.setdefault(port, where)
