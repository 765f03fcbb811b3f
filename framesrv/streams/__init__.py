"""Long-lived streams: a session each, who may open one, and those who watch.

Where to look: ``session`` keeps a stream's window and what is dropped, ``order`` the order of its
frames, ``registry`` knows the streams that are open and who publishes, ``tally`` what each has
done. ``dispatcher`` is the fan-out: a ``channel`` for each published stream, a ``subscription`` for
each subscriber, which is told ``news``. ``windows`` joins frames by time, ``merger`` does that for
subscribers, ``mosaic`` makes one picture of a window.
"""

from framesrv.streams.dispatcher import Dispatcher
from framesrv.streams.registry import StreamRegistry
from framesrv.streams.session import DropPolicy, Session
from framesrv.streams.settings import FanOutSettings, StreamSettings
from framesrv.streams.tally import StreamTally

__all__ = [
    "Dispatcher",
    "DropPolicy",
    "FanOutSettings",
    "Session",
    "StreamRegistry",
    "StreamSettings",
    "StreamTally",
]
