"""Numbers that name: "the 12th package", "package 13", "flight 370", "6.3 magnitude". Not those that count.

"12 dead" and "15 dead" are one event an hour apart; the 12th and the 13th package are two. A number names when it is an
ordinal, when it stands behind a word with a capital, or when it has a decimal point. Days, months and years name
nothing here, nor do the sections of a law.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Final

from babel import Locale, UnknownLocaleError

from pipeline.rules.folding import words
from pipeline.threads.background import information
from pipeline.threads.story import STEM, Number

_ORDINAL: Final = r"st|nd|rd|th|e|er|re|ère|ème|º|ª|°|a|o|й|я|ая|ый|ий|ое|го|му|м|ім|их|х|та|те|inci|nci|üncü|uncu|ıncı"
_NUMBER = re.compile(
    rf"""(?P<han>第\s?(?P<nth>\d+|[一二三四五六七八九十百]+)\s?[轮輪批次号號届屆任季版架艘]?(?P<what>\w\w))
    |(?P<before>[^\W\d_]{{3,}})[\s\u00a0]+(?:no\.?\s|nr\.?\s|№\s?|n[º°]\s?|\#)?(?P<label>\d{{1,4}})(?!\d|[.,:%/]\d|\s?[%:/]|['’-]?[^\W\d_])
    |(?<![\d.,:/$€£])(?P<value>\d{{1,3}}(?:[.,]\d)?)(?P<ending>(?:['’-]?(?:{_ORDINAL}))?\.?)[\s\u00a0-]+(?P<after>[^\W\d_]{{3,}})
    (?:[\s\u00a0]+(?P<then>[^\W\d_]{{3,}}))?""",
    re.IGNORECASE | re.VERBOSE,
)
_INSIDE = re.compile(r"[\w,;)]\s\Z")
_DECIMAL = re.compile(r"\d[.,]\d")


def named_numbers(title: str, text: str, language: str) -> Iterator[Number]:
    """The numbers that name something in a title and the beginning of a text, each once."""
    seen: set[Number] = set()
    for field in (title, text):
        for found in _NUMBER.finditer(field):
            for number in _numbers(found, language, labels=field is text):
                if number not in seen:
                    seen.add(number)
                    yield number


def _numbers(found: re.Match[str], language: str, *, labels: bool) -> Iterator[Number]:
    if found["han"]:
        yield Number(found["nth"], found["what"])
    elif found["label"]:
        # "Flight 370", not "killed 37": a capital tells, but for the headlines that write every word with one
        if labels and found["before"][0].isupper() and _INSIDE.search(found.string, 0, found.start()):
            yield from _of(found["label"], found["before"], language)
    elif found["ending"].strip(".") or (found["ending"] and language in {"de", "tr"}) or _DECIMAL.match(found["value"]):
        value = found["value"].replace(",", ".")
        for noun in (found["after"], found["then"]):
            yield from _of(value, noun or "", language)


def _of(value: str, noun: str, language: str) -> Iterator[Number]:
    folded = words(noun)
    if len(folded) != 1 or folded[0][:STEM] in _times(language) or (len(value) == 4 and value[:2] in {"19", "20"}):
        return
    if information(language, folded[0]) > 0:
        yield Number(value, folded[0][:STEM])


def weekdays(beginning: Iterable[str], language: str) -> tuple[int, ...]:
    """The days of the week among these folded words, 0 is Monday; sorted, each once."""
    known = _weekdays(language)
    return tuple(sorted({known[word[:STEM]] for word in beginning if word[:STEM] in known}))


@cache
def _weekdays(language: str) -> Mapping[str, int]:
    """Days by their names of one word, as words are compared; a beginning that two days share names neither."""
    try:
        locale = Locale.parse(language)
    except (UnknownLocaleError, ValueError):
        return {}
    found: dict[str, set[int]] = {}
    for day, name in locale.days["format"]["wide"].items():
        folded = words(str(name))
        if len(folded) == 1:
            found.setdefault(folded[0][:STEM], set()).add(day)
    return {name: days.pop() for name, days in found.items() if len(days) == 1}


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
           "floor", "street", "avenue", "section", "article", "page", "room", "age", "aged", "million", "billion",
           "trillion", "thousand", "percent", "per"),
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
