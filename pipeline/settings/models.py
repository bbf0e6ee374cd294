"""The settings, the feeds and the outlets as values: frozen, typed, every number with its unit in its name.

These are the shapes of the files in `config/`; `pipeline.settings.load` reads them, and says where one is wrong.
Unknown keys are refused. The docstring under a field is its description in the JSON Schema.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from pipeline.errors import UsageError
from pipeline.records import FullText
from pipeline.settings.alerting import AlertsSettings, ArchiveSettings, SmtpSettings
from pipeline.settings.checks import check_contact
from pipeline.settings.values import Country, Domain, FeedUrl, Language, Model, Name, Port, Seconds, Server


class KafkaSettings(Model):
    """Where the log is: a cluster, or a broker that we run ourselves."""

    bootstrap: tuple[Server, ...] = ()
    """Servers of a Kafka cluster, each host:port. Empty: `counterclaim up` runs a broker of its own."""

    broker: Literal["embedded", "apache"] = "embedded"
    """Which broker to run when `bootstrap` is empty: `embedded` keeps all in memory; `apache` is durable, by Java."""

    port: Port = 9092
    """Port of our own broker on 127.0.0.1."""

    data_dir: Path = Path("data/kafka")
    """Where our own broker keeps its log, if it is durable. Relative to the working directory."""

    partitions: Annotated[int, Field(ge=4, le=1024)] = 4
    """Partitions of each topic: as many workers can share the work. Cannot be lowered later."""

    replication: Annotated[int, Field(ge=1, le=16)] = 1
    """Copies of each partition: 1 on one machine, 3 on a cluster."""

    @property
    def servers(self) -> tuple[str, ...]:
        """Where to connect: the cluster, or the broker that `counterclaim up` runs on this machine.

        Raises:
            UsageError: our own broker takes any free port, so nobody outside its tree can know which.
        """
        if not self.bootstrap and not self.port:
            raise UsageError("kafka.port is 0, so the broker chose a port of its own: name it in COUNTERCLAIM_KAFKA")
        return self.bootstrap or (f"127.0.0.1:{self.port}",)


class PollSettings(Model):
    """How feeds are fetched and parsed."""

    contact: Annotated[str, AfterValidator(check_contact)] = ""
    """How a publisher reaches you (a page or a mail address), sent in the User-Agent. Empty: only name and version."""

    interval_seconds: Seconds = 600
    """Time between two polls of a feed, unless the feed has an interval of its own or asks for a longer one."""

    floor_seconds: Seconds = 300
    """No feed is polled more often than this, whatever it or the list says."""

    slowest_seconds: Seconds = 1800
    """A feed that brings little new is asked less often, but not less often than this while all is well."""

    cap_seconds: Seconds = 86_400
    """No feed is polled less often than this, whatever it asks for."""

    per_host: Annotated[int, Field(ge=1, le=16)] = 2
    """Requests to one host at the same time, for feeds and article pages together."""

    concurrency: Annotated[int, Field(ge=1, le=10_000)] = 64
    """Feeds that are fetched at the same time, all hosts together; article pages come beside them, 16 at most."""

    timeout_seconds: Seconds = 30
    """For one fetch as a whole, redirects and body included."""

    connect_timeout_seconds: Seconds = 10
    """For one connection, name lookup and TLS included."""

    max_bytes: Annotated[int, Field(ge=1024, le=1024**3)] = 15_000_000
    """Size of a body after decompression; a larger one is given up."""

    parsers: Annotated[int, Field(ge=1, le=256)] = 2
    """Processes that parse feeds; as many more, once a feed asks for article pages, that read those."""

    parse_timeout_seconds: Seconds = 20
    """A process that takes longer for one feed, or one page, is killed."""

    session_timeout_seconds: Annotated[float, Field(ge=6, le=300)] = 8
    """After this long without a sign of life a poller's feeds and pages go to the others."""

    allow_private: bool = False
    """Whether feeds on loopback and private addresses may be fetched. The demo needs it; a server should not."""


class WorkerSettings(Model):
    """The Faust worker."""

    app_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,100}$")] = "counterclaim"
    """Names the consumer group and the changelog topic: workers with the same id share the work."""

    store: Literal["rocksdb", "memory"] = "rocksdb"
    """Where the table of seen articles lives between restarts."""

    data_dir: Path = Path("data/worker")
    """Folder of the store. Relative to the working directory."""

    session_timeout_seconds: Annotated[float, Field(ge=6, le=300)] = 15
    """After this long without a sign of life a worker's partitions go to the others."""

    remember_days: Annotated[float, Field(gt=0, le=3650)] = 30
    """How long an article is known as seen, counted from when it was last seen."""

    dead_limit: Annotated[int, Field(ge=0, le=100_000)] = 50
    """A worker stops when so many records in a row become dead letters, or twice as many of the last ten times as many;
    0: never. Then the fault is ours, and what is left waits in its topic."""


class ThreadsSettings(Model):
    """Dispute threads."""

    silence_hours: Annotated[tuple[Annotated[int, Field(ge=1, le=720)], ...], Field(max_length=10)] = (24, 72)
    """An allegation that nobody has denied is told when it is so many hours old; empty: never."""


class MetricsSettings(Model):
    """Where each process serves `/metrics`: one process, one port, one target."""

    host: Name = "127.0.0.1"
    """Address to listen on. Only this machine by default: the metrics have no password."""

    poll_port: Port = 9470
    """Port of `counterclaim poll`; 0 takes any that is free."""

    worker_port: Port = 9471
    """Port of `counterclaim worker`; 0 takes any that is free."""

    up_port: Port = 9472
    """Port of `counterclaim up` itself; 0 takes any that is free."""

    deliver_port: Port = 9473
    """Port of `counterclaim deliver`; 0 takes any that is free."""

    archive_port: Port = 9474
    """Port of `counterclaim archive run`; 0 takes any that is free."""


class HeartbeatSettings(Model):
    """Articles of our own that go through the whole pipe, to know that it flows."""

    interval_seconds: Seconds = 30
    """Time between two heartbeats of a partition."""


class LogSettings(Model):
    """What the processes tell on stderr."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least important line that is written."""

    format: Literal["auto", "console", "json"] = "auto"
    """`auto`: readable on a terminal, JSON elsewhere."""


class SettingsFile(Model):
    """What `counterclaim.yaml` holds. Every key may be left out."""

    kafka: KafkaSettings = KafkaSettings()
    poll: PollSettings = PollSettings()
    worker: WorkerSettings = WorkerSettings()
    threads: ThreadsSettings = ThreadsSettings()
    alerts: AlertsSettings = AlertsSettings()
    smtp: SmtpSettings = SmtpSettings()
    archive: ArchiveSettings = ArchiveSettings()
    metrics: MetricsSettings = MetricsSettings()
    heartbeat: HeartbeatSettings = HeartbeatSettings()
    log: LogSettings = LogSettings()

    feeds_file: Path = Path("feeds.yaml")
    """The operator's list of feeds. Relative to the folder of this file."""

    rules_dir: Path = Path("rules")
    """Folder with one rule file a language. Relative to the folder of this file."""

    outlets_file: Path = Path("outlets.yaml")
    """What is known of outlets. Relative to the folder of this file."""

    subscriptions_file: Path = Path("subscriptions.yaml")
    """The operator's subscriptions. Relative to the folder of this file."""

    templates_dir: Path | None = None
    """Templates of the messages. Relative to the folder of this file; unless it is named, the shipped ones."""

    actors_file: Path | None = None
    """Countries and organisations that deny and accuse. Relative to the folder of this file; unless it is named, the
    actors.yaml beside the rules, or else the shipped list."""


class Settings(SettingsFile):
    """The effective settings: file, then environment."""

    directory: Path
    """The configuration folder that they were read from."""

    @property
    def feeds_path(self) -> Path:
        """The feed list, from wherever we run."""
        return self.directory / self.feeds_file

    @property
    def rules_path(self) -> Path:
        """The folder of rule files, from wherever we run."""
        return self.directory / self.rules_dir

    @property
    def outlets_path(self) -> Path:
        """The list of outlets, from wherever we run."""
        return self.directory / self.outlets_file

    @property
    def subscriptions_path(self) -> Path:
        """The operator's subscriptions, from wherever we run."""
        return self.directory / self.subscriptions_file

    @property
    def templates_path(self) -> Path | None:
        """The folder of templates, from wherever we run, if one is named."""
        return self.directory / self.templates_dir if self.templates_dir else None

    @property
    def actors_path(self) -> Path | None:
        """The list of actors, from wherever we run, if one is named."""
        return self.directory / self.actors_file if self.actors_file else None


class Feed(Model):
    """One feed to poll, and whose it is."""

    url: FeedUrl
    """http or https, with a host, without a user name or password."""

    outlet: Name
    """The name readers know: BBC News."""

    owner: Name
    """Who controls it in the end; two outlets of one owner are not two independent sources."""

    country: Country
    """ISO 3166-1 alpha-2 code of the country that the outlet is based in."""

    language: Language
    """ISO 639-1 code of the language that it is written in."""

    interval_seconds: Seconds | None = None
    """Time between two polls, in place of `poll.interval_seconds`."""

    full_text: FullText = "never"
    """When the page of an article is fetched for its whole text: `never`, `flagged` (when the feed's own text was
    flagged) or `always`. Robots.txt is obeyed."""


class FeedOverride(Model):
    """What the operator's list changes of a feed that another list has; what is left out stays."""

    outlet: Name | None = None
    owner: Name | None = None
    country: Country | None = None
    language: Language | None = None
    interval_seconds: Seconds | None = None
    """Time between two polls, in place of `poll.interval_seconds`."""

    full_text: FullText | None = None
    """When the page of an article is fetched for its whole text."""


class FeedsFile(Model):
    """A list of feeds: the operator's, or one that it includes. Read in this order: include, feeds, drop, override."""

    include: tuple[Name, ...] = ()
    """Other lists: paths relative to this file, or `seeds:feeds/…` for the shipped ones; `*` in a file's name."""

    feeds: tuple[Feed, ...] = ()
    """Feeds of this list."""

    override: dict[FeedUrl, FeedOverride] = Field(default={})
    """Changes to feeds of the included lists, by URL."""

    drop: tuple[FeedUrl, ...] = ()
    """Feeds of the included lists that are not to be polled."""


class Outlet(Model):
    """What is known of an outlet, whichever feed or link it comes by."""

    name: Name
    owner: Name
    """Who controls it in the end: a company, a public body, a government."""

    country: Country
    """ISO 3166-1 alpha-2 code of the country that it is based in."""

    domains: Annotated[tuple[Domain, ...], Field(min_length=1)]
    """Registrable domains of its pages; subdomains belong to them."""

    state_control: bool = False
    """Whether a government decides what it says (not: pays for it, as with a public broadcaster by law independent)."""

    editions: tuple[Name, ...] = ()
    """Other names that its feeds carry: language services and sections that are no source of their own."""

    credits: tuple[Name, ...] = ()
    """How others name it when they print its reports, exactly as written (`AFP`, `ТАСС`). Makes it a news agency."""


class OutletsFile(Model):
    """What `outlets.yaml` holds."""

    outlets: tuple[Outlet, ...] = ()
