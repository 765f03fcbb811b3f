"""What a server shall make of each frame, checked as it is written down."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from framesrv.client.names import (
    DECODE_MODES,
    ENCODINGS,
    FITS,
    INTERPOLATIONS,
    PIXEL_FORMATS,
    number_of,
)
from framesrv.protocol.gen import frames_pb2 as pb

UINT32_MAX = 2**32 - 1


def resize(
    width: int = 0,
    height: int = 0,
    *,
    fit: str | None = None,
    interpolation: str | None = None,
    pad_rgb: int = 0,
) -> pb.Op:
    """One side may be 0: it follows from the aspect ratio. ``pad_rgb`` is 0xRRGGBB.

    >>> resize(320, 320, fit="contain").resize.width
    320
    """
    if not _uint("width", width) + _uint("height", height):
        raise ValueError("resize: width and height are both 0; give at least one")
    if not 0 <= pad_rgb <= 0xFFFFFF:
        raise ValueError(f"pad_rgb must be 0x000000 to 0xFFFFFF, not {pad_rgb:#x}")
    return pb.Op(
        resize=pb.Resize(
            width=width,
            height=height,
            interpolation=_enum("interpolation", interpolation, INTERPOLATIONS),
            fit=_enum("fit", fit, FITS),
            pad_rgb=pad_rgb,
        )
    )


def crop(x: int, y: int, width: int, height: int) -> pb.Op:
    _uint("x", x)
    _uint("y", y)
    if not _uint("width", width) or not _uint("height", height):
        raise ValueError(f"crop: {width} x {height} is empty")
    return pb.Op(crop=pb.Crop(x=x, y=y, width=width, height=height))


def convert(pixel_format: str) -> pb.Op:
    """To "BGR24", "RGB24", "RGBA32", "BGRA32" or "GRAY8"; "NV12", "I420" as the last, raw."""
    return pb.Op(convert=pb.Convert(format=_enum("format", pixel_format, PIXEL_FORMATS)))


def rotate(degrees: int) -> pb.Op:
    """Clockwise."""
    if degrees not in {90, 180, 270}:
        raise ValueError(f"degrees must be 90, 180 or 270, not {degrees!r}")
    return pb.Op(rotate=pb.Rotate(degrees=degrees))


def flip(*, horizontal: bool = False, vertical: bool = False) -> pb.Op:
    if not (horizontal or vertical):
        raise ValueError("flip: neither horizontal nor vertical was asked for")
    return pb.Op(flip=pb.Flip(horizontal=horizontal, vertical=vertical))


def blur(sigma: float) -> pb.Op:
    if not (math.isfinite(sigma) and sigma > 0):
        raise ValueError(f"sigma must be above 0, not {sigma!r}")
    return pb.Op(blur=pb.Blur(sigma=sigma))


def custom(processor: str, **options: str) -> pb.Op:
    """A processor that the server's operator installed."""
    if not processor:
        raise ValueError("custom: the processor's name is empty")
    return pb.Op(custom=pb.Custom(processor=processor, options=options))


@dataclass(frozen=True)
class Output:
    """One picture made of each frame. ``quality`` is 1 to 100; None: the server's default."""

    name: str
    ops: Sequence[pb.Op] = ()
    encoding: str | None = None
    quality: int | None = None

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("an output needs a name")
        for op in self.ops:
            if not isinstance(op, pb.Op):
                raise ValueError(
                    f"output {self.name!r}: {op!r} is no operation; use resize(), crop(), ..."
                )
            if op.WhichOneof("op") is None:
                raise ValueError(f"output {self.name!r}: an operation is empty")
        if self.quality is not None and not 1 <= self.quality <= 100:
            raise ValueError(f"output {self.name!r}: quality must be 1 to 100, not {self.quality}")
        number_of("encoding", self.encoding, ENCODINGS)

    def to_proto(self) -> pb.Output:
        return pb.Output(
            name=self.name,
            ops=self.ops,
            encoding=_enum("encoding", self.encoding, ENCODINGS),
            quality=self.quality or 0,
        )


class Pipeline:
    """A frame is decoded once and may leave in several shapes.

    >>> half = Pipeline(Output("half", [resize(640)], encoding="jpeg", quality=85))
    >>> half.to_proto().outputs[0].name
    'half'
    """

    def __init__(self, *outputs: Output, decode_mode: str | None = None) -> None:
        if not outputs:
            raise ValueError("a pipeline needs at least one output")
        names = [output.name for output in outputs]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two outputs are called {name!r}")
        self._message = pb.Pipeline(
            outputs=[output.to_proto() for output in outputs],
            decode_mode=_enum("decode_mode", decode_mode, DECODE_MODES),
        )

    def to_proto(self) -> pb.Pipeline:
        return self._message


# None: the server's default; a str: by its name at the server.
PipelineLike = Pipeline | pb.Pipeline | str | None


def plan_fields(pipeline: PipelineLike) -> tuple[pb.Pipeline | None, str | None]:
    """The two members of a request's ``plan``, of which one is set at most."""
    if pipeline is None:
        return None, None
    if isinstance(pipeline, str):
        if not pipeline:
            raise ValueError("the pipeline's name is empty; None asks for the server's default")
        return None, pipeline
    if isinstance(pipeline, Pipeline):
        return pipeline.to_proto(), None
    if isinstance(pipeline, pb.Pipeline):
        return pipeline, None
    raise TypeError(f"a pipeline is a Pipeline, a name or None, not {type(pipeline).__name__}")


def _enum(what: str, word: str | None, known: dict[str, int]) -> str | None:
    """The enum's number, as the generated classes take it; their stubs know only names."""
    return number_of(what, word, known)  # type: ignore[return-value]


def _uint(what: str, number: int) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= UINT32_MAX:
        raise ValueError(f"{what} must be a whole number, 0 or more, not {number!r}")
    return number
