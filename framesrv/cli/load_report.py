"""A load test's figures, for people and for programs."""

from __future__ import annotations

import json
import platform
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from framesrv.cli.load_find import Verdict
from framesrv.cli.load_plan import LoadPlan
from framesrv.cli.load_tally import Tally

if TYPE_CHECKING:
    from framesrv.protocol.gen.frames_pb2 import ServerInfo

_LIMITS = (
    "max_message_bytes",
    "max_batch_frames",
    "max_in_flight_frames",
    "max_pixels",
    "max_streams",
)


def limits_of(info: ServerInfo) -> dict[str, Any]:
    return {"version": info.version} | {name: getattr(info, name) for name in _LIMITS}


def figures_table(plan: LoadPlan, tally: Tally, server: dict[str, Any]) -> Table:
    table = Table(show_header=False, box=None)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(no_wrap=False)
    ms = {name: f"{value:.1f}" for name, value in tally.latency.as_ms().items()}
    seconds = f"{tally.seconds:.1f} s" + (", interrupted" if tally.interrupted else "")
    table.add_row("frames", f"{tally.ok + tally.failed} in {seconds}: {tally.ok} ok, "
                  f"{tally.failed} failed")  # fmt: skip
    table.add_row("rate", f"[bold cyan]{tally.fps:.1f} FPS[/]")
    table.add_row(
        "latency",
        f"p50 [bold]{ms['p50']}[/]  p95 {ms['p95']}  p99 [bold]{ms['p99']}[/]  "
        f"p99.9 {ms['p99.9']}  max {ms['max']} ms",
    )
    for reason, times in tally.reasons.most_common():
        told = f": {escape(tally.examples[reason])}" if reason in tally.examples else ""
        table.add_row("failures", f"[bold red]{times}[/] {reason}{told}")
    sent, received = tally.bytes_out / 1e6, tally.bytes_in / 1e6
    rate = f"{sent / (tally.seconds or 1.0):.1f} MB/s"
    table.add_row("bytes", f"{sent:.1f} MB sent ({rate}), {received:.1f} MB received")
    table.add_row("this client", f"{tally.cpu_us_a_frame:.0f} µs CPU a frame; sent late by p99 "
                  f"{tally.lag.quantile_s(0.99) * 1e3:.1f} ms")  # fmt: skip
    table.add_row(
        "server",
        f"version {server['version']}; message {server['max_message_bytes'] // 2**20} MiB, "
        f"batch {server['max_batch_frames']}, in flight {server['max_in_flight_frames']}, "
        f"streams {server['max_streams']}",
    )
    return table


def probe_row(verdict: Verdict) -> str:
    mark = "[green]yes[/]" if verdict.passed else f"[red]no[/]   {verdict.why}"
    tally = verdict.tally
    p99_ms = tally.latency.quantile_s(0.99) * 1e3
    return f"{verdict.streams:5d} streams  {tally.fps:8.1f} FPS  p99 {p99_ms:7.1f} ms  {mark}"


def found_line(best: Verdict | None, fps: float, p99_ms: float) -> str:
    terms = f"at {fps:g} FPS with p99 <= {p99_ms:g} ms"
    if best is None:
        return f"[bold red]not even 1 stream[/] {terms}"
    streams = "1 stream" if best.streams == 1 else f"{best.streams} streams"
    return f"[bold green]{streams}[/] {terms}"


def to_json(
    plan: LoadPlan, tally: Tally | None, server: dict[str, Any], found: dict[str, Any] | None
) -> str:
    asked = {name: getattr(plan, name) for name in plan.__slots__ if not name.startswith("tls_")}
    report: dict[str, Any] = {"plan": asked, "server": server, "machine": _machine()}
    if tally is not None:
        report["result"] = tally.as_dict()
    if found is not None:
        report["find_streams"] = found
    return json.dumps(report, indent=2) + "\n"


def _machine() -> dict[str, Any]:
    from framesrv.engine.cores import usable_cores

    return {"python": platform.python_version(), "cores": usable_cores(), "of": platform.machine()}


def console(*, stderr: bool) -> Console:
    return Console(highlight=False, soft_wrap=True, stderr=stderr)
