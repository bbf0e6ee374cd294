"""Article pages: what a feed's own text leaves out, fetched from where its items point.

robots: may we, and how often → the shared fetcher → extract: HTML to text, in worker processes.
"""
