"""A plain grpcio server: ``python -m benchmarks.peers.grpcio_server [PORT]``.

Written the usual way: protobuf messages, a thread pool, cv2.imdecode and cv2.imencode, a fresh
array for every step.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from concurrent import futures
from typing import Any

import cv2
import grpc

from benchmarks.serving.loops import plain_bytes
from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.protocol.gen import frames_pb2_grpc as pb_grpc


class Frames(pb_grpc.FrameServiceServicer):
    def ProcessBatch(self, request: Any, context: Any) -> Any:  # noqa: N802 - the contract's name
        response = pb.ProcessBatchResponse(request_id=request.request_id)
        for frame in request.frames:
            result = response.results.add(
                sequence=frame.sequence, status=pb.FRAME_STATUS_OK, stream_id=frame.stream_id
            )
            result.outputs.add(name="main", data=plain_bytes(frame.encoded.data))
        return response


def main(port: int) -> None:
    cv2.setNumThreads(1)
    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    workers = futures.ThreadPoolExecutor(len(os.sched_getaffinity(0)))
    server = grpc.server(workers, options=options)
    pb_grpc.add_FrameServiceServicer_to_server(Frames(), server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    print(f"peer ready grpc=127.0.0.1:{port}", flush=True)
    ended.wait()
    server.stop(None)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
