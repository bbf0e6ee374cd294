"""Shows what a rebalance costs a Faust app with a table: real workers, a real broker, and every message accounted for.

    sender -> <name>.in (4 partitions) -> workers (claim in a table, forward) -> <name>.out -> follower

The sender keeps a bounded number of messages on their way, so that a worker joins, leaves or dies while messages wait
at the broker, in the consumer, in a stream's queue and in the handler. ``worker`` is the process under test, ``trial``
one run with its verdict, ``__main__`` prints a table of many runs with and without the fix.
"""
