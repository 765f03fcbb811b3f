"""Clients that die, hang up or change their mind: nothing of them stays with the server.

FRAMESRV_DYING_CLIENTS says how many are killed (20), FRAMESRV_CANCELS how many calls are
cancelled (1,000).
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from pictures import JPEG, as_it_is, coded, encoded, picture, raw
from props import HERE, Gate, Running, dice, serving
from stock_client import Stream, channel, connected, refusal, stub_of

from framesrv.protocol.gen import frames_pb2 as pb

KILLED = int(os.environ.get("FRAMESRV_DYING_CLIENTS", "20"))
CANCELS = int(os.environ.get("FRAMESRV_CANCELS", "1000"))
MIB = 1024 * 1024


def check_like_before(server: Running, threads: int, descriptors: int) -> None:
    server.settled()
    server.until(lambda _: server.descriptors <= descriptors)
    server.until(lambda _: server.threads <= threads + 4)  # gRPC's own come and go
    with connected(server.address) as stub:
        request = pb.ProcessBatchRequest(frames=[encoded(JPEG)])
        assert stub.ProcessBatch(request, timeout=60).results[0].status == pb.FRAME_STATUS_OK


def kill_clients(server: Running, count: int) -> None:
    at_once = 4
    for first in range(0, count, at_once):
        clients = [
            subprocess.Popen(
                [sys.executable, str(HERE / "dying.py"), server.address, str(number % 3 + 1)],
                stdout=subprocess.PIPE,
                text=True,
            )
            for number in range(first, min(first + at_once, count))
        ]
        for client in clients:
            with client:
                assert client.stdout is not None
                assert client.stdout.readline() == "going\n"
                client.kill()


def test_clients_that_are_killed(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        kill_clients(server, 4)
        server.settled()
        threads, descriptors = server.threads, server.descriptors
        kill_clients(server, KILLED)
        check_like_before(server, threads, descriptors)
        assert "incident" not in server.log(), "a client that dies is no fault of the server"


def test_connections_that_are_closed_at_any_moment(tmp_path: Path) -> None:
    chance = dice(7)
    frame = raw(bytes(640 * 360 * 3), 640, 360, pb.PIXEL_FORMAT_BGR24)
    with serving(tmp_path) as server:
        with connected(server.address):
            pass
        threads, descriptors = server.threads, server.descriptors
        for number in range(KILLED * 3):
            line = channel(server.address)
            stub = stub_of(line)
            stream = Stream(stub, pipeline=as_it_is(pb.ENCODING_PNG), max_in_flight_frames=4)
            if number % 3:
                stream.ready()
            for _ in range(chance.randint(0, 9)):
                stream.batch(*[frame] * chance.randint(1, 3))
            if number % 3 == 2:
                stream.batch(frame)
            if chance.random() < 0.5:
                threading.Event().wait(chance.random() * 0.02)
            if chance.random() < 0.2:
                stream.half_close()
            line.close()
        check_like_before(server, threads, descriptors)
        assert "incident" not in server.log()


def test_calls_that_are_cancelled_at_any_moment(tmp_path: Path) -> None:
    chance = dice(8)
    data = coded(picture(320, 240))
    with serving(tmp_path) as server, connected(server.address) as stub:
        batch = pb.ProcessBatchRequest(frames=[encoded(data)] * 4)
        opening = pb.ProcessStreamRequest(open=pb.StreamConfig())
        frames = pb.ProcessStreamRequest(batch=pb.FrameBatch(frames=[encoded(data)] * 4))
        for number in range(200):
            call: Any
            if number % 2:
                call = stub.ProcessBatch.future(batch, timeout=60)
            else:
                endless = itertools.chain([opening], itertools.repeat(frames, 30))
                call = stub.ProcessStream(endless, timeout=60)
            threading.Event().wait(chance.random() * 0.01)
            call.cancel()
        stats = server.settled()
        assert sum(stats["frames"].values()) > 0
        assert "incident" not in server.log()


def test_cancels_do_not_make_the_server_grow(tmp_path: Path) -> None:
    """Each leaves at most a little: gRPC itself keeps up to 1.2 KB (its issue 43360)."""
    with serving(tmp_path) as server, connected(server.address) as stub:
        data = encoded(bytes(100_000))

        def cancel(count: int) -> int:
            for number in range(count):
                if number % 2:
                    future = stub.ProcessBatch.future(
                        pb.ProcessBatchRequest(frames=[data]), timeout=60
                    )
                    future.cancel()
                else:
                    stream = Stream(stub)
                    stream.ready()
                    stream.batch(data)
                    stream.call.cancel()
                    stream.half_close()
            server.settled()
            return server.rss_bytes

        cancel(CANCELS // 5)
        start = server.rss_bytes
        middle = cancel(CANCELS // 2)
        end = cancel(CANCELS - CANCELS // 2)
        print(f"{CANCELS} cancels: {(middle - start) / MIB:.1f}, {(end - middle) / MIB:.1f} MiB")
        assert end - middle < 4 * MIB + 2048 * CANCELS // 2


def test_a_slot_is_held_until_the_thread_really_ends(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    with (
        serving(tmp_path, engine={"workers": 1, "max_in_flight_frames": 2}) as server,
        connected(server.address) as stub,
    ):
        request = pb.ProcessBatchRequest(frames=[encoded(JPEG)], pipeline=gate.pipeline)
        futures = [stub.ProcessBatch.future(request, timeout=60) for _ in range(2)]
        gate.wait_for(1)
        server.until(lambda s: s["admitted"][0] == 2)
        for future in futures:
            future.cancel()
        told = refusal(lambda: stub.ProcessBatch(request, timeout=60))
        assert told.reason == "QUEUE_FULL"
        gate.open()
        stats = server.settled()
        assert stats["frames"] == {"ok": 1, "dropped CLIENT_GONE": 1}
