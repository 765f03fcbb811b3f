"""Frames of several streams joined by time, and the picture of a window."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from google.protobuf.duration_pb2 import Duration
from pictures import Pixels, as_it_is, coded
from props import Running, serving
from stock_client import connected, refusal
from watching import Publisher, Subscriber

from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.protocol.gen.frames_pb2_grpc import FrameServiceStub

PERIOD_NS = 33_333_333
START_NS = 1_700_000_000 * 10**9 // PERIOD_NS * PERIOD_NS
COLOURS = {"red": (0, 0, 255), "green": (0, 255, 0), "blue": (255, 0, 0)}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serving(tmp_path_factory.mktemp("merge"), env={"FRAMESRV_POOL_DEBUG": "poison"}) as found:
        yield found


def window(lateness_ms: int = 5000, **mosaic: object) -> pb.MergeWindow:
    merge = pb.MergeWindow(length=Duration(nanos=PERIOD_NS))
    merge.lateness.FromMilliseconds(lateness_ms)
    if mosaic:
        merge.mosaic.CopyFrom(pb.Mosaic(**mosaic))  # type: ignore[arg-type]
    return merge


def plain(colour: str, width: int = 64, height: int = 48) -> bytes:
    return coded(np.full((height, width, 3), COLOURS[colour], np.uint8), ".png")


def publishers(stub: FrameServiceStub, *ids: str) -> list[Publisher]:
    return [Publisher(stub, stream, pipeline=as_it_is(pb.ENCODING_PNG)) for stream in ids]


def send(publisher: Publisher, number: int, data: bytes = plain("red")) -> None:
    publisher.send(1, data, captured_at_ns=START_NS + number * PERIOD_NS + 1)


def merged(viewer: Subscriber) -> pb.MergedFrame:
    while not (message := viewer.read()).HasField("merged"):
        pass
    return message.merged


def shown(output: pb.OutputImage) -> Pixels:
    found = cv2.imdecode(np.frombuffer(output.data, np.uint8), cv2.IMREAD_COLOR)
    assert found is not None
    return found


def test_each_window_comes_once_and_in_order(stub: FrameServiceStub) -> None:
    ids = ("m1", "m2", "m3")
    all_of_them = publishers(stub, *ids)
    viewer = Subscriber(stub, *ids, merge=window()).taken()
    for number in range(20):
        for publisher in all_of_them:
            send(publisher, number)
        found = merged(viewer)
        assert found.complete
        assert (found.window_open_ns - START_NS) // PERIOD_NS == number
        assert found.window_close_ns - found.window_open_ns == PERIOD_NS
        assert [fragment.stream_id for fragment in found.fragments] == list(ids)
        assert {fragment.sequence for fragment in found.fragments} == {number + 1}
        assert all(fragment.outputs[0].data for fragment in found.fragments)
    for publisher in all_of_them:
        publisher.end()
    viewer.until_ended(*ids)
    assert viewer.delivered == dict.fromkeys(ids, 20)
    assert not viewer.missed
    viewer.call.cancel()


def test_a_window_without_one_of_its_streams_comes_when_it_has_waited(
    stub: FrameServiceStub,
) -> None:
    one, two = publishers(stub, "here", "silent")
    viewer = Subscriber(stub, "here", "silent", merge=window(lateness_ms=50)).taken()
    send(one, 0)
    found = merged(viewer)
    assert (found.complete, len(found.fragments)) == (False, 1)
    send(two, 0)  # too late
    send(one, 1)
    send(two, 1)
    assert merged(viewer).complete
    assert viewer.missed == {"silent": 1}
    for publisher in (one, two):
        publisher.end()
    viewer.call.cancel()


def test_who_asks_alike_shares_one_merge(stub: FrameServiceStub, server: Running) -> None:
    one, two = publishers(stub, "s1", "s2")
    viewers = [Subscriber(stub, "s1", "s2", merge=window()).taken() for _ in range(3)]
    other = Subscriber(stub, "s1", "s2", merge=window(lateness_ms=1)).taken()
    assert server.stats()["merges"] == 2
    send(one, 0)
    send(two, 0)
    found = [merged(viewer) for viewer in viewers]
    assert found[0] == found[1] == found[2]
    assert merged(other).merge_id != found[0].merge_id
    for viewer in (*viewers, other):
        viewer.call.cancel()
    server.until(lambda stats: stats["merges"] == 0)
    one.end()
    two.end()


@pytest.mark.parametrize("encoding", [pb.ENCODING_JPEG, pb.ENCODING_PNG, pb.ENCODING_WEBP])
def test_a_mosaic_has_each_stream_in_its_cell(stub: FrameServiceStub, encoding: int) -> None:
    ids = [f"{colour} {encoding}" for colour in COLOURS]
    all_of_them = publishers(stub, *ids)
    asked = window(width=160, height=120, encoding=encoding, alone=True)
    viewer = Subscriber(stub, *ids, merge=asked).taken()
    for publisher, colour in zip(all_of_them, COLOURS, strict=True):
        send(publisher, 0, plain(colour))
    found = merged(viewer)
    layout = found.mosaic.layout
    assert (found.mosaic.name, found.mosaic.encoding) == ("mosaic", encoding)
    assert (layout.width, layout.height, layout.format) == (160, 120, pb.PIXEL_FORMAT_BGR24)
    assert not any(fragment.outputs for fragment in found.fragments)
    pixels = shown(found.mosaic).astype(int)
    for (y, x), wanted in zip([(30, 40), (30, 120), (90, 40)], COLOURS.values(), strict=True):
        assert np.abs(pixels[y, x] - wanted).max() < 12, (y, x)
    assert pixels[90, 120].max() < 12, "no stream, no picture"
    for publisher in all_of_them:
        publisher.end()
    viewer.call.cancel()


def test_a_raw_mosaic_of_pictures_of_all_kinds(stub: FrameServiceStub) -> None:
    kinds = {
        "raw": as_it_is(pb.ENCODING_RAW),
        "jpeg": as_it_is(pb.ENCODING_JPEG),
        "webp": as_it_is(pb.ENCODING_WEBP),
        "rgba": as_it_is(pb.ENCODING_RAW, pb.Op(convert=pb.Convert(format=pb.PIXEL_FORMAT_RGBA32))),
        "nv12": as_it_is(pb.ENCODING_RAW, pb.Op(convert=pb.Convert(format=pb.PIXEL_FORMAT_NV12))),
        "grey": as_it_is(pb.ENCODING_PNG, pb.Op(convert=pb.Convert(format=pb.PIXEL_FORMAT_GRAY8))),
    }
    all_of_them = [Publisher(stub, kind, pipeline=plan) for kind, plan in kinds.items()]
    asked = window(columns=6, width=600, height=80, encoding=pb.ENCODING_RAW)
    viewer = Subscriber(stub, *kinds, merge=asked).taken()
    for publisher in all_of_them:
        send(publisher, 0, plain("green", 100, 80))
    found = merged(viewer)
    pixels = np.frombuffer(found.mosaic.data, np.uint8).reshape(80, 600, 3).astype(int)
    for column, kind in enumerate(kinds):
        wanted = (150, 150, 150) if kind == "grey" else COLOURS["green"]
        assert np.abs(pixels[40, column * 100 + 50] - wanted).max() < 12, kind
    assert all(fragment.outputs for fragment in found.fragments)
    for publisher in all_of_them:
        publisher.end()
    viewer.call.cancel()


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (pb.SubscribeRequest(merge=window()), "merge needs stream_ids"),
        (pb.SubscribeRequest(stream_ids=["a"], merge=pb.MergeWindow()), "merge.length is 0 s"),
        (pb.SubscribeRequest(stream_ids=["a"], merge=window(lateness_ms=-1)), "merge.lateness"),
        (pb.SubscribeRequest(stream_ids=["a"], merge=window(columns=2)), "2 columns for 1 streams"),
        (pb.SubscribeRequest(stream_ids=["a"], merge=window(width=9000)), "9000x720"),
        (pb.SubscribeRequest(stream_ids=["a"], merge=window(encoding=9)), "encoding is 9"),
        (
            pb.SubscribeRequest(stream_ids=["a"], merge=window(width=8192, height=8192)),
            "more than 16,777,216 pixels",
        ),
        (
            pb.SubscribeRequest(stream_ids=map(str, range(9)), merge=window(width=2, height=2)),
            "9 streams have no room",
        ),
    ],
)
def test_merges_that_cannot_be(
    stub: FrameServiceStub, asked: pb.SubscribeRequest, says: str
) -> None:
    told = refusal(lambda: list(stub.Subscribe(asked)))
    assert (told.code, told.reason) == ("INVALID_ARGUMENT", "BAD_CONFIG")
    assert says in told.message


def test_one_merge_too_many(stub: FrameServiceStub, server: Running) -> None:
    viewers = [
        Subscriber(stub, "x", wait=True, merge=window(lateness_ms=n)).taken() for n in range(16)
    ]
    with connected(server.address) as line:
        one_more = pb.SubscribeRequest(stream_ids=["x"], wait=True, merge=window())
        told = refusal(lambda: list(line.Subscribe(one_more)))
        assert (told.code, told.reason, told.retries) == (
            "RESOURCE_EXHAUSTED",
            "TOO_MANY_STREAMS",
            True,
        )
        again = Subscriber(line, "x", wait=True, merge=window(lateness_ms=3)).taken()
        again.call.cancel()
    for viewer in viewers:
        viewer.call.cancel()
