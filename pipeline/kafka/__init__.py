"""The only package that imports kafka-python: publish, follow and read topics, and look after them.

connect    admin connections, errors in words
admin      topics applied and shown, consumer lag
publish    `Publisher`: acknowledged sends from asyncio
follow     `Follower` and `read_table`: group-less reading
"""

from pipeline.kafka.admin import ActualTopic, Change, apply_topics, describe_topics, differences
from pipeline.kafka.connect import ping

__all__ = ["ActualTopic", "Change", "apply_topics", "describe_topics", "differences", "ping"]
