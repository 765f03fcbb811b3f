"""What a server allocated, event by event, from the file of a memray tracker.

The *path* is what framesrv does for a frame: from the message that gRPC hands over to the answer
that it is given. Everything else is gRPC's own and the event loop's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import memray

LARGE_BYTES: Final = 4096
# No picture of the standard work is smaller than 307,200 bytes, and no work memory of libjpeg
# or OpenCV larger than this.
PICTURE_BYTES: Final = 65_536
BOUNDS: Final = {512: "< 512 B", 4096: "< 4 KiB", 65_536: "< 64 KiB", 1 << 20: "< 1 MiB"}
BUCKETS: Final = (*BOUNDS.values(), ">= 1 MiB")
WHO: Final = ("path", "libraries", "outside")
JOINED: Final = "transport/answers.py:_join"

_FREED: Final = ("FREE", "MUNMAP", "PYMALLOC_FREE")
_PATH_ROOMS: Final = (
    "codecs", "engine", "frames", "ops", "pipeline", "pool", "protocol", "streams", "transport",
)  # fmt: skip
_LIBRARY_ROOMS: Final = ("codecs", "ops")  # where C libraries are called from
Frame = tuple[str, str, int]  # function, file, line


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stack of Python functions allocates."""

    where: str  # the innermost function of framesrv on the path; else the innermost of all
    in_path: bool
    in_library: bool  # the innermost function of all is one that calls C libraries


@dataclass(slots=True)
class Allocated:
    """Counts, by who allocated, by whether with Python's allocators, and by size."""

    events: Counter[tuple[str, bool, str]] = field(default_factory=Counter)
    nbytes: Counter[tuple[str, bool, str]] = field(default_factory=Counter)
    large: Counter[str] = field(default_factory=Counter)  # on the path, by place
    pictures: Counter[str] = field(default_factory=Counter)  # as large as pixels are
    foreign: Counter[tuple[str, bool]] = field(default_factory=Counter)  # large, off the path

    def add(self, place: Place, size: int, *, python: bool) -> None:
        native_scratch = place.in_library and not python and size < PICTURE_BYTES
        who = "outside" if not place.in_path else "libraries" if native_scratch else "path"
        key = who, python, bucket(size)
        self.events[key] += 1
        self.nbytes[key] += size
        if size < LARGE_BYTES:
            return
        if who == "path":
            self.large[place.where] += 1
            if size >= PICTURE_BYTES:
                self.pictures[place.where] += 1
        else:
            self.foreign[place.where, python] += 1


def bucket(size: int) -> str:
    """
    >>> bucket(511), bucket(512), bucket(1 << 20)
    ('< 512 B', '< 4 KiB', '>= 1 MiB')
    """
    return next((name for bound, name in BOUNDS.items() if size < bound), BUCKETS[-1])


def read(path: Path) -> Allocated:
    found = Allocated()
    for place, size, python in _events(path):
        found.add(place, size, python=python)
    return found


def _events(path: Path) -> Iterator[tuple[Place, int, bool]]:
    names = {kind.value: kind.name for kind in memray.AllocatorType}
    places: dict[tuple[int, str], Place] = {}
    with memray.FileReader(path) as reader:
        for record in reader.get_allocation_records():
            allocator = names[record.allocator]
            if allocator in _FREED:
                continue
            key = record.stack_id, record.thread_name
            place = places.get(key)
            if place is None:
                place = places[key] = place_of(record.stack_trace(), record.thread_name)
            yield place, record.size, allocator.startswith("PYMALLOC")


def place_of(stack: list[Frame], thread: str = "") -> Place:
    """The innermost call comes first.

    >>> place_of([("empty", "numpy/core.py", 9), ("make", "/a/framesrv/pool/unpooled.py", 5)])
    Place(where='pool/unpooled.py:make', in_path=True, in_library=False)
    >>> place_of([("select", "selectors.py", 9), ("main", "/a/framesrv/cli/main.py", 3)]).in_path
    False
    """
    for function, file, _ in stack:
        room, _, rest = file.rpartition("/framesrv/")[2].partition("/")
        if "/framesrv/" in file and room in _PATH_ROOMS:
            innermost = stack[0][1] == file and stack[0][0] == function
            return Place(f"{room}/{rest}:{function}", True, innermost and room in _LIBRARY_ROOMS)
    if not stack:
        return Place("gRPC, outside of Python's functions", False, False)
    function, file, _ = stack[0]
    return Place(f"{Path(file).name}:{function}", False, False)
