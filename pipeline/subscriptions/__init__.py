"""Subscriptions and silences: who wants to be told of which stories.

listing    the operator's file and what was decided at run time                        pure
checks     what a zone, an address, a secret or a topic must look like
services   the door to apprise: the services it knows, and whether it can use an address  edge
editing    what people decide at run time, as records                                  pure
file       the file into the topic; commands into the topic                            edge
known      both topics, followed                                                       edge
query      what a subscriber types → a syntax tree, or an exact error                  pure
text       an event's story as queries see it; `matches`, their definition             pure
index      which of many queries a story matches, by their rarest required terms       pure
holds      the same as `matches`, faster: what the index asks                          pure
"""
