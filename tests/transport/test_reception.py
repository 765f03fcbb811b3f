"""Messages on their way in: the envelope goes home whatever the message is."""

from __future__ import annotations

import pytest

from framesrv.errors import Reason, Refused
from framesrv.frames.source import Envelope
from framesrv.pool import DebugLevel, RecordPool
from framesrv.protocol import wire
from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.transport.reception import Reception

GOOD = pb.ProcessBatchRequest(request_id="r", frames=[pb.Frame(sequence=3)]).SerializeToString()


@pytest.mark.parametrize("level", [DebugLevel.OFF, DebugLevel.SAMPLE, DebugLevel.POISON])
def test_refused_messages_take_no_envelope_with_them(level: DebugLevel) -> None:
    """Not even while the refusal is still being told, to many clients at once."""
    pool = RecordPool("envelope", Envelope, capacity=2, debug=level)
    reception = Reception(pool, wire.WireLimits())
    kept = []
    for data in [b"\x0a\x05abc", b"\x07", b"\x22\x00" * 65, b"\x0a\x02\xff\xfe"] * 3:
        for read in (reception.batch, reception.stream):
            with pytest.raises(Refused) as refusal:
                read(data if read == reception.batch else b"\x12\x7f", "peer", 1)
            kept.append(refusal.value)
    assert {each.reason for each in kept} == {Reason.MALFORMED_MESSAGE, Reason.BATCH_TOO_LARGE}
    stats = pool.stats()
    assert (stats.leased, stats.quarantined) == (0, 0)
    assert reception.batch(GOOD, "", 1).frames[0].sequence == 3
    pool.close()
