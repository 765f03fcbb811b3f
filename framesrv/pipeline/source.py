"""How a frame's payload becomes BGR pixels, once for all of its outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from framesrv import codecs
from framesrv.errors import Reason, Refused
from framesrv.frames.layout import ImageLayout, PixelFormat
from framesrv.frames.source import SourceFrame
from framesrv.ops.step import Form, Pixels
from framesrv.pipeline.places import Places

# The arrays and byte buffers of a frame's work, by place.
Buffers = Mapping[str, Any]
Load = Callable[[memoryview, Buffers], Pixels]
Key = codecs.Header | ImageLayout


def look(frame: SourceFrame, limits: codecs.Limits) -> tuple[Key, memoryview]:
    """What the payload says of itself, checked against the caps, and the payload.

    Frames that are alike have equal keys.
    """
    if frame.payload is None:
        raise Refused(
            Reason.UNSUPPORTED_PAYLOAD,
            "the frame has no payload that this server knows: set raw or encoded",
        )
    if frame.layout is None:
        return codecs.inspect(frame.payload, frame.codec, limits), frame.payload
    _check_raw(frame.layout, frame.payload.nbytes, limits)
    return frame.layout, frame.payload


@lru_cache(maxsize=256)
def _check_raw(layout: ImageLayout, nbytes: int, limits: codecs.Limits) -> None:
    """Remembered where nothing is wrong: a stream sends frames of one layout, as a rule."""
    codecs.raw_form(layout, nbytes, limits)


@dataclass(frozen=True, slots=True)
class Source:
    """The pixels that every output starts from, and how they are made."""

    form: Form  # of the upright BGR picture
    load: Load
    place: str = ""  # of the pixels; empty where they are read where the payload lies


def plan_source(key: Key, least: tuple[int, int], exact: bool, places: Places) -> Source:
    """``least`` are the sides that every output is still covered by; (0, 0): full size."""
    if isinstance(key, ImageLayout):
        return _raw(key, places)
    return _encoded(key, least, exact, places)


def full_form(key: Key) -> Form:
    """The upright picture at its full size."""
    if isinstance(key, ImageLayout):
        return Form(key.width, key.height, PixelFormat.BGR24)
    return Form(key.upright_width, key.upright_height, PixelFormat.BGR24)


def _raw(layout: ImageLayout, places: Places) -> Source:
    form = Form(layout.width, layout.height, PixelFormat.BGR24)
    if codecs.raw_is_bgr(layout):
        return Source(form, _look_at(layout))
    place = places.array(form.shape)

    def load(payload: memoryview, buffers: Buffers) -> Pixels:
        out: Pixels = buffers[place]
        codecs.raw_to_bgr(layout, payload, out)
        return out

    return Source(form, load, place)


def _look_at(layout: ImageLayout) -> Load:
    """The pixels where they lie. ``look`` has checked that the payload is as long as they are."""
    shape, strides = layout.array_shape, layout.array_strides

    def load(payload: memoryview, _: Buffers) -> Pixels:
        view: Pixels = np.ndarray(shape, np.uint8, buffer=payload, strides=strides)
        view.flags.writeable = False
        return view

    return load


def _encoded(header: codecs.Header, least: tuple[int, int], exact: bool, places: Places) -> Source:
    sideways = (header.upright_width, header.upright_height) != (header.width, header.height)
    least_stored = (least[1], least[0]) if sideways else least
    width, height = codecs.decoded_size(header, *least_stored, exact)
    stored = Form(width, height, PixelFormat.BGR24)
    decoded = places.array(stored.shape)
    decode = _decoding(header, stored, decoded, places)
    orient = codecs.orient_step(header)
    if orient is None:
        return Source(stored, decode, decoded)
    upright = Form(height, width, PixelFormat.BGR24) if sideways else stored
    turned = places.array(upright.shape)
    places.free(decoded)

    def load(payload: memoryview, buffers: Buffers) -> Pixels:
        out: Pixels = buffers[turned]
        orient(decode(payload, buffers), out)
        return out

    return Source(upright, load, turned)


def _decoding(header: codecs.Header, form: Form, place: str, places: Places) -> Load:
    shape = codecs.decode_scratch(header, form.width, form.height)
    scratch = places.array(shape) if shape else ""
    if scratch:
        places.free(scratch)

    def decode(payload: memoryview, buffers: Buffers) -> Pixels:
        out: Pixels = buffers[place]
        codecs.decode(header, payload, out, buffers[scratch] if scratch else None)
        return out

    return decode
