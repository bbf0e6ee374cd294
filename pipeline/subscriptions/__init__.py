"""Subscriptions and silences: who wants to be told of which stories.

listing    the operator's file and what was decided at run time                        pure
checks     what a zone, an address, a secret or a topic must look like                 pure
file       the file into the topic; commands into the topic                            edge
known      both topics, followed                                                       edge
"""
