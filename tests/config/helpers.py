"""Loading without the environment of whoever runs the tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from framesrv.config import Configuration, load
from framesrv.errors import BadConfig


def loaded(
    toml: str = "",
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, object] | None = None,
    *,
    folder: Path | None = None,
) -> Configuration:
    file = None
    if folder is not None:
        file = folder / "framesrv.toml"
        file.write_text(toml)
    return load(flags or {}, environ or {}, file)


def faults_of(
    toml: str = "",
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, object] | None = None,
    *,
    folder: Path | None = None,
) -> list[str]:
    with pytest.raises(BadConfig) as caught:
        loaded(toml, environ, flags, folder=folder)
    first, *faults = str(caught.value).split("\n- ")
    assert first == "the configuration cannot be used:"
    return [fault.replace(f" in {folder}/framesrv.toml", "") for fault in faults]
