"""Ray Serve on one machine: ``python -m benchmarks.peers.ray_server PORT FOLDER``.

``roster`` sets the environment variables that its documentation names for high throughput.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Any

import cv2
import ray
from ray import serve
from starlette.requests import Request
from starlette.responses import Response

from benchmarks.serving.loops import plain_bytes

_CORES = len(os.sched_getaffinity(0))
_STORE_BYTES = 100 * 2**20


@serve.deployment(num_replicas=_CORES, ray_actor_options={"num_cpus": 1})
class Frames:
    def __init__(self) -> None:
        cv2.setNumThreads(1)  # Ray's documentation: one thread a worker

    async def __call__(self, request: Request) -> Response:
        return Response(plain_bytes(await request.body()), media_type="image/jpeg")


def stay_on_loopback() -> None:
    """Run in each of Ray's processes: the host that is asked for does not bind these ports."""
    from grpc.aio import _server
    from ray.serve._private import haproxy

    everywhere = haproxy.HAPROXY_CONFIG_TEMPLATE
    haproxy.HAPROXY_CONFIG_TEMPLATE = everywhere.replace("bind *:", "bind 127.0.0.1:").replace(
        "bind :", "bind 127.0.0.1:"
    )
    servers: Any = _server.Server
    listen = servers.add_insecure_port

    def on_loopback(server: Any, address: str) -> Any:
        return listen(server, address.replace("[::]", "127.0.0.1"))

    servers.add_insecure_port = on_loopback


def _application() -> Any:
    frames: Any = Frames  # the decorator made a deployment of it
    return frames.bind()


def main(port: int, folder: str) -> None:
    ray.init(
        address="local",
        num_cpus=_CORES,
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=_STORE_BYTES,
        runtime_env={"worker_process_setup_hook": stay_on_loopback},
        _node_ip_address="127.0.0.1",
        _temp_dir=folder,
    )
    serve.start(http_options=serve.HTTPOptions(host="127.0.0.1", port=port))
    serve.run(_application(), route_prefix="/frame")
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    ended.wait()
    ray.shutdown()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
