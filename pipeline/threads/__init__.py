"""Dispute threads. Pure.

story       what the join knows of an article: terms, numbers, who stands against whom; small enough for a table
background  how much a word says, by its frequency in the language
naming      numbers that name ("the 12th package"), as against those that count
terms       Article and flags → Story
postings    which stories share the rarest terms
shape       a thread as the sum of its stories
likeness    score of a story and a thread, vetoes, the reason in words
join        which thread a story belongs to: candidates, the best, what it met; rows in, rows out

member      what an article says in a thread: its statements, read off its flags
thread      a thread as the sum of its members: sides, state, lag
grow        the first article begins a thread, others join, a text that changed is read again
stance      what changed between two texts of an article
silence, spread, relook    what is told when nobody answers, and when many carry it; when a page is looked at again
commands    what people decide: split, merge, move, mark
events      what is told of all this
docket      takes in what is on `threads.in`, in its order, over the rows of one partition
"""
