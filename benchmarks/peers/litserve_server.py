"""LitServe: ``python -m benchmarks.peers.litserve_server PORT``.

LitServe reads the annotations to know what comes and goes, so they must not be strings. The
body is taken as it is: cheaper than a form or base64 in JSON, as in its examples.
"""

import os
import sys
from typing import Annotated

import cv2
import litserve
from fastapi import Body, Response

from benchmarks.serving.loops import plain_bytes


class Frames(litserve.LitAPI):  # type: ignore[misc]
    def setup(self, device: str) -> None:
        cv2.setNumThreads(1)  # a worker a core; with OpenCV's own threads a frame costs more

    def decode_request(self, request: Annotated[bytes, Body(media_type="image/jpeg")]) -> bytes:
        return request

    def predict(self, x: bytes) -> bytes:
        return plain_bytes(x)

    def encode_response(self, output: bytes) -> Response:
        return Response(output, media_type="image/jpeg")


def main(port: int) -> None:
    server = litserve.LitServer(
        Frames(api_path="/frame"),
        accelerator="cpu",
        workers_per_device=len(os.sched_getaffinity(0)),
        fast_queue=True,
    )
    server.run(host="127.0.0.1", port=port, generate_client_file=False, log_level="warning")


if __name__ == "__main__":
    main(int(sys.argv[1]))
