"""A processor as a bound operation, for the tests of custom."""

from __future__ import annotations

from typing import Any

import pytest

from framesrv.errors import Refused
from framesrv.frames.layout import PixelFormat
from framesrv.ops.custom import BoundCustom, Custom
from framesrv.ops.processors import Options, Processors
from framesrv.ops.step import Form, Pixels

FORM = Form(8, 6, PixelFormat.BGR24)


def lazy(src: Pixels, dst: Pixels, options: Options) -> None:
    dst[:1] = src[:1]


def bound(process: Any, *options: tuple[str, str]) -> BoundCustom:
    processors = Processors()
    processors.install("subject", process)
    return Custom("subject", options).bind(processors)


def refused(op: BoundCustom, src: Pixels, dst: Pixels) -> Refused:
    work = op.step(FORM).work
    assert work is not None
    with pytest.raises(Refused) as caught:
        work(src, dst)
    return caught.value
