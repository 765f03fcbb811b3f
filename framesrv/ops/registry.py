"""All operations by name, in the order of the wire's numbers."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from framesrv.ops.blur import Blur
from framesrv.ops.convert import Convert
from framesrv.ops.crop import Crop
from framesrv.ops.custom import Custom
from framesrv.ops.flip import Flip
from framesrv.ops.resize import Resize
from framesrv.ops.rotate import Rotate
from framesrv.ops.step import Op

OPS: Final[Mapping[str, type[Op]]] = MappingProxyType(
    {
        "resize": Resize,
        "crop": Crop,
        "convert": Convert,
        "rotate": Rotate,
        "flip": Flip,
        "blur": Blur,
        "custom": Custom,
    }
)
