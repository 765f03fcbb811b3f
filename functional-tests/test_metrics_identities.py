"""What /metrics says of a server adds up in every scrape, whatever its clients do meanwhile.

FRAMESRV_SCRAPES says how many scrapes there are (200).
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise

import grpc
import pytest
from hostile_bytes import BATCHES, OPEN, STREAMS, hostile
from pictures import JPEG, as_it_is, coded, encoded, picture, raw
from props import PATIENCE_S, dice
from server_process import ServerProcess, running_server
from stock_client import Stream, bytes_call, bytes_stream, channel, connected, stub_of

from framesrv.protocol.gen import frames_pb2 as pb

SCRAPES = int(os.environ.get("FRAMESRV_SCRAPES", "200"))
STATES = ("idle", "leased", "quarantined")
# Few buffers, and outputs that outgrow them: borrowers wait, buffers are made and let go.
SCARCE = {
    "FRAMESRV_POOL_JPEG_CAPACITY": "2",
    "FRAMESRV_POOL_JPEG_WARM": "0",
    "FRAMESRV_POOL_JPEG_INITIAL_BYTES": "1024",
    "FRAMESRV_POOL_JPEG_MAX_BYTES": "4096",
}
FRAME = coded(picture(320, 240))
MANY = pb.Pipeline(
    outputs=[
        pb.Output(name="a", encoding=pb.ENCODING_PNG),
        pb.Output(name="b", ops=[pb.Op(crop=pb.Crop(x=1, y=1, width=50, height=30))]),
    ]
)
Sample = tuple[str, frozenset[tuple[str, str]]]


class Scrape:
    def __init__(self, text: str) -> None:
        self.samples: dict[Sample, float] = {}
        for line in text.splitlines():
            if line[0] != "#":
                name, _, value = line.rpartition(" ")
                name, _, labels = name.partition("{")
                found = frozenset(re.findall(r'(\w+)="([^"]*)"', labels))
                self.samples[name.removeprefix("framesrv_"), found] = float(value)

    def of(self, name: str, **labels: str) -> float:
        return self.samples[name, frozenset(labels.items())]

    def all_of(self, name: str, **labels: str) -> float:
        """The sum over the labels that are not said."""
        wanted = labels.items()
        return sum(
            value for (told, has), value in self.samples.items() if told == name and wanted <= has
        )

    @property
    def pools(self) -> list[str]:
        return sorted(dict(has)["pool"] for told, has in self.samples if told == "pool_capacity")

    @property
    def counters(self) -> dict[Sample, float]:
        ends = ("_total", "_bucket", "_count", "_sum")
        return {sample: value for sample, value in self.samples.items() if sample[0].endswith(ends)}

    @property
    def frames(self) -> Counter[str]:
        return Counter(
            {
                " ".join(filter(None, (dict(has)["result"], dict(has)["reason"]))): int(value)
                for (told, has), value in self.samples.items()
                if told == "frames_total" and value
            }
        )


def scrape(server: ServerProcess) -> Scrape:
    return Scrape(server.get("/metrics", PATIENCE_S))


def check_pool(found: Scrape, pool: str) -> None:
    hits, misses, returns, warmed, trimmed = (
        found.of(f"pool_{name}_total", pool=pool)
        for name in ("hits", "misses", "returns", "warmed", "trimmed")
    )
    discards = found.all_of("pool_discards_total", pool=pool)
    idle, leased, quarantined = (
        found.of("pool_buffers", pool=pool, state=state) for state in STATES
    )
    assert hits + misses - returns == leased, pool
    assert warmed + misses - discards - trimmed == idle + leased + quarantined, pool
    assert idle + leased + quarantined <= found.of("pool_capacity", pool=pool), pool
    assert min(hits, misses, returns, warmed, trimmed, discards, idle, leased, quarantined) >= 0


def check(found: Scrape) -> None:
    for pool in found.pools:
        check_pool(found, pool)
    assert 0 <= found.of("worker_busy_ratio") <= 1
    assert found.of("in_flight_frames") >= 0
    counted = found.frames
    answered = sum(counted.values())
    assert found.of("frame_stage_seconds_count", stage="total") <= answered


# -- the clients -------------------------------------------------------------------------------


class Known:
    """What the clients that behave were told of their frames."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.frames: Counter[str] = Counter()

    def note(self, results: list[pb.FrameResult]) -> None:
        names = {pb.FRAME_STATUS_OK: "ok", pb.FRAME_STATUS_FAILED: "failed"}
        with self._lock:
            for result in results:
                name = names.get(result.status, "dropped")
                self.frames[f"{name} {result.error.reason}".strip()] += 1


Client = Callable[[str, random.Random, Known], None]


def batches(address: str, chance: random.Random, known: Known) -> None:
    """Good frames, and broken ones that are answered as such."""
    frames = [encoded(FRAME, trace_id="t")] * 5
    if chance.random() < 0.5:
        frames.append(encoded(FRAME[: chance.randrange(1, len(FRAME) // 2)]))
    if chance.random() < 0.2:
        frames.append(encoded(FRAME, crc32c=1))
    with connected(address) as stub:
        for _ in range(5):
            request = pb.ProcessBatchRequest(frames=frames, pipeline=MANY)
            with contextlib.suppress(grpc.RpcError):  # refused as a whole: it was too much
                known.note(list(stub.ProcessBatch(request, timeout=PATIENCE_S).results))


def streams(address: str, chance: random.Random, known: Known) -> None:
    """Opened, used and closed in good order."""
    with connected(address) as stub:
        stream = Stream(stub, drop_policy=chance.choice([1, 2, 3]), max_in_flight_frames=4)
        stream.ready()
        for size in (1, 3, 8):
            stream.batch(*[encoded(FRAME)] * size)
        stream.half_close()
        known.note([result for message in stream.rest() for result in message.results.results])


def deserters(address: str, chance: random.Random, known: Known) -> None:
    """Calls that are cancelled, and connections that go, at any moment."""
    line = channel(address)
    stub = stub_of(line)
    stream = Stream(stub, pipeline=as_it_is(pb.ENCODING_PNG), drop_policy=chance.choice([1, 2, 3]))
    request = pb.ProcessBatchRequest(frames=[encoded(FRAME)] * chance.randint(1, 9))
    calls = [stub.ProcessBatch.future(request, timeout=PATIENCE_S) for _ in range(3)]
    big = raw(bytes(640 * 360 * 3), 640, 360, pb.PIXEL_FORMAT_BGR24)
    stream.batch(*[big] * chance.randint(1, 4))
    threading.Event().wait(chance.random() * 0.05)
    for call in calls[:2]:
        call.cancel()
    if chance.random() < 0.5:
        stream.call.cancel()
    line.close()
    stream.half_close()


def hooligans(address: str, chance: random.Random, known: Known) -> None:
    """Bytes that are no message, and some that are not even gRPC."""
    with channel(address) as line:
        for _ in range(10):
            with contextlib.suppress(grpc.RpcError):
                bytes_call(line, "ProcessBatch")(hostile(chance, BATCHES), timeout=PATIENCE_S)
        messages = [OPEN, *(hostile(chance, STREAMS) for _ in range(3))]
        with contextlib.suppress(grpc.RpcError):
            list(bytes_stream(line)(iter(messages), timeout=PATIENCE_S))
    host, _, port = address.rpartition(":")
    with contextlib.suppress(OSError), socket.create_connection((host, int(port))) as junk:
        junk.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + chance.randbytes(200))


CLIENTS: tuple[Client, ...] = (batches, streams, deserters, hooligans)


@contextlib.contextmanager
def load(address: str, known: Known) -> Iterator[None]:
    """Clients of every kind until the block is left; what one of them stumbles over is raised."""
    stop = threading.Event()
    faults: list[BaseException] = []

    def run(client: Client) -> None:
        chance = dice(client.__name__)
        try:
            while not stop.is_set():
                client(address, chance, known)
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=run, args=(client,)) for client in CLIENTS]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(PATIENCE_S)
    assert faults == []


# -- the tests ---------------------------------------------------------------------------------


def at_rest(server: ServerProcess) -> Scrape:
    """The first scrape that finds nothing in flight and every lease at home."""
    pause = threading.Event()
    for _ in range(round(PATIENCE_S / 0.05)):
        found = scrape(server)
        leased = found.all_of("pool_buffers", state="leased")
        if not (found.of("in_flight_frames") or found.all_of("streams") or leased):
            return found
        pause.wait(0.05)
    raise AssertionError("something is still in flight, or a lease is out")


def test_every_scrape_adds_up_under_load_and_chaos() -> None:
    options = ("--workers", "2", "--log-level", "error")
    known = Known()
    with running_server(*options, environ=SCARCE) as server:
        with load(server.grpc_address, known):
            scrapes = []
            for _ in range(SCRAPES):
                scrapes.append(scrape(server))
                check(scrapes[-1])
        end = at_rest(server)
    for before, after in pairwise([*scrapes, end]):
        counted = after.counters
        for sample, value in before.counters.items():
            assert counted[sample] >= value, sample
    check(end)
    assert end.of("in_flight_bytes") == 0
    assert end.all_of("frames_total") == end.of("batch_frames_sum"), "accepted, answered once"
    told = end.frames
    assert {kind: count for kind, count in known.frames.items() if told[kind] < count} == {}
    check_it_was_chaos(end)
    assert known.frames["ok"] > 100
    assert max(found.of("worker_busy_ratio") for found in scrapes) > 0.3


def check_it_was_chaos(end: Scrape) -> None:
    assert end.of("frames_total", result="dropped", reason="CLIENT_GONE") > 0
    assert end.of("refused_calls_total", reason="MALFORMED_MESSAGE") > 0
    assert end.of("pool_wait_seconds_count", pool="jpeg") > 0
    assert end.of("pool_hold_seconds_count", pool="jpeg") > 0
    assert end.of("pool_discards_total", pool="jpeg", reason="oversized") > 0


def test_what_is_counted_is_what_clients_are_told() -> None:
    """Alone with the server a client knows it all."""
    known, chance = Known(), dice("alone")
    with running_server("--workers", "2") as server:
        with connected(server.grpc_address) as stub:
            for frames in ([encoded(JPEG)] * 7, [encoded(JPEG, crc32c=1), encoded(b"junk")]):
                request = pb.ProcessBatchRequest(frames=frames)
                known.note(list(stub.ProcessBatch(request, timeout=PATIENCE_S).results))
            with pytest.raises(grpc.RpcError):
                stub.ProcessBatch(pb.ProcessBatchRequest(pipeline_name="no"), timeout=PATIENCE_S)
        for _ in range(3):
            streams(server.grpc_address, chance, known)
        found = at_rest(server)
    check(found)
    assert found.frames == known.frames
    assert found.of("batch_frames_sum") == sum(known.frames.values())
    assert found.of("batch_frames_count") == 2 + 3 * 3
    assert found.all_of("refused_calls_total") == 1
    assert found.of("refused_calls_total", reason="UNKNOWN_PIPELINE") == 1
    assert found.of("frame_copies_total", where="wire") == 2 * known.frames["ok"]
    assert found.of("frame_copies_total", where="codec") == 0
    assert found.of("frame_copies_total", where="clone") == 0
