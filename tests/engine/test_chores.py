"""Pictures for those who watch: one that cannot be made is no fault that fills the log."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from threading import Event

import pytest

from framesrv.engine.chore import Lent
from framesrv.pool.manager import Request
from tests.engine.rigs import rig

PATIENCE_S = 30.0


class Drawing:
    def __init__(self, wanted: Mapping[str, Request], fault: Exception | None = None) -> None:
        self._wanted, self._fault = wanted, fault
        self.worked = False
        self.ended = Event()

    def wants(self) -> Mapping[str, Request]:
        return self._wanted

    def work(self, lent: Lent) -> None:
        if self._fault is not None:
            raise self._fault
        self.worked = set(lent) == set(self._wanted)

    def done(self) -> None:
        self.ended.set()


@pytest.mark.parametrize(
    ("drawing", "level"),
    [
        (Drawing({"canvas": (64, 64, 3)}), None),
        (Drawing({f"canvas-{n}": (8000, 8000 + n, 3) for n in range(64)}), "WARNING"),
        (Drawing({}, ValueError("no such colour")), "ERROR"),
    ],
    ids=["small", "too large", "at fault"],
)
def test_whatever_becomes_of_it(
    drawing: Drawing, level: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO), rig() as made:
        assert made.engine.submit_chore(drawing)
        assert drawing.ended.wait(PATIENCE_S)
    assert drawing.worked == (level is None)
    assert [one.levelname for one in caplog.records] == ([level] if level else [])
    assert ("Traceback" in caplog.text) == (level == "ERROR")
