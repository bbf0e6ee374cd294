"""Who an article's independent source is: the news agency it came from, else the owner of its outlet, else a domain.

Ten outlets that print one agency's report are one source, and so are the papers of one owner. The list of outlets says
who is an agency (it has `credits`: how others name it), and who owns whom. An agency that a government controls counts
as that government's, so that two of its agencies are not two sources.

A credit counts where outlets put it: in the byline, in the dateline ("PARIS, March 3 (AFP) -", "МОСКВА, 3 марта.
/ТАСС/"), or at the end ("Source: Xinhua", "© AFP"). "As Reuters reports" within the text is somebody else's report, and
counts for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Protocol

from pipeline.records import Article

HEAD: Final = 160
"""Characters in which a dateline ends: the longest name of a place, a date, an agency."""

TAIL: Final = 160
"""Characters at the end that a credit is looked for in."""

_SOURCE_WORDS: Final = (
    "source", "sources", "quelle", "quellen", "fuente", "fuentes", "fonte", "fonti", "fontes", "kaynak", "bron",
    "источник", "джерело", "źródło", "المصدر", "منبع", "来源", "來源", "出典", "출처",
)  # fmt: skip
_SIGNED_OFF: Final = re.compile(r"\((?:Reporting|Writing|Additional reporting) by [^()]{3,300}[;.] ?Editing by ")
"""How Reuters, and nobody else, ends its reports."""
_REUTERS: Final = "Reuters"
_OPEN: Final = r"[(（【\[]"
_INSIDE: Final = r"[^()（）【】\[\]]"
_SEPARATORS: Final = re.compile(r"[\W_]+")


class Outlet(Protocol):
    """What is read of an outlet (`pipeline.settings.models.Outlet`)."""

    @property
    def name(self) -> str:
        """As its feeds call it."""

    @property
    def owner(self) -> str:
        """Who controls it in the end."""

    @property
    def domains(self) -> tuple[str, ...]:
        """Registrable domains of its pages."""

    @property
    def state_control(self) -> bool:
        """Whether a government decides what it says."""

    @property
    def editions(self) -> tuple[str, ...]:
        """Other names that its feeds carry."""

    @property
    def credits(self) -> tuple[str, ...]:
        """How others name it when they print its reports."""


class Sources:
    """Gives each article its independent source key; made once from the list of outlets."""

    def __init__(self, outlets: Iterable[Outlet]) -> None:
        self._by_domain: dict[str, str] = {}
        self._by_name: dict[str, str] = {}
        self._by_credit: dict[str, str] = {}
        self._owners: dict[str, str] = {}
        self._owners_by_name: dict[str, str] = {}
        for outlet in outlets:
            key = _key(outlet)
            self._owners |= dict.fromkeys(outlet.domains, outlet.owner)
            self._owners_by_name |= dict.fromkeys((outlet.name, *outlet.editions), outlet.owner)
            self._by_domain |= dict.fromkeys(outlet.domains, key)
            self._by_name |= dict.fromkeys((outlet.name, *outlet.editions), key)
            self._by_credit |= dict.fromkeys(outlet.credits, key)
        longest_first = sorted(self._by_credit, key=lambda name: (-len(name), name))
        self._agency = f"({'|'.join(map(re.escape, longest_first)) or '(?!)'})"
        self._named = re.compile(self._agency)
        self._byline = re.compile(rf"(?<!\w){self._agency}(?!\w)")
        self._dateline = re.compile(self._dateline_forms(), re.VERBOSE)
        self._end = re.compile(self._end_forms(), re.VERBOSE | re.IGNORECASE)

    def of(self, article: Article) -> str:
        """`wire:<agency>`, `owner:<group>` or `domain:<registrable domain>`. Never empty."""
        credited = self._by_credit.get(self._credit(article))
        outlet = self._by_domain.get(article.domain) or self._by_name.get(article.outlet)
        return credited or outlet or f"domain:{article.domain}"

    def owner(self, domain: str, outlet: str) -> str:
        """Who controls an outlet in the end, by its domain or else its name; "" where the list does not know it."""
        return self._owners.get(domain) or self._owners_by_name.get(outlet, "")

    def _credit(self, article: Article) -> str:
        """The agency that an article is credited to, as it is named there; "" if to none."""
        for author in article.authors:
            if found := self._byline.search(author):
                return str(found[1])
        texts = [text for text in (article.lead, article.body) if text]
        for head in dict.fromkeys(text[:HEAD] for text in texts):  # a feed's lead is often the body's first paragraph
            if self._named.search(head) and (found := self._dateline.search(head)):
                return str(next(filter(None, found.groups())))
        for text in texts:
            if found := self._end.search(text[-TAIL:]):
                return self._as_listed(next(filter(None, found.groups())))
            if _SIGNED_OFF.search(text[-4 * TAIL :]):
                return _REUTERS
        return ""

    def _as_listed(self, name: str) -> str:
        return next((one for one in self._by_credit if one.casefold() == name.casefold()), name)

    def _forms(self, *forms: str) -> str:
        """Alternatives, each of which has AGENCY once."""
        return "|".join(form.replace("AGENCY", self._agency) for form in forms)

    def _dateline_forms(self) -> str:
        return self._forms(
            rf"{_OPEN} (?:{_INSIDE}{{0,24}} [\s/,，・])?? AGENCY (?:[\s/,，・] {_INSIDE}{{0,40}})? [)）】\]]",
            r"/\ ?AGENCY\ ?/",  # МОСКВА, 3 марта. /ТАСС/.
            r"[—–-]\ AGENCY\ ?[.,:]",  # МОСКВА, 3 мар — РИА Новости.
            r"(?:^|[.,]\ )AGENCY(?:\.RU)?\ [—–-]{1,2}\ ",  # Москва. 3 марта. ИНТЕРФАКС -
            r"^[\s（(【\[]*AGENCY[^。，\n]{0,20}?\d[^。，\n]{0,8}?[电電讯訊]",  # 新华社北京3月3日电
            r"^به\ گزارش\ (?:خبرگزاری\ )?AGENCY(?!\w)",
        )

    def _end_forms(self) -> str:
        words = "|".join(_SOURCE_WORDS)
        return self._forms(
            rf"(?<!\w)(?:{words})\s?[:：]\s?(?:the\s)?AGENCY(?!\w)",
            r"(?:[\n©|]\s?|[.。!?”\"»]\s) [(（\[]? AGENCY [)）\]]? [\s.。]* $",
        )


def _key(outlet: Outlet) -> str:
    if outlet.credits and not outlet.state_control:
        return f"wire:{_slug(outlet.name)}"
    return f"owner:{_slug(outlet.owner)}"


def _slug(name: str) -> str:
    return _SEPARATORS.sub("-", name.casefold()).strip("-")
