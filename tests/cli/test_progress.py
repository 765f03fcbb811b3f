"""What is shown while frames are on their way."""

from __future__ import annotations

from framesrv.cli.progress import PLAIN_EVERY_S, LiveBoard, Meter, PlainBoard


class Terminal:
    """What is written to it, and whether it says it is one."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return True


def test_the_plain_line_comes_every_few_seconds() -> None:
    now, terminal = [100.0], Terminal()
    meter = Meter(clock=lambda: now[0])
    meter.start()
    with PlainBoard("cam", 50, meter, terminal) as board:  # type: ignore[arg-type]
        for _ in range(10):
            now[0] += PLAIN_EVERY_S / 4
            meter.miss("dropped", "TOO_OLD")
            board.tick()
    lines = terminal.text.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("cam: 4/50 frames, ")
    assert lines[0].endswith("4 dropped, 0 failed")


def test_the_live_bar_shows_the_figures_and_cleans_up() -> None:
    meter, terminal = Meter(), Terminal()
    meter.start()
    with LiveBoard("[cam]", None, meter, terminal) as board:  # type: ignore[arg-type]
        meter.miss("failed", "IMAGE_CORRUPT")
        board.tick()
    assert "[cam]" in terminal.text
    assert "1 failed" in terminal.text
