"""Pictures of published streams: of those that are asked for, and of no other."""

from __future__ import annotations

import asyncio
import dataclasses
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic_ns
from typing import Any

import cv2
import numpy as np
import pytest

from framesrv.frames import copies
from framesrv.frames.layout import PixelFormat
from framesrv.frames.work import Encoding
from framesrv.observability.http.server import HttpServer
from framesrv.observability.live import previews
from framesrv.observability.live.previews import PICTURE_BYTES_MAX, STREAMS_MAX, Picture
from framesrv.observability.refusals import Refusal
from tests.observability.helpers import get, serving
from tests.observability.preview_world import World, raw, report, run


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(previews, "_FIRST_S_MAX", 0.2)


def test_the_picture_that_was_sent_is_the_one_that_is_shown() -> None:
    async def body(world: World) -> None:
        tally = world.opened()
        before = copies.counts()["clone"]
        assert await world.asked("cam", report()) == Picture(b"\xff\xd8 a picture", "image/jpeg")
        assert copies.counts()["clone"] == before + 1
        assert tally.watcher is not None

    run(body)


@pytest.mark.parametrize(
    ("encoding", "content_type"),
    [(Encoding.JPEG, "image/jpeg"), (Encoding.UNSPECIFIED, "image/jpeg"),
     (Encoding.PNG, "image/png"), (Encoding.WEBP, "image/webp")],
)  # fmt: skip
def test_its_type_is_that_of_its_encoding(encoding: Encoding, content_type: str) -> None:
    async def body(world: World) -> None:
        world.opened()
        found = await world.asked("cam", report(encoding=encoding))
        assert isinstance(found, Picture)
        assert found.content_type == content_type

    run(body)


def test_it_is_a_copy() -> None:
    """The buffer is lent to another frame when the report has been taken down."""

    async def body(world: World) -> None:
        world.opened()
        store = bytearray(b"mine")
        offered = report()
        offered.outputs[0] = dataclasses.replace(offered.outputs[0], data=memoryview(store))
        watch = world.previews._watch("cam")
        assert isinstance(watch, previews.Watch)
        watch.offer(offered)
        store[:] = b"next"
        found = await world.previews.picture("cam")
        assert isinstance(found, Picture)
        assert found.data == b"mine"

    run(body)


@pytest.mark.parametrize(
    ("kind", "channels"),
    [(PixelFormat.BGR24, 3), (PixelFormat.RGB24, 3), (PixelFormat.RGBA32, 4),
     (PixelFormat.BGRA32, 4), (PixelFormat.GRAY8, 0), (PixelFormat.NV12, -1),
     (PixelFormat.I420, -1)],
)  # fmt: skip
@pytest.mark.parametrize("side", [64, 2000])
def test_raw_pixels_become_a_small_jpeg(kind: PixelFormat, channels: int, side: int) -> None:
    async def body(world: World) -> None:
        world.opened()
        shape = {0: (side, side), -1: (side * 3 // 2, side)}.get(channels, (side, side, channels))
        found = await world.asked("cam", raw(np.full(shape, 77, np.uint8), kind))
        assert isinstance(found, Picture)
        assert found.content_type == "image/jpeg"
        assert len(found.data) <= PICTURE_BYTES_MAX
        seen = cv2.imdecode(np.frombuffer(found.data, np.uint8), cv2.IMREAD_UNCHANGED)
        assert seen is not None
        assert np.abs(seen.astype(int) - 77).max() <= 2
        assert seen.shape[0] == seen.shape[1] <= side
        assert await world.previews.picture("cam") is found, "it is encoded once"

    run(body)


def test_a_crowd_has_it_encoded_once() -> None:
    async def body(world: World) -> None:
        world.opened()
        pixels = raw(np.full((64, 64, 3), 77, np.uint8), PixelFormat.BGR24)
        crowd = [asyncio.ensure_future(world.asked("cam", pixels)) for _ in range(20)]
        (first, *others) = [await one for one in crowd]
        assert isinstance(first, Picture)
        assert all(other is first for other in others)

    run(body)


def test_it_ends_while_its_picture_is_encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the first stream of this name showed is not for who looks at the second."""

    async def body(world: World) -> None:
        first = world.opened()
        encode = previews._encoded

        def slowly(clone: previews.Clone) -> Picture:
            world.registry.leave(first)
            world.opened()
            return encode(clone)

        monkeypatch.setattr(previews, "_encoded", slowly)
        found = await world.asked("cam", raw(np.zeros((8, 8, 3), np.uint8), PixelFormat.BGR24))
        assert isinstance(found, Refusal)
        assert found.status == 404

    run(body)


def test_one_that_is_too_large_is_not_copied() -> None:
    async def body(world: World) -> None:
        world.opened()
        large = report(bytes(PICTURE_BYTES_MAX + 1))
        found = await world.asked("cam", large)
        assert isinstance(found, Refusal)
        assert found.status == 503
        large.outputs += report(b"small").outputs
        watch = world.previews._watch("cam")
        assert isinstance(watch, previews.Watch)
        watch._due_ns = 0
        watch.offer(large)
        found = await world.previews.picture("cam")
        assert isinstance(found, Picture)
        assert found.data == b"small", "the first of its outputs that is small enough"

    run(body)


def test_only_of_published_streams() -> None:
    async def body(world: World) -> None:
        private = world.opened("mine", published=False)
        for stream_id in ("mine", "", "no such", "../cam", "x" * 10_000):
            found = await world.asked(stream_id)
            assert isinstance(found, Refusal)
            assert found.status == 404
        assert private.watcher is None

    run(body)


def test_a_stream_that_ends_takes_its_picture_along() -> None:
    async def body(world: World) -> None:
        first = world.opened()
        await world.asked("cam", report(b"of the first"))
        world.registry.leave(first)
        assert isinstance(await world.previews.picture("cam"), Refusal)
        second = world.opened()
        found = await world.asked("cam")
        assert isinstance(found, Refusal)
        assert found.status == 503, "of the new one there is none yet"
        assert await world.asked("cam", report(b"of the second")) == Picture(
            b"of the second", "image/jpeg"
        )
        world.previews.look_after()
        assert list(world.previews._watches) == [second]

    run(body)


def test_a_late_worker_of_an_ended_stream_shows_nothing_in_its_successor() -> None:
    async def body(world: World) -> None:
        first = world.opened()
        await world.asked("cam", report(b"first"))
        late = first.watcher
        assert isinstance(late, previews.Watch)
        world.registry.leave(first)
        world.opened()
        late._due_ns = 0
        late.offer(report(b"late"))
        assert isinstance(await world.asked("cam"), Refusal)

    run(body)


def test_it_ends_while_somebody_waits_for_its_first_picture() -> None:
    async def body(world: World) -> None:
        tally = world.opened()
        waiting = asyncio.ensure_future(world.previews.picture("cam"))
        await asyncio.sleep(0)
        watch = tally.watcher
        assert watch is not None
        world.registry.leave(tally)
        watch.offer(report())
        found = await waiting
        assert isinstance(found, Refusal)
        assert found.status == 404

    run(body)


def test_its_successor_opens_while_somebody_waits_for_it() -> None:
    async def body(world: World) -> None:
        first = world.opened()
        waiting = asyncio.ensure_future(world.previews.picture("cam"))
        await asyncio.sleep(0)
        watch = first.watcher
        assert watch is not None
        watch.offer(report(b"of the first"))
        world.registry.leave(first)
        world.opened()
        found = await waiting
        assert isinstance(found, Refusal), "the first had another client"
        assert found.status == 404

    run(body)


def test_nobody_looks_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(world: World) -> None:
        tally = world.opened()
        await world.asked("cam", report())
        world.previews.look_after()
        assert tally.watcher is not None
        (watch,) = world.previews._watches.values()
        watch.until_ns = monotonic_ns() - 1
        world.previews.look_after()
        assert tally.watcher is None
        assert not world.previews._watches

    run(body)


def test_so_many_at_once() -> None:
    async def body(world: World) -> None:
        for number in range(STREAMS_MAX + 1):
            world.opened(str(number))
        for number in range(STREAMS_MAX):
            assert isinstance(await world.asked(str(number), report()), Picture)
        found = await world.asked(str(STREAMS_MAX))
        assert isinstance(found, Refusal)
        assert (found.status, found.headers) == (503, {"Retry-After": "5"})
        assert isinstance(await world.asked("0"), Picture), "those that are looked at go on"

    run(body)


def test_twice_a_second_and_no_more() -> None:
    async def body(world: World) -> None:
        world.opened()
        before, begun_ns = copies.counts()["clone"], monotonic_ns()
        for _ in range(50):
            await world.asked("cam", report())
        most = 1 + (monotonic_ns() - begun_ns) / previews.EVERY_NS
        assert 1 <= copies.counts()["clone"] - before <= most

    run(body)


def test_what_cannot_be_copied_costs_no_frame(caplog: pytest.LogCaptureFixture) -> None:
    async def body(world: World) -> None:
        world.opened()
        broken = report(b"xyz", Encoding.RAW)
        assert isinstance(await world.asked("cam", broken), Refusal)
        assert "could not be copied" in caplog.text

    run(body)


@contextmanager
def previewing(world: World, **more: Any) -> Iterator[HttpServer]:
    with serving(seen=world.watched, **more) as server:
        yield server


def test_over_http() -> None:
    world = World()
    name = "hall/cam 1?#é"
    tally = world.opened(name)
    with previewing(world, previews=True) as server:
        path = "/api/streams/hall%2Fcam%201%3F%23%C3%A9/preview"
        assert get(server, path)[0] == 503
        assert tally.watcher is not None
        tally.watcher.offer(report(b"picture"))
        with urllib.request.urlopen(f"http://{server.address}{path}", timeout=20) as answer:
            assert answer.read() == b"picture"
            assert answer.headers["content-type"] == "image/jpeg"
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["x-content-type-options"] == "nosniff"
        assert get(server, "/api/streams/other/preview")[0] == 404


def test_unless_it_was_allowed_there_is_none() -> None:
    world = World()
    tally = world.opened()
    with previewing(world) as server:
        status, text = get(server, "/api/streams/cam/preview")
        assert status == 404
        assert "--previews" in text
        assert tally.watcher is None
