"""mosec: ``python -m benchmarks.peers.mosec_server --address 127.0.0.1 --port PORT``."""

from __future__ import annotations

import os

from mosec import Server, Worker

from benchmarks.serving.loops import plain_bytes


class Frames(Worker):  # type: ignore[misc]
    """Bytes in, bytes out. OpenCV's own threads stay: without them a frame costs as much."""

    resp_mime_type = "image/jpeg"

    def deserialize(self, data: bytes) -> bytes:
        return data

    def forward(self, data: bytes) -> bytes:
        return plain_bytes(data)

    def serialize(self, data: bytes) -> bytes:
        return data


if __name__ == "__main__":
    server = Server()
    server.append_worker(Frames, num=len(os.sched_getaffinity(0)))
    server.run()
