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


def test_a_payload_does_not_keep_a_message_that_is_mostly_something_else() -> None:
    """A stream's frames may wait for long, and only their payloads are counted."""
    pool = RecordPool("envelope", Envelope, capacity=2)
    reception = Reception(pool, wire.WireLimits())
    batch = pb.FrameBatch(
        frames=[pb.Frame(encoded=pb.EncodedImage(data=b"x" * 100)), pb.Frame(sequence=7)]
    )
    honest = pb.ProcessStreamRequest(batch=batch).SerializeToString()
    unknown = b"\xfa\x3f\x80\x80\x40" + bytes(1 << 20)  # field 1023: a mebibyte
    for data, shared in ((honest, True), (honest + unknown, False)):
        full, empty = reception.stream(data, "", 1)
        assert bytes(full.payload) == b"x" * 100
        assert (len(full.payload.obj) == len(data)) is shared
        assert (empty.payload, empty.sequence) == (None, 7)
    pool.close()
