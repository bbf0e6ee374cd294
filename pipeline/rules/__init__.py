"""Rules: stored queries on the words of an article, and the flags they raise.

    grammar     what a journalist types  → a syntax tree (`query`), or the column where it stops making sense
    folding     text                     → words as they are compared, with the way back into the stored text
    tokens      text                     → sentences
    match       syntax tree × words      → matches: the words that satisfy a query
    ways        a query                  → groups of words of each of which one must be there
    index       all queries of a language → the few that an article can match at all, found before any word is cut
    lexicon     a rule file as written   → checked models, each problem with its file and line
    load        a folder of rule files   → `Rules`, or every problem in them
    ruleset     `Rules.flags(article)`   → flags with minimal spans and a score

All of it is pure but `load`, which reads the files. docs/rules.md explains the language to those who write rules.
"""

from pipeline.rules.load import load_rules
from pipeline.rules.ruleset import Rules

__all__ = ["Rules", "load_rules"]
