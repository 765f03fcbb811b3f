from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from framesrv.errors import Reason, Refused
from framesrv.frames.layout import PixelFormat
from framesrv.ops.convert import Convert
from framesrv.ops.resize import Fit, Interpolation, Resize
from framesrv.ops.rules import MAX_SIDE
from framesrv.ops.step import Form, Pixels
from framesrv.testing.op_contract import FORMS, INTERLEAVED, OpContract, apply, noise
from tests.ops.test_scale import along_both, box_matrix

F = PixelFormat
I = Interpolation  # noqa: E741
sides = st.integers(1, 24)


class TestContract(OpContract):
    def ops(self, form: Form) -> st.SearchStrategy[Resize]:
        sizes = st.tuples(sides, sides) | st.sampled_from(
            [
                (form.width, form.height),
                (form.width, 0),
                (0, 7),
                (13, 0),
                (max(1, form.width // 2), max(1, form.height * 8 // 9)),
            ]
        )
        return st.builds(
            lambda size, *rest: Resize(*size, *rest),
            sizes,
            st.sampled_from(Interpolation),
            st.sampled_from(Fit),
            st.integers(0, 0xFFFFFF),
        )


def _taps(source: int, target: int, weigh: Any, reach: range) -> npt.NDArray[np.float64]:
    """Row k: the weights around the place where the centre of target pixel k lies."""
    matrix = np.zeros((target, source))
    for k in range(target):
        place = (k + 0.5) * source / target - 0.5
        first = int(np.floor(place))
        for tap in reach:
            at = min(max(first + tap, 0), source - 1)
            matrix[k, at] += weigh(abs(place - (first + tap)))
    return matrix


def _linear(distance: float) -> float:
    return max(0.0, 1 - distance)


def _cubic(distance: float, a: float = -0.75) -> float:
    if distance <= 1:
        return (a + 2) * distance**3 - (a + 3) * distance**2 + 1
    return a * distance**3 - 5 * a * distance**2 + 8 * a * distance - 4 * a if distance < 2 else 0


def _sampled(src: Pixels, form: Form, result: Form, weigh: Any, reach: range) -> Any:
    rows = _taps(form.height, result.height, weigh, reach)
    columns = _taps(form.width, result.width, weigh, reach)
    return np.clip(along_both(src, rows, columns), 0, 255)


@given(form=FORMS, width=sides, height=sides)
def test_area_is_the_exact_box_average_within_1(form: Form, width: int, height: int) -> None:
    width, height = min(width, form.width), min(height, form.height)
    src = noise(form)
    rows, columns = box_matrix(form.height, height), box_matrix(form.width, width)
    for interpolation in (I.AREA, I.UNSPECIFIED):
        result = apply(Resize(width, height, interpolation), src, form)
        assert np.abs(result - along_both(src, rows, columns)).max() <= 1.01


@given(form=FORMS, width=sides, height=sides)
def test_linear_by_hand_within_1(form: Form, width: int, height: int) -> None:
    src = noise(form)
    result = apply(Resize(width, height, I.LINEAR), src, form)
    by_hand = _sampled(src, form, Form(width, height, form.format), _linear, range(2))
    assert np.abs(result - by_hand).max() <= 1.01


@given(form=FORMS, width=sides, height=sides)
def test_cubic_by_hand_within_2(form: Form, width: int, height: int) -> None:
    src = noise(form)
    result = apply(Resize(width, height, I.CUBIC), src, form)
    by_hand = _sampled(src, form, Form(width, height, form.format), _cubic, range(-1, 3))
    assert np.abs(result - by_hand).max() <= 2


@given(form=FORMS, width=sides, height=sides)
def test_nearest_is_the_pixel_at_the_upper_left_as_in_opencv(
    form: Form, width: int, height: int
) -> None:
    src = noise(form)
    rows = np.floor(np.arange(height) * (1 / (height / form.height))).astype(int)
    columns = np.floor(np.arange(width) * (1 / (width / form.width))).astype(int)
    result = apply(Resize(width, height, I.NEAREST), src, form)
    np.testing.assert_array_equal(result, src[rows][:, columns])


@pytest.mark.parametrize(
    ("interpolation", "pillow"),
    [(I.LINEAR, Image.Resampling.BILINEAR), (I.NEAREST, Image.Resampling.NEAREST)],
)
def test_growing_is_what_pillow_does_within_1(
    interpolation: Interpolation, pillow: Image.Resampling
) -> None:
    form = Form(32, 20, F.RGB24)
    src = noise(form)
    theirs = np.asarray(Image.fromarray(src).resize((96, 60), pillow)).astype(int)
    assert np.abs(apply(Resize(96, 60, interpolation), src, form) - theirs).max() <= 1


def test_shrinking_by_whole_numbers_is_what_pillows_box_does_within_1() -> None:
    form = Form(96, 60, F.RGB24)
    src = noise(form)
    theirs = np.asarray(Image.fromarray(src).resize((32, 12), Image.Resampling.BOX)).astype(int)
    assert np.abs(apply(Resize(32, 12), src, form) - theirs).max() <= 1


@pytest.mark.parametrize(
    ("width", "height", "like"),
    [
        (10, 6, I.AREA),
        (20, 6, I.AREA),
        (40, 24, I.LINEAR),
        (40, 12, I.LINEAR),
        (40, 6, I.LINEAR),  # one side grows
        (10, 24, I.LINEAR),
    ],
)
def test_unspecified_is_area_when_shrinking_and_linear_when_growing(
    width: int, height: int, like: Interpolation
) -> None:
    form = Form(20, 12, F.BGR24)
    src = noise(form)
    other = I.LINEAR if like is I.AREA else I.NEAREST
    unspecified = apply(Resize(width, height), src, form)
    np.testing.assert_array_equal(unspecified, apply(Resize(width, height, like), src, form))
    if (width, height) != (10, 6):  # by halves, the two are one
        assert (unspecified != apply(Resize(width, height, other), src, form)).any()


@pytest.mark.parametrize(
    ("size", "of", "expected"),
    [
        ((640, 0), (1920, 1080), (640, 360)),
        ((0, 360), (1920, 1080), (640, 360)),
        ((1, 0), (2, 3), (1, 2)),  # 1.5 is rounded up
        ((1, 0), (2, 1), (1, 1)),  # 0.5
        ((3, 0), (10, 8), (3, 2)),  # 2.4 is rounded down
        ((1, 0), (1000, 1), (1, 1)),  # and never to nothing
        ((0, 1), (1, 1000), (1, 1)),
    ],
)
@pytest.mark.parametrize("fit", Fit)
def test_a_side_of_0_follows_from_the_other_under_any_fit(
    size: tuple[int, int], of: tuple[int, int], expected: tuple[int, int], fit: Fit
) -> None:
    form = Form(*of, F.BGR24)
    op = Resize(*size, I.NEAREST, fit, 0xFF00FF)
    assert op.step(form).form == Form(*expected, F.BGR24)
    src = noise(form)
    stretched = apply(Resize(*expected, I.NEAREST), src, form)
    np.testing.assert_array_equal(apply(op, src, form), stretched)


@pytest.mark.parametrize("op", [Resize(MAX_SIDE, 0), Resize(0, MAX_SIDE), Resize(4097, 0)])
def test_a_side_that_follows_may_not_pass_the_caps(op: Resize) -> None:
    form = Form(100, 100, F.BGR24)
    with pytest.raises(Refused, match="at most 8192 a side and 16777216 pixels") as caught:
        op.step(form)
    assert caught.value.reason is Reason.IMAGE_TOO_LARGE
    with pytest.raises(Refused, match=f"1x{MAX_SIDE + 1}"):
        Resize(1, 0).step(Form(1, MAX_SIDE + 1, F.BGR24))


@given(form=FORMS, interpolation=st.sampled_from(Interpolation), fit=st.sampled_from(Fit))
def test_the_same_size_is_nothing_to_do(form: Form, interpolation: Interpolation, fit: Fit) -> None:
    step = Resize(form.width, form.height, interpolation, fit).step(form)
    assert (step.form, step.work, step.view, step.scratch) == (form, None, None, None)


def _colour(rgb: tuple[int, int, int], kind: PixelFormat) -> Any:
    red, green, blue = rgb
    return {
        F.BGR24: [blue, green, red],
        F.RGB24: [red, green, blue],
        F.BGRA32: [blue, green, red, 255],
        F.RGBA32: [red, green, blue, 255],
        F.GRAY8: round(0.299 * red + 0.587 * green + 0.114 * blue),
    }[kind]


@given(form=FORMS, width=sides, height=sides, rgb=st.tuples(*[st.integers(0, 255)] * 3))
@example(form=Form(4, 2, F.RGBA32), width=10, height=10, rgb=(1, 2, 3))
@example(form=Form(4, 2, F.GRAY8), width=2, height=5, rgb=(200, 100, 50))
def test_contain_is_the_whole_frame_between_bars(
    form: Form, width: int, height: int, rgb: tuple[int, int, int]
) -> None:
    pad_rgb = rgb[0] << 16 | rgb[1] << 8 | rgb[2]
    src = noise(form)
    result = apply(Resize(width, height, I.NEAREST, Fit.CONTAIN, pad_rgb), src, form)

    scale = min(width / form.width, height / form.height)
    inner_width = min(width, max(1, int(form.width * scale + 0.5 + 1e-9)))
    inner_height = min(height, max(1, int(form.height * scale + 0.5 + 1e-9)))
    left, top = (width - inner_width) // 2, (height - inner_height) // 2
    expected = np.empty(Form(width, height, form.format).shape, np.uint8)
    expected[...] = _colour(rgb, form.format)
    inner = Resize(inner_width, inner_height, I.NEAREST)
    expected[top : top + inner_height, left : left + inner_width] = apply(inner, src, form)
    if form.format is F.GRAY8:  # the luma of the bars may be rounded otherwise
        assert np.abs(result.astype(int) - expected).max() <= 1
    else:
        np.testing.assert_array_equal(result, expected)


def test_grey_bars_are_as_if_the_frame_had_been_made_grey_afterwards() -> None:
    form, grey = Form(6, 2, F.BGR24), Form(6, 2, F.GRAY8)
    black = np.zeros(form.shape, np.uint8)
    for pad_rgb in range(0, 0x1000000, 99_991):
        op = Resize(6, 6, fit=Fit.CONTAIN, pad_rgb=pad_rgb)
        later = apply(Convert(F.GRAY8), apply(op, black, form), Form(6, 6, F.BGR24))
        np.testing.assert_array_equal(apply(op, black[..., 0], grey), later)


@given(form=FORMS, width=sides, height=sides)
def test_cover_is_the_middle_of_the_frame(form: Form, width: int, height: int) -> None:
    src = noise(form)
    result = apply(Resize(width, height, I.AREA, Fit.COVER), src, form)

    scale = max(width / form.width, height / form.height)
    part_width = min(form.width, max(1, int(width / scale + 0.5 + 1e-9)))
    part_height = min(form.height, max(1, int(height / scale + 0.5 + 1e-9)))
    left, top = (form.width - part_width) // 2, (form.height - part_height) // 2
    part = src[top : top + part_height, left : left + part_width]
    part_form = Form(part_width, part_height, form.format)
    np.testing.assert_array_equal(
        result, apply(Resize(width, height, I.AREA), part.copy(), part_form)
    )


def test_cover_without_scaling_is_a_view() -> None:
    form = Form(20, 12, F.BGR24)
    step = Resize(12, 12, fit=Fit.COVER).step(form)
    assert step.work is None
    assert step.view is not None
    src = noise(form)
    np.testing.assert_array_equal(step.view(src), src[:, 4:16])


@pytest.mark.parametrize("kind", INTERLEAVED)
@pytest.mark.parametrize(("fit", "top"), [(Fit.STRETCH, 0), (Fit.COVER, 0), (Fit.CONTAIN, 1)])
def test_the_quick_average_serves_every_fit(kind: PixelFormat, fit: Fit, top: int) -> None:
    """Rounding leads to it also where the aspect is kept. Its scratch is in the same format."""
    form = Form(2, 3, kind)
    op = Resize(1, 2 + 2 * top, fit=fit)
    assert op.step(form).scratch == Form(1, 3, kind).shape
    src = noise(form)
    result = apply(op, src, form)[top : top + 2]
    assert np.abs(result - along_both(src, box_matrix(3, 2), box_matrix(2, 1))).max() <= 1.01


@pytest.mark.parametrize(
    ("op", "fields"),
    [
        (Resize(0, 0), ["width"]),
        (Resize(MAX_SIDE + 1, 1), ["width"]),
        (Resize(0, 2**32 - 1), ["height"]),
        (Resize(-1, 5), ["width"]),
        (Resize(MAX_SIDE, 2049), ["width times height"]),
        (Resize(4, 4, 5), ["interpolation"]),
        (Resize(4, 4, -1), ["interpolation"]),
        (Resize(4, 4, fit=4), ["fit"]),
        (Resize(4, 4, pad_rgb=0x1000000), ["pad_rgb"]),
        (Resize(0, 0, 9, 9, -1), ["width", "interpolation", "fit", "pad_rgb"]),
    ],
)
def test_faults(op: Resize, fields: list[str]) -> None:
    assert [fault.field for fault in op.faults()] == fields


def test_what_the_caps_allow() -> None:
    assert Resize(MAX_SIDE, 2048).faults() == []
    assert Resize(MAX_SIDE, 0, 3, 2, 0xFFFFFF).faults() == []
