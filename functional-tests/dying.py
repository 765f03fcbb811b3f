"""A client that never ends by itself: the test kills it in the middle of its stream."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from pictures import as_it_is, raw
from stock_client import connected

from framesrv.protocol.gen import frames_pb2 as pb


def requests(policy: int) -> Iterator[pb.ProcessStreamRequest]:
    pipeline = as_it_is(pb.ENCODING_PNG)
    config = pb.StreamConfig(pipeline=pipeline, drop_policy=policy)  # type: ignore[arg-type]
    yield pb.ProcessStreamRequest(open=config)
    frame = raw(bytes(640 * 360 * 3), 640, 360, pb.PIXEL_FORMAT_BGR24)
    while True:
        yield pb.ProcessStreamRequest(batch=pb.FrameBatch(frames=[frame] * 3))


if __name__ == "__main__":
    with connected(sys.argv[1]) as stub:
        for count, _ in enumerate(stub.ProcessStream(requests(int(sys.argv[2])))):
            if count == 2:
                print("going", flush=True)
