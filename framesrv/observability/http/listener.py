"""A listening socket that keeps few connections waiting for their handshake.

The guard is told of a TLS connection only when its handshake is done. Until then the event loop
keeps it for a minute, and as many of them as come.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

UNGUARDED_MAX: Final = 64


class Listener(socket.socket):
    """Of those that have not done their handshake, the oldest makes room for who comes."""

    def __init__(
        self, family: socket.AddressFamily, kind: socket.SocketKind, guarded: Callable[[], set[int]]
    ) -> None:
        super().__init__(family, kind)
        self._guarded = guarded  # the descriptors of those that the guard looks after
        self._taken: list[socket.socket] = []

    def accept(self) -> tuple[socket.socket, Any]:
        connection, address = super().accept()
        self._taken.append(connection)
        if len(self._taken) > UNGUARDED_MAX:
            guarded = {-1, *self._guarded()}  # -1: it is closed
            self._taken = [one for one in self._taken if one.fileno() not in guarded]
            for oldest in self._taken[:-UNGUARDED_MAX]:
                with suppress(OSError):  # it has gone by itself
                    oldest.shutdown(socket.SHUT_RDWR)  # the event loop closes it
            self._taken = self._taken[-UNGUARDED_MAX:]
        return connection, address
