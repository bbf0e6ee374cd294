"""Dispute threads. Pure.

story       what the join knows of an article: terms, numbers, who stands against whom; small enough for a table
terms       Article and flags → Story
join        which thread a story belongs to: score, strongest terms, reason, vetoes

member      what an article says in a thread: its statements, read off its flags
thread      a thread as the sum of its members: sides, state, lag
grow        the first article begins a thread, others join, a text that changed is read again
stance      what changed between two texts of an article
silence, spread, relook    what is told when nobody answers, and when many carry it; when a page is looked at again
commands    what people decide: split, merge, move, mark
events      what is told of all this
docket      takes in what is on `threads.in`, in its order, over the rows of one partition
"""
