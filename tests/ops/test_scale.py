"""The quick box average against OpenCV's general one, and against the exact one.

    python -m timeit -s 'import cv2, tests.ops.test_scale as t; cv2.setNumThreads(1); \
go = t.timed(True)' 'go()'

and the same with ``timed(False)`` for OpenCV's INTER_AREA.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framesrv.frames.layout import PixelFormat
from framesrv.ops.scale import Size, scaling
from framesrv.ops.step import Form, Pixels
from framesrv.testing.op_contract import INTERLEAVED, noise


def box_matrix(source: int, target: int) -> npt.NDArray[np.float64]:
    """Row k: how much of each source pixel lies under target pixel k."""
    edges = np.arange(target + 1) * (source / target)
    left = np.maximum(edges[:-1, None], np.arange(source))
    right = np.minimum(edges[1:, None], np.arange(1, source + 1))
    shares = np.clip(right - left, 0, None)
    weights: npt.NDArray[np.float64] = shares / shares.sum(axis=1, keepdims=True)
    return weights


def along_both(
    src: Pixels, rows: npt.NDArray[np.float64], columns: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    result: npt.NDArray[np.float64] = np.einsum(
        "Yy,yx...,Xx->YX...", rows, src.astype(np.float64), columns
    )
    return result


def scaled(src: Pixels, source: Size, target: Size, kind: PixelFormat) -> Pixels:
    scale = scaling(source, target, cv2.INTER_AREA)
    dst = np.full(Form(*target, kind).shape, 0xA5, np.uint8)
    scratch = [np.full(Form(*scale.scratch, kind).shape, 0xA5, np.uint8)] if scale.scratch else []
    scale.work(src, dst, *scratch)
    return dst


def timed(quick: bool) -> Callable[[], object]:
    src, dst = noise(Form(640, 360, PixelFormat.BGR24)), np.zeros((320, 320, 3), np.uint8)
    scratch = np.zeros((360, 320, 3), np.uint8)
    if not quick:
        return lambda: cv2.resize(src, (320, 320), dst=dst, interpolation=cv2.INTER_AREA)
    work = scaling((640, 360), (320, 320), cv2.INTER_AREA).work
    return lambda: work(src, dst, scratch)


@given(
    columns=st.integers(1, 20),
    halved=st.booleans(),
    phases=st.integers(2, 16),
    groups=st.integers(1, 5),
    kind=st.sampled_from(INTERLEAVED),
)
def test_the_quick_way_is_within_1_of_both(
    columns: int, halved: bool, phases: int, groups: int, kind: PixelFormat
) -> None:
    source = (columns * (1 + halved), (phases + 1) * groups)
    target = (columns, phases * groups)
    src = noise(Form(*source, kind), seed=columns)
    result = scaled(src, source, target, kind).astype(int)
    exact = along_both(src, box_matrix(source[1], target[1]), box_matrix(source[0], target[0]))
    assert np.abs(result - exact).max() <= 1.01
    slow = cv2.resize(src, target, interpolation=cv2.INTER_AREA)
    assert np.abs(result - slow.astype(int)).max() <= 1


@pytest.mark.parametrize(
    ("source", "target", "scratch"),
    [
        ((640, 360), (320, 320), (320, 360)),  # the usual one
        ((1280, 720), (640, 640), (640, 720)),
        ((320, 360), (320, 320), None),
        ((640, 480), (320, 320), (320, 480)),
        ((640, 360), (320, 180), None),  # OpenCV's own quick way
        ((640, 360), (319, 320), None),
        ((640, 361), (320, 320), None),
        ((640, 341), (320, 340), None),  # too many proportions
        ((640, 360), (320, 360), None),
    ],
)
def test_where_a_second_buffer_is_needed(source: Size, target: Size, scratch: Size | None) -> None:
    assert scaling(source, target, cv2.INTER_AREA).scratch == scratch
    kind = PixelFormat.BGR24
    src = noise(Form(*source, kind))
    slow = cv2.resize(src, target, interpolation=cv2.INTER_AREA)
    assert np.abs(scaled(src, source, target, kind).astype(int) - slow.astype(int)).max() <= 1


def test_other_interpolations_are_opencvs() -> None:
    assert scaling((640, 360), (320, 320), cv2.INTER_LINEAR).scratch is None
