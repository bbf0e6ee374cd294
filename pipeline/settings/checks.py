"""What a URL, a code or an address must look like. Pure; each check returns its value or says what is wrong with it.

They are pydantic validators, so they raise ValueError; its text ends up behind file and line.
"""

from __future__ import annotations

import functools
from typing import Final
from urllib.parse import SplitResult, urlsplit

from babel import Locale
from babel.core import get_global

from pipeline.dedupe.canonical import registrable_domain
from pipeline.records import host_of

_DEFAULT_PORT: Final = {"http": 80, "https": 443}

_NO_COUNTRY: Final = frozenset(["AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"])
"""Two-letter codes that CLDR has beyond ISO 3166-1: parts of countries, groups, pseudo-locales, "unknown". XK (Kosovo,
user-assigned) stays, because outlets are based there."""


def check_url(url: str) -> str:
    """A URL that can be polled: http or https, a host, no user name or password, no white space."""
    if any(character.isspace() or not character.isprintable() for character in url):
        raise ValueError(f"{url!r} has white space or a control character in it: write a space as %20")
    parts = _split(url)
    if parts.scheme not in _DEFAULT_PORT:
        raise ValueError(f"{url!r} is not a feed address: it must begin with http:// or https://")
    if "%" in (parts.hostname or ""):
        raise ValueError(f"{url!r} has a % in its host: an address with a zone means something on one machine only")
    if not host_of(url):
        raise ValueError(f"{url!r} has no host")
    if "@" in parts.netloc:
        shown = url.replace(parts.netloc.rpartition("@")[0], "***", 1)
        raise ValueError(f"{shown!r} has a user name or password in it: remove everything before the @")
    return url


def check_base_url(url: str) -> str:
    """Where this installation is reached, or "": http or https, without a query."""
    if url:
        check_url(url)
        if urlsplit(url).query or urlsplit(url).fragment:
            raise ValueError(f"{url!r} has a query or a fragment: write what comes before it")
    return url.rstrip("/")


def check_webhook_url(url: str) -> str:
    """Where a webhook is posted: http or https, a host, no user name. Whether it may be called is seen then: only the
    address that a name stands for at that moment tells whether it is a private one."""
    if url.partition("://")[0].lower() not in _DEFAULT_PORT:
        raise ValueError(f"{url!r} is no address of a webhook: it must begin with https:// or http://")
    check_url(url)
    if urlsplit(url).fragment:
        raise ValueError(f"{url!r} has a fragment, which is never sent: remove everything from the # on")
    return url


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # read here, because only reading it tells that it is no number
    except ValueError as error:
        raise ValueError(f"{url!r} is not a URL: {error}") from error
    return parts


def feed_key(url: str) -> str:
    """Two URLs with one key are one feed: scheme, host in one spelling, no default port, no fragment, path at least /.

    Stricter than an article's canonical URL, on purpose: a query parameter may well choose another feed.
    """
    parts = urlsplit(url)
    host = host_of(url)
    host = f"[{host}]" if ":" in host else host
    port = "" if parts.port in (None, _DEFAULT_PORT.get(parts.scheme)) else f":{parts.port}"
    return parts._replace(netloc=host + port, path=parts.path or "/", fragment="").geturl()


@functools.cache
def countries() -> frozenset[str]:
    """ISO 3166-1 alpha-2 codes, from the CLDR data in babel."""
    return frozenset(code for code in map(str, Locale("en").territories) if _two_letters(code)) - _NO_COUNTRY


@functools.cache
def languages() -> frozenset[str]:
    """ISO 639-1 codes, from the CLDR data in babel."""
    return frozenset(code for code in map(str, Locale("en").languages) if _two_letters(code))


def _two_letters(code: str) -> bool:
    return len(code) == 2 and code.isalpha()


def check_country(code: str) -> str:
    """An ISO 3166-1 alpha-2 country code."""
    if code in countries():
        return code
    aliases: list[str] = get_global("territory_aliases").get(code.upper(), [])
    meant = aliases[0] if aliases else code.upper()
    hint = f"; did you mean {meant!r}?" if meant in countries() else ""
    raise ValueError(f"{code!r} is no country code of ISO 3166-1 (two capital letters){hint}")


def check_language(code: str) -> str:
    """An ISO 639-1 language code."""
    if code in languages():
        return code
    meant = get_global("language_aliases").get(code.lower(), code.lower().partition("-")[0])
    hint = f"; did you mean {meant!r}?" if meant in languages() else ""
    raise ValueError(f"{code!r} is no language code of ISO 639-1 (two small letters){hint}")


def check_domain(domain: str) -> str:
    """A registrable domain: what is bought under a public suffix, such as bbc.co.uk."""
    found = registrable_domain(domain)
    if found == domain:
        return domain
    hint = f"; write {found!r}" if found else ""
    raise ValueError(f"{domain!r} is not a registrable domain in lower case{hint}")


def check_server(server: str) -> str:
    """The address of a Kafka server, host:port (IPv6 in brackets)."""
    host, _, port = server.rpartition(":")
    bare = not host.startswith("[") and ":" in host
    if not host or bare or "/" in host or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise ValueError(f"{server!r} is not host:port, such as kafka.example:9092")
    return server


def check_contact(contact: str) -> str:
    """A contact for the User-Agent header: printable ASCII without parentheses, or empty."""
    if not contact.isascii() or not contact.isprintable() or set("()") & set(contact):
        raise ValueError(f"{contact!r} cannot go into a User-Agent: use printable ASCII without parentheses")
    return contact
