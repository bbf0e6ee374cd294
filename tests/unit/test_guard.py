"""What a fetch may reach."""

from __future__ import annotations

import socket

import pytest

from pipeline.feeds.guard import PrivateAddressError, is_public, refusal, socket_factory

REFUSED = """
0.0.0.0 0.1.2.3 10.1.2.3 100.64.0.1 100.127.255.255 127.0.0.1 127.9.9.9 169.254.169.254 172.16.0.1 172.31.255.255
192.0.0.1 192.0.0.170 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1
224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
:: ::1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:100.64.0.1
64:ff9b::808:808 64:ff9b::7f00:1 64:ff9b:1::1 100::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:db8::1
2002:7f00:1:: 2002:808:808::1 3fff::1 4000::1 5f00::1 fc00::1 fd12:3456::1 fe80::1 fe80::1%eth0 fec0::1 ff02::1 ff0e::1
"""

PUBLIC = "8.8.8.8 1.1.1.1 100.63.255.255 100.128.0.1 172.32.0.1 198.20.0.1 2606:4700:4700::1111 2a00::1 ::ffff:8.8.8.8"


@pytest.mark.parametrize("address", REFUSED.split())
def test_special_addresses_are_refused(address: str) -> None:
    """Everything that is no unicast address of the public internet, whatever form it hides in."""
    assert not is_public(address)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with pytest.raises(PrivateAddressError) as caught:
        socket_factory(allow_private=False)((family, socket.SOCK_STREAM, 0, "", (address, 80)))
    assert caught.value.address == address


@pytest.mark.parametrize("address", PUBLIC.split())
def test_public_addresses_pass(address: str) -> None:
    """The neighbours of the refused ranges are not refused with them."""
    assert is_public(address)


def test_the_operator_may_allow_private_addresses() -> None:
    """A switch of the settings opens them."""
    info = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 80))
    with socket_factory(allow_private=True)(info) as made:
        assert made.family == socket.AF_INET


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("file:///etc/passwd", "scheme"),
        ("gopher://a.example/", "scheme"),
        ("//a.example/feed", "scheme"),
        ("feed", "scheme"),
        ("http:///feed", "host"),
        ("http://user@a.example/", "user name"),
        ("http://:secret@a.example/", "user name"),
        ("http://a.example:99999/", "not a URL"),
        ("http://[::1/", "not a URL"),
        ("http://[fe80::1%25eth0]/", "zone"),
        ("http://[2606:4700::1%eth0]/", "zone"),
    ],
)
def test_urls_that_are_not_fetched(url: str, word: str) -> None:
    """Only http and https, a host, no user name or password; the reason says which."""
    assert word in (refusal(url) or "")
    assert "secret" not in (refusal(url) or "")


@pytest.mark.parametrize("url", ["http://a.example/feed", "https://a.example:8443/f?x=1", "https://[2606:4700::1]/"])
def test_urls_that_may_be_tried(url: str) -> None:
    """Ordinary feed addresses pass."""
    assert refusal(url) is None
