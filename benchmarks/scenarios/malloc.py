"""What the C allocator's settings do to a server: the ground of ADR 0015.

A server for each of them, told by glibc's own variables. They take turns at receiving: frames of
a JPEG's size that are refused at a look, and raw ones of which a corner is cut out, so that
little but receiving is left. Then each does the standard work, for its memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from benchmarks.harness import Bench
from benchmarks.model import Figure, Outcome, Scenario, Spread, Table
from benchmarks.serving import load, sampling, scene
from benchmarks.serving.processes import Process, framesrv, grpc_target, started
from framesrv.protocol.gen import frames_pb2 as pb

_BATCH: Final = 25
_MIB: Final = 2**20
_COLUMNS: Final = (
    "setting", "JPEG's size us", "faults", "raw us", "faults", "after them MiB",
    "early MiB", "late MiB", "late / early",
)  # fmt: skip

_NOTE: Final = (
    "A frame each: CPU of the server and page faults, medians of rounds in turns, two connections, "
    "batches of 25."
)


def _told(mmap_mib: float, keep_mib: int, heaps: int, pad_mib: float = 0.125) -> dict[str, str]:
    return {
        "MALLOC_MMAP_THRESHOLD_": str(int(mmap_mib * _MIB)),
        "MALLOC_TRIM_THRESHOLD_": str(keep_mib * _MIB),
        "MALLOC_ARENA_MAX": str(heaps),
        "MALLOC_TOP_PAD_": str(int(pad_mib * _MIB)),
    }


# By what they are called in keys: what they are, and the variables for it.
_SETTINGS: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = MappingProxyType(
    {
        "ours": ("framesrv: 32 MiB blocks, keep 128 MiB, one heap", {}),
        # The default, but by hand: then framesrv leaves everything alone.
        "glibc": ("as glibc comes", {"MALLOC_ARENA_TEST": "8"}),
        "mapped_1": ("map from 1 MiB on", _told(1, 128, 1)),
        "mapped_4": ("map from 4 MiB on", _told(4, 128, 1)),
        "keep_16": ("keep 16 MiB", _told(32, 16, 1)),
        "heaps_4": ("four heaps", _told(32, 128, 4)),
        "padded": ("grow by 16 MiB", _told(32, 128, 1, 16)),
        "huge": ("huge pages", {**_told(32, 128, 1), "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}),
    }
)


@dataclass(slots=True)
class _Server:
    key: str
    process: Process
    cpu_us: dict[str, list[float]] = field(default_factory=dict)  # a frame, by what is sent
    faults: dict[str, list[float]] = field(default_factory=dict)
    resident_mib: dict[str, float] = field(default_factory=dict)

    def measure(self, what: str, messages: Sequence[bytes], calls: int) -> None:
        pid, target = self.process.pid, grpc_target(self.process)
        cpu_s, faults = self.process.cpu_s(), sampling.minor_faults(pid)
        frames = load.closed_loop(target, messages, calls, 2).frames
        cpu_us = (self.process.cpu_s() - cpu_s) / frames * 1e6
        self.cpu_us.setdefault(what, []).append(cpu_us)
        self.faults.setdefault(what, []).append((sampling.minor_faults(pid) - faults) / frames)

    def weigh(self, when: str) -> None:
        self.resident_mib[when] = self.process.resident_bytes() / _MIB


def run(bench: Bench) -> Outcome:
    with ExitStack() as running:
        servers = [
            _Server(key, running.enter_context(started(*framesrv(), env=dict(variables))))
            for key, (_, variables) in _SETTINGS.items()
        ]
        _receive(bench, servers)
    early, late = bench.pick((1_000, 20_000), (50, 100))
    for number, server in enumerate(servers):
        bench.progress.step(len(servers) + number, 2 * len(servers))
        _work(server, early, late)
    rows = [_row(server) for server in servers]
    title = f"The C allocator's settings; early: after {early:,} frames, late: after {late:,}"
    return Outcome(
        [figure for server in servers for figure in _figures(server, servers[0])],
        details=(Table(title, _COLUMNS, rows),),
        notes=(_NOTE,),
    )


def _receive(bench: Bench, servers: Sequence[_Server]) -> None:
    pictures = [bytes(len(data)) for data in scene.frames(_BATCH)]
    corner = pb.Op(crop=pb.Crop(width=16, height=16))
    pipeline = pb.Pipeline(
        outputs=[pb.Output(name="out", ops=[corner], encoding=pb.ENCODING_RAW)],
        decode_mode=pb.DECODE_MODE_EXACT,
    )
    work = {
        "jpeg": (load.batches(load.encoded(pictures), _BATCH), bench.pick(80, 2)),
        "raw": (
            load.batches(load.raw(scene.raw_frames(5) * 5), _BATCH, pipeline),
            bench.pick(20, 2),
        ),
    }
    rounds = bench.pick(9, 1)
    for number in range(-1, rounds):  # the first one is to warm up
        bench.progress.step(max(0, number), rounds * 2)
        for server in _turned(servers, number):
            for what, (messages, calls) in work.items():
                server.measure(what if number >= 0 else "warm", messages, calls)
    for server in servers:
        server.weigh("received")


def _turned(servers: Sequence[_Server], number: int) -> list[_Server]:
    """Nobody always runs after the same neighbour's noise."""
    first = number % len(servers)
    return [*servers[first:], *servers[:first]]


def _work(server: _Server, early: int, late: int) -> None:
    """In a fresh process, and without a pause: one that idles gives its heap back."""
    messages = load.batches(load.encoded(scene.frames(_BATCH)), _BATCH)
    with started(*framesrv(), env=dict(_SETTINGS[server.key][1])) as server.process:
        server.measure("work", messages, early // _BATCH)
        server.weigh("early")
        server.measure("work", messages, (late - early) // _BATCH)
        server.weigh("late")


def _middle(values: Sequence[float]) -> float:
    return Spread.of(values).median


def _row(server: _Server) -> tuple[str, ...]:
    cpu, faults, resident = server.cpu_us, server.faults, server.resident_mib
    return (
        _SETTINGS[server.key][0],
        f"{_middle(cpu['jpeg']):.0f}",
        f"{_middle(faults['jpeg']):.1f}",
        f"{_middle(cpu['raw']):.0f}",
        f"{_middle(faults['raw']):.1f}",
        f"{resident['received']:.0f}",
        f"{resident['early']:.1f}",
        f"{resident['late']:.1f}",
        f"{resident['late'] / resident['early']:.3f}",
    )


def _figures(server: _Server, ours: _Server) -> list[Figure]:
    """Ratios to what framesrv sets, of the same rounds."""
    name, what = server.key, _SETTINGS[server.key][0]
    growth = server.resident_mib["late"] / server.resident_mib["early"]
    late = f"{server.resident_mib['late']:.0f} MiB"
    figures = [
        Figure(f"malloc.{name}_growth", f"{what}: resident, late / early", growth, here=late)
    ]
    if server is ours:
        return figures
    for kind, told in (("jpeg", "receiving JPEGs"), ("raw", "receiving raw frames")):
        mine, base = server.cpu_us[kind], ours.cpu_us[kind]
        ratios = Spread.of([m / b for m, b in zip(mine, base, strict=True)])
        here = f"{_middle(mine):.0f} us"
        figures.append(
            Figure.ratio(f"malloc.{name}_{kind}", f"{what}: {told} / as we set it", ratios, here)
        )
    return figures


SCENARIO = Scenario("malloc", "Settings of the C allocator, and what they cost", run)
