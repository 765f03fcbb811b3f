"""What every decoder promises. Subclass, and say how to make a file.

The files are made and read by Pillow: what is promised must hold against other people's code.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from framesrv.codecs import Limits, decode, decoded_size, inspect, orient_step
from framesrv.errors import Reason, Refused
from framesrv.frames import Codec
from framesrv.testing.codec_pictures import Pixels, decoded_twice, distance, scene, with_pillow

# What hostile bytes may be answered with, and nothing else.
REFUSALS = frozenset(
    {
        Reason.IMAGE_CORRUPT,
        Reason.IMAGE_TOO_LARGE,
        Reason.TOO_MANY_SCANS,
        Reason.UNSUPPORTED_PAYLOAD,
    }
)
_SHARED = settings(suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow])


def refused_or_whole(payload: memoryview) -> None:
    limits = Limits(max_pixels=1 << 16, max_side_pixels=1024)  # so that each try is short
    try:
        decoded_twice(inspect(payload, Codec.UNSPECIFIED, limits), payload)
    except Refused as error:
        refused = error
    else:
        return
    assert refused.reason in REFUSALS
    assert refused.__context__ is None


class DecoderContract(ABC):
    codec: Codec
    tolerance: float  # of ``distance``, against Pillow's pixels

    @abstractmethod
    def make(self, pixels: Pixels, orientation: int = 1) -> bytes:
        """A file of these BGR pixels."""

    @property
    def sample(self) -> bytes:
        return self.make(scene(61, 43))

    @pytest.mark.parametrize("size", [(1, 1), (2, 3), (16, 16), (61, 43), (257, 130)])
    def test_the_header_and_the_pixels_are_those_of_pillow(self, size: tuple[int, int]) -> None:
        data = self.make(scene(*size))
        for stated in (Codec.UNSPECIFIED, self.codec):
            header = inspect(memoryview(data), stated, Limits())
            assert (header.codec, header.width, header.height) == (self.codec, *size)
            assert decoded_size(header, 0, 0, False) == decoded_size(header, 1, 1, True) == size
        assert (
            distance(decoded_twice(header, memoryview(data)), with_pillow(data)) <= self.tolerance
        )

    def test_a_header_is_equal_by_value_and_can_be_a_key(self) -> None:
        one, other = (inspect(memoryview(self.sample), self.codec, Limits()) for _ in range(2))
        assert one == other
        assert len({one, other}) == 1

    @pytest.mark.parametrize("orientation", range(10))
    def test_the_upright_picture_is_that_of_pillow(self, orientation: int) -> None:
        data = self.make(scene(61, 43), orientation)
        header = inspect(memoryview(data), self.codec, Limits())
        assert header.orientation == (orientation if 1 <= orientation <= 8 else 1)
        stored = decoded_twice(header, memoryview(data))
        step = orient_step(header)
        assert (step is None) == (header.orientation == 1)
        upright = np.full((header.upright_height, header.upright_width, 3), 7, np.uint8)
        if step is None:
            upright[...] = stored
        else:
            step(stored, upright)
        assert distance(upright, with_pillow(data)) <= self.tolerance

    def test_trailing_bytes_are_no_fault(self) -> None:
        data = self.sample + b"\0trailing" * 5
        header = inspect(memoryview(data), self.codec, Limits())
        pixels = decoded_twice(header, memoryview(data))
        assert distance(pixels, with_pillow(self.sample)) <= self.tolerance

    def test_another_codec_than_stated_is_refused(self) -> None:
        for other in {Codec.JPEG, Codec.PNG, Codec.WEBP} - {self.codec}:
            with pytest.raises(Refused, match="is said to be") as refused:
                inspect(memoryview(self.sample), other, Limits())
            assert refused.value.reason is Reason.IMAGE_CORRUPT

    @pytest.mark.parametrize(
        "limits",
        [Limits(max_pixels=61 * 43 - 1), Limits(max_side_pixels=60)],
        ids=["pixels", "side"],
    )
    def test_an_image_over_a_cap_is_refused_from_its_header(self, limits: Limits) -> None:
        with pytest.raises(Refused) as refused:
            inspect(memoryview(self.sample), self.codec, limits)
        assert refused.value.reason is Reason.IMAGE_TOO_LARGE
        inspect(memoryview(self.sample), self.codec, Limits(61 * 43, 61))

    @_SHARED
    @given(data=st.data())
    def test_a_cut_file_is_refused_wherever_it_is_cut(self, data: st.DataObject) -> None:
        whole = self.sample
        cut = memoryview(whole[: data.draw(st.integers(0, len(whole) - 1))])
        with pytest.raises(Refused) as refused:
            decoded_twice(inspect(cut, self.codec, Limits()), cut)
        assert refused.value.reason is Reason.IMAGE_CORRUPT

    @_SHARED
    @given(data=st.data())
    def test_changed_bytes_are_refused_or_decoded_whole(self, data: st.DataObject) -> None:
        changed = bytearray(self.sample)
        for _ in range(data.draw(st.integers(1, 4))):
            # Half of the changes fall where the headers are.
            last = data.draw(st.sampled_from([min(64, len(changed)), len(changed)])) - 1
            changed[data.draw(st.integers(0, last))] = data.draw(st.integers(0, 255))
        refused_or_whole(memoryview(bytes(changed)))

    @_SHARED
    @given(start=st.integers(0, 2000), length=st.integers(0, 300), filler=st.binary(max_size=40))
    def test_a_piece_replaced_is_refused_or_decoded_whole(
        self, start: int, length: int, filler: bytes
    ) -> None:
        data = self.sample
        start %= len(data)
        refused_or_whole(memoryview(data[:start] + filler + data[start + length :]))

    def test_the_libraries_words_stay_inside(self) -> None:
        data = memoryview(self.damaged())
        header = inspect(data, self.codec, Limits())
        out = np.zeros((header.height, header.width, 3), np.uint8)
        with pytest.raises(Refused, match="is broken or cut short") as refused:
            decode(header, data, out)
        assert refused.value.__cause__ is None
        assert refused.value.__context__ is None
        # Nor does the traceback hold the buffer, whose pool would wait for it.
        assert all("out" not in frame.frame.f_locals for frame in refused.traceback[1:])

    @abstractmethod
    def damaged(self) -> bytes:
        """A file whose headers are right and whose picture is not."""

    def test_a_buffer_of_another_shape_is_the_callers_mistake(self) -> None:
        data = memoryview(self.sample)
        header = inspect(data, self.codec, Limits())
        for out in (
            np.empty((44, 61, 3), np.uint8)[1:, :, ::-1],
            np.empty((43, 61, 3), np.uint16),
            np.empty((43, 61), np.uint8),
        ):
            with pytest.raises(ValueError, match="out is"):
                decode(header, data, out)  # type: ignore[arg-type]
