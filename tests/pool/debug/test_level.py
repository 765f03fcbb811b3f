"""How closely to watch: asked for, or said by the environment."""

from __future__ import annotations

from typing import Any

import pytest

from framesrv.errors import BadConfig, FramesrvError
from framesrv.pool import ArrayPool, DebugLevel, DoubleRelease, PoolManager

VARIABLE = "FRAMESRV_POOL_DEBUG"


def test_the_default_is_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert DebugLevel.chosen() is DebugLevel.SAMPLE


@pytest.mark.parametrize("level", list(DebugLevel))
def test_the_environment_chooses(level: DebugLevel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, level.value)
    assert DebugLevel.chosen() is level


@pytest.mark.parametrize("level", list(DebugLevel))
def test_what_was_asked_for_comes_first(level: DebugLevel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "nonsense")
    assert DebugLevel.chosen(level) is level
    assert DebugLevel.chosen(level.value) is level


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("poisn", "did you mean 'poison'?"),
        ("Sample", "did you mean 'sample'?"),
        ("fenced", "did you mean 'fence'?"),
        ("of", "did you mean 'off'?"),
        ("", None),
        ("1", None),
    ],
)
def test_a_bad_value_is_refused_with_the_nearest(
    value: str, hint: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(BadConfig) as caught:
        DebugLevel.chosen()
    text = str(caught.value)
    assert text.startswith(f"{VARIABLE} must be one of off, sample, poison, fence, not {value!r}")
    assert text.endswith(hint or f"not {value!r}")
    assert isinstance(caught.value, FramesrvError)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("make", [lambda: ArrayPool("a", shape=(1,), capacity=1), PoolManager])
def test_a_pool_cannot_be_made_with_a_bad_value(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "nonsense")
    with pytest.raises(BadConfig, match=VARIABLE):
        make()


def test_a_pool_keeps_the_level_it_was_made_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "off")
    forgiving = ArrayPool("a", shape=(1,), capacity=1)
    monkeypatch.setenv(VARIABLE, "poison")
    strict = ArrayPool("b", shape=(1,), capacity=1)
    lease = forgiving.acquire()
    lease.release()
    lease.release()
    lease = strict.acquire()
    lease.release()
    with pytest.raises(DoubleRelease):
        lease.release()


def test_the_manager_hands_its_level_to_the_sizes_it_serves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, "poison")
    with PoolManager(1 << 20) as manager:
        lease = manager.acquire((3, 3))
        assert (lease.array == 0xFF).all()
        lease.release()
