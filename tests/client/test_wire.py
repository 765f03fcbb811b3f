"""What is written by hand agrees with the generated classes; frames, pipelines, results."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import cv2
import numpy as np
import pytest
from grpc import StatusCode
from hypothesis import given
from hypothesis import strategies as st

import framesrv.client
from framesrv.client import (
    Frame,
    FrameDropped,
    FrameFailed,
    Output,
    OutputImage,
    Pipeline,
    blur,
    convert,
    crop,
    custom,
    flip,
    resize,
    rotate,
)
from framesrv.client.encode import batch_request, encode_frame, stream_batch
from framesrv.client.pipelines import plan_fields
from framesrv.client.plan import StreamPlan
from framesrv.client.results import result_of
from framesrv.protocol.gen import frames_pb2 as pb

FORMATS = {"BGR24": 3, "RGB24": 3, "RGBA32": 4, "BGRA32": 4, "GRAY8": 1}


@st.composite
def frames(draw: st.DrawFn) -> tuple[Frame, pb.Frame]:
    """A frame of ours and the message that it should become."""
    fields: dict[str, Any] = {
        "sequence": draw(st.integers(0, 2**64 - 1)),
        "captured_at_ns": draw(st.integers(-(2**62), 2**62)),
        "stream_id": draw(st.text(max_size=5)),
        "trace_id": draw(st.text(max_size=200)),
    }
    message = pb.Frame(**fields)
    if draw(st.booleans()):
        data = draw(st.binary(min_size=1, max_size=300))
        codec = draw(st.sampled_from([None, "jpeg", "PNG", "webp"]))
        message.encoded.data = data
        message.encoded.codec = {None: 0, "jpeg": 1, "PNG": 2, "webp": 3}[codec]  # type: ignore[assignment]
        wrap = draw(st.sampled_from([bytes, bytearray, memoryview]))
        return Frame(wrap(data), codec, **fields), message
    word, channels = draw(st.sampled_from(sorted(FORMATS.items())))
    height, width = draw(st.integers(1, 9)), draw(st.integers(1, 40))
    shape = (height, width) if channels == 1 else (height, width, channels)
    pixels = np.random.default_rng(height).integers(0, 255, shape, np.uint8)
    message.raw.layout.width, message.raw.layout.height = width, height
    message.raw.layout.format = getattr(pb, f"PIXEL_FORMAT_{word}")
    message.raw.data = pixels.tobytes()
    if draw(st.booleans()):
        pixels = np.repeat(pixels, 2, axis=1)[:, ::2]  # the same pixels, with gaps between
    return Frame(pixels, word, **fields), message


@given(st.lists(frames(), max_size=4))
def test_messages_are_what_protobuf_would_write(pairs: list[tuple[Frame, pb.Frame]]) -> None:
    messages = [message for _, message in pairs]
    head = pb.ProcessBatchRequest(request_id="r", pipeline_name="p")
    written = batch_request(head, [encode_frame(frame, 0) for frame, _ in pairs])
    assert pb.ProcessBatchRequest.FromString(written) == pb.ProcessBatchRequest(
        request_id="r", pipeline_name="p", frames=messages
    )
    streamed = pb.ProcessStreamRequest(batch=pb.FrameBatch(frames=messages))
    written = stream_batch([encode_frame(frame, 0) for frame, _ in pairs])
    assert pb.ProcessStreamRequest.FromString(written) == streamed


def test_arrays_without_a_format_and_planar_ones() -> None:
    def layout(data: Any, word: str | None = None) -> pb.ImageLayout:
        written = batch_request(pb.ProcessBatchRequest(), [encode_frame(Frame(data, word), 0)])
        return pb.ProcessBatchRequest.FromString(written).frames[0].raw.layout

    assert layout(np.zeros((4, 6, 3), np.uint8)).format == pb.PIXEL_FORMAT_BGR24
    assert layout(np.zeros((4, 6), np.uint8)).format == pb.PIXEL_FORMAT_GRAY8
    nv12 = layout(np.zeros((6, 8), np.uint8), "NV12")
    assert (nv12.width, nv12.height, nv12.format) == (8, 4, pb.PIXEL_FORMAT_NV12)


def test_the_crc_is_of_the_payload() -> None:
    written = batch_request(
        pb.ProcessBatchRequest(), [encode_frame(Frame(b"123456789", crc=True), 0)]
    )
    assert pb.ProcessBatchRequest.FromString(written).frames[0].crc32c == 0xE3069283


@pytest.mark.parametrize(
    ("data", "word", "says"),
    [
        (np.zeros((2, 2, 4), np.uint8), None, 'give format="BGRA32"'),
        (np.zeros((2, 2, 3)), None, "uint8, not float64"),
        (np.zeros((0, 2, 3), np.uint8), None, "no pixels"),
        (np.zeros((2, 2, 2), np.uint8), None, r"not \(2, 2, 2\)"),
        (np.zeros((2, 2, 3), np.uint8), "GRAY8", "has 1 channels"),
        (np.zeros((2, 2, 3), np.uint8), "BGR", "one of bgr24, rgb24"),
        (np.zeros((4, 2), np.uint8), "I420", "h \\* 3/2 rows"),
        (b"", None, "empty"),
        (b"123", "BGR24", "np.frombuffer"),
        (b"123", "gif", "one of jpeg, png, webp"),
    ],
)
def test_frames_that_are_none(data: Any, word: str | None, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        encode_frame(Frame(data, word), 0)


def test_a_pipeline_in_the_servers_words() -> None:
    ops = [resize(320, fit="contain", interpolation="area", pad_rgb=0x102030), crop(1, 2, 3, 4),
           rotate(90), flip(vertical=True), blur(1.5), custom("mine", key="value"),
           convert("RGBA32")]  # fmt: skip
    made = Pipeline(
        Output("thumb", ops, encoding="jpeg", quality=85), Output("all"), decode_mode="exact"
    )
    kinds = ["resize", "crop", "rotate", "flip", "blur", "custom", "convert"]
    message = made.to_proto()
    assert [op.WhichOneof("op") for op in message.outputs[0].ops] == kinds
    assert message.outputs[0].quality == 85
    assert message.outputs[0].ops[0].resize == pb.Resize(
        width=320, interpolation=pb.INTERPOLATION_AREA, fit=pb.FIT_CONTAIN, pad_rgb=0x102030
    )
    assert message.outputs[1] == pb.Output(name="all")
    assert message.decode_mode == pb.DECODE_MODE_EXACT
    assert plan_fields(made) == plan_fields(message) == (message, None)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (resize, "both 0"),
        (lambda: resize(-1), "whole number"),
        (lambda: resize(1, fit="squeeze"), "stretch, contain, cover"),
        (lambda: resize(1, pad_rgb=1 << 24), "pad_rgb"),
        (lambda: crop(0, 0, 0, 5), "empty"),
        (lambda: rotate(45), "90, 180 or 270"),
        (flip, "neither"),
        (lambda: blur(0), "above 0"),
        (lambda: convert("CMYK"), "one of bgr24"),
        (lambda: custom(""), "name is empty"),
        (lambda: Output(""), "needs a name"),
        (lambda: Output("a", ["resize"]), "no operation"),  # type: ignore[list-item]
        (lambda: Output("a", quality=101), "1 to 100"),
        (lambda: Output("a", encoding="bmp"), "jpeg, png, webp, raw"),
        (Pipeline, "at least one"),
        (lambda: Pipeline(Output("a"), Output("a")), "two outputs"),
        (lambda: plan_fields(""), "name is empty"),
        (lambda: StreamPlan(window=0), "window"),
        (lambda: StreamPlan(window=2, batch=3), "1 to window"),
        (lambda: StreamPlan(drop="all"), "block, oldest, newest"),  # type: ignore[arg-type]
        (lambda: StreamPlan(max_age_s=-1), "max_age_s"),
        (lambda: StreamPlan(publish=True), "needs a stream_id"),
    ],
)
def test_what_cannot_be_asked_for(make: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make()


def image(data: bytes, word: str, size: tuple[int, int], stride: int = 0) -> OutputImage:
    return OutputImage("o", "raw", *size, word, stride, data)


def test_raw_outputs_are_views_that_respect_strides() -> None:
    data = bytes(range(2 * 10))
    view = image(data, "BGR24", (3, 2), 10).array
    assert view.shape == (2, 3, 3)
    assert view[1].tolist() == [[10, 11, 12], [13, 14, 15], [16, 17, 18]]
    assert not view.flags.writeable
    assert view.ctypes.data == np.frombuffer(data, np.uint8).ctypes.data  # no copy
    assert image(data, "GRAY8", (10, 2)).array.shape == (2, 10)
    assert image(bytes(24), "NV12", (4, 4)).array.shape == (6, 4)
    assert image(bytes(36), "NV12", (4, 4), 6).array.strides == (6, 1)
    with pytest.raises(ValueError, match="take its planes"):
        _ = image(bytes(36), "I420", (4, 4), 6).array
    with pytest.raises(ValueError, match="20 bytes are no 3 x 3"):
        _ = image(data, "BGR24", (3, 3)).array


@pytest.mark.parametrize("missing", [(), ("cv2",), ("cv2", "PIL", "PIL.Image")])
def test_encoded_outputs_are_decoded_by_what_is_there(
    missing: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3)
    output = OutputImage("o", "png", 4, 5, "BGR24", 0, cv2.imencode(".png", pixels)[1].tobytes())
    for name in missing:
        monkeypatch.setitem(sys.modules, name, None)
    if "PIL" in missing:
        with pytest.raises(RuntimeError, match="OpenCV or Pillow"):
            _ = output.array
    else:
        np.testing.assert_array_equal(output.array, pixels)
        with pytest.raises(ValueError, match="no image"):
            _ = OutputImage("o", "png", 4, 5, "BGR24", 0, b"junk").array


def test_a_failed_result_says_why_wherever_it_is_touched() -> None:
    message = pb.FrameResult(sequence=4, status=pb.FRAME_STATUS_FAILED)
    message.error.code, message.error.reason, message.error.message = 8, "QUEUE_FULL", "come later"
    message.error.retry_after.FromMilliseconds(1500)
    result = result_of(message)
    assert result.error is not None
    assert (result.ok, result.error.retry_after_s) == (False, 1.5)
    with pytest.raises(FrameFailed, match="frame 4: come later") as caught:
        _ = result["thumb"]
    assert caught.value.code is StatusCode.RESOURCE_EXHAUSTED
    message.status = pb.FRAME_STATUS_DROPPED
    with pytest.raises(FrameDropped):
        result_of(message).raise_for_error()


def test_an_output_that_was_not_asked_for() -> None:
    message = pb.FrameResult(status=pb.FRAME_STATUS_OK, outputs=[pb.OutputImage(name="there")])
    with pytest.raises(KeyError, match="no output 'thumb'; there is: there"):
        _ = result_of(message)["thumb"]


def test_importing_the_client_loads_nothing_of_the_server() -> None:
    probe = """
import sys, framesrv.client
rooms = {".".join(name.split(".")[:2]) for name in sys.modules if name.startswith("framesrv.")}
print(sorted(rooms), sorted({"cv2", "PIL", "google_crc32c"} & set(sys.modules)))
print("framesrv.protocol.wire" in sys.modules)
"""
    run = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True, timeout=60
    )
    rooms = "['framesrv.client', 'framesrv.errors', 'framesrv.protocol']"
    assert run.stdout.splitlines() == [f"{rooms} []", "False"]


def test_every_public_name_is_there() -> None:
    assert sorted(framesrv.client.__all__) == framesrv.client.__all__
    for name in framesrv.client.__all__:
        assert hasattr(framesrv.client, name)
