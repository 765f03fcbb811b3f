"""Long-lived streams: a session each, and who may open one.

Where to look: ``session`` keeps a stream's order and its window, ``policy`` chooses what is
dropped, ``registry`` counts the streams and knows who publishes.
"""

from framesrv.streams.registry import StreamRegistry
from framesrv.streams.session import DropPolicy, Session, StreamSettings

__all__ = ["DropPolicy", "Session", "StreamRegistry", "StreamSettings"]
