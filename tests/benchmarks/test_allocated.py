"""What the benchmark of allocations makes of a tracker's records, and that a twin is one."""

from __future__ import annotations

import asyncio
import doctest
import mmap
import os

import numpy as np
import pytest

from benchmarks.serving import allocated, peaks, twins
from benchmarks.serving.allocated import Allocated, place_of
from framesrv.app import App, AppSettings
from framesrv.ops.custom import Processors

ROOT = "/anywhere/framesrv"
WORKER = [
    ("_do", f"{ROOT}/engine/worker.py", 50),
    ("run", "threading.py", 9),
]


def test_the_path_and_the_rest_are_told_apart() -> None:
    codec = place_of([("decoded_by", f"{ROOT}/codecs/refusal.py", 3), *WORKER])
    assert (codec.where, codec.in_path, codec.in_library) == (
        "codecs/refusal.py:decoded_by", True, True,
    )  # fmt: skip
    numpy = place_of([("empty", "numpy/multiarray.py", 3), ("decode", f"{ROOT}/codecs/a.py", 1)])
    assert (numpy.in_path, numpy.in_library) == (True, False)
    for stack in ([], [("_run", "asyncio/events.py", 3), ("_run", f"{ROOT}/cli/running.py", 4)]):
        assert not place_of(stack).in_path
    assert place_of([("round", f"{ROOT}/pool/janitor.py", 1)]).in_path


def test_only_the_work_memory_of_c_libraries_is_excused() -> None:
    found = Allocated()
    codec = place_of([("decoded_by", f"{ROOT}/codecs/refusal.py", 3), *WORKER])
    worker = place_of(WORKER)
    found.add(codec, 65_535, python=False)  # excused
    found.add(codec, 65_536, python=False)  # may be a picture
    found.add(codec, 4096, python=True)
    found.add(worker, 4096, python=False)
    found.add(worker, 4095, python=False)  # not large
    found.add(place_of([]), 1 << 22, python=False)  # gRPC's
    assert found.large == {"codecs/refusal.py:decoded_by": 2, "engine/worker.py:_do": 1}
    assert found.pictures == {"codecs/refusal.py:decoded_by": 1}
    assert found.foreign.total() == 2
    assert found.events.total() == 6
    assert found.nbytes["outside", False, ">= 1 MiB"] == 1 << 22


@pytest.mark.parametrize("name", twins.USED)
def test_a_swapped_pool_lends_something_new_each_time(name: str) -> None:
    async def borrow() -> tuple[object, object, int]:
        app = App(AppSettings(), Processors())
        twins.swap(app, [name])
        try:
            pool = app.manager.pool(name)
            with pool.acquire() as first, app.manager.acquire(name) as second:
                return _lent(first), _lent(second), app.manager.stats()[name].misses
        finally:
            app.manager.shutdown()

    first, second, misses = asyncio.run(borrow())
    assert misses == 2
    assert type(first) is type(second)
    if isinstance(first, np.ndarray) and isinstance(second, np.ndarray):
        assert first.base is not second.base
        assert first.shape == second.shape


def _lent(lease: object) -> object:
    return next(getattr(lease, of) for of in ("array", "buffer", "record") if hasattr(lease, of))


def test_the_peak_is_at_least_what_is_resident() -> None:
    allowed = peaks.forget(os.getpid())
    before = peaks.peak_bytes(os.getpid())
    # Mapped for itself: the heap may have as much from before, and need not grow.
    with mmap.mmap(-1, 1 << 24) as held:
        held.write(b"\1" * len(held))
        assert peaks.peak_bytes(os.getpid()) >= before + (len(held) // 2 if allowed else 0)


def test_the_examples_hold() -> None:
    result = doctest.testmod(allocated)
    assert result.attempted > 0
    assert result.failed == 0
