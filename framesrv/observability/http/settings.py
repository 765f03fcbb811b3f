"""Where the HTTP listener listens, and who may ask it."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from framesrv.errors import BadConfig

_PORT_MAX: Final = 65535
_HOST_MAX: Final = 253
_is_name = re.compile(r"[A-Za-z0-9_.-]{1,253}").fullmatch


@dataclass(frozen=True, slots=True)
class HttpAddress:
    """
    >>> str(HttpAddress.parse("[::1]:9464")), HttpAddress.parse("0.0.0.0:0").is_loopback
    ('[::1]:9464', False)
    """

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> HttpAddress:
        host, _, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not host or not (port.isascii() and port.isdigit()) or int(port[:6]) > _PORT_MAX:
            raise BadConfig(
                f"{text[:80]!r} is not an address for HTTP: use HOST:PORT, a port of 0 to "
                f"{_PORT_MAX} (0 picks a free one), or off"
            )
        return cls(host, int(port))

    @property
    def is_loopback(self) -> bool:
        """Whether only programs on this machine can connect."""
        try:
            return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False  # a name: who knows where it leads

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class HttpSettings:
    address: HttpAddress | None = field(
        default=HttpAddress("127.0.0.1", 9464),
        metadata={
            "help": "where the dashboard, /metrics, /healthz and /readyz are served; off for "
            "nowhere"
        },
    )
    token_file: Path | None = field(
        default=None,
        metadata={"help": "a file with the token that all but /healthz and /readyz ask for"},
    )
    hosts: tuple[str, ...] = field(
        default=(),
        metadata={
            "help": "names that the server may be asked by, besides IP addresses, localhost and "
            "the name in address"
        },
    )
    previews: bool = field(
        default=False,
        metadata={"help": "whether the dashboard may show pictures of published streams"},
    )
    websocket: bool = field(
        default=False,
        metadata={
            "help": "whether browsers may send frames and watch published streams, over WebSocket"
        },
    )
    max_websocket_bytes: int = field(
        default=8 * 1024 * 1024,
        metadata={
            "help": "of one message over WebSocket that comes in, if transport.max_message_bytes "
            "is not less",
            "least": 1024,
            "most": 2**31 - 1,
        },
    )

    @property
    def is_public(self) -> bool:
        """Whether other machines can reach it."""
        return self.address is not None and not self.address.is_loopback

    def faults(self, *, insecure_public: bool, uses_tls: bool = True) -> list[str]:
        """Beyond loopback it takes a token, or somebody who says that it does not."""
        faults = []
        if self.is_public and self.token_file is None and not insecure_public:
            faults.append(
                f"--http {self.address} can be reached from other machines and asks nobody who "
                "they are: give --http-token-file FILE, listen on 127.0.0.1, or say "
                "--insecure-public if the network is trusted"
            )
        elif self.is_public and self.websocket and not uses_tls and not insecure_public:
            faults.append(
                f"--http {self.address} can be reached from other machines, and without TLS "
                "anybody on the way can read the frames that are sent over --websocket: give "
                "certificates (--tls-cert FILE --tls-key FILE), listen on 127.0.0.1, or say "
                "--insecure-public if the network is trusted"
            )
        faults += [
            f"http.hosts has {host[:_HOST_MAX]!r}, which is not the name of a host: leave out "
            "scheme, port and path"
            for host in self.hosts
            if not _is_name(host)
        ]
        if self.token_file is not None:
            try:
                self.token()
            except BadConfig as fault:
                faults.append(str(fault))
        return faults

    def token(self) -> str | None:
        """What a caller must send as ``Authorization: Bearer``; None: nothing."""
        if self.token_file is None:
            return None
        name = f"--http-token-file {self.token_file}"
        try:
            token = self.token_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not a text"
            raise BadConfig(f"{name} cannot be read: {why}") from None
        if not token or not all("!" <= character <= "~" for character in token):
            raise BadConfig(
                f"{name} must hold one token of visible ASCII characters, such as `openssl rand "
                "-hex 32` makes"
            )
        return token
