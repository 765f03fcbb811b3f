"""`framesrv send` against a real server: what comes out, and how it ends."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest
import typer
from typer.testing import CliRunner

from framesrv.cli.feed import encode_jpeg
from framesrv.cli.send import EPILOG, send
from framesrv.cli.source_live import LiveSource
from tests.cli.served import Served, finish, framesrv, serving, until
from tests.cli.test_sources import Camera, film, grey

app = typer.Typer()
app.command()(send)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving() as up:
        yield up


def run(served: Served, *args: object) -> tuple[int, str, str]:
    """Exit code, stdout, stderr."""
    done = CliRunner().invoke(app, [*map(str, args), "--to", served.address])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout, done.stderr


def summary(served: Served, *args: object) -> dict[str, Any]:
    code, out, err = run(served, *args, "--json")
    told: dict[str, Any] = json.loads(out)
    assert told["exit_code"] == code
    assert told["frames"] == told["ok"] + told["failed"] + told["dropped"]
    assert err
    return told


def frames_of(path: Path) -> list[Any]:
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    found = []
    while True:
        read, pixels = capture.read()
        if not read:
            break
        found.append(pixels)
    capture.release()
    return found


def test_a_video_becomes_a_folder_of_images(served: Served, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, said, _ = run(served, film(tmp_path / "a.mp4"), "--out", out, "--pipeline", "tiny")
    assert code == 0
    assert "12 frames: 12 ok, 0 failed, 0 dropped" in said
    assert f"12 files in {out}" in said
    files = sorted(out.iterdir())
    assert [each.name for each in files] == [f"frame-{n:06d}.jpg" for n in range(1, 13)]
    pictures = [cv2.imread(str(each)) for each in files]
    assert {each.shape for each in pictures if each is not None} == {(24, 32, 3)}
    seen = [round(float(each.mean()) / 16) for each in pictures if each is not None]
    assert seen == list(range(12))


def test_a_video_becomes_a_video_with_its_pace(served: Served, tmp_path: Path) -> None:
    out = tmp_path / "small.mp4"
    code, *_ = run(served, film(tmp_path / "a.mp4"), "--out", out, "--pipeline", "tiny",
                   "--batch", 4)  # fmt: skip
    assert code == 0
    made = frames_of(out)
    assert [round(float(each.mean()) / 16) for each in made] == list(range(12))
    assert made[0].shape == (24, 32, 3)
    assert cv2.VideoCapture(str(out)).get(cv2.CAP_PROP_FPS) == 25
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.mp4", "small.mp4"]


def test_several_outputs_and_raw_ones_are_told_apart(served: Served, tmp_path: Path) -> None:
    pipeline, image = tmp_path / "p.toml", tmp_path / "i.png"
    pipeline.write_text("""
        [[outputs]]
        name = "turned"
        encoding = "ENCODING_WEBP"
        ops = [{ resize = { width = 32, height = 24 } }, { rotate = 90 }]
        [[outputs]]
        name = "../grey"
        encoding = "raw"
        ops = [{ resize = 16 }, { convert = { format = "gray8" } }]
    """)
    cv2.imwrite(str(image), grey(160))
    code, *_ = run(served, image, "--out", tmp_path / "out", "--pipeline", pipeline)
    assert code == 0
    names = sorted(each.name for each in (tmp_path / "out").iterdir())
    assert names == ["frame-000001.___grey.png", "frame-000001.turned.webp"]
    small = cv2.imread(str(tmp_path / "out" / names[0]), cv2.IMREAD_UNCHANGED)
    turned = cv2.imread(str(tmp_path / "out" / names[1]))
    assert small is not None
    assert turned is not None
    assert (small.shape, round(float(small.mean()))) == ((12, 16), 160)
    assert turned.shape == (32, 24, 3)


def test_what_is_there_is_overwritten_only_by_force(served: Served, tmp_path: Path) -> None:
    image, video = tmp_path / "i.png", tmp_path / "v.mp4"
    cv2.imwrite(str(image), grey(9))
    (tmp_path / "out").mkdir()
    kept = tmp_path / "out" / "frame-000001.jpg"
    for path, out in ((kept, kept.parent), (video, video)):
        path.write_bytes(b"precious")
        code, said, told = run(served, image, "--out", out)
        assert (code, said) == (2, "")
        assert "already; add --force to overwrite" in told
        assert path.read_bytes() == b"precious"
        assert run(served, image, "--out", out, "--force")[0] == 0
        assert path.read_bytes() != b"precious"


def test_frames_that_fail_are_counted_and_the_exit_code_is_1(
    served: Served, tmp_path: Path
) -> None:
    good = encode_jpeg(grey(80), 90)
    for number, data in enumerate([good, good[: len(good) // 2], b"", good]):
        (tmp_path / f"{number}.jpg").write_bytes(data)
    told = summary(served, tmp_path, "--out", tmp_path / "out")
    assert (told["ok"], told["failed"], told["exit_code"]) == (2, 2, 1)
    assert told["reasons"] == {"IMAGE_CORRUPT": 1, "UNREADABLE": 1}
    names = sorted(each.name for each in (tmp_path / "out").iterdir())
    assert names == ["frame-000001.jpg", "frame-000004.jpg"]  # the source's own numbers
    _, _, err = run(served, tmp_path)
    assert "the first failure: " in err


def test_dropped_frames_are_no_success(served: Served) -> None:
    told = summary(served, "synthetic:640x480", "--fps", 0, "--frames", 200, "--drop", "newest",
                   "--window", 1)  # fmt: skip
    assert (told["frames"], told["failed"], told["exit_code"]) == (200, 0, 1)
    assert told["reasons"] == {"DROPPED_BY_POLICY": told["dropped"]}


def test_a_film_keeps_its_length_where_frames_fail(served: Served, tmp_path: Path) -> None:
    good = encode_jpeg(grey(80), 90)
    for number, data in enumerate([good, b"\xff\xd8\xff broken", good]):
        (tmp_path / f"{number}.jpg").write_bytes(data)
    assert run(served, tmp_path, "--out", tmp_path / "v.mp4")[0] == 1
    assert len(frames_of(tmp_path / "v.mp4")) == 3


def test_frames_fps_raw_and_the_figures(served: Served) -> None:
    told = summary(served, "synthetic:64x48@200", "--frames", 40, "--raw", "--pipeline", "tiny")
    assert (told["ok"], told["exit_code"]) == (40, 0)
    assert told["bytes_sent"] == 40 * 64 * 48 * 3
    assert told["bytes_received"] > 0
    assert told["seconds"] > 39 / 200 - 0.01  # its own pace
    assert 0 < told["latency_ms"]["p50"] <= told["latency_ms"]["p99"]


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["gone.mp4"], "there is no such file or folder; give a video file"),
        (["synthetic:", "--publish"], "--publish needs --stream-id"),
        (["synthetic:", "--window", "2", "--batch", "3"], "batch must be 1 to window (2)"),
        (["synthetic:", "--max-age", "-1"], "max_age_s must be above 0"),
        (["synthetic:", "--tls-ca", "gone.pem"], "--tls-cert and --tls-key are PEM files"),
        (["synthetic:", "--out", "a.jpg"], "results go to a folder, or to a video"),
        (["synthetic:", "--pipeline", "gone.toml"], "give a .json or .toml file, or the name"),
    ],
)
def test_bad_arguments_are_exit_code_2_and_one_line(
    served: Served, args: list[str], told: str
) -> None:
    code, out, err = run(served, *args)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert told in err
    assert not served.app.office.streams.open


def test_no_server_is_exit_code_3_and_nothing_is_written(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        app, ["synthetic:", "--to", f"unix:{tmp_path}/no.sock", "--out", str(tmp_path / "out")]
    )
    assert (done.exit_code, done.stdout) == (3, "")
    assert "no such socket" in done.stderr
    assert not (tmp_path / "out").exists()
    assert CliRunner().invoke(app, ["synthetic:", "--to", "nowhere"]).exit_code == 2


def test_a_call_that_is_refused_is_exit_code_3(served: Served, tmp_path: Path) -> None:
    code, out, err = run(served, "synthetic:", "--pipeline", "unheard-of", "--out",
                         tmp_path / "v.mp4")  # fmt: skip
    assert code == 3
    assert "0 frames" in out
    assert "UNKNOWN_PIPELINE" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_whole_files_and_a_summary(
    served: Served, tmp_path: Path, number: signal.Signals
) -> None:
    out = tmp_path / "out"
    process = framesrv("send", "synthetic:320x240@100", "--to", served.address, "--out", str(out))
    until((out / "frame-000003.jpg").exists, process)
    process.send_signal(number)
    code, said, err = finish(process)
    assert (code, err) == (130, "")
    assert said.startswith("interrupted; ")
    files = sorted(each.name for each in out.iterdir())
    assert f"; {len(files)} files in" in said
    assert files == [f"frame-{n:06d}.jpg" for n in range(1, len(files) + 1)]
    assert all(cv2.imread(str(out / each)) is not None for each in files)
    until(lambda: not served.app.office.streams.open)


def test_an_interrupted_video_is_whole(served: Served, tmp_path: Path) -> None:
    out = tmp_path / "v.mp4"
    process = framesrv("send", "synthetic:320x240@100", "--to", served.address, "--out", str(out))
    part = tmp_path / ".v.part.mp4"
    until(lambda: part.exists() and part.stat().st_size > 10_000, process)
    process.send_signal(signal.SIGINT)
    code, said, _ = finish(process)
    assert code == 130
    assert [each.name for each in tmp_path.iterdir()] == ["v.mp4"]
    assert f"; {len(frames_of(out))} frames in" in said


def test_an_interrupt_while_nothing_comes_ends_at_once(served: Served) -> None:
    """One frame in a thousand seconds: the program waits for the source, not for the server."""
    process = framesrv("send", "synthetic:64x64", "--fps", "0.001", "--to", served.address)
    until(lambda: served.app.office.streams.open, process)
    process.send_signal(signal.SIGINT)
    assert finish(process)[0] == 130
    until(lambda: not served.app.office.streams.open)


def test_a_server_that_goes_away_is_exit_code_3_and_what_was_done_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "v.mp4"
    with serving() as up:
        process = framesrv("send", "synthetic:320x240@100", "--to", up.address, "--out", str(out))
        part = tmp_path / ".v.part.mp4"
        until(
            lambda: part.exists() and part.stat().st_size > 10_000, process
        )  # frames, not a header
    code, said, err = finish(process)
    assert code == 3
    assert "the server is closing" in err
    assert "Traceback" not in err
    assert f"; {len(frames_of(out))} frames in" in said


@pytest.mark.parametrize(("fps", "code"), [((), 1), (("--fps", "1000"), 0)])
def test_what_a_camera_gave_too_fast_is_dropped_unless_fewer_were_asked_for(
    served: Served, monkeypatch: pytest.MonkeyPatch, fps: tuple[str, ...], code: int
) -> None:
    camera = Camera()
    source = LiveSource("camera 0", camera, "oldest")
    monkeypatch.setattr("framesrv.cli.sending.open_source", lambda *_: source)
    pictures = source.pictures()
    monkeypatch.setattr(source, "pictures", lambda: pictures)
    let_go = source.close

    def close() -> None:
        camera.end()
        let_go()

    monkeypatch.setattr(source, "close", close)
    camera.give(1)
    next(pictures)  # and while nobody takes any, ten come
    camera.give(10)
    until(lambda: camera.asked == 12)
    told = summary(served, "0", "--frames", 1, *fps)
    assert (told["ok"], told["exit_code"]) == (1, code)
    assert (told["dropped"], told["skipped"]) == ((9, 0) if code else (0, 9))


def test_help_has_examples_and_the_exit_codes() -> None:
    process = framesrv("send", "--help")
    code, out, _ = finish(process)
    assert code == 0
    assert "framesrv send synthetic: --frames 300" in out
    assert all(f"{number}: " in EPILOG for number in (0, 1, 2, 3, 130))
    assert "130: interrupted" in " ".join(out.split())
