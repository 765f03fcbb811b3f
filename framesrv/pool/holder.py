"""Who borrowed: a thread, or an asyncio task.

A thread's number is given again when the thread has ended, so a holder is an object of its own.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import traceback
import weakref
from typing import Any


class ThreadHolder:
    __slots__ = ("_thread",)

    def __init__(self, thread: threading.Thread) -> None:
        self._thread = weakref.ref(thread)

    def __str__(self) -> str:
        thread = self._thread()
        if thread is None or not thread.is_alive():
            return "a thread that has ended"
        return f"thread {thread.name!r}"

    def stack(self) -> str:
        """Where it is at this moment; empty if it has ended."""
        thread = self._thread()
        if thread is None or not thread.is_alive():
            return ""
        frame = sys._current_frames().get(thread.ident or 0)
        return "".join(traceback.format_stack(frame, limit=8)) if frame is not None else ""


class TaskHolder:
    """The loop's thread speaks for it too: while that waits, the task cannot go on."""

    __slots__ = ("_hash", "_task", "thread")

    def __init__(self, task: asyncio.Task[Any], thread: ThreadHolder) -> None:
        self._task = weakref.ref(task)
        self._hash = hash(self._task)  # now: it cannot be had once the task is gone
        self.thread = thread

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TaskHolder) and self._task == other._task

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        task = self._task()
        return f"task {task.get_name()!r}" if task is not None else "a task that has ended"

    def stack(self) -> str:
        task = self._task()
        if task is None or task.done():
            return ""
        frames = task.get_stack(limit=8)
        return "".join(line for frame in frames for line in traceback.format_stack(frame, limit=1))


Holder = ThreadHolder | TaskHolder


class _Here(threading.local):
    def __init__(self) -> None:  # runs once in each thread that looks
        self.thread = ThreadHolder(threading.current_thread())


HERE = _Here()
"""``HERE.thread`` is the calling thread as a holder; about as quick as asking for its number."""


def current_task_holder() -> TaskHolder:
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("acquire_async must be awaited inside a task")
    return TaskHolder(task, HERE.thread)
