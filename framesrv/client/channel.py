"""Where the server is, and how it is spoken to."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc
import grpc.aio

StrPath = str | os.PathLike[str]
Options = Sequence[tuple[str, str | int]]

# The server's own limits are checked before sending; gRPC's default of 4 MiB is no limit of ours.
# A connection of its own for each client: load is spread, and one's back-off is not another's.
OPTIONS: Options = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
)

_HOST_PORT = re.compile(r"^(\[[^\]]+\]|[^:\s]+):(\d{1,5})$")


@dataclass(frozen=True)
class Target:
    address: str
    credentials: grpc.ChannelCredentials | None
    options: Options

    def channel(self) -> grpc.Channel:
        if self.credentials is None:
            return grpc.insecure_channel(self.address, self.options)
        return grpc.secure_channel(self.address, self.credentials, self.options)

    def aio_channel(self) -> grpc.aio.Channel:
        if self.credentials is None:
            return grpc.aio.insecure_channel(self.address, self.options)
        return grpc.aio.secure_channel(self.address, self.credentials, self.options)


def target(
    address: str,
    tls_ca: StrPath | None = None,
    tls_cert: StrPath | None = None,
    tls_key: StrPath | None = None,
    options: Options = (),
) -> Target:
    """``tls_ca`` (or a certificate with its key) makes it a TLS connection; all are PEM files."""
    return Target(check_address(address), _credentials(tls_ca, tls_cert, tls_key),
                  (*OPTIONS, *options))  # fmt: skip


def check_address(address: str) -> str:
    """
    >>> check_address("127.0.0.1:50051"), check_address("unix:/run/framesrv.sock")
    ('127.0.0.1:50051', 'unix:/run/framesrv.sock')
    """
    if address.startswith("unix:") and len(address) > len("unix:"):
        return address
    match = _HOST_PORT.match(address)
    if match is None or not 0 < int(match[2]) < 65536:
        raise ValueError(f"not an address: {address!r}; give HOST:PORT or unix:PATH")
    return address


def _credentials(
    ca: StrPath | None, cert: StrPath | None, key: StrPath | None
) -> grpc.ChannelCredentials | None:
    if (cert is None) != (key is None):
        raise ValueError("tls_cert and tls_key go together: give both or neither")
    if ca is None and cert is None:
        return None
    pem = [None if path is None else Path(path).read_bytes() for path in (ca, key, cert)]
    return grpc.ssl_channel_credentials(*pem)
