"""Article pages: what a feed's own text leaves out, fetched from where its items point.

`share` follows the requests of our partitions; `serve` visits their pages, each host's one after the other; `visit`
reads one: `robots` (may we, and how often), the fetcher that feeds are fetched with, `extract` (HTML to text).
`page_pool` is where strangers' bytes are read.
"""
