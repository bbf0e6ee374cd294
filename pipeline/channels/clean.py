"""What no text of an article may carry into a channel. Pure.

`clean` is applied to every text before any template sees it. What a channel reads as markup is dealt with where a value
is put into a template: escaped in HTML, `defang` in chats.

Chats differ in their markup (Slack's mrkdwn, Discord's and Telegram's Markdown, HTML), and the library in between
converts one into another, so a backslash that escapes in one is shown by the next. `defang` therefore leaves nothing to
escape: characters that mean something to any of them become others that look alike. Nobody is called (`@everyone`,
`<!channel>`), no link is hidden behind words, and a reader sees no difference worth telling.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, urlsplit

_ESCAPES: Final = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # control sequences: colours, cursor (ECMA-48 §5.4)
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"  # command strings: titles, links
    r"|\x1b[ -/]*[0-~]"  # the rest
)
_WHITE_SPACE: Final = re.compile(r"\s+")

_JOINERS: Final = "\u200c\u200d"
"""Zero-width joiner and non-joiner: Persian and Hindi spell with them."""

_ALIKE: Final = str.maketrans(
    {
        "*": "\u2217",
        "_": "\uff3f",
        "~": "\u223c",
        "`": "\u02cb",
        "|": "\u2223",
        "<": "\u2039",
        ">": "\u203a",
        "[": "\uff3b",
        "]": "\uff3d",
        "@": "\uff20",
        "#": "\uff03",
        "\\": "\uff3c",
    }
)

_URL_SAFE: Final = ":/?#!$&'()*+,;=@%-._~"
"""Characters that stay in a link; letters and digits do anyway."""

_CHAT_URL: Final = str.maketrans({c: f"%{ord(c):02X}" for c in "*_~@()'"})
"""What is markup in a chat. Encoded, `_` and `~` mean the same (RFC 3986 §6.2.2.2), and no server of news tells the
others apart."""


class Link(str):
    """An address that may be clicked: http or https, and without a character that ends it anywhere."""

    __slots__ = ()


def clean(text: str) -> str:
    """The text on one line, without terminal escapes, control characters, bidirectional controls and half characters.

    Applying it twice changes nothing more.
    """
    if _ESCAPES.search(text):
        text = _ESCAPES.sub("", text)
    text = _WHITE_SPACE.sub(" ", text).strip(" ")
    if text.isprintable():
        return text
    return _WHITE_SPACE.sub(" ", "".join(c for c in text if c.isprintable() or c in _JOINERS)).strip(" ")


def link(url: str) -> Link:
    """The address as a link; "" unless it is http or https with a host and without a user name."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.username is None
        if not usable or "[" in parts.netloc:  # no news site is an IPv6 address, and brackets are markup
            return Link()
        netloc = parts.netloc.encode("idna").decode() if not parts.netloc.isascii() else parts.netloc
    except ValueError:
        return Link()
    rest = parts.path + (f"?{parts.query}" if parts.query else "") + (f"#{parts.fragment}" if parts.fragment else "")
    return Link(f"{parts.scheme}://{_encoded(netloc)}{_encoded(rest)}")


def defang(value: object) -> str:
    """A value as it goes into a chat's message: nothing in it is markup, calls somebody, or hides a link."""
    return value.translate(_CHAT_URL) if isinstance(value, Link) else clean(str(value)).translate(_ALIKE)


def _encoded(part: str) -> str:
    return quote(part, safe=_URL_SAFE, errors="ignore")
