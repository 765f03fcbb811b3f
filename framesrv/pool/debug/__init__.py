"""Debug levels: wrappers around the plain kinds of buffer, chosen once when a pool is made."""

from framesrv.pool.debug.dress import dress_array, dress_bytes, dress_record, marks
from framesrv.pool.debug.level import DebugLevel

__all__ = ["DebugLevel", "dress_array", "dress_bytes", "dress_record", "marks"]
