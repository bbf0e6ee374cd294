"""Dispute threads. Pure.

story       what the join knows of an article: terms, numbers, who stands against whom; small enough for a table
terms       Article and flags → Story
join        which thread a story belongs to: score, strongest terms, reason, vetoes
"""
