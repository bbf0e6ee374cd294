"""What subscribers are told, and when: a state machine over rows, fed by the records of `deliver.in` alone. Pure.

rows      what is kept: standings, what was told, merges, groups, what waits, the outbox
hours     the next hour, day, midnight and end of quiet hours in a zone, over changes of the clock
retry     when a delivery is tried again
message   alerts → one message
memory    what was told of which thread, and which threads are one story
post      the outbox: attempts, disabled channels, deliveries that a person wants again
groups    what waits to become a message
book      takes in a record, and decides
"""

from pipeline.alerts.book import Book, Subscriptions
from pipeline.alerts.post import Outcomes
from pipeline.alerts.rows import Pending, Rows

__all__ = ["Book", "Outcomes", "Pending", "Rows", "Subscriptions"]
