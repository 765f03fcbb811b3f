"""Where a server listens: HOST:PORT or unix:PATH, and whether strangers could reach it there."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import PurePosixPath

from framesrv.errors import BadConfig

_UNIX_PATH_BYTES_MAX = 107  # of sockaddr_un on Linux, without the last zero


@dataclass(frozen=True, slots=True)
class Address:
    """
    >>> Address.parse("127.0.0.1:50051"), Address.parse("[::1]:0").is_loopback
    (Address(host='127.0.0.1', port=50051, path=''), True)
    >>> str(Address.parse("unix:/tmp/f.sock")), Address.parse("0.0.0.0:1").is_loopback
    ('unix:/tmp/f.sock', False)
    """

    host: str = ""
    port: int = 0
    path: str = ""

    @classmethod
    def parse(cls, text: str) -> Address:
        """Raises BadConfig, which says what is allowed."""
        if text.startswith("unix:"):
            return cls._parse_path(text)
        host, colon, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not colon or not host or not (port.isascii() and port.isdigit()):
            raise BadConfig(
                f"{text[:80]!r} is not an address: use HOST:PORT (127.0.0.1:50051, port 0 picks "
                "one) or unix:PATH"
            )
        if len(port) > 5 or int(port) > 65535:
            raise BadConfig(f"port {port[:10]} of {text[:80]!r} must be 0 to 65535")
        return cls(host, int(port))

    @classmethod
    def _parse_path(cls, text: str) -> Address:
        path = text.removeprefix("unix:")
        if not path or not PurePosixPath(path).name:
            raise BadConfig(f"{text[:80]!r} names no socket file: use unix:/run/framesrv.sock, say")
        if len(path.encode()) > _UNIX_PATH_BYTES_MAX:
            raise BadConfig(
                f"the path in {text[:40]!r}... has {len(path.encode())} bytes and may have "
                f"{_UNIX_PATH_BYTES_MAX}"
            )
        return cls(path=path)

    @property
    def is_loopback(self) -> bool:
        """Whether only programs on this machine can connect."""
        if self.path or self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False  # a name: who knows where it leads

    def with_port(self, port: int) -> Address:
        return Address(self.host, port, self.path)

    def __str__(self) -> str:
        if self.path:
            return f"unix:{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"
