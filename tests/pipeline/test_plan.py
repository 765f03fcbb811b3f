"""Plans: what they refuse, which buffers they need, and that a small decode covers every output."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framesrv import codecs
from framesrv.errors import Reason, Refused
from framesrv.frames.layout import ImageLayout, PixelFormat
from framesrv.frames.source import Codec
from framesrv.frames.work import Encoding, FrameReport
from framesrv.ops.blur import Blur
from framesrv.ops.convert import Convert
from framesrv.ops.crop import Crop
from framesrv.ops.custom import Custom, Processors
from framesrv.ops.flip import Flip
from framesrv.ops.resize import Fit, Resize
from framesrv.ops.rotate import Rotate
from framesrv.ops.step import Op
from framesrv.pipeline.limits import PipelineLimits
from framesrv.pipeline.plan import FramePlan, Plan
from framesrv.pipeline.plans import Plans
from framesrv.pipeline.run import run
from framesrv.pipeline.spec import DecodeMode, OutputSpec, PipelineSpec
from framesrv.pool.scratch import ScratchBytesIO
from tests.engine.rigs import jpeg, picture

RAW = Encoding.RAW


def spec(*ops: Op, encoding: Encoding = RAW, mode: DecodeMode = DecodeMode.FAST) -> PipelineSpec:
    return PipelineSpec((OutputSpec("out", ops, encoding),), mode)


def plan(asked: PipelineSpec, **limits: int) -> Plan:
    return Plan(asked, PipelineLimits(**limits), Processors())


def buffers_for(made: FramePlan, fill: int = 0xA5) -> dict[str, Any]:
    """Full of something, so that what is not written shows."""
    return {
        place: np.full(request, fill, np.uint8)
        if isinstance(request, tuple)
        else ScratchBytesIO(1024)
        for place, request in made.requests.items()
    }


def results(asked: PipelineSpec, data: bytes, fill: int = 0xA5) -> dict[str, np.ndarray[Any, Any]]:
    """The outputs of one JPEG as arrays."""
    header = codecs.inspect(memoryview(data), Codec.JPEG, codecs.Limits())
    made = plan(asked).for_frames_like(header)
    return _run(made, memoryview(data), fill)


def raw_results(
    asked: PipelineSpec, layout: ImageLayout, data: bytes
) -> dict[str, np.ndarray[Any, Any]]:
    return _run(plan(asked).for_frames_like(layout), memoryview(data), 0xA5)


def _run(made: FramePlan, payload: memoryview, fill: int) -> dict[str, np.ndarray[Any, Any]]:
    report = FrameReport()
    run(made, payload, buffers_for(made, fill), report)
    out = {}
    for output, planned in zip(report.outputs, made.outputs, strict=True):
        assert output.layout == planned.form.layout
        data = np.frombuffer(bytes(output.data), np.uint8)
        out[output.name] = data.reshape(planned.form.shape) if output.encoding is RAW else data
    return out


class TestRefusals:
    @pytest.mark.parametrize(
        ("asked", "said"),
        [
            (PipelineSpec(), "no outputs"),
            (PipelineSpec((OutputSpec("a"), OutputSpec("a"))), "two outputs are named 'a'"),
            (PipelineSpec((OutputSpec("n" * 257),)), "output 0: its name has 257 characters"),
            (PipelineSpec((OutputSpec("a", quality=101),)), "quality is 101"),
            (PipelineSpec((OutputSpec("a", encoding=9),)), "encoding is 9"),
            (PipelineSpec((OutputSpec("a"),), decode_mode=7), "decode_mode is 7"),
            (PipelineSpec(tuple(OutputSpec(str(n)) for n in range(17))), "17 outputs"),
            (spec(*[Flip()] * 33), "33 operations"),
            (spec(Rotate(45)), "degrees"),
            (spec(Resize(0, 0)), "operation 0 (resize)"),
            (spec(Convert(PixelFormat.NV12), Flip()), "must be the last"),
            (spec(Convert(PixelFormat.I420), encoding=Encoding.JPEG), "ENCODING_RAW"),
        ],
    )
    def test_what_cannot_be_planned(self, asked: PipelineSpec, said: str) -> None:
        with pytest.raises(Refused) as refusal:
            plan(asked)
        assert refusal.value.reason is Reason.BAD_PIPELINE
        assert said in refusal.value.message

    def test_all_faults_at_once_and_none_without_end(self) -> None:
        with pytest.raises(Refused) as refusal:
            plan(spec(*[Rotate(n) for n in range(1, 30)]))
        assert "operation 0 (rotate)" in refusal.value.message
        assert "and 21 more" in refusal.value.message

    def test_a_processor_that_is_not_there(self) -> None:
        with pytest.raises(Refused) as refusal:
            plan(spec(Custom("nobody")))
        assert refusal.value.reason is Reason.UNKNOWN_PROCESSOR

    def test_a_pipeline_that_is_not_there(self) -> None:
        with pytest.raises(Refused) as refusal:
            Plans(named={"known": spec()}).find("other")
        assert refusal.value.reason is Reason.UNKNOWN_PIPELINE
        assert "known" in refusal.value.message

    def test_a_step_that_makes_too_large_a_picture(self) -> None:
        with pytest.raises(Refused) as refusal:
            results_of_limit(spec(Resize(100, 100), Resize(10, 10)), max_output_pixels=9_999)
        assert refusal.value.reason is Reason.IMAGE_TOO_LARGE

    def test_a_crop_outside(self) -> None:
        with pytest.raises(Refused) as refusal:
            results(spec(Crop(0, 0, 65, 10)), jpeg(64, 48))
        assert refusal.value.reason is Reason.BAD_GEOMETRY


def results_of_limit(asked: PipelineSpec, **limits: int) -> None:
    plan(asked, **limits).for_frames_like(ImageLayout(64, 48, PixelFormat.BGR24))


class TestBuffers:
    def test_the_default_pipeline_borrows_the_named_pools_sizes(self) -> None:
        data = jpeg(1280, 720)
        header = codecs.inspect(memoryview(data), Codec.JPEG, codecs.Limits())
        made = Plans().find(None).for_frames_like(header)
        shapes = [r for r in made.requests.values() if r != "jpeg"]
        assert shapes == [(360, 640, 3), (320, 320, 3), (320, 320, 4)]
        assert list(made.requests.values()).count("jpeg") == 1

    def test_buffers_are_shared_by_steps_and_outputs(self) -> None:
        many = PipelineSpec(
            tuple(
                OutputSpec(str(n), (Flip(horizontal=True), Flip(vertical=True)) * 8)
                for n in range(16)
            )
        )
        made = plan(many).for_frames_like(ImageLayout(64, 48, PixelFormat.RGB24))
        arrays = [r for r in made.requests.values() if r != "jpeg"]
        assert len(arrays) == 3, "the source, and two that take turns"

    def test_raw_outputs_do_not_share_what_leaves(self) -> None:
        many = PipelineSpec(
            tuple(OutputSpec(str(n), (Crop(n, 0, 8, 8), Flip()), RAW) for n in range(4))
        )
        source = picture(16, 8)
        out = raw_results(many, ImageLayout(16, 8, PixelFormat.BGR24), source.tobytes())
        for n in range(4):
            np.testing.assert_array_equal(out[str(n)], source[:, n : n + 8])

    def test_plans_for_frames_alike_are_made_once(self) -> None:
        made = plan(spec(Resize(8, 8)))
        layout = ImageLayout(64, 48, PixelFormat.BGR24)
        assert made.for_frames_like(layout) is made.for_frames_like(ImageLayout(64, 48, 1))
        for side in range(1, 200):
            made.for_frames_like(ImageLayout(side, 48, PixelFormat.BGR24))
        assert len(made._plans) <= 32


class TestOutputs:
    def test_no_operations_give_the_frame(self) -> None:
        source = picture(33, 17)
        out = raw_results(spec(), ImageLayout(33, 17, PixelFormat.BGR24), source.tobytes())
        np.testing.assert_array_equal(out["out"], source)

    def test_padding_between_rows_does_not_come_along(self) -> None:
        source = picture(5, 4)
        padded = b"".join(row.tobytes() + b"\xee" * 9 for row in source)
        layout = ImageLayout(5, 4, PixelFormat.BGR24, row_stride_bytes=24)
        for asked in (spec(), spec(Crop(0, 0, 5, 4)), spec(Flip(), Flip())):
            np.testing.assert_array_equal(raw_results(asked, layout, padded)["out"], source)

    @pytest.mark.parametrize("encoding", [Encoding.JPEG, Encoding.PNG, Encoding.WEBP])
    @pytest.mark.parametrize("ops", [(), (Crop(3, 5, 20, 11),), (Convert(PixelFormat.GRAY8),)])
    def test_encoded_outputs_show_the_same_picture(
        self, encoding: Encoding, ops: tuple[Op, ...]
    ) -> None:
        source = picture(64, 48)
        layout = ImageLayout(64, 48, PixelFormat.BGR24)
        both = PipelineSpec(
            (OutputSpec("raw", ops, RAW), OutputSpec("coded", ops, encoding, quality=95))
        )
        out = raw_results(both, layout, source.tobytes())
        flags = cv2.IMREAD_GRAYSCALE if out["raw"].ndim == 2 else cv2.IMREAD_COLOR
        coded = cv2.imdecode(out["coded"], flags)
        assert coded is not None
        assert coded.shape == out["raw"].shape
        assert np.abs(coded.astype(int) - out["raw"]).mean() < 6

    def test_one_decode_many_outputs(self) -> None:
        asked = PipelineSpec(
            (
                OutputSpec("small", (Resize(32, 24),), RAW),
                OutputSpec("grey", (Convert(PixelFormat.GRAY8), Resize(16, 12)), RAW),
                OutputSpec("turned", (Rotate(90), Resize(24, 32)), RAW),
            )
        )
        data = jpeg(256, 192)
        out = results(asked, data)
        assert {n: a.shape for n, a in out.items()} == {
            "small": (24, 32, 3),
            "grey": (12, 16),
            "turned": (32, 24, 3),
        }
        header = codecs.inspect(memoryview(data), Codec.JPEG, codecs.Limits())
        assert plan(asked).for_frames_like(header).source.form.width == 32


sides = st.integers(1, 90)
ops = st.one_of(
    st.builds(Resize, sides, sides, fit=st.sampled_from([Fit.STRETCH, Fit.CONTAIN, Fit.COVER])),
    st.builds(Resize, sides, st.just(0)),
    st.builds(Resize, st.just(0), sides),
    st.builds(Flip, st.booleans(), st.booleans()),
    st.builds(Rotate, st.sampled_from([90, 180, 270])),
    st.builds(Convert, st.sampled_from([f for f in PixelFormat if 1 <= f <= 5])),
    st.builds(Blur, st.sampled_from([0.0, 0.7])),
)


@given(st.tuples(sides, sides), st.lists(st.lists(ops, max_size=4), min_size=1, max_size=3))
def test_a_fast_decode_gives_the_same_forms_and_every_byte(
    size: tuple[int, int], chains: list[list[Op]]
) -> None:
    outputs = tuple(OutputSpec(str(n), tuple(chain), RAW) for n, chain in enumerate(chains))
    data = jpeg(*size)
    try:
        exact = results(PipelineSpec(outputs, DecodeMode.EXACT), data)
    except Refused as refused:
        assert refused.reason in (Reason.BAD_GEOMETRY, Reason.IMAGE_TOO_LARGE)  # noqa: PT017
        return
    fast = results(PipelineSpec(outputs, DecodeMode.FAST), data)
    again = results(PipelineSpec(outputs, DecodeMode.FAST), data, fill=0x5A)
    for name in exact:
        assert fast[name].shape == exact[name].shape
        np.testing.assert_array_equal(fast[name], again[name])


def test_a_fast_decode_looks_like_an_exact_one() -> None:
    data = jpeg(1280, 720)
    for op in (Resize(320, 180), Resize(300, 300, fit=Fit.COVER), Resize(0, 100)):
        fast = results(spec(op), data)["out"].astype(int)
        exact = results(spec(op, mode=DecodeMode.EXACT), data)["out"].astype(int)
        assert np.abs(fast - exact).mean() < 2
        assert np.abs(fast - exact).max() < 40


def test_a_crop_is_taken_of_every_pixel() -> None:
    data = jpeg(640, 360)
    asked = (Crop(600, 300, 40, 60), Resize(20, 30))
    fast = results(spec(*asked), data)["out"]
    np.testing.assert_array_equal(fast, results(spec(*asked, mode=DecodeMode.EXACT), data)["out"])


def test_a_side_left_to_the_ratio_follows_the_frames_own() -> None:
    """Decoded at a half, 40x43 is 20x22, and sixteen wide that would be eighteen high."""
    assert results(spec(Resize(16, 0)), jpeg(40, 43))["out"].shape == (17, 16, 3)
