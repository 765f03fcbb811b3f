"""What several tests of the dashboard's side need."""

from __future__ import annotations

import pytest

from framesrv.observability.live import board


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds are short."""
    monkeypatch.setattr(board, "EVERY_S", 0.02)
