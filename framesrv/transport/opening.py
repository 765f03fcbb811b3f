"""What a stream may be opened with."""

from __future__ import annotations

from typing import Final

from framesrv.errors import Reason, Refused
from framesrv.protocol import wire
from framesrv.streams import DropPolicy

STREAM_ID_MAX: Final = 1024  # characters: it is kept for as long as the stream is open


def check(asked: wire.StreamOpen) -> None:
    """Raise Refused with all that is wrong."""
    faults = []
    if asked.drop_policy not in list(DropPolicy):
        faults.append(
            f"drop_policy is {asked.drop_policy} and must be 1 (block), 2 (oldest) or 3 (newest)"
        )
    if asked.max_age_ns is not None and asked.max_age_ns <= 0:
        faults.append("max_age must be more than 0; leave it unset for none")
    if asked.publish and not asked.stream_id:
        faults.append("publish needs a stream_id for others to name")
    if len(asked.stream_id) > STREAM_ID_MAX:
        faults.append(
            f"stream_id has {len(asked.stream_id):,} characters and may have {STREAM_ID_MAX:,}"
        )
    if faults:
        raise Refused(Reason.BAD_CONFIG, "the stream cannot be opened: " + "; ".join(faults))
