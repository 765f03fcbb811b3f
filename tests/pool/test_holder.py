"""Who holds what, in words."""

from __future__ import annotations

import asyncio
import gc
import threading

import pytest

from framesrv.pool.holder import HERE, TaskHolder, ThreadHolder, current_task_holder
from framesrv.testing.clocks import FakeClock, run_virtually


class TestThreads:
    def test_by_name(self) -> None:
        assert str(HERE.thread) == "thread 'MainThread'"

    def test_every_thread_has_its_own_and_keeps_it(self) -> None:
        seen: list[ThreadHolder] = []

        def look() -> None:
            seen.extend([HERE.thread, HERE.thread])

        for _ in range(2):  # the second thread may well get the number of the first
            thread = threading.Thread(target=look)
            thread.start()
            thread.join()
        assert seen[0] is seen[1] is not seen[2]
        assert HERE.thread not in seen

    def test_one_that_has_ended(self) -> None:
        seen: list[ThreadHolder] = []
        thread = threading.Thread(target=lambda: seen.append(HERE.thread))
        assert str(ThreadHolder(thread)) == "a thread that has ended", "it has not begun either"
        thread.start()
        thread.join()
        assert (str(seen[0]), seen[0].stack()) == ("a thread that has ended", "")

    def test_where_it_is(self) -> None:
        assert "in test_where_it_is\n    assert" in HERE.thread.stack()


class TestTasks:
    def test_by_name_and_where_it_is(self) -> None:
        async def main(_: FakeClock) -> None:
            async def wait_for_good() -> None:
                await asyncio.Event().wait()

            task = asyncio.create_task(wait_for_good(), name="stream-3")
            await asyncio.sleep(0)
            holder = TaskHolder(task, HERE.thread)
            assert str(holder) == "task 'stream-3'"
            assert "in wait_for_good\n    await asyncio.Event().wait()" in holder.stack()
            task.cancel()
            await asyncio.wait([task])
            assert (str(holder), holder.stack()) == ("task 'stream-3'", "")
            del task
            gc.collect()
            assert (str(holder), holder.stack()) == ("a task that has ended", "")

        run_virtually(main)

    def test_two_holders_of_one_task_are_the_same(self) -> None:
        async def main(_: FakeClock) -> None:
            first, second = current_task_holder(), current_task_holder()
            other = asyncio.create_task(asyncio.sleep(0))
            third = TaskHolder(other, HERE.thread)
            assert first == second
            assert hash(first) == hash(second)
            assert first != third
            assert first != 1
            await other

        run_virtually(main)

    def test_there_is_none_outside_of_a_task(self) -> None:
        with pytest.raises(RuntimeError, match="no running event loop"):
            current_task_holder()
