"""The proof that frames are worked on in borrowed memory: 100 batches of 25 through a server.

The server is the real one, in a process of its own; the client, in this one, sends 1280x720
JPEGs over gRPC. Two looks, each at 100 batches:

- tracemalloc says what is *alive* at the end of each batch, when its answer is written: of
  blocks of 4 KiB and more the message, the answer, and whatever else the batch has made and
  not borrowed. And it says whether anything stays behind.
- memray counts every allocation *event* of the process, those of C libraries included. What is
  judged is the path of a frame in framesrv, from the message to the answer. Apart are gRPC and
  the event loop, which read a message in pieces, and the work memory that libjpeg and OpenCV
  take from malloc for each frame: less than 64 KiB each time, when no picture of this work has
  less than 300,000 bytes.

The twin is the same server, the same code, whose pools lend what they have just allocated, and
whose workers lay out their buffers anew for each frame, as code without pools does.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.serving.allocated import JOINED, Allocated
from benchmarks.serving.proof import FRAMES, Alive, Server, watched
from benchmarks.serving.twins import USED

BATCHES = 100
FEW = 3  # for a twin: what it does wrong it does in every batch
LARGE_PER_FRAME = 0.1
GROWTH_BYTES = 64 * 1024
FEWER = 0.99
ARRAYS = {"resize_640x360", "bgr_320", "rgba_320"}
BUFFERS = ARRAYS | {"jpeg", "answer"}  # the others lend records


Faults = dict[str, object]


def faults_alive(alive: Alive) -> Faults:
    """What is promised of the blocks that are alive and not kept."""
    return _broken(
        {
            "few large blocks alive": (alive.per_frame <= LARGE_PER_FRAME, alive.blocks),
            "none of them arrays": (not alive.arrays, alive.arrays),
            "nothing stays behind": (alive.growth_bytes <= GROWTH_BYTES, alive.growth_bytes),
        }
    )


def faults_allocated(allocated: Allocated, batches: int) -> Faults:
    """The same of every allocation there was."""
    large = allocated.large.total() / (batches * FRAMES)
    pixels = pictures(allocated)
    return _broken(
        {
            "few large allocations": (large <= LARGE_PER_FRAME, allocated.large),
            "none of them pixels": (not pixels, pixels),
        }
    )


def _broken(promises: dict[str, tuple[bool, object]]) -> Faults:
    return {promise: found for promise, (is_kept, found) in promises.items() if not is_kept}


def pictures(allocated: Allocated) -> dict[str, int]:
    """Blocks that could hold one, by place, besides the answers that gRPC is given."""
    return {place: count for place, count in allocated.pictures.items() if place != JOINED}


class Look:
    """At one server, and at the misses of its pools since it was warm."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._before = server.misses()

    def misses(self) -> dict[str, int]:
        after = self.server.misses()
        return {name: after[name] - n for name, n in self._before.items() if after[name] != n}


@pytest.fixture(scope="module")
def pooled() -> Iterator[Look]:
    with watched() as server:
        yield Look(server)


@pytest.fixture(scope="module")
def alive(pooled: Look) -> Alive:
    return pooled.server.traced(BATCHES)


@pytest.fixture(scope="module")
def allocated(pooled: Look, tmp_path_factory: pytest.TempPathFactory) -> Allocated:
    return pooled.server.tracked(BATCHES, tmp_path_factory.mktemp("pooled") / "allocations.bin")


def test_what_is_alive_in_flight_and_afterwards(alive: Alive) -> None:
    assert alive.flights >= BATCHES
    assert faults_alive(alive) == {}
    # A look that saw nothing would promise anything.
    assert alive.blocks["framesrv/transport/answers.py", False] >= alive.flights


def test_what_is_allocated(allocated: Allocated) -> None:
    assert faults_allocated(allocated, BATCHES) == {}
    assert allocated.large[JOINED] == BATCHES
    in_libraries = [n for (who, *_), n in allocated.events.items() if who == "libraries"]
    assert sum(in_libraries) >= BATCHES * FRAMES
    assert allocated.foreign.total() >= BATCHES


def test_the_twin_allocates_a_hundred_times_as_often(allocated: Allocated, tmp_path: Path) -> None:
    with watched("all") as server:
        twin = server.tracked(BATCHES, tmp_path / "allocations.bin")
    assert twin.large["pool/unpooled.py:make"] >= 3 * BATCHES * FRAMES  # each frame its pictures
    assert 1 - allocated.large.total() / twin.large.total() >= FEWER
    assert sum(pictures(twin).values()) >= 4 * BATCHES * FRAMES


def test_no_pool_missed(pooled: Look, alive: Alive, allocated: Allocated) -> None:
    assert pooled.misses() == {}


@pytest.mark.parametrize("name", USED)
def test_a_pool_swapped_for_its_twin_is_found(name: str, tmp_path: Path) -> None:
    """Each of them by its misses; one that lends buffers also by what it makes, whatever it says
    of itself."""
    with watched(name) as server:
        look = Look(server)
        alive = faults_alive(server.traced(FEW))
        allocated = faults_allocated(server.tracked(FEW, tmp_path / "allocations.bin"), FEW)
        assert list(look.misses()) == [name]
    assert ("none of them pixels" in allocated) == (name in BUFFERS)
    assert ("few large allocations" in allocated) == (name in BUFFERS)
    assert ("none of them arrays" in alive) == (name in ARRAYS)
