"""Fixtures of several files, and asserts in the helpers that tell what they compared."""

from __future__ import annotations

import gc
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


@pytest.fixture(scope="module", autouse=True)
def _quick_collections() -> Iterator[None]:
    """Many tests here collect garbage, each its own: what was there before is not looked through,
    which would take a quarter of a second each time."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.end()
