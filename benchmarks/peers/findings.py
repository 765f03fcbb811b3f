"""What was measured, as rows, figures, a chart and notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from benchmarks.harness import percentile
from benchmarks.model import Chart, Figure, Spread, Table
from benchmarks.peers.roster import PEERS, Peer

OURS: Final = ("unary", "stream", "batch")


@dataclass(slots=True)
class Cost:
    """What one server gave for its rounds beside another."""

    cpu_us: list[float] = field(default_factory=list)  # a frame, one value a round
    rates: list[float] = field(default_factory=list)  # frames a second
    seconds: list[float] = field(default_factory=list)  # of all calls of all rounds

    def ms(self, percent: float) -> float:
        return percentile(sorted(self.seconds), percent) * 1e3


@dataclass(slots=True)
class Beside:
    """A peer and framesrv in the same rounds."""

    peer: Peer
    theirs: Cost
    ours: Mapping[str, Cost]  # by the names of OURS
    resident_bytes: int
    idle: float  # cores that it takes while nothing is asked of it

    def ratio(self, way: str) -> Spread:
        """Frames a CPU second, framesrv's in times of the peer's."""
        pairs = zip(self.theirs.cpu_us, self.ours[way].cpu_us, strict=True)
        return Spread.of([theirs / ours for theirs, ours in pairs])

    def p99(self) -> float:
        return self.ours["unary"].ms(99) / self.theirs.ms(99)


@dataclass(frozen=True, slots=True)
class Found:
    measured: Sequence[Beside]
    absent: Mapping[str, str]  # the names of those that did not start, and why
    loops: Mapping[str, list[float]]  # microseconds of CPU a frame, by what is shown
    resident_bytes: int  # of framesrv
    version: str  # of framesrv

    def judged(self) -> list[Beside]:
        return [beside for beside in self.measured if beside.peer.judged]


def figures(found: Found) -> list[Figure]:
    """The nearest of all peers makes the figure: the one with the lowest ratio, or highest p99."""
    judged = found.judged()
    all_of = f"{len(judged)} of {sum(peer.judged for peer in PEERS)} peers measured"
    made = []
    for way, what in zip(OURS, ("single frames", "a stream", "batches of 25"), strict=True):
        best = min(judged, key=lambda beside: beside.ratio(way).median)
        name = f"frames a CPU second, {what} / the best peer's ({best.peer.name}; {all_of})"
        made.append(Figure.ratio(f"peers.{way}", name, best.ratio(way)))
    worst = max(judged, key=Beside.p99)
    here = f"{worst.ours['unary'].ms(99):.1f} / {worst.theirs.ms(99):.1f} ms"
    name = f"p99, single frames / the best peer's ({worst.peer.name}; {all_of})"
    made.append(Figure("peers.p99", name, worst.p99(), "x", here=here))
    for beside in found.measured:
        name = f"frames a CPU second, single frames / {beside.peer.name}'s"
        made.append(Figure.ratio(f"peers.unary_{beside.peer.key}", name, beside.ratio("unary")))
    return made


def table(found: Found) -> Table:
    columns = (
        *("who", "version", "frames/CPU s", "CPU us/frame", "frames/s", "p50 ms", "p99 ms"),
        *("resident MiB", "idle CPU", "framesrv / it", "how it was run"),
    )
    rows = [_our_row(found, way) for way in OURS]
    for beside in _by_cost(found):
        ratio = f"{beside.ratio('unary').median:.2f} x"
        size, idle = _mib(beside.resident_bytes), f"{beside.idle:.1%}"
        who = (beside.peer.name, beside.peer.versions())
        rows.append((*who, *_numbers(beside.theirs), size, idle, ratio, beside.peer.how))
    ours = _all(found, "unary").cpu_us
    for name, costs in found.loops.items():
        ratio = f"{Spread.of(costs).median / Spread.of(ours).median:.2f} x"
        cost = Spread.of(costs).median
        numbers = (_count(1e6 / cost), _count(cost))
        rows.append((name, "", *numbers, *[""] * 5, ratio, "no server"))
    for name, reason in found.absent.items():
        rows.append((name, *[""] * 9, f"did not start: {reason[:80]}"))
    return Table(
        "The same frames through each server, 4 connections in a closed loop", columns, rows
    )


def chart(found: Found) -> Chart:
    ours = {f"framesrv, {way}": 1e6 / _cpu_us(_all(found, way)) for way in OURS}
    theirs = {beside.peer.name: 1e6 / _cpu_us(beside.theirs) for beside in found.measured}
    theirs |= {name: 1e6 / Spread.of(costs).median for name, costs in found.loops.items()}
    by_size = sorted(theirs.items(), key=lambda bar: -bar[1])
    title = "1280x720 JPEG to 320x320 JPEG: frames a second of CPU"
    return Chart("peers", title, "frames per CPU second", "", bars=ours | dict(by_size))


def _our_row(found: Found, way: str) -> tuple[str, ...]:
    how = {
        "unary": "single frames, 4 connections",
        "stream": "one stream, 8 frames ahead",
        "batch": "batches of 25, 2 connections; times are a batch's",
    }
    who = (f"framesrv, {way}", found.version)
    return (*who, *_numbers(_all(found, way)), _mib(found.resident_bytes), "", "", how[way])


def _all(found: Found, way: str) -> Cost:
    costs = [beside.ours[way] for beside in found.measured]
    return Cost(
        [value for cost in costs for value in cost.cpu_us],
        [value for cost in costs for value in cost.rates],
        [value for cost in costs for value in cost.seconds],
    )


def _by_cost(found: Found) -> list[Beside]:
    return sorted(found.measured, key=lambda beside: _cpu_us(beside.theirs))


def _cpu_us(cost: Cost) -> float:
    return Spread.of(cost.cpu_us).median


def _numbers(cost: Cost) -> tuple[str, ...]:
    rate = Spread.of(cost.rates).median
    times = (f"{cost.ms(50):.1f}", f"{cost.ms(99):.1f}")
    return (_count(1e6 / _cpu_us(cost)), _count(_cpu_us(cost)), _count(rate), *times)


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _mib(size: int) -> str:
    return _count(size / 2**20)


def notes(found: Found) -> list[str]:
    ahead = [beside.peer.name for beside in found.measured if beside.ratio("unary").median < 1]
    quicker = [beside.peer.name for beside in found.measured if beside.p99() > 1]
    busier = [
        beside.peer.name
        for beside in found.measured
        if Spread.of(beside.theirs.rates).median > Spread.of(beside.ours["unary"].rates).median
    ]
    ranking = (
        f"Ahead of framesrv here: in frames a CPU second {_names(ahead)}; in p99 "
        f"{_names(quicker)}; in frames a second of the closed loop {_names(busier)} (the clients "
        "share the cores)."
    )
    lost = [f"{name} did not start: {reason}" for name, reason in found.absent.items()]
    return [*lost, ranking, *_CAVEATS, _BETTER]


def _names(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


_CAVEATS: Final = (
    (
        "Where the C library gives the pages of each fresh array back, they are faulted in anew "
        "for every frame: that, not the protocol, is most of the distance, and a peer whose "
        "malloc is told to keep its pages loses most of it (see plain grpcio, malloc tuned)."
    ),
    (
        "Work of the peers: cv2, a fresh array for every step, OpenCV's own threads or one, "
        "whichever was the cheaper for the peer. framesrv and the pooled loop decode at a half, "
        "which a peer's own code could be made to do."
    ),
    (
        "CPU and memory are of all processes of a peer, Ray's store and proxies included; pages "
        "that processes share count for each. What a peer takes while idle is in its cost."
    ),
    (
        "thumbor reads files and is sent nothing, and makes one resize, not two: in its favour. "
        "Its engine is Pillow."
    ),
    "Ray's proxy, metrics and gRPC ports would bind all interfaces; here they stay on loopback.",
)
_BETTER: Final = (
    "A peer is the better choice: thumbor for stored pictures asked for by URL, behind a cache; "
    "LitServe, mosec and Ray Serve for models on GPUs and batches made of single calls, Ray also "
    "where it must grow over many machines; Starlette where frames are one route of a web "
    "service; imagezmq for ten lines between two scripts; plain grpcio for a contract of one's "
    "own; a plain OpenCV loop where the frames are in the process already."
)
