"""The channel `apprise`: chats and push services, by way of `pipeline.subscriptions.services`.

It blocks, so it runs beside the loop.
"""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, nullcontext
from typing import Final

from pipeline.channels.sent import Sent, failed
from pipeline.feeds import guard
from pipeline.subscriptions.services import library

_OURS: Final = re.compile(r"(?<=[?&])(?:redirect|cto|rto)=[^&]*&?")
_OVERFLOW: Final = re.compile(r"[?&]overflow=")

CONNECT_SECONDS: Final = 5.0


def service_of(url: str) -> str:
    """The URL's scheme, which holds no secret; "" where it has none."""
    scheme, separator, _ = url.partition("://")
    return scheme.lower() if separator and scheme.isalnum() else ""


def bounded(url: str, timeout: float) -> str:
    """The URL with short timeouts and without redirects, whatever it says of them; a text too long is sent in pieces.

    Args:
        timeout: seconds for the attempt as a whole.
    """
    url = _OURS.sub("", url).rstrip("?&")
    options = f"redirect=no&cto={min(CONNECT_SECONDS, timeout):g}&rto={timeout:g}"
    if not _OVERFLOW.search(url):
        options += "&overflow=split"
    return f"{url}{'&' if '?' in url else '?'}{options}"


def notify(url: str, title: str, body: str, timeout: float, *, allow_private: bool) -> Sent:
    """One attempt. Blocks; each read of the answer is bounded by ``timeout``, the whole by whoever calls.

    Args:
        url: as apprise has it, unsealed.
        allow_private: whether a host may be dialled whose address is not public: many services name one.
    """
    apprise, statuses = library()
    asset = apprise.AppriseAsset(
        app_id="counterclaim", app_desc="counterclaim", app_url="", storage_mode="memory", async_mode=False
    )
    plugin = apprise.Apprise.instantiate(bounded(url, timeout), asset=asset, suppress_exceptions=True)
    if plugin is None:
        return failed(f"apprise cannot use this {service_of(url) or 'address'}: look at its page for how it is written")
    statuses.begin()
    everything: AbstractContextManager[list[str]] = nullcontext([])
    with everything if allow_private else guard.public_only() as refused:
        if plugin.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT):
            return Sent("delivered")
    if refused:
        return failed(f"the host's address is not public: {refused[0]} (settings: alerts.allow_private)")
    status = statuses.last()
    said = f"answers {status}" if status else "could not be reached, or refused it"
    return failed(f"the service {service_of(url)} {said}", status=status)
