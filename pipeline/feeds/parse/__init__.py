"""Bytes → articles. Only this package knows feedparser: what replaces it replaces this."""

from pipeline.feeds.parse.feed import parse, require_safe_expat

__all__ = ["parse", "require_safe_expat"]
