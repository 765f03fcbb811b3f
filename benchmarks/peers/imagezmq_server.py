"""imagezmq: ``python -m benchmarks.peers.imagezmq_server PORT``.

One hub, as in all its examples; OpenCV's own threads stay, so that it has more than one core.
"""

from __future__ import annotations

import sys

import imagezmq

from benchmarks.serving.loops import plain_bytes


def main(port: int) -> None:
    hub = imagezmq.ImageHub(open_port=f"tcp://127.0.0.1:{port}")
    while True:
        _, jpeg = hub.recv_jpg()
        hub.send_reply(plain_bytes(jpeg))


if __name__ == "__main__":
    main(int(sys.argv[1]))
