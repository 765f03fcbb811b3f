"""The server under test, as a process: settings come as JSON, questions on stdin.

It prints one line when it is ready, and one line of JSON for every line it is sent. SIGTERM
drains it, and so does the end of stdin, so that it never outlives its test.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from framesrv import codecs
from framesrv.app import App, AppSettings, running
from framesrv.engine import EngineSettings
from framesrv.errors import BadConfig
from framesrv.ops.custom import Processors
from framesrv.pipeline.limits import PipelineLimits
from framesrv.protocol.wire import WireLimits
from framesrv.streams import FanOutSettings, StreamSettings
from framesrv.transport.address import Address
from framesrv.transport.settings import TransportSettings


def settings_of(asked: dict[str, Any]) -> AppSettings:
    transport = asked.get("transport", {})
    for key in ("tls_cert", "tls_key", "tls_client_ca"):
        if key in transport:
            transport[key] = Path(transport[key])
    listen = transport.pop("listen", ["127.0.0.1:0"])
    return AppSettings(
        engine=EngineSettings(**{"workers": 2, **asked.get("engine", {})}),
        images=codecs.Limits(**asked.get("images", {})),
        pipeline=PipelineLimits(**asked.get("pipeline", {})),
        wire=WireLimits(**asked.get("wire", {})),
        streams=StreamSettings(**asked.get("streams", {})),
        fan_out=FanOutSettings(**asked.get("fan_out", {})),
        transport=TransportSettings(
            listen=tuple(Address.parse(text) for text in listen), **transport
        ),
    )


def stats(app: App) -> dict[str, Any]:
    gc.collect()
    pools = app.manager.stats()
    meters = [app.engine.meter(), app.office.meter]
    frames: dict[str, int] = {}
    for meter in meters:
        for (result, reason), count in list(meter.frames.items()):
            name = f"{result} {reason}".strip()
            frames[name] = frames.get(name, 0) + count
    return {
        "leased": {name: pool.leased for name, pool in pools.items() if pool.leased},
        "quarantined": {name: p.quarantined for name, p in pools.items() if p.quarantined},
        "timeouts": {name: pool.timeouts for name, pool in pools.items() if pool.timeouts},
        "admitted": [app.engine.admission.frames, app.engine.admission.nbytes],
        "streams": app.office.streams.open,
        "calls": len(app.server.service.streams),
        "subscribers": app.office.dispatcher.subscribed()._asdict(),
        "watching": len(app.server.service.subscribers),
        "merges": len(app.office.merges),
        "published_bytes": app.office.dispatcher.nbytes,
        "frames": frames,
        "workers_lost": app.engine.workers_lost,
    }


async def serve(asked: dict[str, Any]) -> None:
    processors = Processors.from_specs(asked.get("processors", ()))
    async with running(settings_of(asked), processors) as app:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, stop.set)

        def answer() -> None:
            for _ in sys.stdin:
                print(json.dumps(stats(app)), flush=True)
            os.kill(os.getpid(), signal.SIGTERM)

        print("ready " + ",".join(map(str, app.server.addresses)), flush=True)
        threading.Thread(target=answer, daemon=True).start()
        await stop.wait()


if __name__ == "__main__":
    try:
        asyncio.run(serve(json.loads(sys.argv[1])))
    except BadConfig as fault:
        sys.exit(f"framesrv: {fault}")
