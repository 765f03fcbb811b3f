"""Bytes to records and back, for the messages that carry frames; protobuf stays out of it.

Where to look: ``requests`` reads a message, with ``frames`` and ``plans`` for its parts and
``walk`` for the encoding itself; ``condense`` and ``generated`` are for what protobuf reads
after all; ``results`` writes the answers, ``notices`` what else a stream says, ``fanout`` is what
subscribers ask for and are told.
"""

from framesrv.protocol.wire.fanout import (
    MergeAsked,
    MosaicAsked,
    SubscribeAsked,
    first_output,
    gap,
    headline,
    merged,
    read_subscribe_request,
    stream_event,
    subscriber_go_away,
    with_outputs,
)
from framesrv.protocol.wire.notices import go_away, stream_ready
from framesrv.protocol.wire.records import BatchRequest, StreamOpen, WireFrame, WireLimits
from framesrv.protocol.wire.refusals import rich_status
from framesrv.protocol.wire.requests import read_batch_request, read_stream_request
from framesrv.protocol.wire.results import (
    batch_response_prefix,
    result_bytes_bound,
    stream_results_prefix,
    write_result,
    write_stream_result,
)

__all__ = [
    "BatchRequest",
    "MergeAsked",
    "MosaicAsked",
    "StreamOpen",
    "SubscribeAsked",
    "WireFrame",
    "WireLimits",
    "batch_response_prefix",
    "first_output",
    "gap",
    "go_away",
    "headline",
    "merged",
    "read_batch_request",
    "read_stream_request",
    "read_subscribe_request",
    "result_bytes_bound",
    "rich_status",
    "stream_event",
    "stream_ready",
    "stream_results_prefix",
    "subscriber_go_away",
    "with_outputs",
    "write_result",
    "write_stream_result",
]
