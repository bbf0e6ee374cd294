"""The Faust side of the data path. Agents are thin: take an event, let a pure function decide, send its result.

    worker      the process of the agents below                            `python -m agents worker`
    process     what every process around a Faust app does: loop, metrics, readiness
    faust_app   what every Faust app of ours is: settings, fixes, lag, agents with their outboxes
    app         the worker's app: its tables, its agents wired together
    dedupe      articles.raw → articles.fresh        over `seen`, a table of claims
    copies      articles.fresh → articles.deduped    over `copies`, another
    flag        articles.deduped → flags, threads.in over a rule set
    thread      threads.in → threads, thread-events, story-events  over `threads`, a table of rows with a journal
    alert       story-events → deliver.in            over the subscriptions and silences of the moment
    deliverer   the process that delivers, an app of its own               `python -m agents deliver`
    deliver_app   its agent, its sender, and the time that it tells itself
    deliver     deliver.in → alerts, deliveries, subscription-state  over `told`, a table of rows with a journal
    deliver_table  the rows of what was told and of the outbox
    sender      sends what is due in the outbox, beside the stream
    claims      the tables of claims, and the indexes over them
    stage       what every agent does: decode, handle, bury, count
    outbox      sends in order, acknowledges in order, only what Kafka has
    deed_table  tables of rows with a journal, whoever has them
    thread_table  the rows of threads, and what is derived from them
    journal     what the last records did to these rows: a record that comes again is done again, not anew
    changelog   the tables' changes, as results of the event that made them
    sensor      rebalances and consumer lag
    recovery    keeps Faust from losing messages when a table is read again
    transport   asks the broker often enough, starts where nothing was committed, delivers without four tasks a message

How an event goes through, and why a worker may die at any point of it:

    event ─ decode ─ handle ─┬─ claim in the table ─┐
                             └─ results ────────────┴→ outbox → Kafka acknowledges all → event acknowledged → committed

    died before the claim      delivered again, decided again: the same
    died after the claim       delivered again, the claim is found: the same results are sent again
    died before the commit     delivered again, sent again: the ids are the same

To `thread` and `deliver` a deed in its journal is what the claim is to the others.

Only this package imports Faust. `pipeline` never imports it.
"""
