"""How good the rules are on labelled text, and what a change of the rules changes. Pure.

gold        labelled lines, read and checked; which of them nobody tunes on
metrics     right, wrong, missed → precision, recall, F1
bootstrap   how far these could be off by chance: 95 % intervals
score       lines × rules → a report by class, scope, stratum and language
examples    the errors that tell most, outside what nobody tunes on
layout      a report as text and as JSON
clusters    articles of events → threads in shuffled order → B-cubed
compare     two rule sets on the same articles: gained, lost and changed flags
"""
