"""`framesrv subscribe` against servers that say what a test wants: what is kept, how it ends."""

from __future__ import annotations

import itertools
import json
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest
import typer
from typer.testing import CliRunner

from framesrv.cli.feed import encode_jpeg
from framesrv.cli.subscribe import EPILOG, subscribe
from framesrv.errors import Reason
from framesrv.protocol.gen import frames_pb2 as pb
from tests.cli.served import finish, framesrv, until
from tests.cli.test_send import frames_of
from tests.cli.test_sources import grey
from tests.client.scripted import (
    Items,
    Scripted,
    closing,
    event,
    missed,
    open_until_left,
    refuse,
    serving,
    watching,
)

app = typer.Typer()
app.command()(subscribe)


def run(servicer: Scripted, *args: object) -> tuple[int, str, str]:
    """Exit code, stdout, stderr."""
    with serving(servicer) as address:
        done = CliRunner().invoke(app, [*map(str, args), "--to", address])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout, done.stderr


def picture(level: int, name: str = "small") -> pb.OutputImage:
    data = encode_jpeg(grey(level), 90)
    layout = pb.ImageLayout(width=160, height=120, format=pb.PIXEL_FORMAT_BGR24)
    return pb.OutputImage(name=name, encoding=pb.ENCODING_JPEG, layout=layout, data=data)


def shown(level: int, stream: str = "door", at_s: float = 0.0) -> pb.SubscribeResponse:
    frame = pb.FrameResult(
        stream_id=stream,
        status=pb.FRAME_STATUS_OK,
        outputs=[picture(level)],
        received_at_ns=1_000_000_000 + round(at_s * 1e9),
    )
    return pb.SubscribeResponse(frame=frame)


def window(level: int, at_s: float, *streams: str) -> pb.SubscribeResponse:
    fragments = [pb.FrameResult(stream_id=each, status=pb.FRAME_STATUS_OK) for each in streams]
    return pb.SubscribeResponse(
        merged=pb.MergedFrame(
            window_open_ns=10**18 + round(at_s * 1e9),
            complete=len(streams) == 2,
            fragments=fragments,
            mosaic=picture(level, "mosaic"),
        )
    )


class Story(Scripted):
    """Says this to a subscriber, and then nothing. ``asked`` is what it was asked for."""

    def __init__(
        self, *items: pb.SubscribeResponse, end: Callable[[Any], None] = open_until_left
    ) -> None:
        super().__init__()
        self.asked: list[pb.SubscribeRequest] = []
        self.left = threading.Event()
        self._items = items
        self._end = end
        self.watched = [self._tell]

    def _tell(self, request: pb.SubscribeRequest, context: Any) -> Items:
        self.asked.append(request)
        if not context.add_callback(self.left.set):
            self.left.set()
        context.send_initial_metadata(())
        yield from self._items
        self._end(context)


def levels(folder: Path) -> dict[str, int]:
    """The files of a folder, and how bright each is."""
    found = {}
    for path in sorted(folder.iterdir()):
        pixels = cv2.imread(str(path))
        assert pixels is not None, path
        found[path.name] = round(float(pixels.mean()))
    return found


def test_frames_go_into_a_folder_by_their_place_among_all(tmp_path: Path) -> None:
    out = tmp_path / "out"
    story = Story(event("started"), shown(10), shown(20), missed(5), shown(30), shown(40))
    code, said, err = run(story, "door", "--out", out, "--frames", 3, "--json")
    assert levels(out) == {"frame-000001.jpg": 10, "frame-000002.jpg": 20, "frame-000008.jpg": 30}
    told = json.loads(said)
    assert told["streams"] == {"door": {"delivered": 3, "missed": 5}}
    assert (told["frames"], told["missed"], told["started"], told["ended"]) == (3, 5, 1, 0)
    assert told["bytes_received"] == sum(len(picture(n).data) for n in (10, 20, 30))
    assert told["written"] == f"3 files in {out}"
    assert code == told["exit_code"] == 1  # some were missed
    assert err.startswith("3 frames, 5 missed; ")
    assert story.left.wait(30)


def test_all_that_came_is_a_success(tmp_path: Path) -> None:
    code, said, err = run(Story(shown(1), shown(2)), "door", "--frames", 2)
    assert (code, err) == (0, "")
    assert said.startswith("2 frames, 0 missed; ")


def test_several_streams_have_a_folder_each(tmp_path: Path) -> None:
    story = Story(shown(10, "door"), shown(20, "../yard"), shown(30, "door"))
    assert run(story, "--all", "--out", tmp_path, "--frames", 3)[0] == 0
    assert story.asked == [pb.SubscribeRequest()]
    yard, door = sorted(each.name for each in tmp_path.iterdir())
    assert (yard, door) == ("___yard-c6c36ba9", "door")
    assert levels(tmp_path / "door") == {"frame-000001.jpg": 10, "frame-000002.jpg": 30}
    assert levels(tmp_path / yard) == {"frame-000001.jpg": 20}
    code, said, err = run(Story(), "door", "yard", "--out", tmp_path)
    assert (code, said) == (2, "")
    assert "there is a frame-000001.jpg already; add --force" in err


def test_a_film_has_each_frame_at_its_time(tmp_path: Path) -> None:
    out = tmp_path / "door.mp4"
    story = Story(shown(10), shown(60, at_s=0.1), shown(90, at_s=0.12), shown(120, at_s=0.5))
    assert run(story, "door", "--out", out, "--fps", 10, "--frames", 4)[0] == 0
    assert [round(float(each.mean()) / 10) for each in frames_of(out)] == [1, 6, 6, 6, 6, 12]
    assert cv2.VideoCapture(str(out)).get(cv2.CAP_PROP_FPS) == 10
    assert [each.name for each in tmp_path.iterdir()] == ["door.mp4"]


def test_a_film_goes_by_the_times_of_capture_where_they_are_known(tmp_path: Path) -> None:
    frames = [shown(10), shown(60)]
    for number, each in enumerate(frames):
        each.frame.captured_at_ns = 10**18 + number * 300_000_000
    out = tmp_path / "door.avi"
    assert run(Story(*frames), "door", "--out", out, "--fps", 10, "--frames", 2)[0] == 0
    assert [round(float(each.mean()) / 10) for each in frames_of(out)] == [1, 1, 1, 6]


@pytest.mark.parametrize("name", ["both", "both.mp4"])
def test_a_merge_is_kept_as_its_mosaic(tmp_path: Path, name: str) -> None:
    out = tmp_path / name
    story = Story(
        window(50, 0.0, "door", "yard"), missed(2), window(80, 0.5, "door"), event("ended")
    )
    code, said, _ = run(
        story, "door", "yard", "--merge", 0.25, "--lateness", 0.5, "--mosaic", "640x360",
        "--columns", 2, "--out", out, "--frames", 2,
    )  # fmt: skip
    assert code == 0
    assert said.startswith("2 windows with 3 frames, 2 left out; 1 incomplete; door 2, yard 1; ")
    if out.is_dir():
        assert levels(out) == {"frame-000001.jpg": 50, "frame-000002.jpg": 80}
    else:
        assert [round(float(each.mean()) / 10) for each in frames_of(out)] == [5, 5, 8]
    expected = pb.SubscribeRequest(stream_ids=["door", "yard"])
    expected.merge.length.FromMilliseconds(250)
    expected.merge.lateness.FromMilliseconds(500)
    expected.merge.mosaic.CopyFrom(pb.Mosaic(columns=2, width=640, height=360, alone=True))
    assert story.asked == [expected]


def test_what_is_asked_for_is_passed_on() -> None:
    story = Story(shown(1))
    args = ["door", "--wait", "--outputs", "small", "--outputs", "big", "--queue", 3, "--frames", 1]
    assert run(story, *args)[0] == 0
    assert story.asked == [
        pb.SubscribeRequest(
            stream_ids=["door"], wait=True, output_names=["small", "big"], queue_frames=3
        )
    ]
    merge = pb.MergeWindow()
    merge.length.FromMilliseconds(100)
    merge.lateness.FromMilliseconds(300)
    story = Story(window(1, 0, "a", "b"))
    assert run(story, "a", "b", "--merge", 0.1, "--frames", 1)[0] == 0
    assert story.asked[0].merge == merge  # no mosaic where it would be kept nowhere


def test_seconds_end_it_while_nothing_comes() -> None:
    story = Story()
    code, said, err = run(story, "door", "--seconds", 0.2)
    assert (code, err) == (1, "")
    assert said.startswith("0 frames, 0 missed; ")
    assert story.left.wait(30)


def test_an_output_that_no_frame_has_is_told() -> None:
    bare = pb.FrameResult(stream_id="door", status=pb.FRAME_STATUS_OK)
    story = Story(pb.SubscribeResponse(frame=bare), shown(1))
    code, _, err = run(story, "door", "--outputs", "smal", "--frames", 2)
    assert code == 2
    assert "--outputs smal: door has no output of such a name; without --outputs all" in err
    assert run(story, "--all", "--outputs", "smal", "--frames", 2)[0] == 0


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ([], "name the streams to watch, or give --all"),
        (["door", "--all"], "contradict each other"),
        (["door", "door"], "each is named once"),
        (["door", "--lateness", "1"], "are for --merge"),
        (["door", "--mosaic", "640x360"], "are for --merge"),
        (["--all", "--merge", "1"], "--merge needs the streams by name"),
        (["door", "--merge", "1", "--columns", "2"], "is for a mosaic, and there is none"),
        (["door", "--merge", "1", "--mosaic", "640"], "write WIDTHxHEIGHT, as in 1280x720"),
        (["door", "--merge", "1", "--mosaic", "0x9"], "sides of 1 to 8192 pixels"),
        (["door", "--outputs", "a", "--outputs", "a"], "twice: 'a'"),
        (["door", "yard", "--out", "a.mp4"], "a video holds one stream, or several with --merge"),
        (["--all", "--out", "a.mp4"], "a video holds one stream"),
        (["door", "--out", "a.jpg"], "results go to a folder, or to a video"),
        (["door", "--tls-ca", "gone.pem"], "--tls-cert and --tls-key are PEM files"),
    ],
)
def test_bad_arguments_are_exit_code_2_and_one_line(
    args: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    story = Story(shown(1))
    code, out, err = run(story, *args)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert told in err
    assert (story.asked, list(tmp_path.iterdir())) == ([], [])


def test_no_server_is_exit_code_3_and_nothing_is_written(tmp_path: Path) -> None:
    place = ["--to", f"unix:{tmp_path}/no.sock", "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, ["door", *place])
    assert (done.exit_code, done.stdout) == (3, "")
    assert "no such socket" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("reason", [Reason.UNKNOWN_STREAM, Reason.SLOW_CONSUMER, Reason.UNKNOWN_OP])
def test_what_the_server_refuses_is_exit_code_3_and_what_came_is_kept(
    tmp_path: Path, reason: Reason
) -> None:
    story = Story(shown(10), end=lambda context: refuse(context, reason, "the server's words"))
    code, said, err = run(story, "door", "--out", tmp_path)
    assert code == 3
    assert said.startswith("1 frame, 0 missed; ")
    assert f"the server's words [{story_code(reason)}, {reason}]" in err
    assert levels(tmp_path) == {"frame-000001.jpg": 10}


def story_code(reason: Reason) -> str:
    return {
        Reason.UNKNOWN_STREAM: "NOT_FOUND",
        Reason.SLOW_CONSUMER: "RESOURCE_EXHAUSTED",
        Reason.UNKNOWN_OP: "UNIMPLEMENTED",
    }[reason]


def test_a_server_that_goes_away_is_exit_code_3(tmp_path: Path) -> None:
    out = tmp_path / "door.mp4"
    story = Story(shown(50), closing(), end=lambda context: None)
    code, _, err = run(story, "door", "--out", out)
    assert code == 3
    assert "the server is closing: new version" in err
    assert len(frames_of(out)) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("name", ["frames", "film.mp4"])
def test_an_interrupt_leaves_whole_files_and_a_summary(
    tmp_path: Path, number: signal.Signals, name: str
) -> None:
    def endless(request: pb.SubscribeRequest, context: Any) -> Items:
        assert context.add_callback(gone.set)
        for at in itertools.count():
            yield shown(at % 200, at_s=at / 30)

    gone, out = threading.Event(), tmp_path / name
    part = tmp_path / ".film.part.mp4"

    def going() -> bool:
        if out.suffix:
            return part.exists() and part.stat().st_size > 10_000
        return (out / "frame-000009.jpg").exists()

    with serving(watching(endless)) as address:
        process = framesrv("subscribe", "door", "--to", address, "--out", str(out))
        until(going, process)
        process.send_signal(number)
        code, said, err = finish(process)
        assert gone.wait(30)
    assert code == 130
    assert "Traceback" not in err
    assert said.startswith("interrupted; ")
    if out.suffix:
        assert f"; {len(frames_of(out))} frames in {out}" in said
        assert [each.name for each in tmp_path.iterdir()] == [name]
    else:
        names = list(levels(out))
        assert f"; {len(names)} files in" in said
        assert names == [f"frame-{n:06d}.jpg" for n in range(1, len(names) + 1)]


def test_an_interrupt_while_nothing_comes_ends_at_once() -> None:
    story = Story()
    with serving(story) as address:
        process = framesrv("subscribe", "door", "--wait", "--to", address)
        until(lambda: story.asked, process)
        process.send_signal(signal.SIGINT)
        code, said, err = finish(process)
        assert (code, err) == (130, "")
        assert said.startswith("interrupted; 0 frames")
        assert story.left.wait(30)


def test_help_has_examples_and_the_exit_codes() -> None:
    code, out, _ = finish(framesrv("subscribe", "--help"))
    assert code == 0
    assert "framesrv subscribe door yard --merge 0.1" in out
    assert all(f"{number}: " in EPILOG for number in (0, 1, 2, 3, 130))
