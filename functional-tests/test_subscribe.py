"""One stream, many viewers: what each is told, however slow it is and however it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pictures import JPEG, as_it_is, coded, picture
from props import Running, dice, serving
from server_process import clean_environ
from stock_client import Stream, channel, connected, refusal, stub_of
from watching import ENDED, STARTED, Publisher, Subscriber

from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.protocol.gen.frames_pb2_grpc import FrameServiceStub

STALLING = {"stall_s": 0.2}
LARGE = coded(picture(640, 480, seed=3), ".png")
HUGE = as_it_is(pb.ENCODING_RAW)  # of LARGE: 921,600 bytes, which fill any window soon


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serving(tmp_path_factory.mktemp("subscribe"), env={"FRAMESRV_POOL_DEBUG": "poison"}) as s:
        yield s


def test_the_limits_are_known(stub: FrameServiceStub) -> None:
    info = stub.GetServerInfo(pb.GetServerInfoRequest())
    assert (info.max_subscribers, info.max_queue_frames) == (1024, 256)


def test_all_viewers_get_the_same_frames_and_they_are_the_publisher_s(
    stub: FrameServiceStub,
) -> None:
    publisher = Publisher(stub, "door")
    viewers = [Subscriber(stub, "door").taken() for _ in range(5)]
    publisher.stream.batch(*(pb.Frame(sequence=n, encoded={"data": JPEG}) for n in range(1, 9)))
    answered = publisher.stream.results(8)
    for viewer in viewers:
        assert viewer.frames(8) == answered
    publisher.end()
    for viewer in viewers:
        assert viewer.read().event == pb.StreamEvent(stream_id="door", state=ENDED)
        viewer.call.cancel()


def test_frames_that_failed_are_shown_to_nobody(stub: FrameServiceStub) -> None:
    publisher = Publisher(stub, "torn")
    viewer = Subscriber(stub, "torn").taken()
    publisher.send(1)
    publisher.send(1, data=b"junk")
    publisher.send(1)
    assert [frame.sequence for frame in viewer.frames(1)] == [1]
    viewer.last.clear()
    assert [frame.sequence for frame in viewer.frames(1)] == [3]
    publisher.end()


def test_a_late_viewer_gets_the_newest_frame_at_once(stub: FrameServiceStub) -> None:
    publisher = Publisher(stub, "late")
    publisher.send(5)
    assert Subscriber(stub, "late").frames(1)[0].sequence == 5
    publisher.end()


def test_only_the_outputs_that_were_asked_for(stub: FrameServiceStub) -> None:
    outputs = [pb.Output(name=name, encoding=pb.ENCODING_JPEG) for name in ("a", "b", "c")]
    publisher = Publisher(stub, "three", pipeline=pb.Pipeline(outputs=outputs))
    some = Subscriber(stub, "three", output_names=["c", "a", "no such"]).taken()
    none = Subscriber(stub, "three", output_names=["no such"]).taken()
    every = Subscriber(stub, "three").taken()
    publisher.send(1)
    (whole,) = every.frames(1)
    (part,) = some.frames(1)
    assert [output.name for output in part.outputs] == ["a", "c"]
    del whole.outputs[1]
    assert part == whole
    del whole.outputs[:]
    assert none.frames(1) == [whole]
    publisher.end()


def test_publishers_come_and_go_and_the_subscription_stays(stub: FrameServiceStub) -> None:
    viewer = Subscriber(stub, "gate", wait=True).taken()
    for first in (1, 10):
        publisher = Publisher(stub, "gate", first)
        second = Stream(stub, stream_id="gate", publish=True)
        assert refusal(second.read)[:2] == ("ALREADY_EXISTS", "STREAM_TAKEN")
        publisher.send(2)
        publisher.end()
        assert viewer.read().event == pb.StreamEvent(stream_id="gate", state=STARTED)
        viewer.last.clear()
        assert [frame.sequence for frame in viewer.frames(2)] == [first, first + 1]
        assert viewer.read().event == pb.StreamEvent(stream_id="gate", state=ENDED)
    viewer.call.cancel()


def test_who_asks_for_all_gets_those_that_start_later(stub: FrameServiceStub) -> None:
    one = Publisher(stub, "one")
    viewer = Subscriber(stub).taken()
    two = Publisher(stub, "two")
    assert viewer.read().event == pb.StreamEvent(stream_id="two", state=STARTED)
    one.send()
    two.send()
    assert {frame.stream_id for frame in viewer.frames(2)} == {"one", "two"}
    one.end()
    two.end()
    viewer.until_ended("one", "two")
    viewer.call.cancel()


def test_a_viewer_that_stands_still_is_told_how_much_it_missed(
    stub: FrameServiceStub, server: Running
) -> None:
    publisher = Publisher(stub, "fast", pipeline=HUGE)
    quick = Subscriber(stub, "fast").taken()
    with connected(server.address) as line:  # its window is its own
        slow = Subscriber(line, "fast", queue_frames=3).taken()
        for _ in range(40):
            publisher.send(1, LARGE)
            quick.frames(1)
        assert not quick.missed
        slow.until("fast", 40)
        assert slow.delivered["fast"] + slow.missed["fast"] == 40
        assert slow.missed["fast"] > 0
        slow.call.cancel()
    publisher.end()


def test_a_viewer_that_takes_nothing_for_too_long_is_ended(tmp_path: Path) -> None:
    with serving(tmp_path, fan_out=STALLING) as server, connected(server.address) as stub:
        publisher = Publisher(stub, "fast", pipeline=HUGE)
        quick = Subscriber(stub, "fast").taken()
        with channel(server.address) as line:
            slow = Subscriber(stub_of(line), "fast").taken()
            while server.stats()["watching"] > 1:
                publisher.send(1, LARGE)
                quick.frames(1)
            told = slow.end()
        assert told is not None
        assert (told.code, told.reason) == ("RESOURCE_EXHAUSTED", "SLOW_CONSUMER")
        assert not quick.missed
        publisher.end()


def test_one_that_has_nothing_to_take_is_not_slow(tmp_path: Path) -> None:
    with serving(tmp_path, fan_out=STALLING) as server, connected(server.address) as stub:
        rare, fast = Publisher(stub, "rare"), Publisher(stub, "fast", pipeline=HUGE)
        idle = Subscriber(stub, "rare").taken()
        with channel(server.address) as line:
            Subscriber(stub_of(line), "fast").taken()
            while server.stats()["watching"] > 1:  # until the slow one was found
                fast.send(1, LARGE)
        rare.send()
        assert idle.frames(1)[0].sequence == 1
        rare.end()
        fast.end()


def test_a_server_that_stops_tells_its_viewers_and_shows_them_the_rest(tmp_path: Path) -> None:
    with serving(tmp_path) as server, connected(server.address) as stub:
        publisher = Publisher(stub, "door")
        viewers = [Subscriber(stub, "door"), Subscriber(stub), Subscriber(stub, "no", wait=True)]
        for viewer in viewers:
            viewer.taken()
        publisher.send()
        server.terminate()
        going = [publisher.stream.read().WhichOneof("message")]
        publisher.end()
        for viewer in viewers[:2]:
            kinds = []
            while (message := next(viewer.call, None)) is not None:
                kinds.append(message.WhichOneof("message"))
            assert sorted(kinds) == ["event", "frame", "go_away"]
        assert next(viewers[2].call).HasField("go_away")
        assert viewers[2].end() is None
        assert going == ["go_away"]
        assert server.wait() == 0


KILLED = """
import sys, grpc
from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.protocol.gen.frames_pb2_grpc import FrameServiceStub
call = FrameServiceStub(grpc.insecure_channel(sys.argv[1])).Subscribe(pb.SubscribeRequest())
next(call)
print("here", flush=True)
for _ in call if sys.argv[2] == "reads" else (sys.stdin.read(),):
    pass
"""


def test_viewers_that_are_killed_leave_nothing_behind(
    server: Running, stub: FrameServiceStub
) -> None:
    publisher = Publisher(stub, "fast", pipeline=HUGE)
    publisher.send(1, LARGE)
    before = server.stats()["watching"]
    killed = [
        subprocess.Popen(
            [sys.executable, "-c", KILLED, server.address, how],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=clean_environ(),
        )
        for how in ("reads", "stalls")
    ]  # fmt: skip
    for process in killed:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
    assert server.stats()["watching"] == before + len(killed)
    for number in range(20):
        publisher.send(1, LARGE)
        if number == 10:
            for process in killed:
                process.send_signal(signal.SIGKILL)
                process.communicate()
    server.until(lambda stats: stats["watching"] == before)
    publisher.end()
    server.settled()


# -- stalls, joins and ends, by chance ---------------------------------------------------------

FRAMES = 30
STREAMS = ("loud", "small", "other")


class Crowd:
    """Viewers that stand still, come late and go early, while three streams are published."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.progress = threading.Condition()
        self.sent = 0
        self.over = False

    def publish(self, stream: str) -> None:
        chance = dice(stream)
        large = stream == "loud"
        with connected(self._address) as stub:
            publisher = Publisher(stub, stream, pipeline=HUGE if large else as_it_is(2))
            while publisher.next <= FRAMES:
                count = min(chance.randint(1, 4), FRAMES + 1 - publisher.next)
                publisher.send(count, LARGE if large else JPEG)
                with self.progress:
                    self.sent += count
                    self.progress.notify_all()
            publisher.end()

    def stall(self, frames: int) -> None:
        """Until so many more have been sent, or no more will be."""
        with self.progress:
            until = self.sent + frames
            self.progress.wait_for(lambda: self.over or self.sent >= until)

    def watch(self, number: int) -> tuple[int, int]:
        """Delivered and missed, which add up for each stream until it has ended."""
        chance = dice(f"viewer {number}")
        self.stall(chance.randint(0, 20))
        ids = chance.choice([(), STREAMS, ("loud", "small"), ("loud",)])
        leaves = chance.random() < 0.3
        with connected(self._address) as stub:
            viewer = Subscriber(stub, *ids, queue_frames=chance.randint(1, 5), wait=True).taken()
            left = set(ids or STREAMS)
            while left:
                for _ in range(chance.randint(1, 9)):
                    message = viewer.read()
                    if message.HasField("event") and message.event.state == ENDED:
                        left.discard(message.event.stream_id)
                    if not left:
                        break
                if leaves and chance.random() < 0.2:
                    viewer.call.cancel()
                    break
                self.stall(chance.choice([0, 0, 5, 30]))
            else:
                for stream in viewer.last:
                    assert viewer.told_of(stream) == FRAMES, stream
            viewer.call.cancel()
        return sum(viewer.delivered.values()), sum(viewer.missed.values())


def test_received_is_delivered_and_gaps_for_every_viewer(tmp_path: Path) -> None:
    with serving(tmp_path, env={"FRAMESRV_POOL_DEBUG": "poison"}) as server:
        crowd = Crowd(server.address)
        with ThreadPoolExecutor(16) as threads:
            watching = [threads.submit(crowd.watch, number) for number in range(12)]
            server.until(lambda stats: stats["watching"] > 0)
            publishing = [threads.submit(crowd.publish, stream) for stream in STREAMS]
            for done in publishing:
                done.result()
            with crowd.progress:
                crowd.over = True
                crowd.progress.notify_all()
            told = [done.result() for done in watching]
        delivered, missed = (sum(counts) for counts in zip(*told, strict=True))
        assert delivered > 100
        assert missed > 10, "nobody stood still for long enough"
