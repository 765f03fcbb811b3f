"""`framesrv bench`: what it measures, what it counts, and that it ends."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from framesrv.cli import load_scan
from framesrv.cli.bench import EPILOG, bench
from framesrv.cli.load_find import Verdict, find_streams, judge
from framesrv.cli.load_plan import LoadPlan
from framesrv.cli.load_tally import Tally
from framesrv.cli.outcome import Fault
from framesrv.cli.spread import Spread
from framesrv.protocol.gen import frames_pb2 as pb
from tests.cli.served import Served, finish, framesrv, serving, until

app = typer.Typer()
app.command()(bench)
QUICK = ("--duration", "0.3", "--warmup", "0.1", "--size", "64x48", "--pipeline", "tiny")


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving() as up:
        yield up


def run(*args: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [*map(str, args)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout, done.stderr


def report(served: Served, *args: object, code: int = 0) -> dict[str, Any]:
    got, out, table = run("--to", served.address, *QUICK, *args, "--json", "-")
    assert got == code, table
    assert "FPS" in table
    told: dict[str, Any] = json.loads(out)
    return told


@pytest.mark.parametrize("mode", ["unary", "stream"])
def test_a_closed_loop_counts_every_frame_once(served: Served, mode: str) -> None:
    before = served.app.engine.meter()
    told = report(served, "--mode", mode, "--batch", 3, "--streams", 2, "--warmup", 0)
    figures = told["result"]
    assert figures["ok"] > 0
    assert figures["ok"] == figures["sent"] == figures["frames"]
    assert figures["ok"] % 3 == 0
    assert figures["fps"] > 0
    assert figures["reasons"] == {}
    assert figures["bytes_sent"] > 100 * figures["ok"]
    assert figures["bytes_received"] > 100 * figures["ok"]
    latency = figures["latency_ms"]
    assert 0 < latency["p50"] <= latency["p95"] <= latency["p99"] <= latency["p99.9"]
    assert latency["p99.9"] <= latency["max"]
    assert told["server"]["max_batch_frames"] == 64
    # The server agrees, but for the one batch that asked whether it is there.
    assert served.app.engine.meter() != before


@pytest.mark.parametrize("mode", ["unary", "stream"])
def test_an_open_loop_sends_what_is_due_and_no_more(served: Served, mode: str) -> None:
    patient = ("--warmup", 1)  # until the streams are open
    figures = report(served, "--mode", mode, "--streams", 3, "--rate", 150, *patient)["result"]
    assert abs(figures["sent"] - 150 * 0.3) <= 3  # one for each stream: they do not start in step
    assert figures["ok"] == figures["sent"]


def test_frames_that_fail_are_counted_by_reason(served: Served, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff no picture")
    for mode in ("unary", "stream"):
        told = report(served, "--mode", mode, "--image", broken, code=1)
        figures = told["result"]
        assert figures["ok"] == 0
        assert figures["reasons"] == {"IMAGE_CORRUPT": figures["failed"]}
        assert figures["failed"] == figures["sent"] > 0


def test_a_server_that_goes_away_is_not_held_up(caplog: pytest.LogCaptureFixture) -> None:
    """Its drain would last its whole grace, if the load did not heed the GoAway."""
    with caplog.at_level("INFO", "framesrv"), serving() as up:
        process = framesrv("bench", "--to", up.address, *QUICK[2:], "--duration", "30",
                           "--json", "-")  # fmt: skip
        until(lambda: up.app.office.streams.open, process)
    events = [record.getMessage() for record in caplog.records if record.name == "framesrv"]
    assert events[-2:] == ["draining", "drained"], "not cut off after the grace"
    process.send_signal(signal.SIGINT)  # it asks again and again until its time is over
    code, out, _ = finish(process)
    assert code == 130
    figures = json.loads(out)["result"]
    assert figures["interrupted"]
    assert sum(figures["reasons"].values()) == figures["failed"]


def test_an_interrupt_prints_what_was_measured(served: Served) -> None:
    process = framesrv("bench", "--to", served.address, *QUICK[2:], "--duration", "3600",
                       "--warmup", "0")  # fmt: skip
    until(lambda: served.app.office.streams.open, process)
    process.send_signal(signal.SIGINT)
    code, out, err = finish(process)
    assert (code, err) == (130, "")
    assert ", interrupted: " in out
    assert "NO_ANSWER" not in out
    until(lambda: not served.app.office.streams.open)


def test_spawn_starts_a_server_and_ends_it() -> None:
    code, out, err = run("--spawn", *QUICK[:-2], "--json", "-")
    assert code == 0, err
    assert json.loads(out)["server"]["version"]


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        (["--to", "127.0.0.1:1"], 3, "no framesrv at 127.0.0.1:1"),
        (["--to", "nowhere"], 2, "give HOST:PORT or unix:PATH"),
        (["--rate", "5", "--fps", "5"], 2, "--rate is of all streams together"),
        (["--fps", "0"], 2, "--fps must be above 0"),
        (["--streams", "0", "--duration", "1e9"], 2, "--streams must be 1 to 1024"),
        (["--size", "4x4"], 2, "write WIDTHxHEIGHT"),
        (["--image", "gone.jpg"], 2, "there is no such file"),
        (["--json", "gone/figures.json"], 2, "name a file in a folder that is there"),
        (["--pipeline", "gone.toml"], 2, "give a .json or .toml file"),
    ],
)
def test_what_cannot_be_measured_is_told_in_a_line(
    served: Served, args: list[str], code: int, told: str
) -> None:
    got, out, err = run(*([] if "--to" in args else ["--to", served.address]), *args)
    assert (got, out, err.count("\n")) == (code, "", 1)
    assert told in err


def test_what_the_server_refuses_is_told_once_and_is_exit_code_3(served: Served) -> None:
    for args, told in (
        (["--pipeline", "unheard-of"], "UNKNOWN_PIPELINE"),
        (["--batch", 65, "--size", "16x16"], "BATCH_TOO_LARGE"),
    ):
        code, out, err = run("--to", served.address, *args)
        assert (code, out, err.count("\n")) == (3, "", 1)
        assert told in err


def test_find_streams_reports_each_probe(served: Served) -> None:
    # So seldom that a stall of the machine keeps no frame from coming back in time.
    slow = ("--fps", 2, "--duration", 1.5, "--warmup", 1)
    told = report(served, "--find-streams", *slow, "--streams-max", 2, "--p99-ms", 5000)
    found = told["find_streams"]
    assert found["streams"] == 2
    assert [each["streams"] for each in found["probes"]] == [1, 2]
    code, out, _ = run("--to", served.address, *QUICK, "--find-streams", "--p99-ms", "0.1")
    assert code == 1
    assert "not even 1 stream" in out


@pytest.mark.parametrize("carries", [*range(20), 63, 64, 100, 250])
def test_the_search_finds_the_number_in_few_probes(carries: int) -> None:
    tried: list[int] = []

    async def probe(streams: int) -> Verdict:
        tried.append(streams)
        return Verdict(streams, Tally(), "" if streams <= carries else "too many")

    best = asyncio.run(find_streams(probe, 256))
    found = best.streams if best else 0
    assert carries - carries // 20 <= found <= carries
    assert len(tried) == len(set(tried)) <= 18
    assert max(tried) <= 256


def test_the_search_keeps_what_it_knows_when_it_is_interrupted() -> None:
    async def probe(streams: int) -> Verdict | None:
        return None if streams == 8 else Verdict(streams, Tally(), "")

    best = asyncio.run(find_streams(probe, 256))
    assert best is not None
    assert best.streams == 4


def test_the_verdict_looks_at_failures_the_rate_and_the_latency() -> None:
    def tally(answers: int, latency_s: float) -> Tally:
        made = Tally(begin_s=10, stopped_s=12, answers=answers)
        made.latency.add(latency_s, answers)
        return made

    assert judge(10, tally(600, 0.02), 30, 50).passed
    assert judge(10, tally(600, 0.06), 30, 50).why == "p99 59.9 ms is over 50 ms"  # to 1 %
    assert judge(10, tally(500, 0.02), 30, 50).why == "250 of 300 FPS came back"
    failed = tally(600, 0.02)
    failed.failed, failed.reasons["QUEUE_FULL"] = 7, 7
    assert judge(10, failed, 30, 50).why == "7 frames failed: QUEUE_FULL"


def test_latency_counts_from_when_a_frame_was_due_and_warm_up_does_not_count() -> None:
    now = time.perf_counter()
    tally = Tally()
    tally.start(now - 2, warmup_s=1, duration_s=10)
    tally.sending(now - 1.5, 1, 100)  # in the warm-up
    tally.answered(now - 1.5, 1, 100)
    assert (tally.ok, tally.sent, tally.answers) == (0, 0, 1)  # it shows the rate all the same
    tally.sending(now - 0.5, 2, 100)
    tally.answered(now - 0.5, 2, 100)
    tally.failure(now - 1.5, "LATE", 1)
    assert (tally.ok, tally.sent, tally.answers, tally.failed) == (2, 2, 3, 0)
    assert 0.5 <= tally.latency.max_s < 5
    assert 0.5 <= tally.lag.max_s < 5


def results(statuses: list[int]) -> list[pb.FrameResult]:
    made = []
    for place, status in enumerate(statuses):
        one = pb.FrameResult(stream_id="x" * place * 50, sequence=2**64 - 1 - place)
        one.status = status  # type: ignore[assignment]
        if status != pb.FRAME_STATUS_OK:
            one.error.reason = "QUEUE_FULL" if place % 2 else ""
        one.outputs.add(name="a", data=b"\x18\x01" * (100 * place))
        one.timings.total_ns = 5
        made.append(one)
    return made


@pytest.mark.parametrize("statuses", [[], [1], [0], [1, 2, 3, 1, 0, 7], [1] * 200])
def test_the_scan_agrees_with_the_generated_classes(statuses: list[int]) -> None:
    made = results(statuses)
    batch = pb.ProcessBatchResponse(request_id="id", results=made).SerializeToString()
    stream = pb.ProcessStreamResponse(results=pb.ResultBatch(results=made)).SerializeToString()
    assert load_scan.batch_statuses(batch) == load_scan.stream_statuses(stream) == statuses
    assert load_scan.all_ok(statuses) == all(status == 1 for status in statuses)
    for reasons in (load_scan.batch_reasons(batch), load_scan.stream_reasons(stream)):
        assert reasons.total() == sum(status != 1 for status in statuses)
        assert set(reasons) <= {"QUEUE_FULL", "UNKNOWN"}


def test_the_scan_of_other_messages_finds_nothing() -> None:
    away = pb.ProcessStreamResponse(go_away=pb.GoAway()).SerializeToString()
    assert load_scan.goes_away(away)
    assert not load_scan.goes_away(b"")
    for other in (
        pb.ProcessStreamResponse(ready=pb.StreamReady(session_id="s", stream_id="t")),
        pb.ProcessStreamResponse(go_away=pb.GoAway(reason="r")),
        pb.ProcessStreamResponse(),
    ):
        assert load_scan.stream_statuses(other.SerializeToString()) == []


def test_the_load_is_bounded() -> None:
    with pytest.raises(Fault, match="--streams x --in-flight is 6000 and may be 4096"):
        LoadPlan("x", senders=1000, in_flight=6)
    with pytest.raises(Fault, match=r"--duration must be 0\.1 to 3600, not inf"):
        LoadPlan("x", duration_s=float("inf"))
    for senders in (1, 7, 1024):
        plan = LoadPlan("x", senders=senders, in_flight=1, fps=1)
        assert senders * plan.messages_in_flight_max <= 4096


def test_a_spread_is_right_to_one_part_in_a_hundred() -> None:
    spread = Spread()
    for us in range(1, 100_001):
        spread.add(us / 1e6)
    for share in (0.5, 0.95, 0.99, 0.999):
        assert spread.quantile_s(share) == pytest.approx(share / 10, rel=0.01)
    assert spread.max_s == 0.1
    assert Spread().quantile_s(0.99) == 0
    spread.add(1e9)  # beyond the last bucket
    assert spread.quantile_s(1.0) <= spread.max_s


def test_help_has_examples_and_the_exit_codes() -> None:
    code, out, _ = finish(framesrv("bench", "--help"))
    assert code == 0
    assert "framesrv bench --find-streams --p99-ms 50" in out
    assert all(f"{number}: " in EPILOG for number in (0, 1, 2, 3, 130))
