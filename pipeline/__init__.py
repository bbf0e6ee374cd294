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
    rules              stored queries on token positions → flags with spans             pure (agents.flag)
                           │
                      flags                   one FlaggedArticle, key: language

Where a feed's `full_text` wants it, its articles' pages are fetched too, by the poller:

    feeds.poll, agents.flag                   always; when flagged
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

Packages only import downwards: `errors` and `records`, then the pure packages (`dedupe`, `rules`), then the edges
(`feeds`, `kafka`, `broker`), then `cli`. `pipeline` never imports `agents`.
"""

__version__ = "0.1.0"
