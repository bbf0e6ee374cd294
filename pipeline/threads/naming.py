"""Numbers that name: "the 12th package", "package 13", "flight 370", "6.3 magnitude". Not those that count.

"12 dead" and "15 dead" are one event an hour apart; the 12th and the 13th package are two. A number names when it is an
ordinal, when it stands behind its word, or when it has a decimal point. Days, months and years name nothing here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final

from babel import Locale, UnknownLocaleError

from pipeline.rules.folding import words
from pipeline.threads.background import information
from pipeline.threads.story import STEM, Number

_ORDINAL: Final = r"st|nd|rd|th|e|er|re|ère|ème|º|ª|°|a|o|й|я|ая|ый|ий|ое|го|му|м|ім|их|х|та|те|inci|nci|üncü|uncu|ıncı"
_NUMBER = re.compile(
    rf"""(?P<han>第\s?(?P<nth>\d+|[一二三四五六七八九十百]+)\s?[轮輪批次号號届屆任季版架艘]?(?P<what>\w\w))
    |(?P<before>[^\W\d_]{{3,}})[\s\u00a0]+(?:no\.?\s|nr\.?\s|№\s?|n[º°]\s?|\#)?(?P<label>\d{{1,4}})(?![\d.,:%/]\d|\s?[%:/]|[^\W\d_])
    |(?<![\d.,:/$€£])(?P<value>\d{{1,3}}(?:[.,]\d)?)(?P<ending>(?:['’-]?(?:{_ORDINAL}))?\.?)[\s\u00a0-]+(?P<after>[^\W\d_]{{3,}})
    (?:[\s\u00a0]+(?P<then>[^\W\d_]{{3,}}))?""",
    re.IGNORECASE | re.VERBOSE,
)
_DECIMAL = re.compile(r"\d[.,]\d")


def named_numbers(texts: Sequence[str], language: str) -> Iterator[Number]:
    """The numbers that name something in some texts, each once."""
    seen: set[Number] = set()
    for text in texts:
        for found in _NUMBER.finditer(text):
            for number in _numbers(found, language):
                if number not in seen:
                    seen.add(number)
                    yield number


def _numbers(found: re.Match[str], language: str) -> Iterator[Number]:
    if found["han"]:
        yield Number(found["nth"], found["what"])
    elif found["label"]:
        yield from _of(found["label"], found["before"], language, strict=True)
    elif found["ending"].strip(".") or (found["ending"] and language in {"de", "tr"}) or _DECIMAL.match(found["value"]):
        value = found["value"].replace(",", ".")
        for noun in (found["after"], found["then"]):
            yield from _of(value, noun or "", language, strict=False)


def _of(value: str, noun: str, language: str, *, strict: bool) -> Iterator[Number]:
    folded = words(noun)
    if len(folded) != 1 or folded[0][:STEM] in _times(language) or (len(value) == 4 and value[:2] in {"19", "20"}):
        return
    if information(language, folded[0]) > (1.0 if strict else 0.0):
        yield Number(value, folded[0][:STEM])


@cache
def _times(language: str) -> frozenset[str]:
    """Months and days of the week, and what they are parts of, as words are compared."""
    found = {one[:STEM] for one in _TIMES.get(language, ())}
    try:
        locale = Locale.parse(language)
    except (UnknownLocaleError, ValueError):
        return frozenset(found)
    for names in (
        *locale.months["format"].values(),
        *locale.months["stand-alone"].values(),
        *locale.days["format"].values(),
    ):
        for name in names.values():
            found.update(word[:STEM] for word in words(str(name)))
    return frozenset(found)


_TIMES: Final = {
    "en": ("century", "anniversary", "birthday", "quarter", "minute", "time", "day", "week", "year", "month", "grade",
           "floor", "street", "avenue", "age", "aged", "million", "billion", "trillion", "thousand", "percent", "per",
           "about"),
    "de": ("jahrhundert", "jahrestag", "geburtstag", "quartal", "minute", "mal", "tag", "woche", "jahr", "monat",
           "millionen", "milliarden", "prozent"),
    "fr": ("siècle", "anniversaire", "trimestre", "minute", "fois", "jour", "semaine", "année", "mois", "millions",
           "milliards", "pour"),
    "es": ("siglo", "aniversario", "trimestre", "minuto", "vez", "día", "semana", "año", "mes", "millones", "por"),
    "it": ("secolo", "anniversario", "trimestre", "minuto", "volta", "giorno", "settimana", "anno", "mese", "milioni",
           "miliardi", "per"),
    "pt": ("século", "aniversário", "trimestre", "minuto", "vez", "dia", "semana", "ano", "mês", "milhões", "por"),
    "ru": ("век", "века", "годовщина", "квартал", "минута", "раз", "день", "неделя", "год", "года", "месяц",
           "миллионов", "миллиардов", "процентов"),
    "uk": ("століття", "річниця", "квартал", "хвилина", "раз", "день", "тиждень", "рік", "року", "місяць", "мільйонів",
           "мільярдів", "відсотків"),
    "tr": ("yüzyıl", "yıldönümü", "çeyrek", "dakika", "kez", "gün", "hafta", "yıl", "ay", "milyon", "milyar", "yüzde"),
}  # fmt: skip
