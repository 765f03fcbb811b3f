"""How much memory there is, in containers too."""

from __future__ import annotations

from pathlib import Path

import pytest

from framesrv.pool.machine import default_budget_bytes, memory_limit_bytes

MIB = 1 << 20
UNLIMITED_V1 = "9223372036854771712\n"


def machine_bytes(tmp_path: Path) -> int:
    return memory_limit_bytes(tmp_path / "empty")


def put(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_without_groups_it_is_the_machines_memory(tmp_path: Path) -> None:
    assert memory_limit_bytes(tmp_path) > 64 * MIB


def test_the_real_one_is_read_as_well() -> None:
    assert 0 < memory_limit_bytes() <= machine_bytes(Path("/nowhere"))


class TestGroupsV2:
    @pytest.mark.parametrize(
        ("limits", "least"),
        [
            ({"": 32}, 32),
            ({"user": 32}, 32),
            ({"user/job": 32}, 32),
            ({"": 48, "user": 16, "user/job": 32}, 16),
            ({"user/job": 32, "user/job/below": 8, "other": 8}, 32),
        ],
    )
    def test_the_least_of_the_own_group_and_those_above(
        self, limits: dict[str, int], least: int, tmp_path: Path
    ) -> None:
        put(tmp_path, "proc/self/cgroup", "0::/user/job\n")
        for group, mib in limits.items():
            put(tmp_path, f"sys/fs/cgroup/{group}/memory.max", f"{mib * MIB}\n")
        assert memory_limit_bytes(tmp_path) == least * MIB

    def test_a_limit_of_max_is_none(self, tmp_path: Path) -> None:
        put(tmp_path, "proc/self/cgroup", "0::/job\n")
        put(tmp_path, "sys/fs/cgroup/job/memory.max", "max\n")
        assert memory_limit_bytes(tmp_path) == machine_bytes(tmp_path)

    def test_in_the_root_group_of_a_container(self, tmp_path: Path) -> None:
        put(tmp_path, "proc/self/cgroup", "0::/\n")
        put(tmp_path, "sys/fs/cgroup/memory.max", str(20 * MIB))
        assert memory_limit_bytes(tmp_path) == 20 * MIB

    def test_a_limit_past_the_machines_memory_changes_nothing(self, tmp_path: Path) -> None:
        put(tmp_path, "sys/fs/cgroup/memory.max", str(1 << 60))
        assert memory_limit_bytes(tmp_path) == machine_bytes(tmp_path)


class TestGroupsV1:
    def test_the_containers_limit(self, tmp_path: Path) -> None:
        put(tmp_path, "proc/self/cgroup", "12:memory:/docker/abc\n1:name=systemd:/docker/abc\n")
        put(tmp_path, "sys/fs/cgroup/memory/memory.limit_in_bytes", str(24 * MIB))
        assert memory_limit_bytes(tmp_path) == 24 * MIB

    def test_its_unlimited_changes_nothing(self, tmp_path: Path) -> None:
        put(tmp_path, "sys/fs/cgroup/memory/memory.limit_in_bytes", UNLIMITED_V1)
        assert memory_limit_bytes(tmp_path) == machine_bytes(tmp_path)

    def test_both_versions_mounted(self, tmp_path: Path) -> None:
        put(tmp_path, "proc/self/cgroup", "12:memory:/\n0::/job\n")
        put(tmp_path, "sys/fs/cgroup/memory/memory.limit_in_bytes", str(24 * MIB))
        put(tmp_path, "sys/fs/cgroup/job/memory.max", str(12 * MIB))
        assert memory_limit_bytes(tmp_path) == 12 * MIB


@pytest.mark.parametrize(
    ("limit_mib", "budget_mib"), [(256, 128), (1024, 512), (1025, 512), (65536, 512)]
)
def test_the_default_budget_is_half_of_it_but_512_mib_at_most(
    limit_mib: int, budget_mib: int
) -> None:
    assert default_budget_bytes(limit_mib * MIB) == budget_mib * MIB


def test_the_default_budget_here() -> None:
    assert default_budget_bytes() == min(512 * MIB, memory_limit_bytes() // 2)
