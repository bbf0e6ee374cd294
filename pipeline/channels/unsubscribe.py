"""Tokens that end one mail channel of one subscription: whoever has one may use it, and nobody can make one.

Sealed (`pipeline.sealing`: encrypted and authenticated by HMAC-SHA256), so that a link in a mail tells nothing and a
changed one is refused. A token stays good as long as the key does: RFC 8058 wants an old mail's link to work.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from pipeline.channels.seals import Unsealer
from pipeline.errors import SealError

_PURPOSE: Final = "unsubscribe"
"""What else is sealed with the key is no token."""

PATH: Final = "/unsubscribe"


def unsubscribe_token(seals: Unsealer, subscription: str, channel: str) -> str:
    """A token for a channel, by its `channel_key`."""
    return seals.seal(f"{_PURPOSE}|{subscription}|{channel}")


def verify_unsubscribe(seals: Unsealer, token: str) -> tuple[str, str]:
    """Subscription and `channel_key` that a token is for.

    Raises:
        SealError: it is none of ours.
    """
    purpose, _, rest = seals.unseal(token).partition("|")
    subscription, _, channel = rest.partition("|")
    if purpose != _PURPOSE or not subscription or not channel:
        raise SealError("this is no token to unsubscribe with")
    return subscription, channel


def unsubscribe_url(seals: Unsealer, base_url: str, subscription: str, channel: str) -> str:
    """Where a POST ends the channel (RFC 8058) and a GET shows a page; "" where this installation has no address."""
    if not base_url:
        return ""
    return f"{base_url}{PATH}?token={quote(unsubscribe_token(seals, subscription, channel), safe='')}"
