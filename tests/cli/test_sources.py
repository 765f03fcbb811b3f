"""What a SOURCE can be, and what is said of those that cannot."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from framesrv.cli.feed import Feed, encode_jpeg
from framesrv.cli.outcome import Exit, Fault
from framesrv.cli.pictures_in import Picture, Still, Unreadable
from framesrv.cli.source_live import LiveSource
from framesrv.cli.sources import open_source, synthetic_size
from framesrv.cli.testcard import TestCard
from tests.cli.served import WAIT_S, finish, framesrv, until


def grey(level: int, width: int = 64, height: int = 48) -> Any:
    return np.full((height, width, 3), level, np.uint8)


def film(path: Path, frames: int = 12, fps: float = 25.0) -> Path:
    """A frame's brightness is its number times 16."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, (64, 48))
    assert writer.isOpened()
    for number in range(frames):
        writer.write(grey(16 * number))
    writer.release()
    return path


def levels(pictures: list[Any]) -> list[int]:
    """The numbers back from the brightness."""
    return [round(float(each.data.mean()) / 16) for each in pictures]


def test_a_video_gives_every_frame_in_order_and_knows_its_pace(tmp_path: Path) -> None:
    source = open_source(str(film(tmp_path / "film.mp4")), None)
    assert (source.total, source.fps, source.live) == (12, 25.0, False)
    assert levels(list(source.pictures())) == list(range(12))
    source.close()


def test_a_video_that_is_closed_by_another_thread_ends(tmp_path: Path) -> None:
    source = open_source(str(film(tmp_path / "film.mp4")), None)
    pictures = source.pictures()
    next(pictures)
    thread = threading.Thread(target=source.close)
    thread.start()
    thread.join()
    assert list(pictures) == []


def test_a_folder_is_read_in_counting_order_and_what_is_no_image_is_left_out(
    tmp_path: Path,
) -> None:
    for number in (10, 9, 1):
        cv2.imwrite(str(tmp_path / f"shot{number}.png"), grey(number))
    cv2.imwrite(str(tmp_path / "shot2.bmp"), grey(2))
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / ".hidden.png").write_bytes(b"x")
    source = open_source(str(tmp_path), None)
    found = list(source.pictures())
    assert source.total == 4
    decoded = [
        cv2.imdecode(np.frombuffer(each.data, np.uint8), 1) if isinstance(each.data, bytes)
        else each.data
        for each in found if isinstance(each, Picture)
    ]  # fmt: skip
    assert [round(float(np.mean(pixels))) for pixels in decoded if pixels is not None] == [
        1,
        2,
        9,
        10,
    ]
    # PNG goes as it is, byte for byte; BMP the server does not know.
    assert found[0] == Picture((tmp_path / "shot1.png").read_bytes())
    assert isinstance(found[1], Picture)
    assert not isinstance(found[1].data, bytes)


def test_a_broken_image_in_a_folder_is_one_failure_among_the_others(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), grey(1))
    (tmp_path / "b.bmp").write_bytes(b"BM no bitmap")
    (tmp_path / "c.jpg").write_bytes(b"")
    found = list(open_source(str(tmp_path), None).pictures())
    assert isinstance(found[0], Picture)
    assert found[1] == Unreadable("b.bmp", "the file is no image that can be read")
    assert found[2] == Unreadable("c.jpg", "the file is empty")


def test_an_image_is_known_by_its_first_bytes_if_its_name_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.write_bytes(encode_jpeg(grey(7), 90))
    source = open_source(str(path), None)
    assert (source.total, list(source.pictures())) == (1, [Picture(path.read_bytes())])


def refusal(text: str) -> str:
    with pytest.raises(Fault) as refused:
        open_source(text, None)
    assert refused.value.code is Exit.USAGE
    assert "\n" not in refused.value.message
    return refused.value.message


def test_what_is_no_source_is_refused_with_what_is_allowed(tmp_path: Path) -> None:
    text, empty, folder = tmp_path / "text.mp4", tmp_path / "empty.mp4", tmp_path / "folder"
    text.write_text("no video")
    empty.touch()
    folder.mkdir()
    no_image = tmp_path / "no.png"
    no_image.write_text("no image")
    assert "there is no such file or folder; give a video file" in refusal(str(tmp_path / "gone"))
    assert "no video that FFmpeg can read" in refusal(str(text))
    assert "the file is empty" in refusal(str(empty))
    assert "there is no image in this folder; images end in" in refusal(str(folder))
    assert "the file is no image that can be read" in refusal(str(no_image))
    assert "camera 987: there is none" in refusal("987")
    assert "only rtsp://" in refusal("https://example.com/a.mp4")
    assert "write synthetic:WIDTHxHEIGHT@FPS" in refusal("synthetic:12")
    assert "sides are 16 to 8192" in refusal("synthetic:9000x20")


def test_opencv_and_ffmpeg_have_nothing_to_add(tmp_path: Path) -> None:
    """In a process of its own: FFmpeg asks once how much it may say."""
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    for source in (str(text), "987", "rtsp://127.0.0.1:9/live"):
        code, out, err = finish(framesrv("send", source))
        assert (code, out, err.count("\n")) == (2, "", 1)


def test_an_address_is_told_without_its_password() -> None:
    told = refusal("rtsp://me:hunter2@127.0.0.1:9/live")
    assert "rtsp://me:***@127.0.0.1:9/live" in told
    assert "hunter2" not in told


class Camera:
    """Gives a picture whenever it is told to, and then the end."""

    def __init__(self) -> None:
        self.asked = 0
        self.let_go = False
        self._go = threading.Semaphore(0)
        self._left = 0

    def give(self, pictures: int) -> None:
        for _ in range(pictures):
            self._go.release()

    def end(self) -> None:
        self.asked = 101
        self.give(1)

    def read(self) -> tuple[bool, Any]:
        self.asked += 1
        self._go.acquire()
        if self.asked > 100:
            return False, None
        return True, grey(min(255, 16 * (self.asked - 1)))

    def release(self) -> None:
        self.let_go = True


@pytest.mark.parametrize(("drop", "kept"), [("oldest", [7]), ("newest", [1, 2, 3, 4])])
def test_a_camera_that_is_not_waited_for_holds_a_bounded_number(drop: str, kept: list[int]) -> None:
    camera = Camera()
    source = LiveSource("camera", camera, drop)
    pictures = source.pictures()
    camera.give(1)
    first = next(pictures)  # the reader runs from here on
    camera.give(7)
    until(lambda: camera.asked == 9)  # all were taken from the camera, and it is asked for more
    taken = [next(pictures) for _ in kept]
    assert levels([first]) == [0]
    assert levels(taken) == kept
    assert source.skipped == 7 - len(kept)
    camera.end()
    assert list(pictures) == []
    source.close()
    assert camera.let_go


def test_with_block_a_camera_waits_and_nothing_is_skipped() -> None:
    camera = Camera()
    source = LiveSource("camera", camera, "block")
    pictures = source.pictures()
    camera.give(40)
    assert levels([next(pictures) for _ in range(10)]) == list(range(10))
    assert camera.asked <= 10 + 4 + 1
    assert source.skipped == 0
    source.close()


def test_a_camera_that_gives_nothing_is_closed_while_it_is_waited_for() -> None:
    camera = Camera()
    source = LiveSource("camera", camera, "oldest")
    got: list[Any] = []
    waiting = threading.Thread(target=lambda: got.extend(source.pictures()))
    waiting.start()
    until(lambda: camera.asked)
    closing = threading.Thread(target=source.close)
    closing.start()
    until(lambda: source._closed)
    camera.give(1)  # the read that is under way comes back
    closing.join(10)
    waiting.join(10)
    assert (got, camera.let_go, closing.is_alive(), waiting.is_alive()) == ([], True, False, False)


def test_the_test_picture_moves_and_is_the_same_for_the_same_number() -> None:
    card, now = TestCard(320, 180), datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    first, again, second = card.draw(5, now), card.draw(5, now), card.draw(6, now)
    assert first.shape == (180, 320, 3)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, second)
    later = card.draw(5, now.replace(second=6))
    assert np.array_equal(first[60:], later[60:])
    assert not np.array_equal(first[:60], later[:60])  # the clock
    assert first.std() > 20  # something can be seen


@pytest.mark.parametrize("size", ["16x16@1", "17x301@30", "1280x720@1000", "64x16@0.5"])
def test_the_test_picture_comes_in_any_size(size: str) -> None:
    width, height, fps = synthetic_size(f"synthetic:{size}")
    assert TestCard(width, height, fps).draw(10**7).shape == (height, width, 3)


def test_a_feed_numbers_encodes_and_stops(tmp_path: Path) -> None:
    source = open_source(str(film(tmp_path / "film.mp4")), None)
    feed = Feed(source, fps=0, frames_max=5, quality=80, raw=False)
    frames = list(feed)
    assert [frame.sequence for frame in frames] == list(range(5))
    assert all(bytes(frame.data[:3]) == b"\xff\xd8\xff" for frame in frames)
    assert feed.bytes_out == sum(len(frame.data) for frame in frames)
    assert feed.latency_s(3) is not None
    assert feed.latency_s(3) is None
    feed.close()


def test_a_feed_that_waits_for_its_pace_is_stopped_at_once(tmp_path: Path) -> None:
    source = open_source(str(film(tmp_path / "film.mp4")), None)
    feed = Feed(source, fps=0.001, frames_max=0, quality=80, raw=True)
    frames = iter(feed)
    next(frames)
    closing = threading.Timer(0, feed.close)
    closing.start()
    assert list(frames) == []  # a thousand seconds otherwise
    closing.join()


def test_a_closed_feed_has_nobody_left_at_its_source() -> None:
    """Else gRPC's thread could be inside of OpenCV when the interpreter ends, which aborts it."""
    entered, leave = threading.Event(), threading.Event()
    left: list[str] = []

    class Slow(Still):
        name = "slow"

        def pictures(self) -> Iterator[Picture | Unreadable]:
            entered.set()
            leave.wait(WAIT_S)
            left.append("here")
            yield Picture(grey(1))

    feed = Feed(Slow(), fps=0, frames_max=0, quality=80, raw=True)
    taking = threading.Thread(target=lambda: list(feed))
    taking.start()
    assert entered.wait(WAIT_S)

    def close() -> None:
        feed.close()
        left.append("closed")

    closing = threading.Thread(target=close)
    closing.start()
    until(feed._stop.is_set)
    assert left == []
    leave.set()
    closing.join(WAIT_S)
    taking.join(WAIT_S)
    assert left == ["here", "closed"]
