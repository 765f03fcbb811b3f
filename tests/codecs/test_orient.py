"""Turning into a buffer that the caller lent."""

from __future__ import annotations

import numpy as np
import pytest

from framesrv.codecs import Header, orient_step
from framesrv.frames import Codec
from framesrv.testing.codec_pictures import Pixels, scene


def as_the_standard_says(pixels: Pixels, orientation: int) -> Pixels:
    """Which side of the stored picture is up, and which is left."""
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    upside_down, mirrored = {
        1: (False, False),
        2: (False, True),
        3: (True, True),
        4: (True, False),
        5: (False, False),
        6: (False, True),
        7: (True, True),
        8: (True, False),
    }[orientation]
    return pixels[:: -1 if upside_down else 1, :: -1 if mirrored else 1]


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (8, 1), (64, 48), (33, 129)])
def test_every_byte_is_written_and_the_source_is_left(
    orientation: int, size: tuple[int, int]
) -> None:
    stored = scene(*size)
    stored.flags.writeable = False
    step = orient_step(Header(Codec.PNG, *size, orientation))
    assert step is not None
    wanted = as_the_standard_says(stored, orientation)
    for background in (0x00, 0xFF):
        dst = np.full(wanted.shape, background, np.uint8)
        step(stored, dst)
        assert np.array_equal(dst, wanted)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_fraction_of_the_picture_is_turned_as_well(orientation: int) -> None:
    step = orient_step(Header(Codec.JPEG, 640, 480, orientation))
    assert step is not None
    wanted = as_the_standard_says(scene(80, 60), orientation)
    dst = np.empty(wanted.shape, np.uint8)
    step(scene(80, 60), dst)
    assert np.array_equal(dst, wanted)
    with pytest.raises(ValueError, match="upright"):
        step(scene(80, 60), np.empty((61, 60, 3), np.uint8))


def test_an_upright_picture_needs_no_step() -> None:
    assert orient_step(Header(Codec.PNG, 4, 4)) is None
