"""Starlette, run by uvicorn: ``uvicorn benchmarks.peers.starlette_app:app``.

The work blocks, so it goes to Starlette's thread pool and the event loop stays free.
"""

from __future__ import annotations

import cv2
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.serving.loops import plain_bytes

cv2.setNumThreads(1)  # the pool has threads enough; with OpenCV's own a frame costs 10 % more


async def frame(request: Request) -> Response:
    jpeg = await request.body()
    return Response(await run_in_threadpool(plain_bytes, jpeg), media_type="image/jpeg")


app = Starlette(routes=[Route("/frame", frame, methods=["POST"])])
