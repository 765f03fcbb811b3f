"""What is said of the files is true, wherever an interrupt strikes."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

import pytest

from framesrv.cli.outcome import Fault
from framesrv.cli.sinks import FolderSink
from framesrv.client import OutputImage

IMAGE = OutputImage("small", "jpeg", 1, 1, "BGR24", 0, b"a jpeg, as it were")


class Struck(BaseException):
    """As KeyboardInterrupt, but nobody else's."""


@contextmanager
def struck_after(seconds: float) -> Iterator[None]:
    def strike(number: int, frame: FrameType | None) -> None:
        raise Struck

    before = signal.signal(signal.SIGALRM, strike)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# Struck in the middle of it, coverage would never give back its own lock.
@pytest.mark.unmeasured
# Struck while it is opened, a file is closed by whoever collects it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_each_file_of_a_folder_is_counted_when_an_interrupt_strikes(tmp_path: Path) -> None:
    chance = random.Random(1)  # noqa: S311
    for turn in range(300):
        folder = tmp_path / str(turn)
        sink = FolderSink(folder, force=False)
        with suppress(Struck), struck_after(chance.uniform(1e-5, 1e-3)):
            for number in range(10_000):
                sink.take(number, {"small": IMAGE})
        names = [each.name for each in folder.iterdir()]
        assert sink.close().startswith(f"{len(names)} file")
        assert not [name for name in names if name.endswith(".part")]


def test_a_file_that_cannot_be_written_is_not_counted(tmp_path: Path) -> None:
    sink = FolderSink(tmp_path, force=True)
    (tmp_path / "frame-000001.jpg").mkdir()  # in the way
    with pytest.raises(Fault, match="frame-000001"):
        sink.take(1, {"small": IMAGE})
    assert sink.close() == f"0 files in {tmp_path}"
    assert [each.name for each in tmp_path.iterdir()] == ["frame-000001.jpg"]
