"""ProcessBatch: one batch in, one batch out."""

from __future__ import annotations

import asyncio
import secrets
from functools import partial
from itertools import count
from time import monotonic_ns, time_ns
from typing import Any, Final

from framesrv.engine.task import Task
from framesrv.errors import Reason
from framesrv.protocol import wire
from framesrv.streams.session import split
from framesrv.transport.answers import BatchAnswer, call_later
from framesrv.transport.errors import refuse
from framesrv.transport.office import Office

METHOD: Final = "ProcessBatch"
# Ids for those who send none: they meet in logs, and need not be hard to guess.
_BOOT: Final = secrets.token_hex(4)
_numbers = count(1)


async def process_batch(office: Office, data: bytes, context: Any) -> bytes:
    received_ns, received_at_ns = monotonic_ns(), time_ns()
    request_id = ""
    try:
        office.check_open()
        request = office.reception.batch(data, context.peer(), received_at_ns)
        request_id = request.request_id or f"{_BOOT}-{next(_numbers):x}"
        plan = office.plans.find(request.plan)
        prefix = wire.batch_response_prefix(request_id)
        if not request.frames:
            return prefix
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()
        pieces = split(request.frames, office.engine.workers)
        answer = BatchAnswer(
            prefix,
            pieces,
            office.answers,
            office.settings.max_message_bytes,
            lambda: call_later(loop, partial(_end, ended)),
        )
        tasks = [
            Task(
                plan,
                piece,
                part,
                answer.part_done,
                request_id=request_id,
                received_ns=received_ns,
                received_at_ns=received_at_ns,
                deadline_ns=deadline_ns(context, received_ns),
            )
            for piece, part in zip(pieces, answer.parts, strict=True)
        ]
        # gRPC keeps the message while the call lasts: what is no payload of it counts as well.
        tasks[0].nbytes += max(0, len(data) - sum(task.nbytes for task in tasks))
        office.engine.submit(tasks)
        office.meter.batches.add(len(request.frames))
    except Exception as error:
        await refuse(context, error, office.refusals, method=METHOD, request_id=request_id)
    try:
        await ended
    except asyncio.CancelledError:
        for task in tasks:
            task.drop = Reason.CLIENT_GONE
        raise
    if answer.message is None:
        unwritten = RuntimeError("a batch's answer could not be written")
        await refuse(context, unwritten, office.refusals, method=METHOD, request_id=request_id)
    return answer.message


def _end(ended: asyncio.Future[None]) -> None:
    if not ended.done():  # else its client went away
        ended.set_result(None)


def deadline_ns(context: Any, now_ns: int) -> int:
    """Of the call, on the monotonic clock; 0: none."""
    left_s = context.time_remaining()
    return 0 if left_s is None else now_ns + round(left_s * 1e9)
