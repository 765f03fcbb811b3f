"""A client that never ends by itself: ``python -m benchmarks.serving.dying HOST:PORT``.

It says so once its stream is answered; then it is killed in the middle of it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from benchmarks.serving import load, streaming
from framesrv.protocol.gen import frames_pb2 as pb

_SIZE = (640, 360)


def _messages() -> Iterator[bytes]:
    yield streaming.opening()
    layout = pb.ImageLayout(width=_SIZE[0], height=_SIZE[1], format=pb.PIXEL_FORMAT_BGR24)
    frame = pb.Frame(raw=pb.RawImage(layout=layout, data=bytes(_SIZE[0] * _SIZE[1] * 3)))
    while True:
        yield streaming.batch([frame] * 3)


def main() -> None:
    with load.channel(sys.argv[1]) as link:
        stream: Any = link.stream_stream(load.STREAM)
        for number, _ in enumerate(stream(_messages())):
            if number == 2:
                print("going", flush=True)


if __name__ == "__main__":
    main()
