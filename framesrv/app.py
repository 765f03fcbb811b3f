"""The composition root: everything is built here, in order, and closed in reverse."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from platform import python_version
from typing import TYPE_CHECKING, Final

from framesrv import codecs
from framesrv.engine import EngineSettings, ThreadEngine
from framesrv.engine.desk import RecordPools
from framesrv.engine.meter import added_up
from framesrv.errors import BadConfig
from framesrv.frames import record_pools
from framesrv.observability.http.settings import HttpSettings
from framesrv.observability.live.effective import EffectiveSetting, configuration_json
from framesrv.observability.metrics.pool_news import PoolNews
from framesrv.observability.pauses import GcPauses
from framesrv.observability.readiness import Readiness
from framesrv.observability.tracing.settings import TracingSettings
from framesrv.observability.watched import Watched
from framesrv.ops.custom import Processors
from framesrv.pipeline.limits import PipelineLimits
from framesrv.pipeline.plans import DEFAULT_PIPELINE, Plans
from framesrv.pipeline.spec import PipelineSpec
from framesrv.pool import (
    ByteArrayPool,
    BytesIOPool,
    Janitor,
    PoolManager,
    PoolObserver,
    PoolSettings,
)
from framesrv.pool.scaling import for_workers
from framesrv.protocol.wire import WireLimits
from framesrv.streams import FanOutSettings, StreamSettings
from framesrv.transport.office import Office
from framesrv.transport.reception import Reception
from framesrv.transport.server import Server
from framesrv.transport.settings import TransportSettings

if TYPE_CHECKING:
    from framesrv.observability.http.server import HttpServer
    from framesrv.observability.tracing.sender import Sender
    from framesrv.transport.websocket.calls import WebSocketCalls

log = logging.getLogger("framesrv")

MIB = 1024 * 1024
SPANS_LEFT_S: Final = 2.0  # to send those that are left at the end


@dataclass(frozen=True, slots=True)
class AppSettings:
    """Each room's own settings, side by side."""

    pools: PoolSettings = field(default_factory=PoolSettings.from_env)
    engine: EngineSettings = field(default_factory=EngineSettings)
    images: codecs.Limits = field(default_factory=codecs.Limits)
    pipeline: PipelineLimits = field(default_factory=PipelineLimits)
    wire: WireLimits = field(default_factory=WireLimits)
    streams: StreamSettings = field(default_factory=StreamSettings)
    fan_out: FanOutSettings = field(default_factory=FanOutSettings)
    transport: TransportSettings = field(default_factory=TransportSettings)
    http: HttpSettings | None = None  # a program that embeds the server may have its own
    tracing: TracingSettings = field(default_factory=TracingSettings)
    pipelines: Mapping[str, PipelineSpec] = field(default_factory=dict)
    default_pipeline: PipelineSpec = DEFAULT_PIPELINE
    # All of these as they were given, and by whom, for those who look at the dashboard.
    effective: tuple[EffectiveSetting, ...] = field(default=(), compare=False)


class App:
    """A server that runs: what it is made of, for whoever watches or stops it."""

    def __init__(
        self, settings: AppSettings, processors: Processors, sender: Sender | None = None
    ) -> None:
        self.settings = settings
        settings.transport.check()
        self.pool_news = PoolNews()
        pools = for_workers(settings.pools, settings.engine.workers)
        self.manager: PoolManager = pools.build(self.pool_news)
        self.answers = _answer_pool(settings, self.manager.budget.total_bytes, self.pool_news)
        self.manager.register(self.answers)
        self.records: RecordPools = record_pools(
            settings.engine.workers, debug=settings.pools.debug, observer=self.pool_news
        )
        self.manager.register(*self.records.values())
        self.engine = ThreadEngine(self.manager, self.records, settings.engine, settings.images)
        self.plans = Plans(
            settings.pipeline, processors, settings.pipelines, settings.default_pipeline
        )
        self.office = Office(
            self.engine,
            self.plans,
            Reception(self.records["envelope"], settings.wire),
            self.answers,
            settings.transport,
            settings.streams,
            settings.fan_out,
            self.records["merged_frame"],
            settings.images,
            self.engine.submit_chore,
        )
        self.readiness = Readiness()
        tracer = None if sender is None else sender.tracer
        self.server = Server(self.office, settings.images, lambda: self.readiness.is_ready, tracer)
        self.readiness.follow(self.server.health.changed)
        self.pauses = GcPauses()
        self.websockets = _websockets(self)
        self.http = _http(self)


def _answer_pool(settings: AppSettings, budget_bytes: int, observer: PoolObserver) -> BytesIOPool:
    capacity, warm, max_bytes = answer_sizes(settings.engine.workers, budget_bytes)
    return BytesIOPool(
        "answer",
        initial_bytes=MIB // 4,
        max_bytes=max_bytes,
        capacity=capacity,
        warm=warm,
        debug=settings.pools.debug,
        observer=observer,
    )


def answer_sizes(workers: int, budget_bytes: int) -> tuple[int, int, int]:
    """Capacity, how many are there from the start, and from which size on one is let go again.

    A worker holds one while it writes, and those of a batch are held until all are there. All of
    them together get a share of the budget; where none is left a worker writes on the heap.

    >>> answer_sizes(2, 512 * MIB), answer_sizes(64, 512 * MIB)
    ((6, 2, 4194304), (128, 64, 524288))
    """
    share_bytes = budget_bytes // 8
    capacity = workers * min(workers + 1, 4)
    capacity = max(workers, min(capacity, share_bytes // (MIB // 2)))
    return capacity, workers, max(MIB // 4, min(4 * MIB, share_bytes // capacity))


def _http(app: App) -> HttpServer | None:
    """The HTTP listener, if one is asked for; only then are its libraries loaded."""
    http, transport = app.settings.http, app.settings.transport
    if http is None or http.address is None:
        return None
    from framesrv.observability.http.app import Services
    from framesrv.observability.http.login import Login
    from framesrv.observability.http.server import HttpServer
    from framesrv.observability.http.upgrade import WebSockets
    from framesrv.observability.live.board import Board
    from framesrv.observability.live.previews import Previews
    from framesrv.observability.metrics.scrape import registry

    faults = http.faults(insecure_public=transport.insecure_public, uses_tls=transport.uses_tls)
    if faults:
        raise BadConfig("the server cannot listen like this:\n- " + "\n- ".join(faults))
    tls = None
    # Whoever scrapes this machine from itself needs no certificate for it.
    if transport.tls_cert and transport.tls_key and not http.address.is_loopback:
        tls = (transport.tls_cert, transport.tls_key)
    token, watched = http.token(), _watched(app)
    previews = Previews(watched) if http.previews else None
    websockets = None
    if app.websockets is not None:
        most = min(transport.max_message_bytes, http.max_websocket_bytes)
        websockets = WebSockets(served=app.websockets.endpoints(), max_message_bytes=most)
    services = Services(
        readiness=app.readiness,
        metrics=registry(watched),
        board=Board(
            watched, app.readiness, _json_pool(app.manager), previews, websocket=http.websocket
        ),
        configuration=configuration_json(app.settings.effective, app.manager.budget),
        login=None if token is None else Login(token, secure=tls is not None),
        websockets=websockets,
    )
    return HttpServer(http.address, services, hosts=http.hosts, tls=tls)


def _websockets(app: App) -> WebSocketCalls | None:
    """What serves browsers, if that is asked for."""
    http = app.settings.http
    if http is None or http.address is None or not http.websocket:
        return None
    from framesrv.transport.websocket.calls import WebSocketCalls

    return WebSocketCalls(app.server.service)


def _json_pool(manager: PoolManager) -> ByteArrayPool | None:
    """None: a program that embeds the server has pools of its own, and no such one."""
    with suppress(KeyError):
        pool = manager.pool("json")
        return pool if isinstance(pool, ByteArrayPool) else None
    return None


def _watched(app: App) -> Watched:
    return Watched(
        pools=lambda: app.manager.stats().values(),
        frames=lambda: added_up([app.engine.meter(), app.office.meter]),
        in_flight_frames=lambda: app.engine.admission.frames,
        in_flight_bytes=lambda: app.engine.admission.nbytes,
        streams=lambda: _streams(app),
        build={"version": version("framesrv"), "python": python_version()},
        refusals=lambda: app.office.refusals,
        pool_news=app.pool_news,
        pauses=app.pauses,
        workers=app.settings.engine.workers,
        budget_bytes=app.manager.budget.total_bytes,
        elastic_bytes=app.manager.budget.elastic_bytes,
        open_streams=app.office.streams.tallies,
        published=app.office.streams.published,
        subscribed=app.office.dispatcher.subscribed,
        merged=app.office.merges.merged,
        published_bytes=lambda: app.office.dispatcher.nbytes,
        pool_debug=str(app.settings.pools.debug),
    )


def _streams(app: App) -> Mapping[str, int]:
    count, draining = app.office.streams.open, app.office.draining
    return {"open": 0 if draining else count, "draining": count if draining else 0}


@asynccontextmanager
async def running(
    settings: AppSettings | None = None, processors: Processors | None = None
) -> AsyncIterator[App]:
    """A server that is ready; leaving the block drains and stops it."""
    settings = settings or AppSettings()
    async with AsyncExitStack() as closing:  # in reverse
        sender = _sender(settings.tracing)
        if sender is not None:
            left_s = min(SPANS_LEFT_S, settings.transport.grace_s)
            closing.push_async_callback(asyncio.to_thread, sender.stop, left_s)
        app = App(settings, processors or Processors(), sender)
        closing.push_async_callback(asyncio.to_thread, app.manager.shutdown)
        if app.http is not None:
            closing.enter_context(app.pauses)
            closing.push_async_callback(asyncio.to_thread, app.http.stop)
            await asyncio.to_thread(app.http.start)
        closing.enter_context(Janitor(app.manager))
        closing.push_async_callback(asyncio.to_thread, app.engine.stop)
        app.engine.start()
        closing.push_async_callback(app.server.stop)
        await app.server.start()
        if app.websockets is not None:
            closing.push_async_callback(app.websockets.stop)
            app.websockets.start()
        _log_addresses(app)
        app.readiness.ready()
        log.info("ready", extra={"workers": app.settings.engine.workers})
        closing.callback(app.readiness.not_ready, "stopped")
        yield app
        app.readiness.not_ready("draining")
        log.info("draining", extra={"grace_s": app.settings.transport.grace_s})
        if await app.server.drain():
            log.info("drained")
        else:
            log.warning("the grace is over: calls that are still open are cut off")


def _sender(tracing: TracingSettings) -> Sender | None:
    """What sends spans, if that is asked for; only then are its libraries loaded, and needed."""
    if not tracing.enabled:
        return None
    faults = tracing.faults()
    if faults:
        raise BadConfig("; ".join(faults))
    from framesrv.observability.tracing.sender import sender

    return sender()


def _log_addresses(app: App) -> None:
    http = "off" if app.http is None else str(app.http.address)
    log.info("listening", extra={"grpc": [*map(str, app.server.addresses)], "http": http})
