"""What a fetch may reach: the server-side request forgery (SSRF) guard. Pure, but for the socket it hands out.

The check sits in the socket factory, on the address that is really dialled: a check of the host's name can be undone
by DNS answering differently the second time, and a resolver hook is never asked about an IP literal. Where a library
makes its own sockets, Python's audit hooks (PEP 578) stand at the same place.
"""

from __future__ import annotations

import errno
import functools
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any, Final
from urllib.parse import urlsplit

AddressInfo = tuple[Any, Any, Any, str, tuple[Any, ...]]
"""As `socket.getaddrinfo` gives it: family, type, protocol, canonical name, socket address."""

SocketFactory = Callable[[AddressInfo], socket.socket]

_REFUSED_V4: Final = tuple(
    IPv4Network(network)
    for network in (
        "100.64.0.0/10",  # shared address space of carriers (RFC 6598); clouds keep their metadata services in it
        "192.0.0.0/24",  # IETF protocol assignments (RFC 6890)
        "192.88.99.0/24",  # 6to4 relays (RFC 7526)
        "198.18.0.0/15",  # benchmarking (RFC 2544)
    )
)
_GLOBAL_V6: Final = IPv6Network("2000::/3")
"""The only IPv6 unicast space in public use (RFC 4291 §2.4). Outside lie loopback, mapped, IPv4-compatible, NAT64
(64:ff9b::/96, any IPv4 address behind a translator), unique local, link-local, site-local, multicast."""

_REFUSED_V6: Final = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, Teredo among them (RFC 2928, RFC 4380)
        "2001:db8::/32",  # documentation (RFC 3849)
        "2002::/16",  # 6to4: carries any IPv4 address (RFC 3056)
        "3fff::/20",  # documentation (RFC 9637)
    )
)
"""Beside what `ipaddress` knows: `is_private` misses 100.64/10, NAT64, 6to4, IPv4-compatible and multicast, and what it
does know differs between patch releases of Python."""


class PrivateAddressError(OSError):
    """A connection to an address that is not public was refused. An OSError, because the connector expects one."""

    def __init__(self, address: str) -> None:
        # One text for all addresses: the connector joins different errors of one host into a nameless one.
        super().__init__(errno.EACCES, "the host's address is not public")
        self.address = address


def is_public(address: str) -> bool:
    """Whether an IP address (text, a zone allowed) is a unicast address of the public internet.

    An IPv4-mapped IPv6 address is judged by the IPv4 address in it.
    """
    ip: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    if ip.is_multicast or ip.is_unspecified or not ip.is_global:
        return False
    if isinstance(ip, IPv4Address):
        return not any(ip in network for network in _REFUSED_V4)
    return ip in _GLOBAL_V6 and not any(ip in network for network in _REFUSED_V6)


def refusal(url: str) -> str | None:
    """Why a URL is not fetched whatever its host resolves to, in words; None when it may be tried."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises when it is no number up to 65535
    except ValueError as error:
        return f"not a URL: {error}"
    if parts.scheme not in {"http", "https"}:
        return f"scheme {parts.scheme or '(none)'} is not http or https"
    if parts.username is not None or parts.password is not None:
        return "a URL with a user name or password is not fetched"
    if "%" in (parts.hostname or ""):
        return "an address with a zone means something on one machine only"
    return None if parts.hostname else "no host in the URL"


def socket_factory(*, allow_private: bool) -> SocketFactory:
    """A factory for aiohttp's connector that refuses to make a socket towards an address that is not public."""

    def make(info: AddressInfo) -> socket.socket:
        family, kind, protocol, _, address = info
        if not allow_private and not is_public(address[0]):
            raise PrivateAddressError(address[0])
        return socket.socket(family, kind, protocol)

    return make


_DIALS: Final = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
"""Audit events whose second argument is the address that is dialled."""


class _Thread(threading.local):
    refused: list[str] | None = None
    """What was refused in this thread; None: it may dial what it likes."""


_thread: Final = _Thread()


@contextmanager
def public_only() -> Iterator[list[str]]:
    """While the block runs, whatever this thread calls reaches public addresses only: to dial another raises
    PrivateAddressError, and the address is added to the list that is given. Other threads are not concerned."""
    _watch()
    refused: list[str] = []
    _thread.refused = refused
    try:
        yield refused
    finally:
        _thread.refused = None


@functools.cache
def _watch() -> None:
    sys.addaudithook(_judge)  # for good: a hook cannot be taken away again


def _judge(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in _DIALS or _thread.refused is None:
        return
    address = arguments[1]
    if isinstance(address, tuple) and not _is_public_number(str(address[0])):
        _thread.refused.append(str(address[0]))
        raise PrivateAddressError(str(address[0]))


def _is_public_number(host: str) -> bool:
    """A name is none: what it stands for would be looked up after us."""
    try:
        return is_public(host)
    except ValueError:
        return False
