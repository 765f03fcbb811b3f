"""The pools of a server, and what the environment makes of them."""

from __future__ import annotations

import dataclasses
import tracemalloc
from typing import Any

import pytest

from framesrv.errors import BadConfig
from framesrv.pool import (
    ArrayPool,
    ByteArrayPool,
    BytesIOPool,
    DebugLevel,
    PoolObserver,
    PoolSettings,
)
from framesrv.pool.machine import default_budget_bytes, memory_limit_bytes
from framesrv.pool.settings import DEFAULTS, variable_of

SMALL = {
    "FRAMESRV_POOL_BUDGET_BYTES": "200000000",
    "FRAMESRV_POOL_JPEG_INITIAL_BYTES": "1000",
}


def faults_of(environ: dict[str, str]) -> list[str]:
    with pytest.raises(BadConfig) as caught:
        PoolSettings.from_env(environ)
    first, *faults = str(caught.value).split("\n- ")
    assert first == "the pools cannot be set up:"
    return faults


class TestDefaults:
    def test_nothing_said(self) -> None:
        settings = PoolSettings.from_env({})
        assert settings == PoolSettings()
        assert settings.budget_bytes == default_budget_bytes()
        assert settings.debug is DebugLevel.SAMPLE
        assert settings.pools == DEFAULTS

    def test_what_is_none_of_its_business(self) -> None:
        environ = {"PATH": "/bin", "FRAMESRV_PORT": "x", "framesrv_pool_x": "y"}
        assert PoolSettings.from_env(environ) == PoolSettings()

    def test_the_environment_of_the_process(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FRAMESRV_POOL_JSON_CAPACITY", "3")
        assert PoolSettings.from_env().pools["json"]["capacity"] == 3

    def test_it_cannot_be_changed(self) -> None:
        settings = PoolSettings.from_env({})
        with pytest.raises(dataclasses.FrozenInstanceError):
            settings.budget_bytes = 1  # type: ignore[misc]
        with pytest.raises(TypeError):
            settings.pools["jpeg"]["capacity"] = 1  # type: ignore[index]


class TestValues:
    @pytest.mark.parametrize("name", list(DEFAULTS))
    def test_every_number_has_its_variable(self, name: str) -> None:
        for key, number in DEFAULTS[name].items():
            value = {"initial_bytes": number // 2, "warm": number - 1}.get(key, number + 1)
            settings = PoolSettings.from_env({variable_of(name, key): str(value)})
            changed, numbers = {**DEFAULTS[name], key: value}, dict(settings.pools[name])
            if key == "capacity":  # an unsaid warm may move along
                assert 0 <= numbers.pop("warm") <= changed.pop("capacity")
                del numbers["capacity"], changed["warm"]
                assert settings.pools[name]["capacity"] == value
            assert numbers == changed
            others = {other: numbers for other, numbers in settings.pools.items() if other != name}
            assert others == {other: DEFAULTS[other] for other in others}

    def test_an_unsaid_warm_moves_down_with_the_capacity(self) -> None:
        settings = PoolSettings.from_env({"FRAMESRV_POOL_RGBA_320_CAPACITY": "2"})
        assert settings.pools["rgba_320"] == {"capacity": 2, "warm": 2}

    def test_warm_may_be_nothing(self) -> None:
        settings = PoolSettings.from_env({"FRAMESRV_POOL_JPEG_WARM": "0"})
        assert settings.pools["jpeg"]["warm"] == 0

    def test_blanks_around_a_number(self) -> None:
        assert PoolSettings.from_env({"FRAMESRV_POOL_JSON_WARM": " 2 "}).pools["json"]["warm"] == 2

    def test_the_debug_level(self) -> None:
        settings = PoolSettings.from_env({"FRAMESRV_POOL_DEBUG": "poison"})
        assert settings.debug is DebugLevel.POISON

    def test_the_budget_may_be_half_of_the_memory(self) -> None:
        most = memory_limit_bytes() // 2
        settings = PoolSettings.from_env({"FRAMESRV_POOL_BUDGET_BYTES": str(most)})
        assert settings.budget_bytes == most


class TestFaults:
    @pytest.mark.parametrize("text", ["", "-1", "0", "1.5", "ten", "1e3", "²", "0x10"])
    def test_what_is_no_capacity(self, text: str) -> None:
        assert faults_of({"FRAMESRV_POOL_JSON_CAPACITY": text}) == [
            f"FRAMESRV_POOL_JSON_CAPACITY is {text!r} and must be a whole number of at least 1"
        ]

    def test_what_is_no_warm(self) -> None:
        assert faults_of({"FRAMESRV_POOL_JSON_WARM": "-1"}) == [
            "FRAMESRV_POOL_JSON_WARM is '-1' and must be a whole number of at least 0"
        ]

    def test_more_warm_than_there_may_be(self) -> None:
        [fault] = faults_of({"FRAMESRV_POOL_JSON_WARM": "17"})
        assert fault == (
            "FRAMESRV_POOL_JSON_WARM is 17 and must be at most FRAMESRV_POOL_JSON_CAPACITY, 16; "
            "the nearest that works is 16"
        )

    def test_more_to_begin_with_than_may_be_kept(self) -> None:
        [fault] = faults_of({"FRAMESRV_POOL_JPEG_INITIAL_BYTES": "5000000"})
        assert fault == (
            "FRAMESRV_POOL_JPEG_INITIAL_BYTES is 5,000,000 and must be at most "
            "FRAMESRV_POOL_JPEG_MAX_BYTES, 4,194,304; the nearest that works is 4194304"
        )

    def test_a_budget_past_half_of_the_memory(self) -> None:
        most = memory_limit_bytes() // 2
        [fault] = faults_of({"FRAMESRV_POOL_BUDGET_BYTES": str(most + 1)})
        assert f"is {most + 1:,} and must be at most half of the memory here" in fault
        assert fault.endswith(f"the nearest that works is {most}")

    @pytest.mark.parametrize(
        ("variable", "hint"),
        [
            ("FRAMESRV_POOL_JPG_CAPACITY", "; did you mean FRAMESRV_POOL_JPEG_CAPACITY?"),
            ("FRAMESRV_POOL_BUDGET_BYTE", "; did you mean FRAMESRV_POOL_BUDGET_BYTES?"),
            ("FRAMESRV_POOL_DEBUGG", "; did you mean FRAMESRV_POOL_DEBUG?"),
            ("FRAMESRV_POOL_@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@", ""),
        ],
    )
    def test_a_variable_that_is_none(self, variable: str, hint: str) -> None:
        assert faults_of({variable: "1"}) == [f"{variable} is not a variable of the pools{hint}"]

    def test_all_at_once(self) -> None:
        faults = faults_of(
            {
                "FRAMESRV_POOL_JSON_CAPACITY": "x",
                "FRAMESRV_POOL_JPEG_WARM": "33",
                "FRAMESRV_POOL_BUDGET_BYTES": "0",
                "FRAMESRV_POOL_DEBUG": "poisn",
                "FRAMESRV_POOL_NONSENSE": "1",
            }
        )
        assert len(faults) == 5
        assert "did you mean 'poison'?" in "".join(faults)


class TestBuild:
    def test_every_pool_is_there_and_warm(self) -> None:
        manager = PoolSettings.from_env(SMALL | {"FRAMESRV_POOL_JPEG_WARM": "1"}).build()
        kinds = {"jpeg": BytesIOPool, "json": ByteArrayPool}
        for name, numbers in DEFAULTS.items():
            pool = manager.pool(name)
            assert type(pool) is kinds.get(name, ArrayPool)
            assert pool.capacity == numbers["capacity"]
            assert pool.stats().existing == (1 if name == "jpeg" else numbers["warm"])
        with manager.acquire("resize_640x360") as lease:
            assert lease.array.shape == (360, 640, 3)
        with manager.acquire((320, 320, 4)) as lease:
            assert lease.pool_name == "rgba_320"

    def test_level_and_observer_reach_every_pool(self) -> None:
        class Recorder(PoolObserver):
            def held(self, pool: str, hold_s: float) -> None:
                heard.append(pool)

        heard: list[str] = []
        settings = PoolSettings.from_env(SMALL | {"FRAMESRV_POOL_DEBUG": "poison"})
        manager = settings.build(Recorder())
        requests: list[Any] = [*DEFAULTS, (5, 5), (6000, 6000)]
        for request in requests[:-1]:
            manager.acquire(request).release()
        assert heard == [*DEFAULTS, "ladder"]

    def test_a_budget_that_cannot_hold_them_is_refused_with_the_sum_of_all(self) -> None:
        settings = PoolSettings.from_env({"FRAMESRV_POOL_BUDGET_BYTES": "1000000"})
        with pytest.raises(BadConfig, match=r"the pools need ([\d,]+) bytes \(rgba_320") as caught:
            settings.build()
        text = str(caught.value)
        assert all(name in text for name in DEFAULTS)
        needed = text.rpartition("set FRAMESRV_POOL_BUDGET_BYTES to ")[2].split()[0]
        advised = {"FRAMESRV_POOL_BUDGET_BYTES": needed.replace(",", "")}
        assert len(PoolSettings.from_env(advised).build().stats()) == len(DEFAULTS) + 2

    def test_they_are_refused_before_anything_is_allocated(self) -> None:
        """Else a slip in a capacity takes the machine's memory before it is told."""
        settings = PoolSettings.from_env(
            {
                "FRAMESRV_POOL_BUDGET_BYTES": "20000000",
                "FRAMESRV_POOL_JPEG_CAPACITY": "300",
                "FRAMESRV_POOL_JPEG_WARM": "300",
            }
        )
        tracemalloc.start()
        try:
            with pytest.raises(BadConfig, match="the pools need"):
                settings.build()
            assert tracemalloc.get_traced_memory()[1] < 5_000_000
        finally:
            tracemalloc.stop()
