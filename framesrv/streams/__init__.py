"""Long-lived streams: a session each, and who may open one.

Where to look: ``session`` keeps a stream's order and its window, ``policy`` chooses what is
dropped, ``registry`` knows the streams that are open and who publishes, ``tally`` what each has
done.
"""

from framesrv.streams.registry import StreamRegistry
from framesrv.streams.session import DropPolicy, Session, StreamSettings
from framesrv.streams.tally import StreamTally

__all__ = ["DropPolicy", "Session", "StreamRegistry", "StreamSettings", "StreamTally"]
