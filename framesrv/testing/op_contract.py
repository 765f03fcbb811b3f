"""What every operation promises. Subclass, and say which values fit a frame of a given form."""

from __future__ import annotations

import copy
import tracemalloc
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Final

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from framesrv.errors import Reason, Refused
from framesrv.frames.layout import PixelFormat
from framesrv.ops.rules import MAX_PIXELS, MAX_SIDE
from framesrv.ops.step import Form, Op, Pixels, Step

INTERLEAVED: Final = tuple(
    f for f in PixelFormat if f not in (PixelFormat.UNSPECIFIED, PixelFormat.NV12, PixelFormat.I420)
)
# Of small frames: sides of 1, and both odd and even ones.
FORMS: Final = st.builds(Form, st.integers(1, 24), st.integers(1, 24), st.sampled_from(INTERLEAVED))
# Large enough for a hidden copy of a frame to show beside what a call costs anyway.
_LARGE: Final = st.builds(
    Form, st.sampled_from([160, 240]), st.sampled_from([90, 128]), st.sampled_from(INTERLEAVED)
)
_ALLOCATED_MAX: Final = 4096  # bytes
_GUARD: Final = 64  # bytes on either side of dst

# One method serves many subclasses, which Hypothesis asks about.
_SHARED: Final = settings(suppress_health_check=[HealthCheck.differing_executors])
_SHARED_FEW: Final = settings(_SHARED, max_examples=20)


def noise(form: Form, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, form.shape, dtype=np.uint8)


def apply(op: Op, src: Pixels, form: Form, fill: int = 0xA5) -> Pixels:
    """The result of one operation, made the way the pipeline makes it."""
    step = op.step(form)
    if step.view is not None:
        return step.view(src)
    if step.work is None:
        return src
    dst = np.full(step.form.shape, fill, np.uint8)
    _work(step, fill)(src, dst)
    return dst


def _work(step: Step, fill: int = 0) -> Callable[[Pixels, Pixels], object]:
    work = step.work
    if work is None:
        raise ValueError("this step has no work")
    if step.scratch is None:
        return work
    scratch = np.full(step.scratch, fill, np.uint8)
    return lambda src, dst: work(src, dst, scratch)


def _with_padded_rows(src: Pixels, fill: int) -> Pixels:
    """The same pixels, each row followed by bytes that belong to no pixel."""
    rows = src.reshape(src.shape[0], -1)
    padded = np.full((rows.shape[0], rows.shape[1] + 7), fill, np.uint8)
    padded[:, : rows.shape[1]] = rows
    strides = (padded.strides[0], *src.strides[1:])
    return np.ndarray(src.shape, np.uint8, padded, 0, strides)


class OpContract(ABC):
    @abstractmethod
    def ops(self, form: Form) -> st.SearchStrategy[Op]:
        """Operations without fault that fit frames of this form."""

    def forms(self) -> st.SearchStrategy[Form]:
        return FORMS

    @_SHARED
    @given(data=st.data())
    def test_an_operation_is_a_value(self, data: st.DataObject) -> None:
        form = data.draw(self.forms())
        op = data.draw(self.ops(form))
        assert op.faults() == []
        twin = copy.copy(op)
        assert twin is not op
        assert twin == op
        assert hash(twin) == hash(op)
        assert op.step(form).form == twin.step(form).form

    @_SHARED
    @given(data=st.data())
    def test_a_step_says_truly_what_comes_out(self, data: st.DataObject) -> None:
        form = data.draw(self.forms())
        step = data.draw(self.ops(form)).step(form)
        assert step.form.layout.faults() == []
        assert max(step.form.width, step.form.height) <= MAX_SIDE
        assert step.form.width * step.form.height <= MAX_PIXELS
        assert step.work is None or step.view is None
        if step.work is None:
            assert step.scratch is None
        if step.view is not None:
            src = noise(form)
            part = step.view(src)
            assert part.shape == step.form.shape
            assert np.shares_memory(part, src)
        elif step.work is None:
            assert step.form == form

    @_SHARED
    @given(data=st.data(), seed=st.integers(0, 99))
    def test_every_byte_is_written_and_nothing_else_is(
        self, data: st.DataObject, seed: int
    ) -> None:
        form = data.draw(self.forms())
        step = data.draw(self.ops(form)).step(form)
        if step.work is None:
            return
        src = noise(form, seed)
        before = src.copy()
        src.flags.writeable = False  # the bytes of a message are
        results = []
        for fill in (0x00, 0xFF, 0x5A):
            size = int(np.prod(step.form.shape))
            room = np.full(size + 2 * _GUARD, fill, np.uint8)
            dst = room[_GUARD:-_GUARD].reshape(step.form.shape)
            assert _work(step, fill)(src, dst) is dst
            assert (room[:_GUARD] == fill).all()
            assert (room[-_GUARD:] == fill).all()
            results.append(dst)
        np.testing.assert_array_equal(results[0], results[1])
        np.testing.assert_array_equal(results[0], results[2])
        np.testing.assert_array_equal(src, before)

    @_SHARED
    @given(data=st.data(), seed=st.integers(0, 99))
    def test_padding_between_rows_makes_no_difference(self, data: st.DataObject, seed: int) -> None:
        form = data.draw(self.forms())
        op = data.draw(self.ops(form))
        src = noise(form, seed)
        packed = apply(op, src, form)
        for fill in (0x00, 0xFF):
            np.testing.assert_array_equal(apply(op, _with_padded_rows(src, fill), form), packed)

    @_SHARED
    @given(data=st.data(), seed=st.integers(0, 99))
    def test_a_part_of_a_larger_frame_is_as_good_as_a_frame(
        self, data: st.DataObject, seed: int
    ) -> None:
        """After a crop, and nothing around the part shows."""
        form = data.draw(self.forms())
        op = data.draw(self.ops(form))
        src = noise(form, seed)
        whole = noise(Form(form.width + 5, form.height + 4, form.format), seed + 1)
        part = whole[1 : 1 + form.height, 3 : 3 + form.width]
        part[...] = src
        np.testing.assert_array_equal(apply(op, part, form), apply(op, src, form))

    @_SHARED_FEW
    @given(data=st.data())
    def test_nothing_the_size_of_a_frame_is_allocated(self, data: st.DataObject) -> None:
        """NumPy's arrays show in tracemalloc, also those that OpenCV makes."""
        form = data.draw(_LARGE)
        step = data.draw(self.ops(form)).step(form)
        if step.work is None:
            return
        src, dst = noise(form), np.zeros(step.form.shape, np.uint8)
        work = _work(step)
        work(src, dst)
        tracemalloc.start()
        try:
            work(src, dst)
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            work(src, dst)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak - before < _ALLOCATED_MAX

    @_SHARED_FEW
    @given(data=st.data(), planar=st.sampled_from([PixelFormat.NV12, PixelFormat.I420]))
    def test_planar_frames_are_refused(self, data: st.DataObject, planar: PixelFormat) -> None:
        op = data.draw(self.ops(Form(16, 16, PixelFormat.BGR24)))
        with pytest.raises(Refused, match=planar.name) as caught:
            op.step(Form(16, 16, planar))
        assert caught.value.reason is Reason.BAD_PIPELINE
