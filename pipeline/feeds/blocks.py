"""HTML as blocks of prose: the walk over the tree, and what of a page is not the story.

HTML is read by lexbor (the WHATWG parsing algorithm) and walked without recursion: nesting depth is the sender's
choice. A block is dropped by its link density (Kohlschütter et al., *Boilerplate Detection using Shallow Text
Features*, WSDM 2010) and by the names that pages give to their furniture.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

MIN_MAIN_CHARS: Final = 200
"""Prose that an `article` or `main` must hold to be taken for the page's text: two or three sentences."""

MAX_CANDIDATES: Final = 20
"""`article` elements looked at in one page; the story is among the first, the rest are cards of other stories."""

MAX_FURNITURE_CHECKS: Final = 500
"""Elements of one page whose text is measured because of their name: each costs the length of what is in it."""

MAX_DEPTH: Final = 500
"""Open elements at once. Pages have some 30; lexbor's time grows with the square of it (100,000: 40 s)."""

MENU_LINKS: Final = 3
"""So many links in one block, or blocks of links in a row, make a menu or a list of headlines."""

LINK_DENSE: Final = 0.5
"""Share of a block's characters inside links from which on it is links with words between, not words with links."""

_BLOCK_TAGS: Final = frozenset({
    "address", "article", "blockquote", "body", "br", "center", "dd", "details", "dir", "div", "dl", "dt", "fieldset",
    "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "html", "li", "main", "menu", "ol", "p", "pre", "section",
    "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
})  # fmt: skip
_HEADINGS: Final = frozenset({"h1", "h2", "h3", "h4", "h5", "h6", "dt", "summary"})
_DROPPED_TAGS: Final = frozenset({
    "aside", "audio", "button", "canvas", "dialog", "embed", "figcaption", "footer", "form", "head", "header", "iframe",
    "input", "label", "link", "map", "math", "meta", "nav", "noframes", "noscript", "object", "optgroup", "option",
    "script", "select", "style", "svg", "template", "textarea", "title", "video",
})  # fmt: skip
_CONTAINER_TAGS: Final = frozenset({"div", "section", "ul", "ol", "dl", "p", "span", "table", "figure", "details"})

_FURNITURE: Final = re.compile(
    r"(?<!has-)(?<!with-)(?<!no-)(?:^|[\s_-])"
    r"(?:shar(?:e|es|ing)(?:bar)?|social|sidebar|related|recommend(?:ed|ations)?|most-?(?:read|popular|viewed)|trending"
    r"|newsletter|subscribe|subscription|paywall|cookies?|consent|breadcrumbs?|menu|nav|navigation|navbar|comments?"
    r"|disqus|advert|advertisement|ads?|promo|sponsor(?:ed)?|feedflare|sharedaddy|jp-relatedposts|read-?(?:more|next)"
    r"|more-?(?:stories|news|on)|also-?read|tags|tag-?list|toolbar|skip-?link|sr-only|visually-?hidden|story-?code)"
    r"(?:$|[\s_-])",
    re.IGNORECASE,
)
"""Class, id or role names of page furniture, as whole words of the name."""

CUE: Final = (
    r"(?:read (?:more|next|also|the (?:full|whole|rest)|it (?:on|at|in full))|see also|also read|related|more on this"
    r"|continue reading|keep reading|click here|view (?:more|original)|full (?:story|article)|more:|watch:|listen:)"
)
"""How a pointer to another page begins."""

_POINTER: Final = re.compile(rf"^\W*{CUE}", re.IGNORECASE)
_SERVICE: Final = (
    r"(?:share(?: (?:this|on|via))?|tweet|facebook|twitter|x|whatsapp|telegram|linkedin|reddit|pinterest|messenger"
    r"|viber|e-?mail|print|copy link|save|vk|bluesky|threads|line|weibo|wechat)"
)
_SHARE_BAR: Final = re.compile(rf"^\W*{_SERVICE}(?:\W+{_SERVICE})+\W*$", re.IGNORECASE)
_NESTING: Final = re.compile(
    r"<(/?)(?!(?:area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr|p|li|td|th|tr|dt|dd|option)\b)[a-z][^<>]*>",
    re.IGNORECASE,
)
"""Tags that open or close a level; those whose end the parser supplies at the next of their kind do not count."""

_PAGE: Final = re.compile(r"<(?:html|body|main|article)[\s>]|<!doctype", re.IGNORECASE)


def is_page(markup: str) -> bool:
    """Whether this is a whole page, or the main part of one, and not the fragment that a feed gives."""
    return bool(_PAGE.search(markup))


def text_of(markup: str) -> str:
    """Main text of an HTML fragment or of a whole page, one line per block.

    A page gives its `article` or `main`, if that holds prose; either way menus, share bars, lists of headlines and
    pointers to other stories are left out. What is nested deeper than any page loses its tags and nothing else.
    """
    if markup.count("<") > MAX_DEPTH and _depth(markup) > MAX_DEPTH:
        return _NESTING.sub("\n", markup)
    tree = LexborHTMLParser(markup)
    if tree.body is None:
        return ""
    blocks = _main_blocks(tree, tree.body) if is_page(markup) else _prose(_blocks(tree.body))
    return "\n".join(block.text for block in blocks)


def _depth(markup: str) -> int:
    """Upper bound of the elements open at once: no tag is taken to close another one than its own kind's."""
    depth = deepest = 0
    for tag in _NESTING.finditer(markup):
        depth = max(0, depth - 1) if tag[1] else depth + 1
        deepest = max(deepest, depth)
    return deepest


def _main_blocks(tree: LexborHTMLParser, body: LexborNode) -> list[_Block]:
    for selector in ('[itemprop="articleBody"]', "article", 'main, [role="main"]'):
        candidates = [_prose(_blocks(node)) for node in tree.css(selector)[:MAX_CANDIDATES]]
        best = max(candidates, key=_size, default=[])
        if _size(best) >= MIN_MAIN_CHARS:
            return best
    return _prose(_blocks(body))


@dataclass(slots=True)
class _Block:
    """A stretch of text between two block boundaries, and how much of it is links."""

    heading: bool = False
    pieces: list[str] = field(default_factory=list)
    chars: int = 0
    link_chars: int = 0
    links: int = 0

    def add(self, text: str, *, linked: bool) -> None:
        self.pieces.append(text)
        size = len(text.strip())
        self.chars += size
        self.link_chars += size if linked else 0

    @property
    def text(self) -> str:
        return " ".join("".join(self.pieces).split())

    @property
    def density(self) -> float:
        return self.link_chars / self.chars if self.chars else 0.0


def _size(blocks: list[_Block]) -> int:
    return sum(block.chars for block in blocks)


def _blocks(root: LexborNode) -> list[_Block]:
    """The root's text in document order, cut at block elements."""
    walk = _Walk(root)
    node, depth = root.first_child, 1
    while node is not None:
        tag = node.tag or ""
        child = node.first_child if walk.enter(tag, node) else None
        if child is not None:
            node, depth = child, depth + 1
            continue
        walk.leave(tag)
        following = node.next
        while following is None:
            depth -= 1
            parent = node.parent
            if not depth or parent is None:
                return walk.done()
            node = parent
            walk.leave(node.tag or "")
            following = node.next
        node = following
    return walk.done()


class _Walk:
    """Collects blocks while the tree is walked."""

    def __init__(self, root: LexborNode) -> None:
        self._total = len(root.text())
        self._checks = MAX_FURNITURE_CHECKS
        self._blocks: list[_Block] = []
        self._block = _Block()
        self._anchors = 0

    def enter(self, tag: str, node: LexborNode) -> bool:
        """Take note of an element or a text; False if what is in it is left out."""
        if tag == "-text":
            self._block.add(node.text_content or "", linked=self._anchors > 0)
            return False
        if tag in _DROPPED_TAGS or (tag in _CONTAINER_TAGS and self._is_furniture(node)):
            return False
        if tag in _BLOCK_TAGS:
            self._cut(heading=tag in _HEADINGS)
        elif tag == "a":
            self._anchors += 1
            self._block.links += 1
        return True

    def leave(self, tag: str) -> None:
        if tag in _BLOCK_TAGS:
            self._cut()
        elif tag == "a":
            self._anchors -= 1

    def done(self) -> list[_Block]:
        self._cut()
        return self._blocks

    def _cut(self, *, heading: bool = False) -> None:
        if self._block.pieces or self._block.heading != heading:
            if self._block.chars:
                self._blocks.append(self._block)
            self._block = _Block(heading=heading)

    def _is_furniture(self, node: LexborNode) -> bool:
        attributes = node.attributes
        if not attributes:
            return False
        if "hidden" in attributes or "display:none" in (attributes.get("style") or "").replace(" ", "").lower():
            return True
        names = " ".join(attributes.get(name) or "" for name in ("class", "id", "role"))
        # A wrapper around the story may carry such a name too: what holds half of the text is no furniture.
        if not _FURNITURE.search(names) or not self._checks:
            return False
        self._checks -= 1
        return len(node.text()) * 2 < self._total


def _prose(blocks: list[_Block]) -> list[_Block]:
    """The blocks without menus, lists of headlines, pointers to other stories and share bars."""
    kept: list[_Block] = []
    for run in _runs(blocks):
        if len(run) < MENU_LINKS:
            kept.extend(block for block in run if not _is_furniture_text(block))
        elif kept and kept[-1].heading:
            kept.pop()  # "Most read": the heading of the list
    if not all(block.heading for block in kept):
        while kept[-1].heading:
            kept.pop()
    return kept


def _runs(blocks: list[_Block]) -> Iterator[list[_Block]]:
    """Consecutive blocks that are mostly links, together; each other block alone."""
    run: list[_Block] = []
    for block in blocks:
        if block.density >= LINK_DENSE:
            run.append(block)
            continue
        if run:
            yield run
            run = []
        yield [block]
    if run:
        yield run


def _is_furniture_text(block: _Block) -> bool:
    if block.density >= LINK_DENSE and (block.links >= MENU_LINKS or _POINTER.match(block.text)):
        return True
    return bool(_SHARE_BAR.match(block.text))
