"""The archive: what was decided, in SQL, for longer than the topics keep it. SQLite, or PostgreSQL by its URL.

    types, tables   columns and tables, the same text for both databases
    migrations      how they came about, by Alembic
    database        connecting, the schema's version, which errors mean that the database is away
    rows            a record's rows (pure)
    batch           the records of one transaction, each once: the newest (pure)
    forgotten       what was taken down, and how a record looks without it (pure)
    write           a batch into the tables, as often as it likes to come
    archiver        the process: Kafka → batches → transactions → committed offsets
    prune, forget, export, report    what the commands do

A record may come again, in any order, from a worker or an archiver that was killed: every write decides by the record's
own age, and an article is counted by its mark. So the tables are the same however often the log is read.
"""
