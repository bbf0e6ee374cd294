"""Canonical URLs: one page, one text, whichever way a feed links to it; and the registrable domain of a host.

The rules are those of RFC 3986 §6 (case, percent-encoding, dot segments, default port), of IDNA (UTS 46) for host
names, and what news sites add: tracking parameters, AMP and mobile variants, session ids.

The result is an identity, not an address to fetch: `www.` is dropped with `m.` and `amp.`, because a site's bare,
`www.` and mobile hosts tell the same stories, and nothing in a URL says which of them the site prefers. The link as the
feed gave it is kept beside it on the article.

Why not a library for the whole: `w3lib.url.canonicalize_url` is not idempotent (`%2541` becomes `%41`, then `A`) and
knows no tracking parameters; `courlan` drops `cid`, `eid` and `uid`, which are article numbers at some outlets, and a
wrong merge is worse than a missed one.
"""

from __future__ import annotations

import ipaddress
import posixpath
import re
import unicodedata
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote, urlsplit

import idna
import tldextract

MAX_URL_CHARS: Final = 4096
"""Longer is no article's address; browsers and servers commonly stop at 2,000 to 8,000."""

TRACKING_PREFIXES: Final = (
    "utm_", "at_", "ns_", "mc_", "mtm_", "pk_", "piwik_", "hsa_", "itm_", "stm_", "fb_", "ga_", "gaa_", "_hs",
    "vero_", "oly_", "guce_", "wt_", "wt.", "xtor", "amp_", "soc_", "trk_", "ic_", "ncid", "smid", "cmp_",
)  # fmt: skip
"""Beginnings of parameters that say how a reader came, not what is read."""

TRACKING: Final = frozenset({
    "fbclid", "gclid", "gclsrc", "dclid", "gbraid", "wbraid", "msclkid", "twclid", "yclid", "ymclid", "ttclid",
    "igshid", "igsh", "li_fat_id", "epik", "s_cid", "scid", "_ga", "_gl", "_gid", "_ke", "mkt_tok",
    "cmp", "cmpid", "campaign_id", "ocid", "icid", "intcid", "intcmp", "iref", "sref", "ito", "mod", "smtyp", "emc",
    "tpcc", "ftag", "dgid", "maca", "traffic_source", "traffic_medium", "feedtype", "feedname", "spm", "scm",
    "share_token", "sharetype", "taid", "guccounter", "__twitter_impression", "__source", "__cft__", "usqp",
    "ref_src", "ref_url", "referer", "referrer", "wtmc", "phpsessid", "jsessionid", "sessionid", "cachebuster",
    "outputtype", "amp",
})  # fmt: skip
"""Whole names of such parameters, in lower case. `outputType=amp` and `amp` ask for the AMP variant of a page."""

AMBIGUOUS_TRACKING: Final = frozenset({
    "ref", "source", "src", "from", "via", "partner", "rss", "medium", "campaign", "share", "output", "view",
})  # fmt: skip
"""Names that carry tracking words at most outlets and article numbers at a few: dropped unless the value has digits."""

VARIANT_LABELS: Final = frozenset({"www", "m", "mobile", "amp", "wap"})
"""Labels below the registrable domain that name a variant of the same site."""

_UNRESERVED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_PATH_SAFE: Final = "/%:@!$&'()*+,;=-._~"
_QUERY_SAFE: Final = "/%:@!$'()*+,;=-._~?"
_ESCAPE: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_STRAY_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HOST: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?")
_SESSION: Final = re.compile(r";(?:jsessionid|phpsessid|sid)=[^/;]*", re.IGNORECASE)
_AMP_SUFFIX: Final = re.compile(r"\.amp(?=\.|$)", re.IGNORECASE)
_GOOGLE: Final = re.compile(r"(?:[a-z0-9-]+\.)?google(?:\.[a-z]{2,3}){1,2}")
_GOOGLE_AMP: Final = re.compile(r"/amp/(s/)?([^/]+\.[^/]+/.*)")
_AMP_CACHE: Final = re.compile(r"/[cv]/(s/)?([^/]+\.[^/]+(?:/.*)?)")
_ESCAPED_AMPERSAND: Final = re.compile(r"^(?:amp;)+")
_NO_SEGMENTS: Final = frozenset({"", ".", "..", "amp"})
_DEFAULT_PORT: Final = {"http": 80, "https": 443}
_MAX_UNWRAPS: Final = 4


def canonical_url(url: str) -> str:
    """The canonical form of an article's address; "" for what is no usable http(s) URL. Idempotent; never raises.

    >>> canonical_url("HTTPS://WWW.Example.org:443//news/./a%7Eb/?utm_source=rss&b=2&a=1#top")
    'https://example.org/news/a~b?a=1&b=2'
    """
    for _ in range(_MAX_UNWRAPS):
        canonical, inner = _canonical(url)
        if not inner:
            return canonical
        url = inner
    return ""  # wrapped that often it was made to be


def _canonical(url: str) -> tuple[str, str]:
    """Canonical form, or the address that an AMP cache's address wraps."""
    if len(url) > MAX_URL_CHARS:
        return "", ""
    try:
        parts = urlsplit(url.strip())
        scheme, port, host = parts.scheme.lower(), parts.port, _host(parts.hostname or "")
    except ValueError:  # a bracket or a port that is none
        return "", ""
    if scheme not in _DEFAULT_PORT or not host:
        return "", ""
    path, query = _path(parts.path), _query(parts.query)
    if query:
        query = f"?{query}"
    if inner := _wrapped(host, parts.path, path):
        return "", inner + query
    netloc = host if port is None or port == _DEFAULT_PORT[scheme] else f"{host}:{port}"
    return f"{scheme}://{netloc}{path}{query}", ""


def registrable_domain(url: str) -> str:
    """Registrable domain (public suffix and one label, `bbc.co.uk`) of a URL's host, or of a host.

    A host that is no public name (an IP address, `localhost`) is returned itself, without its port; "" if there is
    none. Uses the Public Suffix List that tldextract carries: no network, no cache on disk.
    """
    try:
        host = urlsplit(url).hostname if "://" in url else urlsplit(f"//{url}").hostname
        return _registrable(_ascii(host or ""))
    except ValueError:
        return ""


def is_public_name(domain: str) -> bool:
    """Whether a registrable domain is a name under a public suffix, and not an address or a machine's own name."""
    return bool(_public(domain))


def _registrable(host: str) -> str:
    return _public(host) or host


@lru_cache(maxsize=1)
def _extract() -> tldextract.TLDExtract:
    return tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)


@lru_cache(maxsize=8192)  # the hosts of a large operator's list, with room
def _public(host: str) -> str:
    found = _extract()(host)
    if found.suffix or found.ipv4 or "." not in host or host.startswith("["):
        return found.top_domain_under_public_suffix
    return ".".join(host.split(".")[-2:])  # the list's own rule for a top-level domain that is not on it


@lru_cache(maxsize=8192)
def _host(host: str) -> str:
    host = _ascii(host)
    if not host or ":" in host:
        return host
    domain = _registrable(host)
    if not host.endswith("." + domain):
        return host
    below = [label for label in host.removesuffix("." + domain).split(".") if label not in VARIANT_LABELS]
    return ".".join([*below, domain])


def _ascii(host: str) -> str:
    """A host as it goes on the wire: A-labels in lower case, an IPv6 address in brackets; "" if it is none."""
    host = host.strip().rstrip(".").lower()
    if ":" in host:
        return f"[{ipaddress.IPv6Address(host.partition('%')[0]).compressed}]"
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            return ""
    return host if _HOST.fullmatch(host) and ".." not in host else ""


def _path(path: str) -> str:
    path = posixpath.normpath("/" + _percent(path, _PATH_SAFE).lstrip("/"))
    segments = (_AMP_SUFFIX.sub("", _SESSION.sub("", segment)) for segment in path.split("/"))
    return "/" + "/".join(part for part in segments if part.lower() not in _NO_SEGMENTS)


def _query(query: str) -> str:
    pairs = (_percent(pair, _QUERY_SAFE).replace("%20", "+") for pair in query.split("&"))
    # "amp;" is left of "&amp;" in a link that was escaped once too often
    plain = (_ESCAPED_AMPERSAND.sub("", pair) for pair in pairs)
    return "&".join(sorted(pair for pair in plain if pair and not _is_tracking(pair)))


def _is_tracking(pair: str) -> bool:
    name, _, value = pair.partition("=")
    name = unquote(name).lower()
    if name in TRACKING or name.startswith(TRACKING_PREFIXES):
        return True
    return name in AMBIGUOUS_TRACKING and not any(map(str.isdigit, unquote(value)))


def _percent(text: str, safe: str) -> str:
    """Percent-encoding in its normal form (RFC 3986 §6.2.2): capitals, and only where it is needed.

    A stray `%` is encoded first; so nothing decoded can join with what follows it into a new escape.
    """
    text = _STRAY_PERCENT.sub("%25", unicodedata.normalize("NFC", text))
    return quote(_ESCAPE.sub(_unreserved, text), safe=safe, errors="replace")


def _unreserved(escape: re.Match[str]) -> str:
    char = chr(int(escape[1], 16))
    return char if char in _UNRESERVED else escape[0].upper()


def _wrapped(host: str, raw_path: str, path: str) -> str:
    """The publisher's address inside an AMP cache's (`google.com/amp/s/…`, `….cdn.ampproject.org/c/s/…`), or ""."""
    if host.endswith(".cdn.ampproject.org"):
        found = _AMP_CACHE.fullmatch(path)
    elif _GOOGLE.fullmatch(host):
        found = _GOOGLE_AMP.fullmatch(raw_path)
    else:
        return ""
    return f"http{'s' if found[1] else ''}://{found[2]}" if found else ""
