"""One run of `send`: from the source through the server to the sink, and what became of it."""

from __future__ import annotations

import json
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Final

from framesrv.cli.feed import Feed
from framesrv.cli.outcome import Exit, Fault, counted
from framesrv.cli.pictures_in import Source
from framesrv.cli.pipeline_file import read_pipeline
from framesrv.cli.progress import Meter, board
from framesrv.cli.reaching import Server, refused
from framesrv.cli.sinks import Sink, open_sink
from framesrv.cli.sources import open_source
from framesrv.client import CallFailed, FrameClient, FrameStream
from framesrv.client.plan import Drop, StreamPlan

_FILM_FPS: Final = 30.0  # of a video made of pictures that have no pace


@dataclass(frozen=True, slots=True)
class Sending:
    """The command's arguments."""

    source: str
    server: Server
    out: str
    pipeline: str | None
    window: int | None
    batch: int
    fps: float | None
    frames: int
    drop: Drop | None
    max_age_s: float | None
    stream_id: str
    publish: bool
    jpeg_quality: int
    raw: bool
    force: bool


@dataclass(slots=True)
class Outcome:
    sending: Sending
    meter: Meter
    bytes_out: int = 0
    skipped: int = 0
    notes: str = ""  # what was written, for people
    error: Fault | None = None
    interrupted: bool = False

    @property
    def code(self) -> Exit:
        if self.interrupted:
            return Exit.INTERRUPTED
        if self.error is not None:
            return self.error.code
        return Exit.FRAMES if self.meter.failed or self.meter.dropped else Exit.OK

    @property
    def example(self) -> str:
        return self.meter.example

    def text(self) -> str:
        meter = self.meter
        counts = f"{counted(meter.frames, 'frame')}: {meter.ok} ok, {meter.failed} failed, "
        parts = [counts + f"{meter.dropped} dropped"]
        if meter.reasons:
            parts[0] += " (" + ", ".join(f"{n} {name}" for name, n in _most(meter)) + ")"
        if self.skipped:
            parts.append(f"{self.skipped} more skipped at the camera, as --fps asked")
        parts.append(f"{meter.seconds:.1f} s, {meter.fps:.1f} FPS")
        if meter.latency.count:
            p50, p99 = (meter.latency.quantile_s(share) * 1e3 for share in (0.5, 0.99))
            parts.append(f"latency p50 {p50:.1f} ms, p99 {p99:.1f} ms")
        parts += [self.notes] if self.notes else []
        return ("interrupted; " if self.interrupted else "") + "; ".join(parts)

    def json(self) -> str:
        meter = self.meter
        return json.dumps(
            {
                "source": self.sending.source,
                "to": self.sending.server.to,
                "frames": meter.frames,
                "ok": meter.ok,
                "failed": meter.failed,
                "dropped": meter.dropped,
                "skipped": self.skipped,
                "reasons": dict(_most(meter)),
                "seconds": round(meter.seconds, 3),
                "fps": round(meter.fps, 2),
                "latency_ms": meter.latency.as_ms(),
                "bytes_sent": self.bytes_out,
                "bytes_received": meter.bytes_in,
                "written": self.notes,
                "interrupted": self.interrupted,
                "error": self.error.message if self.error else None,
                "exit_code": int(self.code),
            }
        )


def run(sending: Sending) -> Outcome:
    """Raises Fault for what can be seen before the first frame is sent."""
    outcome = Outcome(sending, Meter())
    with ExitStack() as ends:
        plan = _plan(sending)
        client = ends.enter_context(sending.server.client())
        source = open_source(sending.source, sending.drop, sending.fps)
        ends.callback(source.close)
        sending.server.reach(client)
        sink = open_sink(sending.out, _film_fps(sending, source), force=sending.force)
        try:
            _send(plan, client, source, sink, outcome)
        except KeyboardInterrupt:
            outcome.interrupted = True
        except CallFailed as error:
            outcome.error = refused(error)
        except Fault as fault:
            outcome.error = fault
        finally:
            outcome.notes = sink.close()
        if not sending.fps and source.skipped:
            why = "the camera was faster than the server"
            outcome.meter.miss("dropped", "SKIPPED_AT_SOURCE", why, source.skipped)
        else:
            outcome.skipped = source.skipped
    return outcome


def _send(
    plan: StreamPlan, client: FrameClient, source: Source, sink: Sink, outcome: Outcome
) -> None:
    sending = outcome.sending
    feed = Feed(
        source,
        fps=_pace(sending, source),
        frames_max=sending.frames,
        quality=sending.jpeg_quality,
        raw=sending.raw,
    )
    meter = outcome.meter
    drop: Drop = sending.drop or ("oldest" if source.live else "block")
    total = min(source.total or sending.frames, sending.frames or source.total or 0) or None
    with ExitStack() as ends:
        show = ends.enter_context(board(source.name, total, meter))
        results: FrameStream = ends.enter_context(
            client.stream(
                feed,
                plan.pipeline,
                stream_id=plan.stream_id,
                window=plan.window,
                batch=plan.batch,
                drop=drop,
                max_age_s=plan.max_age_s,
                publish=plan.publish,
            )
        )
        ends.enter_context(closing(feed))  # first to end: nothing more is taken
        meter.start()
        try:
            for result in results:
                meter.take(result, feed.latency_s(result.sequence))
                sink.take(result.sequence + 1, result.outputs if result.ok else {})
                _count_unreadable(feed, meter)
                show.tick()
        finally:
            _count_unreadable(feed, meter)
            outcome.bytes_out = feed.bytes_out


def _count_unreadable(feed: Feed, meter: Meter) -> None:
    while feed.unreadable:
        each = feed.unreadable.popleft()
        meter.miss("failed", "UNREADABLE", f"{each.name}: {each.why}")


def _plan(sending: Sending) -> StreamPlan:
    pipeline = read_pipeline(sending.pipeline) if sending.pipeline else None
    if sending.publish and not sending.stream_id:
        raise Fault("--publish needs --stream-id, the name by which others subscribe")
    try:
        return StreamPlan(
            pipeline,
            sending.stream_id,
            sending.window or max(16, 2 * sending.batch),
            sending.batch,
            max_age_s=sending.max_age_s,
            publish=sending.publish,
        )
    except ValueError as error:
        raise Fault(str(error)) from None


def _pace(sending: Sending, source: Source) -> float:
    """Frames that may be dropped need the pace at which they were taken; a camera has it."""
    if sending.fps is not None:
        return sending.fps
    paced = source.total is None or sending.drop not in {None, "block"}
    return source.fps or 0.0 if paced and not source.live else 0.0


def _film_fps(sending: Sending, source: Source) -> float:
    return sending.fps or source.fps or _FILM_FPS


def _most(meter: Meter) -> list[tuple[str, int]]:
    return meter.reasons.most_common()
