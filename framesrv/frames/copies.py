"""Where framesrv copies the bytes of a frame, counted; one count is one picture, copied once.

The counters are the process's. A copy is one that changes nothing: decoding, resizing, colour
conversion and encoding make other bytes out of them, and what they move about inside is theirs.
docs/metrics.md has the list of all places.
"""

from __future__ import annotations

from typing import Final

from framesrv.pool.counter import Counter

WIRE: Final = Counter()  # payloads and outputs, between a message and what is worked on
CODEC: Final = Counter()  # pixels or coded bytes, between two buffers of the pipeline
CLONE: Final = Counter()  # frames for those who keep them


def counts() -> dict[str, int]:
    return {"wire": WIRE.value, "codec": CODEC.value, "clone": CLONE.value}
