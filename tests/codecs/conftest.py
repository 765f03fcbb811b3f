"""What all tests of the codecs share."""

from __future__ import annotations

import pytest

from framesrv.codecs import png_pixels


@pytest.fixture(autouse=True)
def no_broken_files_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """After many broken PNGs the codecs look at each one first; every test begins without."""
    monkeypatch.setattr(png_pixels._Caution, "given_up", 0)
