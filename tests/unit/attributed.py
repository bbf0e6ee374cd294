"""Small rule files in several languages, and flags made by them: what the tests of attribution work with."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from pipeline.records import Article, Flag, Kind
from pipeline.rules import Rules, load_rules

_RULES = """
rules:
  - {id: denied, version: 1, kind: denial, category: denial, query: "@denied_words", examples: [EXAMPLE]}
  - {id: accused, version: 1, kind: allegation, category: accusation, query: "@accused_words", examples: [EXAMPLE]}
"""

_FILES = {
    "en": """
language: en
cues:
  denying: {deny: [deny, denies, denied, denying, rejects, rejected], plead: [pleads]}
  accusing: {accuse: [accuse, accuses, accused, blames, blamed]}
  alleging: {allege: [alleges, claims that, alleged, allegedly]}
phrases:
  innocent: [baseless, i did not, we never, no plans to]
  denied_words: ["@denying", "@innocent", denial]
  accused_words: ["@accusing", "@alleging", accusations, allegations, lied]
frame:
  owner: [before]
  deny: ["@denying"]
  accuse: ["@accusing"]
  allege: [alleges, claims, alleged]
  say: [say, says, said, calls, according to]
  participles: [denied, rejected, accused, blamed]
  denials: [denial]
  accusations: [accusations, allegations]
  claims: [claims, report, reports, rumours]
  hearsay: [allegedly, alleged, faces]
  be: [is, are, was, were, been]
  by: [by]
  of: [from]
  genitive: [s]
  about: [of, over, for, about]
  against: [against]
  that: [that]
  articles: [the, a, an, its, his]
  prepositions: [of, in, for, to, at, on, according to]
  breaks: [after, as, amid, and, but, while]
  skip: [has, have, had, flatly, not, on monday, today, to]
  pronouns: [he, she, it, they, its, his]
  persons: [he, she, his]
  relative: [who, which]
  we: [i, we]
""",
    "es": """
language: es
cues:
  negar: {negar: [niega, negó, desmiente], rechazar: [rechaza, rechazó]}
  acusar: {acusar: [acusa, acusó, acusado, acusan]}
phrases:
  denied_words: ["@negar"]
  accused_words: ["@acusar"]
frame:
  owner: []
  deny: ["@negar"]
  accuse: ["@acusar"]
  participles: [acusado]
  accusations: [acusaciones]
  claims: [informaciones]
  be: [es, fue, ha sido]
  by: [por]
  of: [de, del]
  about: [de, por]
  against: [a, al, contra]
  that: [que]
  articles: [el, la, los, las, un, una]
  prepositions: [de, del, en]
  skip: [ha, no]
""",
    "de": """
language: de
cues:
  leugnen: {bestreiten: [bestreitet, bestritten, zurückgewiesen]}
  klagen: {beschuldigen: [beschuldigt]}
phrases:
  denied_words: ["@leugnen"]
  accused_words: ["@klagen"]
frame:
  order: v2
  owner: [before]
  deny: ["@leugnen"]
  accuse: ["@klagen"]
  participles: [zurückgewiesen, bestritten, beschuldigt]
  claims: [vorwürfe, berichte]
  be: [wird, wurden, wurde]
  have: [hat, haben]
  by: [von]
  of: [der, des, aus, von]
  about: [über]
  articles: [der, die, das, den]
  prepositions: [in, über, von]
""",
    "ru": """
language: ru
cues:
  otric: {otric: [отрицает, отверг, отвергла, отвергли]}
  obvin: {obvin: [обвинил, обвинила, обвинили, обвиняет]}
phrases:
  denied_words: ["@otric"]
  accused_words: ["@obvin"]
frame:
  case: true
  owner: [after]
  deny: ["@otric"]
  accuse: ["@obvin"]
  participles: [обвинили]
  claims: [обвинения, сообщения]
  about: [в, о]
  prepositions: [в, о]
""",
    "tr": """
language: tr
cues:
  ret: {ret: [reddetti, yalanladı]}
  suc: {suc: [suçladı, suçlama]}
phrases:
  denied_words: ["@ret"]
  accused_words: ["@suc"]
frame:
  order: sov
  case: true
  deny: ["@ret"]
  accuse: [suçladı]
  accusations: [suçlama]
  object: [a]
  claims: [iddialarını, suçlamalarını]
  genitive: [nin, nın, in, ın, dan]
""",
    "ar": """
language: ar
cues:
  nafi: {nafi: [نفت, نفى, تنفي]}
  ittiham: {ittiham: [اتهمت, اتهم, تتهم]}
phrases:
  denied_words: ["@nafi"]
  accused_words: ["@ittiham"]
frame:
  order: vso
  capitals: false
  owner: [after]
  deny: ["@nafi"]
  accuse: ["@ittiham"]
  claims: [اتهامات, تقارير]
  about: [بشأن]
""",
    "fa": """
language: fa
cues:
  rad: {rad: [رد کرد, تکذیب کرد]}
  motaham: {motaham: [متهم کرد]}
phrases:
  denied_words: ["@rad"]
  accused_words: ["@motaham"]
frame:
  order: sov
  capitals: false
  owner: [after]
  deny: ["@rad"]
  accuse: ["@motaham"]
  claims: [اتهامات, ادعای]
  object: [را]
  about: [به]
""",
    "zh": """
language: zh
cues:
  fouren: {fouren: [否认, 驳斥]}
  zhikong: {zhikong: [指责, 指控]}
phrases:
  denied_words: ["@fouren"]
  accused_words: ["@zhikong"]
frame:
  capitals: false
  owner: [before]
  deny: ["@fouren"]
  accuse: ["@zhikong"]
  claims: [说法, 报道]
  by: [被]
  genitive: [的]
  breaks: [后]
""",
}


def write_rules(directory: Path) -> Path:
    """Write the rule files into a folder that does not exist yet."""
    directory.mkdir()
    for language, text in _FILES.items():
        (directory / f"{language}.yaml").write_text(text + _RULES, encoding="utf-8")
    return directory


def rules_in(directory: Path) -> Rules:
    """The rules of these files, with the shipped actors."""
    return load_rules(write_rules(directory))


def article(language: str, title: str, lead: str = "") -> Article:
    """An article with nothing but these."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Article(
        id="0", text_hash="", url="", domain="", title=title, lead=lead, language=language, published=at, fetched=at
    )


def flag(rules: Rules, kind: Kind, language: str, title: str, lead: str = "") -> Flag:
    """The one flag of a kind."""
    (found,) = (one for one in rules.flags(article(language, title, lead)) if one.kind == kind)
    return found


def who(rules: Rules, kind: Kind, language: str, title: str, lead: str = "") -> tuple[str | None, str | None]:
    """Actor and target of the one flag of a kind: the name, and behind a blank the code if there is one."""
    found = flag(rules, kind, language, title, lead)
    actor, target = (f"{one.name} {one.code}".strip() if one else None for one in (found.actor, found.target))
    return actor, target
