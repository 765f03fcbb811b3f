"""One run of `bench`: the plan, the server, the load, the report."""

from __future__ import annotations

import asyncio
import signal
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from framesrv.cli import load_report
from framesrv.cli.load_body import bodies, opening, pictures
from framesrv.cli.load_find import Verdict, find_streams, judge
from framesrv.cli.load_plan import STREAMS_MAX, LoadPlan
from framesrv.cli.load_run import run_load
from framesrv.cli.load_server import spawned_server
from framesrv.cli.load_tally import Tally
from framesrv.cli.outcome import Exit, Fault
from framesrv.cli.pipeline_file import read_pipeline
from framesrv.client import AsyncFrameClient, CallFailed
from framesrv.client.frames import FrameLike
from framesrv.client.limits import Limits


@dataclass(frozen=True, slots=True)
class Bench:
    """The command's arguments, but for those that are in the plan."""

    plan: LoadPlan
    spawn: bool = False
    image: Path | None = None
    size: str = "1280x720"
    jpeg_quality: int = 85
    raw: bool = False
    find_streams: bool = False
    p99_ms: float = 50.0
    streams_max: int = STREAMS_MAX
    json_file: Path | None = None


def run(bench: Bench) -> Exit:
    """Raises Fault for what cannot be measured at all."""
    if bench.json_file is not None:
        _check_writable(bench.json_file)
    frames = pictures(bench.image, bench.size, bench.jpeg_quality, raw=bench.raw)
    with ExitStack() as ends:
        plan = bench.plan
        if bench.spawn:
            plan = replace(plan, to=ends.enter_context(spawned_server()))
        return asyncio.run(_Run(bench, plan, frames).whole())


class _Run:
    def __init__(self, bench: Bench, plan: LoadPlan, frames: list[FrameLike]) -> None:
        self._bench = bench
        self._plan = plan
        self._frames = frames
        self._stop = asyncio.Event()
        self._console = load_report.console(stderr=str(bench.json_file) == "-")
        self._probes: list[Verdict] = []

    async def whole(self) -> Exit:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            # Not in another thread than the main one, where a test may run us.
            with suppress(RuntimeError, ValueError):
                loop.add_signal_handler(number, self._stop.set)
        info = await self._reach()
        server, limits = load_report.limits_of(info), Limits.of(info)
        if self._bench.find_streams:
            tally, found = None, await self._find(limits)
        else:
            tally, found = await self._once(self._plan, limits), None
            self._console.print(f"[bold]{self._plan.describe()}[/]")
            self._console.print(load_report.figures_table(self._plan, tally, server))
        if self._bench.json_file is not None:
            text = load_report.to_json(self._plan, tally, server, found)
            _write(self._bench.json_file, text)
        if self._stop.is_set():
            return Exit.INTERRUPTED
        if found is not None:
            return Exit.OK if found["streams"] else Exit.FRAMES
        return Exit.OK if tally is not None and tally.ok and not tally.failed else Exit.FRAMES

    async def _reach(self) -> Any:
        plan = self._plan
        try:
            async with AsyncFrameClient(
                plan.to, tls_ca=plan.tls_ca, tls_cert=plan.tls_cert, tls_key=plan.tls_key
            ) as client:
                info = await client.info(deadline_s=10)
                # What is refused is refused once, and said, instead of counted for seconds.
                asked = read_pipeline(plan.pipeline) if plan.pipeline else None
                await client.process(self._frames[:1] * plan.batch, asked, deadline_s=30)
                return info
        except CallFailed as error:
            raise Fault(str(error), Exit.SERVER) from None
        except OSError as error:
            raise Fault(
                f"{error.filename}: {error.strerror}; the TLS options name PEM files"
            ) from None
        except ValueError as error:
            raise Fault(f"--to: {error}") from None

    async def _once(self, plan: LoadPlan, limits: Limits) -> Tally:
        tally = Tally()
        made = bodies(plan, self._frames, limits)
        try:
            await run_load(plan, made, opening(plan), tally, self._stop)
        except TimeoutError:
            raise Fault(f"no connection to {plan.to} within 10 s", Exit.SERVER) from None
        return tally

    async def _find(self, limits: Limits) -> dict[str, Any]:
        bench, fps = self._bench, self._plan.fps

        async def probe(streams: int) -> Verdict | None:
            connections = min(self._plan.connections, streams)
            plan = replace(self._plan, senders=streams, connections=connections)
            tally = await self._once(plan, limits)
            if tally.interrupted:
                return None
            verdict = judge(streams, tally, fps, bench.p99_ms)
            self._probes.append(verdict)
            self._console.print(load_report.probe_row(verdict))
            return verdict

        best = await find_streams(probe, bench.streams_max)
        self._console.print(load_report.found_line(best, fps, bench.p99_ms))
        return {
            "streams": best.streams if best else 0,
            "fps": fps,
            "p99_ms": bench.p99_ms,
            "interrupted": self._stop.is_set(),
            "probes": [
                {"streams": each.streams, "passed": each.passed, "why": each.why}
                | each.tally.as_dict()
                for each in self._probes
            ],
        }


def _check_writable(path: Path) -> None:
    """Before minutes of measuring, not after."""
    if str(path) == "-":
        return
    if path.is_dir() or not path.parent.is_dir():
        raise Fault(f"--json {path}: name a file in a folder that is there, or - for stdout")


def _write(path: Path, text: str) -> None:
    if str(path) == "-":
        print(text, end="", flush=True)
        return
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise Fault(f"--json {path}: {error.strerror or error}") from None
