from __future__ import annotations

from framesrv.client.limits import Limits
from framesrv.client.source import Gatherer


def test_frames_that_could_not_be_sent_keep_their_order() -> None:
    source = Gatherer(Limits())
    first, second, third, fourth = [source.encode(bytearray([place])) for place in range(4)]
    source.keep([third, fourth])
    source.keep([first, second])
    assert [bytes(frame.data) for frame in source.kept] == [b"\0", b"\1", b"\2", b"\3"]
    assert all(isinstance(frame.data, bytes) for frame in source.kept)  # no longer the program's
