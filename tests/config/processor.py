"""A processor for the tests to name."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt


def negative(
    src: npt.NDArray[np.uint8], dst: npt.NDArray[np.uint8], options: Mapping[str, str]
) -> None:
    np.subtract(255, src, out=dst)
