"""Every error that counterclaim raises on purpose, as one tree.

Ids are fields, so that a log line or a metric can name them; the message is one sentence that says what, where and what
to do. ``exit_code`` is what the command ends with when the error reaches it:

    1  the work failed
    2  bad usage or bad configuration; nothing was started
    3  something that is needed is not there (a broker, Java, a free port)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar


class CounterclaimError(Exception):
    """The root: catching it catches everything that was foreseen, and nothing else."""

    exit_code: ClassVar[int] = 1


# -- configuration: exit code 2, nothing started


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a file the operator wrote. ``line`` counts from 1; None when the file as a whole is meant."""

    file: Path
    line: int | None
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else str(self.file)
        return f"{where}: {self.message}"


class ConfigError(CounterclaimError):
    """The configuration is wrong; every problem found is listed, not only the first."""

    exit_code = 2

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, problems)))


class RuleError(ConfigError):
    """A rule file is wrong: a query that does not parse, an unknown list, an id used twice."""


class UsageError(CounterclaimError):
    """The command was called with something it cannot work on: a file that is not there, a line that is not JSON."""

    exit_code = 2


class SealError(CounterclaimError):
    """A secret of a channel cannot be sealed or read: the key is not there, not the right one, or open to others."""

    exit_code = 2


# -- the wire


class RecordError(CounterclaimError):
    """A record's bytes are not a record that this version reads."""


class UndecodableError(RecordError):
    """The bytes are not the JSON of the expected record."""


class TooLargeError(RecordError):
    """What comes of a record is larger than Kafka takes."""

    def __init__(self, topic: str, size: int) -> None:
        self.topic, self.size = topic, size
        super().__init__(f"what comes of it is too large for {topic}: {size} bytes")


class NewerSchemaError(RecordError):
    """The record was written by a newer major version of counterclaim."""

    def __init__(self, record: str, version: str, known: int) -> None:
        self.record, self.version, self.known = record, version, known
        super().__init__(f"{record} has schema version {version}; this counterclaim reads up to {known}.x: upgrade it")


# -- brokers and Kafka


class BrokerError(CounterclaimError):
    """A broker that should run does not: binary, Java or Maven missing, port taken, start timed out."""

    exit_code = 3


class KafkaError(CounterclaimError):
    """The Kafka cluster refused or did not answer."""

    exit_code = 3


class PublishError(KafkaError):
    """A record was not acknowledged; ``topic`` names where it should have gone."""

    def __init__(self, topic: str, reason: str) -> None:
        self.topic = topic
        super().__init__(f"a record for {topic} was not acknowledged: {reason}")


# -- feeds


class FeedError(CounterclaimError):
    """One feed could not be polled this time; ``url`` names it. Other feeds go on."""

    def __init__(self, url: str, reason: str) -> None:
        self.url, self.reason = url, reason
        super().__init__(f"{url}: {reason}")


class FetchError(FeedError):
    """The feed could not be fetched: DNS, connection, TLS, timeout."""


class FetchRefusedError(FetchError):
    """We do not fetch this, now or later: a private address, another scheme, too many redirects, too large."""


class ParseError(FeedError):
    """The body is not a feed, or parsing it passed its limits."""


class PageError(CounterclaimError):
    """The main text of one article page could not be had; ``url`` names it. ``temporary``: it may be, later.

    ``wait_seconds``: how long its host asks to be left alone.
    """

    def __init__(self, url: str, reason: str, *, temporary: bool = False, wait_seconds: float = 0.0) -> None:
        self.url, self.reason, self.temporary, self.wait_seconds = url, reason, temporary, wait_seconds
        super().__init__(f"{url}: {reason}")


class SandboxError(CounterclaimError):
    """A job in a worker process came to nothing: it took too long, or its worker ended. Other jobs go on."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class LapsedError(FeedError):
    """What a poll brought may not be remembered: the feed may be another poller's by now."""

    def __init__(self, url: str) -> None:
        super().__init__(url, "this poller has no say over the feed at the moment: the group may have given it away")


class UnsafeExpatError(CounterclaimError):
    """Python's XML parser is too old to be given feeds of strangers."""

    exit_code = 3


# -- processes


class DeadLimitError(CounterclaimError):
    """Too many records of ``topic`` could not be handled: that is no bad record, but something that we broke."""

    def __init__(self, topic: str, reason: str) -> None:
        self.topic = topic
        super().__init__(
            f"{topic}: {reason}; stopping, lest all of it becomes dead letters: `counterclaim dead list` says why"
        )


class ChildFailedError(CounterclaimError):
    """A supervised child keeps crashing; ``child`` names it."""

    def __init__(self, child: str, reason: str) -> None:
        self.child, self.reason = child, reason
        super().__init__(f"{child} keeps crashing: {reason}")


class PortTakenError(CounterclaimError):
    """A port that a process wants to listen on cannot be had; ``setting`` names the one to change."""

    exit_code = 3

    def __init__(self, host: str, port: int, setting: str, reason: str) -> None:
        self.host, self.port, self.setting = host, port, setting
        super().__init__(f"cannot listen on {host}:{port} ({reason}): set {setting} to a free port, or to 0 for any")


class UnprovenClientError(CounterclaimError):
    """The installed kafka-python is not one with which it was proven that pollers know when they have lost a feed."""

    exit_code = 3


class UnprovenFaustError(CounterclaimError):
    """The installed Faust is not a version that the recovery fix was proven on."""

    exit_code = 3


# -- the archive


class ArchiveError(CounterclaimError):
    """The archive's database refuses: wrong URL, schema of another version, something that it cannot do."""

    exit_code = 3


class ArchiveAwayError(ArchiveError):
    """The archive's database does not answer, or has no room: later it may."""


# -- channels


class TemplateError(CounterclaimError):
    """A template of a message is broken; ``template`` names it."""

    def __init__(self, template: str, reason: str) -> None:
        self.template, self.reason = template, reason
        super().__init__(f"the template {template}: {reason}")
