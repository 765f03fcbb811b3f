"""GetServerInfo: what this server can do, and its limits."""

from __future__ import annotations

from importlib.metadata import version

from google.protobuf.message import DecodeError

from framesrv import codecs
from framesrv.errors import Reason, Refused
from framesrv.frames.layout import PixelFormat
from framesrv.frames.source import Codec
from framesrv.frames.work import Encoding
from framesrv.ops.registry import OPS
from framesrv.protocol.gen import frames_pb2
from framesrv.transport.office import Office


def read_info_request(data: bytes) -> None:
    """There is nothing in it, but it must be one."""
    try:
        frames_pb2.GetServerInfoRequest.FromString(data)
    except DecodeError:
        pass
    else:
        return
    raise Refused(Reason.MALFORMED_MESSAGE, "the message is not one of framesrv.v1")


def server_info(office: Office, limits: codecs.Limits) -> frames_pb2.ServerInfo:
    pipeline = office.plans.limits
    return frames_pb2.ServerInfo(
        version=version("framesrv"),
        pixel_formats=[frames_pb2.PixelFormat.Name(value) for value in PixelFormat if value],
        codecs=[frames_pb2.Codec.Name(value) for value in Codec if value],
        encodings=[frames_pb2.Encoding.Name(value) for value in Encoding if value],
        ops=list(OPS),
        processors=office.plans.processors.names(),
        pipeline_names=office.plans.names,
        max_message_bytes=office.settings.max_message_bytes,
        max_pixels=limits.max_pixels,
        max_side_pixels=limits.max_side_pixels,
        max_jpeg_scans=limits.max_jpeg_scans,
        max_batch_frames=office.reception.limits.max_batch_frames,
        max_in_flight_frames=office.stream_settings.max_in_flight_frames,
        max_streams=office.stream_settings.max_streams,
        max_subscribers=office.fan_out.max_subscribers,
        max_queue_frames=office.fan_out.max_queue_frames,
        max_output_pixels=pipeline.max_output_pixels,
        max_outputs=pipeline.max_outputs,
        max_ops=pipeline.max_ops,
        draining=office.draining,
        transports=sorted({"unix" if a.path else "tcp" for a in office.settings.listen}),
    )
