"""What a zone, an address, a secret, a topic or a query must look like, in the file and on the command line.

Pure, but for what apprise does at its first use, in `services`. As the other checks of values: each returns its value
or raises ValueError, whose text ends up behind file and line. A text that may hold a secret is never part of it.
"""

from __future__ import annotations

import base64
import binascii
import functools
import re
import secrets
import zoneinfo
from typing import Final

from pipeline.documents import nearest
from pipeline.errors import CounterclaimError
from pipeline.subscriptions import services
from pipeline.topics import TOPICS

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - how every secret begins
MIN_SECRET_BYTES: Final = 24
MAX_SECRET_BYTES: Final = 64
"""https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, "Signature scheme"."""

NEW_SECRET_BYTES: Final = 32

MAX_SECRETS: Final = 2
"""The new one and the one before it, while receivers change over."""

_TOPIC: Final = re.compile(r"[A-Za-z0-9._-]{1,249}")
"""What Kafka takes as the name of a topic; `.` and `..` are no names."""

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30})://")

_ATOM: Final = r"""[^\s<>@,;:"()\\\[\]\x00-\x1f\x7f-\U0010ffff]+"""
_ADDRESS: Final = re.compile(rf"{_ATOM}@{_ATOM}")
_NAMED: Final = re.compile(rf"(?:{_ATOM} )+<(?P<address>[^<>]*)>")
"""Far less than RFC 5322 allows, and all that people have. Python's parser takes the first of several addresses."""

_OURS: Final = frozenset(topic.name for topic in TOPICS)


def check_zone(zone: str) -> str:
    """A time zone by its IANA name."""
    if zone in _zones():
        return zone
    folded = {one.casefold(): one for one in _zones()}
    same = folded.get(zone.casefold())
    near = f"; did you mean {same!r}?" if same else nearest(zone, _zones())
    raise ValueError(f"{zone!r} is no time zone of the IANA list, such as Europe/Paris{near}")


@functools.cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def check_secret(secret: str) -> str:
    """A webhook's secret as Standard Webhooks writes it: `whsec_` and 24 to 64 bytes in base64."""
    how = f"write {SECRET_PREFIX} and {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} random bytes in base64"
    if not secret.startswith(SECRET_PREFIX):
        raise ValueError(f"the secret does not begin with {SECRET_PREFIX}: {how}")
    try:
        count = len(base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True))
    except binascii.Error as error:
        raise ValueError(f"the secret is no base64 behind {SECRET_PREFIX}: {how}") from error
    if not MIN_SECRET_BYTES <= count <= MAX_SECRET_BYTES:
        raise ValueError(f"the secret has {count} bytes: {how}")
    return secret


def check_secrets(text: str) -> tuple[str, ...]:
    """The secrets of a webhook, one a line, the newest first; two while they rotate."""
    found = tuple(check_secret(line.strip()) for line in text.splitlines() if line.strip())
    if not 1 <= len(found) <= MAX_SECRETS:
        raise ValueError(f"there are {len(found)} secrets: write one, or two while they rotate, one a line")
    if len(set(found)) < len(found):
        raise ValueError("the same secret is there twice: remove one of them")
    return found


def new_secret() -> str:
    """A secret of `NEW_SECRET_BYTES` random bytes."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(NEW_SECRET_BYTES)).decode()


def check_email(address: str) -> str:
    """A mail address alone: no name, no brackets, one only."""
    if not _ADDRESS.fullmatch(address):
        raise ValueError(f"{address!r} is no mail address, such as desk@example.org")
    return address


def check_mailbox(text: str) -> str:
    """One mail address, alone or as `name <address>`: what may stand in a header."""
    named = _NAMED.fullmatch(text)
    check_email(named["address"] if named else text)
    return text


def check_apprise(url: str) -> str:
    """An address that the library apprise can send to; its service (`slack`, `tgram`). The address is a secret."""
    scheme = _SCHEME.match(url)
    service = scheme[1].lower() if scheme else ""
    hint = "https://github.com/caronc/apprise/wiki lists the services and how their addresses are written"
    try:
        names = services.service(url)
    except Exception as error:  # a plugin's own, which may show the address
        raise ValueError(f"apprise refuses the address ({type(error).__name__}): {hint}") from None
    if names:
        return service if service in names else names[0]
    if not service:
        raise ValueError(f"the address for apprise does not begin with a service, as slack:// is one: {hint}")
    known = services.services()
    if service in known:
        raise ValueError(f"apprise knows {service}://, but not with what is behind it: {hint}")
    raise ValueError(f"apprise knows no service {service + '://'!r}{nearest(service, known)}: {hint}")


def check_topic(topic: str) -> str:
    """A Kafka topic that may be written to: none of our own."""
    if not _TOPIC.fullmatch(topic) or topic in (".", ".."):
        raise ValueError(f"{topic!r} is no name of a Kafka topic: use letters, digits, `.`, `_` and `-`")
    if topic in _OURS or topic.startswith("__") or topic.endswith((".dead", "-changelog")):
        raise ValueError(f"{topic!r} is a topic of counterclaim or Kafka itself: name one of your own")
    return topic


def check_query(query: str) -> str:
    """A query in the language of subscriptions; "" is every story."""
    # Imported here: the grammar is not needed by those who read no query.
    from pipeline.subscriptions.query import parse_query

    if query.strip():
        try:
            parse_query(query)
        except CounterclaimError as error:
            raise ValueError(str(error)) from error
    return query
