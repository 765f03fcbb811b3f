"""The load itself: senders on one event loop, each with a pace of its own or as fast as answered.

All is bounded: the number of senders, the messages each has on their way, and the time.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from time import perf_counter
from typing import Any, Final

from framesrv.cli import load_scan as scan
from framesrv.cli.load_plan import LoadPlan
from framesrv.cli.load_tally import Tally
from framesrv.client.calls import PROCESS_BATCH, PROCESS_STREAM
from framesrv.client.channel import target
from framesrv.client.failure import call_failed

_GRACE_S: Final = 5.0  # for answers that are due when the sending ends
_RETRY_S: Final = 0.05  # a sender whose call was refused does not ask again at once


async def run_load(
    plan: LoadPlan, bodies: Sequence[bytes], opening: bytes, tally: Tally, stop: asyncio.Event
) -> None:
    """Fills the tally; ends by itself, or soon after ``stop`` is set."""
    goal = target(plan.to, plan.tls_ca, plan.tls_cert, plan.tls_key)
    channels = [goal.aio_channel() for _ in range(min(plan.connections, plan.senders))]
    kind = _UnarySender if plan.mode == "unary" else _StreamSender
    try:
        await asyncio.gather(*(asyncio.wait_for(each.channel_ready(), 10) for each in channels))
        tally.start(perf_counter(), plan.warmup_s, plan.duration_s)
        asyncio.get_running_loop().call_later(plan.warmup_s, tally.warm)
        senders = [
            kind(plan, channels[place % len(channels)], bodies, opening, tally, place)
            for place in range(plan.senders)
        ]
        tasks = [asyncio.create_task(each.run()) for each in senders]
        await _until(asyncio.gather(*tasks), stop, tally.end_s + _GRACE_S)
        tally.stop(interrupted=stop.is_set())
        for sender in senders if not tally.interrupted else ():
            sender.give_up()
    finally:
        for channel in channels:
            await channel.close()


async def _until(work: asyncio.Future[Any], stop: asyncio.Event, end_s: float) -> None:
    stopped = asyncio.create_task(stop.wait())
    timeout_s = max(0.0, end_s - perf_counter())
    await asyncio.wait({work, stopped}, timeout=timeout_s, return_when="FIRST_COMPLETED")
    stopped.cancel()
    if work.done():
        work.result()  # a fault of ours must not pass for a result
    else:
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work


class _Sender:
    def __init__(  # noqa: PLR0917 - passed on as they are
        self,
        plan: LoadPlan,
        channel: Any,
        bodies: Sequence[bytes],
        opening: bytes,
        tally: Tally,
        place: int,
    ) -> None:
        self._plan = plan
        self._channel = channel
        self._bodies = bodies
        self._opening = opening
        self._tally = tally
        self._place = place
        self._sent = 0

    def _body(self) -> bytes:
        self._sent += 1
        return self._bodies[(self._place + self._sent) % len(self._bodies)]

    def _first_due(self) -> float:
        """Senders do not start in step, as cameras do not."""
        share = self._place / self._plan.senders
        return perf_counter() + self._plan.interval_s * share

    async def _wait_for(self, due_s: float) -> None:
        wait_s = due_s - perf_counter()
        if wait_s > 0:
            await asyncio.sleep(wait_s)

    def _failed(self, error: Any, due_s: float, frames: int) -> None:
        """A call that failed. What is no failure of a call is a fault of ours, and raised."""
        if not hasattr(error, "trailing_metadata"):
            raise error
        failed = call_failed(self._plan.to, error)
        self._tally.failure(due_s, failed.reason or failed.code.name, frames, str(failed))


class _UnarySender(_Sender):
    """Closed loop: as many callers as may be in flight. Open loop: a call whenever one is due."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._call = self._channel.unary_unary(PROCESS_BATCH)
        self._due: dict[int, float] = {}

    async def run(self) -> None:
        if self._plan.open_loop:
            await self._run_open()
        else:
            await asyncio.gather(*(self._run_closed() for _ in range(self._plan.in_flight)))

    async def _run_closed(self) -> None:
        while (now := perf_counter()) < self._tally.end_s:
            await self._one(now)

    async def _run_open(self) -> None:
        due_s = self._first_due()
        calls: set[asyncio.Task[None]] = set()
        try:
            while due_s < self._tally.end_s:
                await self._wait_for(due_s)
                if len(calls) < self._plan.messages_in_flight_max:
                    task = asyncio.create_task(self._one(due_s))
                    calls.add(task)
                    task.add_done_callback(calls.discard)
                else:
                    self._tally.failure(due_s, "NOT_SENT", self._plan.batch, _TOO_MANY)
                due_s += self._plan.interval_s
            await asyncio.gather(*calls)
        finally:
            for task in calls:
                task.cancel()

    async def _one(self, due_s: float) -> None:
        body, batch = self._body(), self._plan.batch
        self._tally.sending(due_s, batch, len(body))
        number = self._sent
        self._due[number] = due_s
        try:
            data = await self._call(body)
        except Exception as error:  # gRPC's own; see _failed
            del self._due[number]
            self._failed(error, due_s, batch)
            await asyncio.sleep(_RETRY_S)
            return
        del self._due[number]
        statuses = scan.batch_statuses(data)
        if scan.all_ok(statuses):
            self._tally.answered(due_s, len(statuses), len(data))
            return
        reasons = scan.batch_reasons(data)
        self._tally.answered(due_s, len(statuses) - reasons.total(), len(data))
        for reason, times in reasons.items():
            self._tally.failure(due_s, reason, times)

    def give_up(self) -> None:
        for due_s in self._due.values():
            self._tally.failure(due_s, "NO_ANSWER", self._plan.batch)


class _StreamSender(_Sender):
    """Every frame is answered once and in order: the n-th result belongs to the n-th frame."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._due: deque[float] = deque()  # of each frame without a result
        self._room = asyncio.Event()
        self._ready = asyncio.Event()
        self._all_sent = False
        self._leaving = False  # the server said that it will close

    async def run(self) -> None:
        while not self._all_sent and perf_counter() < self._tally.end_s:
            call = self._channel.stream_stream(PROCESS_STREAM)()
            self._ready.clear()
            self._leaving = False
            writer = asyncio.create_task(self._write(call))
            try:
                await self._read(call)
            except Exception as error:
                self._failed(error, perf_counter(), max(1, len(self._due)))
                self._due.clear()
                self._room.set()
                await asyncio.sleep(_RETRY_S)
            finally:
                writer.cancel()
                with suppress(asyncio.CancelledError):
                    await writer
                call.cancel()

    async def _write(self, call: Any) -> None:
        try:
            await call.write(self._opening)
            await self._ready.wait()
            due_s = self._first_due() if self._plan.open_loop else perf_counter()
            while due_s < self._tally.end_s:
                await self._wait_for(due_s)
                if not await self._wait_for_room():
                    break
                if not self._plan.open_loop:
                    due_s = perf_counter()
                body = self._body()
                self._tally.sending(due_s, self._plan.batch, len(body))
                self._due.extend([due_s] * self._plan.batch)
                await call.write(body)
                due_s += self._plan.interval_s
            self._all_sent = not self._leaving  # the next frame would be due after the end
            await call.done_writing()
        except Exception:
            # The reader of the same call sees its end and says why.
            if not call.done():
                raise

    async def _wait_for_room(self) -> bool:
        most = self._plan.messages_in_flight_max * self._plan.batch
        while len(self._due) + self._plan.batch > most and not self._leaving:
            self._room.clear()
            await self._room.wait()
        if self._leaving:
            return False
        return self._plan.open_loop or perf_counter() < self._tally.end_s

    async def _read(self, call: Any) -> None:
        while isinstance(data := await call.read(), bytes):
            self._ready.set()
            statuses = scan.stream_statuses(data)
            if not statuses:
                self._leaving |= scan.goes_away(data)
                self._room.set()
                continue
            size = len(data)
            ok = scan.all_ok(statuses)
            for status in statuses:
                due_s = self._due.popleft()
                if status == scan.OK:
                    self._tally.answered(due_s, 1, size)
                    size = 0
            if not ok:
                for reason, times in scan.stream_reasons(data).items():
                    self._tally.failure(due_s, reason, times)
            self._room.set()
        self.give_up()

    def give_up(self) -> None:
        while self._due:
            self._tally.failure(self._due.popleft(), "NO_ANSWER", 1)
        self._room.set()


_TOO_MANY: Final = "too many calls without an answer: the server does not keep up with the rate"
