"""The steps of one output, bound to the places of their buffers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from framesrv.frames import copies
from framesrv.frames.work import Encoding
from framesrv.ops.step import Form, Pixels
from framesrv.pipeline.places import Places


@dataclass(frozen=True, slots=True)
class Stage:
    """Either a view of the pixels before it, or work that fills the array at ``place``."""

    view: Callable[[Pixels], Pixels] | None = None
    work: Callable[..., Any] | None = None
    place: str = ""
    scratch: str = ""


@dataclass(frozen=True, slots=True)
class OutputPlan:
    name: str
    encoding: Encoding
    quality: int
    form: Form
    stages: tuple[Stage, ...]
    buffer: str = ""  # the place of the encoded bytes; empty where the pixels leave as they are
    scratch: str = ""  # what the encoder needs besides


def copy_stage(form: Form, places: Places) -> Stage:
    """Pixels that leave must be packed and must be ours: a view is copied first."""
    return Stage(work=_copy, place=places.array(form.shape))


def _copy(source: Pixels, target: Pixels) -> None:
    np.copyto(target, source)
    copies.CODEC.add()
