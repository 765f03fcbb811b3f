"""Subscribe with ``merge``: its windows, its message, its mosaic."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from framesrv.frames.merged import MergedFrame
from framesrv.frames.work import Encoding, OutputImage
from framesrv.pool import PoolError
from framesrv.protocol import wire
from framesrv.streams.merger import Merger
from framesrv.streams.merges import Over
from framesrv.streams.mosaic import HEIGHT, WIDTH, Mosaic, MosaicPainter
from framesrv.streams.news import Clone
from framesrv.streams.viewer import Viewer
from framesrv.streams.windows import Window, Windows
from framesrv.transport.answers import call_later
from framesrv.transport.office import Office

_MS_NS: Final = 1_000_000
_LENGTH_NS_MIN, _LENGTH_NS_MAX = _MS_NS, 60_000 * _MS_NS
_LATENESS_NS_MAX: Final = 60_000 * _MS_NS
_AROUND_BYTES: Final = 256  # of a merged message, at most what is around its parts


def merge_faults(office: Office, asked: wire.SubscribeAsked, merge: wire.MergeAsked) -> list[str]:
    faults = []
    if not asked.stream_ids:
        faults.append("merge needs stream_ids: the streams of a window must be known")
    if not _LENGTH_NS_MIN <= merge.length_ns <= _LENGTH_NS_MAX:
        faults.append(f"merge.length is {merge.length_ns / 1e9:g} s and must be from 0.001 to 60 s")
    if not 0 <= merge.lateness_ns <= _LATENESS_NS_MAX:
        faults.append(f"merge.lateness is {merge.lateness_ns / 1e9:g} s and must be from 0 to 60 s")
    if merge.mosaic is not None:
        faults += _mosaic_faults(office, merge.mosaic, len(asked.stream_ids))
    return faults


def _mosaic_faults(office: Office, asked: wire.MosaicAsked, streams: int) -> list[str]:
    if asked.encoding not in list(Encoding):
        allowed = ", ".join(f"{one.value} ({one.name})" for one in Encoding if one)
        return [f"the mosaic's encoding is {asked.encoding} and must be one of {allowed}"]
    mosaic, most = _mosaic(asked), office.settings.max_message_bytes - _AROUND_BYTES
    nbytes = mosaic.width * mosaic.height * 3
    if mosaic.encoding is Encoding.RAW and nbytes > most:
        return [f"the mosaic has {nbytes:,} bytes and may have {most:,}: let it be encoded"]
    return mosaic.faults(office.plans.limits, streams) if streams else []


def _mosaic(asked: wire.MosaicAsked) -> Mosaic:
    return Mosaic(
        asked.columns,
        asked.width or WIDTH,
        asked.height or HEIGHT,
        Encoding(asked.encoding or Encoding.JPEG),
    )


def viewer(
    office: Office, asked: wire.SubscribeAsked, merge: wire.MergeAsked, wake: Callable[[], None]
) -> Viewer:
    dispatcher = office.dispatcher
    dispatcher.check(asked.stream_ids, wait=asked.wait)
    found = office.merges.join(
        (asked.stream_ids, asked.output_names, merge),
        lambda over: _merger(office, asked, merge, over),
        dispatcher.queue(asked.queue_frames),
        wake,
    )
    dispatcher.enter(found)
    return found


def _merger(
    office: Office, asked: wire.SubscribeAsked, merge: wire.MergeAsked, over: Over
) -> Merger:
    loop = asyncio.get_running_loop()
    windows = Windows(
        asked.stream_ids, merge.length_ns, merge.lateness_ns, office.fan_out.merge_bytes
    )
    alone = merge.mosaic is not None and merge.mosaic.alone
    writer = _Writer(secrets.token_hex(8), office, asked, alone=alone)
    painter = _painter(office, asked, merge.mosaic, loop)
    return Merger(office.dispatcher, windows, writer, loop, over, painter=painter)


def _painter(
    office: Office,
    asked: wire.SubscribeAsked,
    mosaic: wire.MosaicAsked | None,
    loop: asyncio.AbstractEventLoop,
) -> MosaicPainter | None:
    if mosaic is None:
        return None
    return MosaicPainter(
        mosaic=_mosaic(mosaic),
        stream_ids=asked.stream_ids,
        picture_of=lambda clone: wire.first_output(clone.message, asked.output_names),
        submit=office.chores,
        later=lambda call: call_later(loop, call),
        images=office.images,
        pipeline=office.plans.limits,
    )


@dataclass(frozen=True, slots=True)
class _Writer:
    """Makes the message of a window, once for all who watch."""

    merge_id: str
    office: Office
    asked: wire.SubscribeAsked
    alone: bool

    def __call__(self, window: Window, complete: bool, picture: OutputImage | None) -> bytes:
        lease: Any = None
        with suppress(PoolError):
            lease = self.office.merged_frames.try_acquire()
        record = MergedFrame() if lease is None else lease.record
        try:
            record.merge_id = self.merge_id
            record.window_open_ns, record.window_close_ns = window.opens_ns, window.closes_ns
            record.complete = complete
            for stream_id in self.asked.stream_ids:
                if stream_id in window.fragments:
                    record.fragments.append(window.fragments[stream_id])
            record.validate()
            return self._message(record, picture)
        finally:
            del record
            if lease is not None:
                lease.release()

    def _message(self, record: MergedFrame, picture: OutputImage | None) -> bytes:
        names = self.asked.output_names
        parts: list[Any] = record.fragments
        found = [self._part(clone, names) for clone in parts]
        # Better the news and the picture than nothing, where the client could not be sent all.
        if not self._fits(found, picture):
            found = [wire.with_outputs(one, ()) for one in found]
        if not self._fits(found, picture):
            found = [wire.headline(one) for one in found]
        return wire.merged(record, found, picture if self._fits(found, picture) else None)

    def _fits(self, fragments: Sequence[bytes], picture: OutputImage | None) -> bool:
        """Asked before they are joined: of a window's frames each may fill a message."""
        nbytes = sum(map(len, fragments)) + (0 if picture is None else picture.data.nbytes)
        return nbytes + _AROUND_BYTES <= self.office.settings.max_message_bytes

    def _part(self, clone: Clone, names: tuple[str, ...]) -> bytes:
        if self.alone:
            return wire.with_outputs(clone.message, ())
        if not names:
            return clone.message
        return self.office.dispatcher.forms.of(clone, names, wire.with_outputs)
