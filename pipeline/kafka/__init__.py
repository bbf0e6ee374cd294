"""The only package that imports kafka-python: publish, follow and read topics, and look after them.

    connect    connections, errors in words
    publish    `Publisher`: acknowledged sends from asyncio
    follow     `Follower`, `read_log` and `read_table`: group-less reading
    group      `Membership`: a group that divides a compacted topic
    batches    `Batches`: a group that takes topics in batches and commits them
    admin      topics applied and shown
    lag        consumer lag

`Publisher` and `Follower` are for the event loop; all functions block, call them in a thread.
"""

from pipeline.kafka.admin import ActualTopic, Change, apply_topics, describe_topics, differences, require_topics
from pipeline.kafka.batches import Batches, topic_ids
from pipeline.kafka.connect import ping
from pipeline.kafka.follow import Follower, Message, begin_offsets, end_offsets, read_log, read_table
from pipeline.kafka.group import Membership, Reader
from pipeline.kafka.lag import PartitionLag, lag
from pipeline.kafka.publish import Position, Publisher

__all__ = [
    "ActualTopic",
    "Batches",
    "Change",
    "Follower",
    "Membership",
    "Message",
    "PartitionLag",
    "Position",
    "Publisher",
    "Reader",
    "apply_topics",
    "begin_offsets",
    "describe_topics",
    "differences",
    "end_offsets",
    "lag",
    "ping",
    "read_log",
    "read_table",
    "require_topics",
    "topic_ids",
]
