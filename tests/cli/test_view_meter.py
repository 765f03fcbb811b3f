"""What is shown while streams are watched."""

from __future__ import annotations

from framesrv.cli.progress import LiveBoard
from framesrv.cli.view_meter import ViewMeter
from framesrv.client import Gap, GoAway, MergedFrame, StreamEvent
from tests.cli.test_progress import Terminal


def test_the_figures_of_a_merge_and_the_last_event() -> None:
    now = [100.0]
    meter = ViewMeter(merged=True, clock=lambda: now[0])
    meter.start()
    for complete in (True, False):
        now[0] += 1.0
        meter.take(StreamEvent("door", "started"))
        meter.take(MergedFrame("m", 0, 1, complete, (), None))
    meter.take(Gap("door", 7))
    told = [figure.text for figure in meter.figures()]
    assert told == ["1.0 FPS", "7 left out", "1 incomplete", "0 B", "door started"]
    meter.take(GoAway("", 1.0))
    assert meter.figures()[-1].text == "the server is closing"
    assert (meter.frames, meter.seconds, meter.fps) == (2, 2.0, 1.0)


def test_they_are_shown_live() -> None:
    meter, terminal = ViewMeter(), Terminal()
    meter.start()
    with LiveBoard("door", None, meter, terminal) as board:  # type: ignore[arg-type]
        meter.take(Gap("door", 7))
        meter.take(StreamEvent("[door]", "ended"))
        board.tick()
    assert "7 missed" in terminal.text
    assert "[door] ended" in terminal.text
