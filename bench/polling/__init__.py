"""Polls a second and core of the poller, beside a naive loop and a lower bound; memory, stalls, and a soak.

papers      synthetic feeds: 60 KB of gzip, thirty items, one feed in ten with two new ones each round
server      answers for all their hosts, in a process of its own; mischief is what feeds do wrong in the soak
others      (a) requests and feedparser, (b) aiohttp and lxml
ours        the real poller, with a clock that can be turned to the next round
contender   one of them as a process, a round at a time
idle        what a feed costs that is listed and not due
samples     where the poller's process spends its time
processes   CPU time, memory and descriptors from proc(5)
soak        minutes under churn; verdict says whether anything grows
__main__    all of them in turn, medians, ratios, JSON
"""
