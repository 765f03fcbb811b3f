import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PixelFormat(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PIXEL_FORMAT_UNSPECIFIED: _ClassVar[PixelFormat]
    PIXEL_FORMAT_BGR24: _ClassVar[PixelFormat]
    PIXEL_FORMAT_RGB24: _ClassVar[PixelFormat]
    PIXEL_FORMAT_RGBA32: _ClassVar[PixelFormat]
    PIXEL_FORMAT_BGRA32: _ClassVar[PixelFormat]
    PIXEL_FORMAT_GRAY8: _ClassVar[PixelFormat]
    PIXEL_FORMAT_NV12: _ClassVar[PixelFormat]
    PIXEL_FORMAT_I420: _ClassVar[PixelFormat]

class Codec(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CODEC_UNSPECIFIED: _ClassVar[Codec]
    CODEC_JPEG: _ClassVar[Codec]
    CODEC_PNG: _ClassVar[Codec]
    CODEC_WEBP: _ClassVar[Codec]

class Encoding(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ENCODING_UNSPECIFIED: _ClassVar[Encoding]
    ENCODING_JPEG: _ClassVar[Encoding]
    ENCODING_PNG: _ClassVar[Encoding]
    ENCODING_WEBP: _ClassVar[Encoding]
    ENCODING_RAW: _ClassVar[Encoding]

class Interpolation(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INTERPOLATION_UNSPECIFIED: _ClassVar[Interpolation]
    INTERPOLATION_NEAREST: _ClassVar[Interpolation]
    INTERPOLATION_LINEAR: _ClassVar[Interpolation]
    INTERPOLATION_AREA: _ClassVar[Interpolation]
    INTERPOLATION_CUBIC: _ClassVar[Interpolation]

class Fit(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FIT_UNSPECIFIED: _ClassVar[Fit]
    FIT_STRETCH: _ClassVar[Fit]
    FIT_CONTAIN: _ClassVar[Fit]
    FIT_COVER: _ClassVar[Fit]

class DecodeMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DECODE_MODE_UNSPECIFIED: _ClassVar[DecodeMode]
    DECODE_MODE_FAST: _ClassVar[DecodeMode]
    DECODE_MODE_EXACT: _ClassVar[DecodeMode]

class FrameStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FRAME_STATUS_UNSPECIFIED: _ClassVar[FrameStatus]
    FRAME_STATUS_OK: _ClassVar[FrameStatus]
    FRAME_STATUS_FAILED: _ClassVar[FrameStatus]
    FRAME_STATUS_DROPPED: _ClassVar[FrameStatus]

class DropPolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DROP_POLICY_UNSPECIFIED: _ClassVar[DropPolicy]
    DROP_POLICY_BLOCK: _ClassVar[DropPolicy]
    DROP_POLICY_OLDEST: _ClassVar[DropPolicy]
    DROP_POLICY_NEWEST: _ClassVar[DropPolicy]
PIXEL_FORMAT_UNSPECIFIED: PixelFormat
PIXEL_FORMAT_BGR24: PixelFormat
PIXEL_FORMAT_RGB24: PixelFormat
PIXEL_FORMAT_RGBA32: PixelFormat
PIXEL_FORMAT_BGRA32: PixelFormat
PIXEL_FORMAT_GRAY8: PixelFormat
PIXEL_FORMAT_NV12: PixelFormat
PIXEL_FORMAT_I420: PixelFormat
CODEC_UNSPECIFIED: Codec
CODEC_JPEG: Codec
CODEC_PNG: Codec
CODEC_WEBP: Codec
ENCODING_UNSPECIFIED: Encoding
ENCODING_JPEG: Encoding
ENCODING_PNG: Encoding
ENCODING_WEBP: Encoding
ENCODING_RAW: Encoding
INTERPOLATION_UNSPECIFIED: Interpolation
INTERPOLATION_NEAREST: Interpolation
INTERPOLATION_LINEAR: Interpolation
INTERPOLATION_AREA: Interpolation
INTERPOLATION_CUBIC: Interpolation
FIT_UNSPECIFIED: Fit
FIT_STRETCH: Fit
FIT_CONTAIN: Fit
FIT_COVER: Fit
DECODE_MODE_UNSPECIFIED: DecodeMode
DECODE_MODE_FAST: DecodeMode
DECODE_MODE_EXACT: DecodeMode
FRAME_STATUS_UNSPECIFIED: FrameStatus
FRAME_STATUS_OK: FrameStatus
FRAME_STATUS_FAILED: FrameStatus
FRAME_STATUS_DROPPED: FrameStatus
DROP_POLICY_UNSPECIFIED: DropPolicy
DROP_POLICY_BLOCK: DropPolicy
DROP_POLICY_OLDEST: DropPolicy
DROP_POLICY_NEWEST: DropPolicy

class ImageLayout(_message.Message):
    __slots__ = ("width", "height", "format", "row_stride_bytes")
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    ROW_STRIDE_BYTES_FIELD_NUMBER: _ClassVar[int]
    width: int
    height: int
    format: PixelFormat
    row_stride_bytes: int
    def __init__(self, width: _Optional[int] = ..., height: _Optional[int] = ..., format: _Optional[_Union[PixelFormat, str]] = ..., row_stride_bytes: _Optional[int] = ...) -> None: ...

class RawImage(_message.Message):
    __slots__ = ("layout", "data")
    LAYOUT_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    layout: ImageLayout
    data: bytes
    def __init__(self, layout: _Optional[_Union[ImageLayout, _Mapping]] = ..., data: _Optional[bytes] = ...) -> None: ...

class EncodedImage(_message.Message):
    __slots__ = ("codec", "data")
    CODEC_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    codec: Codec
    data: bytes
    def __init__(self, codec: _Optional[_Union[Codec, str]] = ..., data: _Optional[bytes] = ...) -> None: ...

class Frame(_message.Message):
    __slots__ = ("stream_id", "sequence", "captured_at_ns", "raw", "encoded", "crc32c", "trace_id")
    STREAM_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    CAPTURED_AT_NS_FIELD_NUMBER: _ClassVar[int]
    RAW_FIELD_NUMBER: _ClassVar[int]
    ENCODED_FIELD_NUMBER: _ClassVar[int]
    CRC32C_FIELD_NUMBER: _ClassVar[int]
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    stream_id: str
    sequence: int
    captured_at_ns: int
    raw: RawImage
    encoded: EncodedImage
    crc32c: int
    trace_id: str
    def __init__(self, stream_id: _Optional[str] = ..., sequence: _Optional[int] = ..., captured_at_ns: _Optional[int] = ..., raw: _Optional[_Union[RawImage, _Mapping]] = ..., encoded: _Optional[_Union[EncodedImage, _Mapping]] = ..., crc32c: _Optional[int] = ..., trace_id: _Optional[str] = ...) -> None: ...

class Resize(_message.Message):
    __slots__ = ("width", "height", "interpolation", "fit", "pad_rgb")
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    INTERPOLATION_FIELD_NUMBER: _ClassVar[int]
    FIT_FIELD_NUMBER: _ClassVar[int]
    PAD_RGB_FIELD_NUMBER: _ClassVar[int]
    width: int
    height: int
    interpolation: Interpolation
    fit: Fit
    pad_rgb: int
    def __init__(self, width: _Optional[int] = ..., height: _Optional[int] = ..., interpolation: _Optional[_Union[Interpolation, str]] = ..., fit: _Optional[_Union[Fit, str]] = ..., pad_rgb: _Optional[int] = ...) -> None: ...

class Crop(_message.Message):
    __slots__ = ("x", "y", "width", "height")
    X_FIELD_NUMBER: _ClassVar[int]
    Y_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    x: int
    y: int
    width: int
    height: int
    def __init__(self, x: _Optional[int] = ..., y: _Optional[int] = ..., width: _Optional[int] = ..., height: _Optional[int] = ...) -> None: ...

class Convert(_message.Message):
    __slots__ = ("format",)
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    format: PixelFormat
    def __init__(self, format: _Optional[_Union[PixelFormat, str]] = ...) -> None: ...

class Rotate(_message.Message):
    __slots__ = ("degrees",)
    DEGREES_FIELD_NUMBER: _ClassVar[int]
    degrees: int
    def __init__(self, degrees: _Optional[int] = ...) -> None: ...

class Flip(_message.Message):
    __slots__ = ("horizontal", "vertical")
    HORIZONTAL_FIELD_NUMBER: _ClassVar[int]
    VERTICAL_FIELD_NUMBER: _ClassVar[int]
    horizontal: bool
    vertical: bool
    def __init__(self, horizontal: _Optional[bool] = ..., vertical: _Optional[bool] = ...) -> None: ...

class Blur(_message.Message):
    __slots__ = ("sigma",)
    SIGMA_FIELD_NUMBER: _ClassVar[int]
    sigma: float
    def __init__(self, sigma: _Optional[float] = ...) -> None: ...

class Custom(_message.Message):
    __slots__ = ("processor", "options")
    class OptionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    PROCESSOR_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    processor: str
    options: _containers.ScalarMap[str, str]
    def __init__(self, processor: _Optional[str] = ..., options: _Optional[_Mapping[str, str]] = ...) -> None: ...

class Op(_message.Message):
    __slots__ = ("resize", "crop", "convert", "rotate", "flip", "blur", "custom")
    RESIZE_FIELD_NUMBER: _ClassVar[int]
    CROP_FIELD_NUMBER: _ClassVar[int]
    CONVERT_FIELD_NUMBER: _ClassVar[int]
    ROTATE_FIELD_NUMBER: _ClassVar[int]
    FLIP_FIELD_NUMBER: _ClassVar[int]
    BLUR_FIELD_NUMBER: _ClassVar[int]
    CUSTOM_FIELD_NUMBER: _ClassVar[int]
    resize: Resize
    crop: Crop
    convert: Convert
    rotate: Rotate
    flip: Flip
    blur: Blur
    custom: Custom
    def __init__(self, resize: _Optional[_Union[Resize, _Mapping]] = ..., crop: _Optional[_Union[Crop, _Mapping]] = ..., convert: _Optional[_Union[Convert, _Mapping]] = ..., rotate: _Optional[_Union[Rotate, _Mapping]] = ..., flip: _Optional[_Union[Flip, _Mapping]] = ..., blur: _Optional[_Union[Blur, _Mapping]] = ..., custom: _Optional[_Union[Custom, _Mapping]] = ...) -> None: ...

class Output(_message.Message):
    __slots__ = ("name", "ops", "encoding", "quality")
    NAME_FIELD_NUMBER: _ClassVar[int]
    OPS_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    QUALITY_FIELD_NUMBER: _ClassVar[int]
    name: str
    ops: _containers.RepeatedCompositeFieldContainer[Op]
    encoding: Encoding
    quality: int
    def __init__(self, name: _Optional[str] = ..., ops: _Optional[_Iterable[_Union[Op, _Mapping]]] = ..., encoding: _Optional[_Union[Encoding, str]] = ..., quality: _Optional[int] = ...) -> None: ...

class Pipeline(_message.Message):
    __slots__ = ("outputs", "decode_mode")
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    DECODE_MODE_FIELD_NUMBER: _ClassVar[int]
    outputs: _containers.RepeatedCompositeFieldContainer[Output]
    decode_mode: DecodeMode
    def __init__(self, outputs: _Optional[_Iterable[_Union[Output, _Mapping]]] = ..., decode_mode: _Optional[_Union[DecodeMode, str]] = ...) -> None: ...

class FrameError(_message.Message):
    __slots__ = ("code", "reason", "message", "retry_after")
    CODE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_FIELD_NUMBER: _ClassVar[int]
    code: int
    reason: str
    message: str
    retry_after: _duration_pb2.Duration
    def __init__(self, code: _Optional[int] = ..., reason: _Optional[str] = ..., message: _Optional[str] = ..., retry_after: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class Timings(_message.Message):
    __slots__ = ("queue_ns", "decode_ns", "process_ns", "encode_ns", "total_ns")
    QUEUE_NS_FIELD_NUMBER: _ClassVar[int]
    DECODE_NS_FIELD_NUMBER: _ClassVar[int]
    PROCESS_NS_FIELD_NUMBER: _ClassVar[int]
    ENCODE_NS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_NS_FIELD_NUMBER: _ClassVar[int]
    queue_ns: int
    decode_ns: int
    process_ns: int
    encode_ns: int
    total_ns: int
    def __init__(self, queue_ns: _Optional[int] = ..., decode_ns: _Optional[int] = ..., process_ns: _Optional[int] = ..., encode_ns: _Optional[int] = ..., total_ns: _Optional[int] = ...) -> None: ...

class OutputImage(_message.Message):
    __slots__ = ("name", "encoding", "layout", "data")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    LAYOUT_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    name: str
    encoding: Encoding
    layout: ImageLayout
    data: bytes
    def __init__(self, name: _Optional[str] = ..., encoding: _Optional[_Union[Encoding, str]] = ..., layout: _Optional[_Union[ImageLayout, _Mapping]] = ..., data: _Optional[bytes] = ...) -> None: ...

class FrameResult(_message.Message):
    __slots__ = ("stream_id", "sequence", "status", "error", "outputs", "timings", "captured_at_ns", "received_at_ns", "trace_id")
    STREAM_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    TIMINGS_FIELD_NUMBER: _ClassVar[int]
    CAPTURED_AT_NS_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_AT_NS_FIELD_NUMBER: _ClassVar[int]
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    stream_id: str
    sequence: int
    status: FrameStatus
    error: FrameError
    outputs: _containers.RepeatedCompositeFieldContainer[OutputImage]
    timings: Timings
    captured_at_ns: int
    received_at_ns: int
    trace_id: str
    def __init__(self, stream_id: _Optional[str] = ..., sequence: _Optional[int] = ..., status: _Optional[_Union[FrameStatus, str]] = ..., error: _Optional[_Union[FrameError, _Mapping]] = ..., outputs: _Optional[_Iterable[_Union[OutputImage, _Mapping]]] = ..., timings: _Optional[_Union[Timings, _Mapping]] = ..., captured_at_ns: _Optional[int] = ..., received_at_ns: _Optional[int] = ..., trace_id: _Optional[str] = ...) -> None: ...

class ProcessBatchRequest(_message.Message):
    __slots__ = ("request_id", "pipeline", "pipeline_name", "frames")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PIPELINE_FIELD_NUMBER: _ClassVar[int]
    PIPELINE_NAME_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    pipeline: Pipeline
    pipeline_name: str
    frames: _containers.RepeatedCompositeFieldContainer[Frame]
    def __init__(self, request_id: _Optional[str] = ..., pipeline: _Optional[_Union[Pipeline, _Mapping]] = ..., pipeline_name: _Optional[str] = ..., frames: _Optional[_Iterable[_Union[Frame, _Mapping]]] = ...) -> None: ...

class ProcessBatchResponse(_message.Message):
    __slots__ = ("request_id", "results")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    results: _containers.RepeatedCompositeFieldContainer[FrameResult]
    def __init__(self, request_id: _Optional[str] = ..., results: _Optional[_Iterable[_Union[FrameResult, _Mapping]]] = ...) -> None: ...

class StreamConfig(_message.Message):
    __slots__ = ("stream_id", "pipeline", "pipeline_name", "drop_policy", "max_in_flight_frames", "max_age", "publish")
    STREAM_ID_FIELD_NUMBER: _ClassVar[int]
    PIPELINE_FIELD_NUMBER: _ClassVar[int]
    PIPELINE_NAME_FIELD_NUMBER: _ClassVar[int]
    DROP_POLICY_FIELD_NUMBER: _ClassVar[int]
    MAX_IN_FLIGHT_FRAMES_FIELD_NUMBER: _ClassVar[int]
    MAX_AGE_FIELD_NUMBER: _ClassVar[int]
    PUBLISH_FIELD_NUMBER: _ClassVar[int]
    stream_id: str
    pipeline: Pipeline
    pipeline_name: str
    drop_policy: DropPolicy
    max_in_flight_frames: int
    max_age: _duration_pb2.Duration
    publish: bool
    def __init__(self, stream_id: _Optional[str] = ..., pipeline: _Optional[_Union[Pipeline, _Mapping]] = ..., pipeline_name: _Optional[str] = ..., drop_policy: _Optional[_Union[DropPolicy, str]] = ..., max_in_flight_frames: _Optional[int] = ..., max_age: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., publish: _Optional[bool] = ...) -> None: ...

class FrameBatch(_message.Message):
    __slots__ = ("frames",)
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    frames: _containers.RepeatedCompositeFieldContainer[Frame]
    def __init__(self, frames: _Optional[_Iterable[_Union[Frame, _Mapping]]] = ...) -> None: ...

class ProcessStreamRequest(_message.Message):
    __slots__ = ("open", "batch")
    OPEN_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    open: StreamConfig
    batch: FrameBatch
    def __init__(self, open: _Optional[_Union[StreamConfig, _Mapping]] = ..., batch: _Optional[_Union[FrameBatch, _Mapping]] = ...) -> None: ...

class StreamReady(_message.Message):
    __slots__ = ("session_id", "stream_id", "max_in_flight_frames", "max_batch_frames")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    STREAM_ID_FIELD_NUMBER: _ClassVar[int]
    MAX_IN_FLIGHT_FRAMES_FIELD_NUMBER: _ClassVar[int]
    MAX_BATCH_FRAMES_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    stream_id: str
    max_in_flight_frames: int
    max_batch_frames: int
    def __init__(self, session_id: _Optional[str] = ..., stream_id: _Optional[str] = ..., max_in_flight_frames: _Optional[int] = ..., max_batch_frames: _Optional[int] = ...) -> None: ...

class ResultBatch(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[FrameResult]
    def __init__(self, results: _Optional[_Iterable[_Union[FrameResult, _Mapping]]] = ...) -> None: ...

class GoAway(_message.Message):
    __slots__ = ("reason", "grace")
    REASON_FIELD_NUMBER: _ClassVar[int]
    GRACE_FIELD_NUMBER: _ClassVar[int]
    reason: str
    grace: _duration_pb2.Duration
    def __init__(self, reason: _Optional[str] = ..., grace: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ProcessStreamResponse(_message.Message):
    __slots__ = ("ready", "results", "go_away")
    READY_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    GO_AWAY_FIELD_NUMBER: _ClassVar[int]
    ready: StreamReady
    results: ResultBatch
    go_away: GoAway
    def __init__(self, ready: _Optional[_Union[StreamReady, _Mapping]] = ..., results: _Optional[_Union[ResultBatch, _Mapping]] = ..., go_away: _Optional[_Union[GoAway, _Mapping]] = ...) -> None: ...

class Mosaic(_message.Message):
    __slots__ = ("columns", "width", "height", "encoding", "alone")
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    ALONE_FIELD_NUMBER: _ClassVar[int]
    columns: int
    width: int
    height: int
    encoding: Encoding
    alone: bool
    def __init__(self, columns: _Optional[int] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., encoding: _Optional[_Union[Encoding, str]] = ..., alone: _Optional[bool] = ...) -> None: ...

class MergeWindow(_message.Message):
    __slots__ = ("length", "lateness", "mosaic")
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    LATENESS_FIELD_NUMBER: _ClassVar[int]
    MOSAIC_FIELD_NUMBER: _ClassVar[int]
    length: _duration_pb2.Duration
    lateness: _duration_pb2.Duration
    mosaic: Mosaic
    def __init__(self, length: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., lateness: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., mosaic: _Optional[_Union[Mosaic, _Mapping]] = ...) -> None: ...

class SubscribeRequest(_message.Message):
    __slots__ = ("stream_ids", "output_names", "queue_frames", "merge", "wait")
    STREAM_IDS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_NAMES_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FRAMES_FIELD_NUMBER: _ClassVar[int]
    MERGE_FIELD_NUMBER: _ClassVar[int]
    WAIT_FIELD_NUMBER: _ClassVar[int]
    stream_ids: _containers.RepeatedScalarFieldContainer[str]
    output_names: _containers.RepeatedScalarFieldContainer[str]
    queue_frames: int
    merge: MergeWindow
    wait: bool
    def __init__(self, stream_ids: _Optional[_Iterable[str]] = ..., output_names: _Optional[_Iterable[str]] = ..., queue_frames: _Optional[int] = ..., merge: _Optional[_Union[MergeWindow, _Mapping]] = ..., wait: _Optional[bool] = ...) -> None: ...

class Gap(_message.Message):
    __slots__ = ("stream_id", "dropped_frames")
    STREAM_ID_FIELD_NUMBER: _ClassVar[int]
    DROPPED_FRAMES_FIELD_NUMBER: _ClassVar[int]
    stream_id: str
    dropped_frames: int
    def __init__(self, stream_id: _Optional[str] = ..., dropped_frames: _Optional[int] = ...) -> None: ...

class StreamEvent(_message.Message):
    __slots__ = ("stream_id", "state")
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATE_UNSPECIFIED: _ClassVar[StreamEvent.State]
        STATE_STARTED: _ClassVar[StreamEvent.State]
        STATE_ENDED: _ClassVar[StreamEvent.State]
    STATE_UNSPECIFIED: StreamEvent.State
    STATE_STARTED: StreamEvent.State
    STATE_ENDED: StreamEvent.State
    STREAM_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    stream_id: str
    state: StreamEvent.State
    def __init__(self, stream_id: _Optional[str] = ..., state: _Optional[_Union[StreamEvent.State, str]] = ...) -> None: ...

class MergedFrame(_message.Message):
    __slots__ = ("merge_id", "window_open_ns", "window_close_ns", "complete", "fragments", "mosaic")
    MERGE_ID_FIELD_NUMBER: _ClassVar[int]
    WINDOW_OPEN_NS_FIELD_NUMBER: _ClassVar[int]
    WINDOW_CLOSE_NS_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    FRAGMENTS_FIELD_NUMBER: _ClassVar[int]
    MOSAIC_FIELD_NUMBER: _ClassVar[int]
    merge_id: str
    window_open_ns: int
    window_close_ns: int
    complete: bool
    fragments: _containers.RepeatedCompositeFieldContainer[FrameResult]
    mosaic: OutputImage
    def __init__(self, merge_id: _Optional[str] = ..., window_open_ns: _Optional[int] = ..., window_close_ns: _Optional[int] = ..., complete: _Optional[bool] = ..., fragments: _Optional[_Iterable[_Union[FrameResult, _Mapping]]] = ..., mosaic: _Optional[_Union[OutputImage, _Mapping]] = ...) -> None: ...

class SubscribeResponse(_message.Message):
    __slots__ = ("frame", "merged", "gap", "go_away", "event")
    FRAME_FIELD_NUMBER: _ClassVar[int]
    MERGED_FIELD_NUMBER: _ClassVar[int]
    GAP_FIELD_NUMBER: _ClassVar[int]
    GO_AWAY_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    frame: FrameResult
    merged: MergedFrame
    gap: Gap
    go_away: GoAway
    event: StreamEvent
    def __init__(self, frame: _Optional[_Union[FrameResult, _Mapping]] = ..., merged: _Optional[_Union[MergedFrame, _Mapping]] = ..., gap: _Optional[_Union[Gap, _Mapping]] = ..., go_away: _Optional[_Union[GoAway, _Mapping]] = ..., event: _Optional[_Union[StreamEvent, _Mapping]] = ...) -> None: ...

class GetServerInfoRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ServerInfo(_message.Message):
    __slots__ = ("version", "pixel_formats", "codecs", "ops", "processors", "pipeline_names", "max_message_bytes", "max_pixels", "max_side_pixels", "max_batch_frames", "max_in_flight_frames", "draining", "transports", "max_output_pixels", "max_jpeg_scans", "max_outputs", "max_ops", "max_streams", "encodings", "max_subscribers", "max_queue_frames")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PIXEL_FORMATS_FIELD_NUMBER: _ClassVar[int]
    CODECS_FIELD_NUMBER: _ClassVar[int]
    OPS_FIELD_NUMBER: _ClassVar[int]
    PROCESSORS_FIELD_NUMBER: _ClassVar[int]
    PIPELINE_NAMES_FIELD_NUMBER: _ClassVar[int]
    MAX_MESSAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_PIXELS_FIELD_NUMBER: _ClassVar[int]
    MAX_SIDE_PIXELS_FIELD_NUMBER: _ClassVar[int]
    MAX_BATCH_FRAMES_FIELD_NUMBER: _ClassVar[int]
    MAX_IN_FLIGHT_FRAMES_FIELD_NUMBER: _ClassVar[int]
    DRAINING_FIELD_NUMBER: _ClassVar[int]
    TRANSPORTS_FIELD_NUMBER: _ClassVar[int]
    MAX_OUTPUT_PIXELS_FIELD_NUMBER: _ClassVar[int]
    MAX_JPEG_SCANS_FIELD_NUMBER: _ClassVar[int]
    MAX_OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    MAX_OPS_FIELD_NUMBER: _ClassVar[int]
    MAX_STREAMS_FIELD_NUMBER: _ClassVar[int]
    ENCODINGS_FIELD_NUMBER: _ClassVar[int]
    MAX_SUBSCRIBERS_FIELD_NUMBER: _ClassVar[int]
    MAX_QUEUE_FRAMES_FIELD_NUMBER: _ClassVar[int]
    version: str
    pixel_formats: _containers.RepeatedScalarFieldContainer[PixelFormat]
    codecs: _containers.RepeatedScalarFieldContainer[Codec]
    ops: _containers.RepeatedScalarFieldContainer[str]
    processors: _containers.RepeatedScalarFieldContainer[str]
    pipeline_names: _containers.RepeatedScalarFieldContainer[str]
    max_message_bytes: int
    max_pixels: int
    max_side_pixels: int
    max_batch_frames: int
    max_in_flight_frames: int
    draining: bool
    transports: _containers.RepeatedScalarFieldContainer[str]
    max_output_pixels: int
    max_jpeg_scans: int
    max_outputs: int
    max_ops: int
    max_streams: int
    encodings: _containers.RepeatedScalarFieldContainer[Encoding]
    max_subscribers: int
    max_queue_frames: int
    def __init__(self, version: _Optional[str] = ..., pixel_formats: _Optional[_Iterable[_Union[PixelFormat, str]]] = ..., codecs: _Optional[_Iterable[_Union[Codec, str]]] = ..., ops: _Optional[_Iterable[str]] = ..., processors: _Optional[_Iterable[str]] = ..., pipeline_names: _Optional[_Iterable[str]] = ..., max_message_bytes: _Optional[int] = ..., max_pixels: _Optional[int] = ..., max_side_pixels: _Optional[int] = ..., max_batch_frames: _Optional[int] = ..., max_in_flight_frames: _Optional[int] = ..., draining: _Optional[bool] = ..., transports: _Optional[_Iterable[str]] = ..., max_output_pixels: _Optional[int] = ..., max_jpeg_scans: _Optional[int] = ..., max_outputs: _Optional[int] = ..., max_ops: _Optional[int] = ..., max_streams: _Optional[int] = ..., encodings: _Optional[_Iterable[_Union[Encoding, str]]] = ..., max_subscribers: _Optional[int] = ..., max_queue_frames: _Optional[int] = ...) -> None: ...
