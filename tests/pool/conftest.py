"""Fixtures of several files, and asserts in the helpers that tell what they compared."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite(
    *(
        f"tests.pool.{name}"
        for name in (
            "debug.damage",
            "helpers",
            "managers",
            "stage",
            "strikes",
            "subjects",
            "worlds",
        )
    )
)

from tests.pool.stage import Stage  # noqa: E402 - rewriting comes first


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.end()
