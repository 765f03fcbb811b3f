"""Which buffers a frame's work needs at once, and which steps can share one."""

from __future__ import annotations

from framesrv.pool.manager import Request

Shape = tuple[int, ...]


class Places:
    """Names for the buffers of one frame: a place is free again when nobody reads it any more.

    >>> places = Places()
    >>> first = places.array((2, 2, 3))
    >>> places.free(first)
    >>> places.array((2, 2, 3)) == first, places.array((2, 2, 3)) == first
    (True, False)
    """

    def __init__(self) -> None:
        self.requests: dict[str, Request] = {}
        self._free: dict[Shape, list[str]] = {}

    def array(self, shape: Shape) -> str:
        """A place for an array of exactly this shape."""
        if free := self._free.get(shape):
            return free.pop()
        return self._add("array", shape)

    def bytes_buffer(self, pool: str) -> str:
        """A place for encoded bytes; its own for each output, since all leave together."""
        return self._add(pool, pool)

    def free(self, place: str) -> None:
        """Whatever reads this place is through with it."""
        request = self.requests[place]
        if isinstance(request, tuple):
            self._free.setdefault(request, []).append(place)

    def _add(self, kind: str, request: Request) -> str:
        place = f"{kind}.{len(self.requests)}"
        self.requests[place] = request
        return place
