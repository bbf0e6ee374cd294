"""The settings of what is told: alerts, mail, and the archive."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from pipeline.settings.checks import check_base_url
from pipeline.settings.values import Model, Port, Seconds


class AlertsSettings(Model):
    """Which stories are told, and from where alerts are sent."""

    max_age_seconds: Seconds = 86_400
    """What happened longer ago is shown, and nobody is alerted: a replay, an import, a long outage."""

    tell_backlog: bool = False
    """Whether articles of a feed's first poll are told too. The demo sets it."""

    key_file: Path = Path("data/secret.key")
    """The key that secrets of channels are sealed with; made at the first use, readable by its owner only. Every
    process needs the same. Relative to the working directory."""

    data_dir: Path = Path("data/deliver")
    """Folder of the delivering process's store. Relative to the working directory."""

    feeds_dir: Path = Path("data/alerts")
    """Folder of the Atom and JSON Feed files. Relative to the working directory."""

    base_url: Annotated[str, AfterValidator(check_base_url)] = ""
    """Where this installation is reached by readers, for links to unsubscribe. Empty: mails name the owner instead."""

    timeout_seconds: Annotated[float, Field(gt=0, le=30)] = 20
    """For one attempt to deliver as a whole; the Standard Webhooks specification asks for 15 to 30."""

    per_endpoint: Annotated[int, Field(ge=1, le=64)] = 4
    """Deliveries to one endpoint at the same time."""

    concurrency: Annotated[int, Field(ge=1, le=10_000)] = 200
    """Deliveries at the same time, all endpoints together."""

    disable_after_seconds: Seconds = 432_000
    """A channel at which every attempt failed for so long is disabled; resuming the subscription tries it again."""

    allow_private: bool = False
    """Whether webhooks and apprise may call loopback and private addresses. The demo needs it; a server should not."""


class SmtpSettings(Model):
    """The mail server of the channel `email`."""

    host: str = ""
    """Empty: no mail can be sent, and subscriptions that ask for it are refused."""

    port: Port = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    """`none` is for a server on this machine only."""

    user: str = ""
    password: SecretStr = SecretStr("")
    """Better given as COUNTERCLAIM_SMTP_PASSWORD_FILE than written here."""

    sender: str = ""
    """Address that mails come from."""


class ArchiveSettings(Model):
    """The SQL database that everything decided is written to."""

    url: SecretStr = SecretStr("sqlite:///data/archive.db")
    """SQLAlchemy URL: `sqlite:///path`, or `postgresql+psycopg://user:password@host/name`."""

    batch: Annotated[int, Field(ge=1, le=10_000)] = 500
    """Records in one transaction at the most."""

    session_timeout_seconds: Annotated[float, Field(ge=6, le=300)] = 15
    """After this long without a sign of life an archiver's partitions go to the others."""

    articles_days: Annotated[float, Field(gt=0, le=36_500)] = 365
    """How long flagged articles and their flags are kept."""

    counts_days: Annotated[float, Field(gt=0, le=36_500)] = 3650
    """How long the counts of articles are kept."""

    threads_days: Annotated[float, Field(gt=0, le=36_500)] = 3650
    """How long threads and their events are kept."""

    alerts_days: Annotated[float, Field(gt=0, le=36_500)] = 365
    """How long alerts are kept."""

    deliveries_days: Annotated[float, Field(gt=0, le=36_500)] = 90
    """How long deliveries are kept."""
