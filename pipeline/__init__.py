"""counterclaim: who denies what, and who accuses whom, within a minute of its being published.

The data path, top to bottom (topics in the middle, packages at the left):

    feeds.share        which of the feeds on `feeds` are this poller's                  edge (pure: feeds.listing)
    feeds.schedule     which feed is due, and why                                       pure
    feeds.fetch        conditional GET                                                  edge
    feeds.parse        bytes → entries, in worker processes                             pure
    feeds.article      entry → Article: cleaned text, canonical URL, ids                pure
    feeds.poll         the loop; publishes, then keeps validators in `feed-state`       edge
                           │
                      articles.raw            one ArticleBatch a poll and domain, key: registrable domain
                           │
    dedupe.seen        new │ revised │ duplicate │ seen again                           pure (agents.dedupe)
    dedupe.language    which language, once                                             pure
                           │
                      articles.fresh          one ArticleBatch a language, key: language
                           │
    copies.copies      near-duplicates: of what, how much of it, which was first        pure (agents.copies)
    copies.source      agency, owner or domain: who counts as one source                pure
                           │
                      articles.deduped        the same batches; copies: groups with another original
                           │
    rules              stored queries on token positions → flags with spans             pure (agents.flag)
                           │
                      flags                   one FlaggedArticle, key: language
                      threads.in              the same and revisions, commands of people, the time; key: language
                           │
    threads.join       which thread an article belongs to, and why                      pure (agents.thread)
    threads.docket     what articles, people and the time change                        pure
                           │
                      threads                 each Thread as it is now, key: thread id
                      thread-events           what happened to it, key: thread id
                      story-events            the same, each with its whole story, key: thread id
                           │
    subscriptions.matching whom an event is for, by stored queries                      pure (agents.alert)
    subscriptions.gate     what is too old to be told, or silenced                      pure
    subscriptions.known    `subscriptions` and `silences`, followed                     edge
                           │
                      deliver.in              one Match, key: subscription id
                           │
    alerts.book            what each subscriber is told, and when; the outbox           pure (agents.deliver)
    channels               a message, by webhook, mail, chat, file, terminal, topic     edge (agents.sender)
                           │
                      alerts, deliveries, subscription-state      what became of each match and each attempt

Beside it, `archive` writes what is on `articles.deduped`, `flags`, `threads`, `thread-events`, `alerts`, `deliveries`
into SQL, as a consumer group of its own.

Where a feed's `full_text` wants it, its articles' pages are fetched too, by the poller:

    feeds.poll, agents.flag                   always; when flagged
    agents.thread                             to see whether what was flagged has changed
                           │
                      pages.requests          one PageRequest, key: host
                           │
    pages.share        which of the requests are this poller's                          edge
    pages.robots       may we, and how often                                            pure
    pages.extract      HTML → the story, in worker processes                            pure
    pages.serve        each once; publishes a revision, then keeps the result           edge
                           │
                      articles.raw, pages.results

What cannot be read goes to `<topic>.dead` with its bytes and headers, and the stream goes on.

Packages only import downwards: `errors` and `records`, then the pure packages (`dedupe`, `rules`, `threads`, `copies`),
then the edges (`feeds`, `kafka`, `broker`), then `cli`. `pipeline` never imports `agents`.
"""

__version__ = "0.1.0"
