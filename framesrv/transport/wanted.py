"""What a SubscribeRequest asks for, checked, and what then serves it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from framesrv.errors import Reason, Refused
from framesrv.protocol import wire
from framesrv.streams.dispatcher import Subscriber
from framesrv.streams.subscription import News
from framesrv.streams.viewer import MergedNews
from framesrv.transport.merging import merge_faults, viewer
from framesrv.transport.office import Office

STREAMS_MAX: Final = 64  # that are named; who asks for all may get more
OUTPUTS_MAX: Final = 64  # names: all of them are looked at for each frame


class Watching(Subscriber, Protocol):
    """One subscriber's view."""

    def take(self) -> list[News] | list[MergedNews]:
        """What comes next; empty: nothing is there, and ``wake`` will be called."""
        ...

    @property
    def is_idle(self) -> bool:
        """Nothing is left to take, and nobody publishes what it watches."""
        ...

    @property
    def has_too_much(self) -> bool: ...


def watching(office: Office, asked: wire.SubscribeAsked, wake: Callable[[], None]) -> Watching:
    """Raises Refused if it cannot be."""
    faults = _faults(asked)
    if asked.merge is not None:
        faults += merge_faults(office, asked, asked.merge)
    if faults:
        raise Refused(Reason.BAD_CONFIG, "the subscription cannot be made: " + "; ".join(faults))
    if asked.merge is not None:
        return viewer(office, asked, asked.merge, wake)
    return office.dispatcher.subscribe(asked.stream_ids, asked.queue_frames, wake, wait=asked.wait)


def _faults(asked: wire.SubscribeAsked) -> list[str]:
    faults = []
    if len(asked.stream_ids) > STREAMS_MAX:
        faults.append(
            f"it names {len(asked.stream_ids)} streams and may name {STREAMS_MAX}: name none to "
            "get all, or subscribe several times"
        )
    if len(asked.output_names) > OUTPUTS_MAX:
        faults.append(
            f"it names {len(asked.output_names)} outputs and may name {OUTPUTS_MAX}: name none to "
            "get all"
        )
    if "" in asked.stream_ids:
        faults.append("one of its stream_ids is empty: leave the list empty for all streams")
    return faults
