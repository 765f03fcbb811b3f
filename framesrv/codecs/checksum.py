"""CRC-32C (Castagnoli), as a client may send it with a payload."""

from __future__ import annotations

from typing import Any, cast

import google_crc32c
import numpy as np


def crc32c(payload: bytes | bytearray | memoryview) -> int:
    """
    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    # The library takes no memoryview, and bytes would be a copy of the payload. It takes an
    # array, whose memory cannot go away either.
    view: Any = np.frombuffer(payload, np.uint8)
    return cast("int", google_crc32c.value(view))
