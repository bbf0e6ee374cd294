"""Copies: near-duplicates of one text across outlets, and who the independent source of an article is. Pure.

shingles    words → hashes of word 3-shingles, and of the names and numbers in a text
sketch      FracMinHash: a sample of these hashes, and the containment of one text in another from two samples
postings    shingle → texts, as one numpy array of bounded size
copies      what is this article a copy of; which group; which member is the original
claims      what was decided for a batch, so that it is decided once
source      wire, owner or domain: the key by which independent sources are counted
"""
