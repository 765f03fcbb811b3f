"""The gRPC server: its ports and options, its start, its drain and its end."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import grpc
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from framesrv import codecs
from framesrv.errors import BadConfig
from framesrv.transport.address import Address
from framesrv.transport.health import Health
from framesrv.transport.malloc import keep_freed_memory
from framesrv.transport.office import Office
from framesrv.transport.service import SERVICE, Service
from framesrv.transport.settings import TransportSettings

log = logging.getLogger("framesrv.transport")

_PENDING_MAX: Final = 1_000_000
_LINGER_S: Final = 2.0  # for clients to read what was answered, and to hang up
_NAMES: Final = (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)


class Server:
    """Made and used on one event loop."""

    def __init__(
        self,
        office: Office,
        limits: codecs.Limits,
        is_ready: Callable[[], bool],
        tracer: Any = None,  # of OpenTelemetry, where calls are to be traced
    ) -> None:
        self.settings = office.settings
        self.settings.check()
        keep_freed_memory()
        self.service = _service(office, limits, tracer)
        self.health = Health(("", SERVICE), is_ready)
        self._grpc = grpc.aio.server(
            options=_options(self.settings),
            compression=grpc.Compression.Gzip
            if self.settings.compress_answers
            else grpc.Compression.NoCompression,
        )
        self._grpc.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(SERVICE, self.service.handlers()),)
        )
        health_pb2_grpc.add_HealthServicer_to_server(self.health, self._grpc)
        reflection.enable_server_reflection(_NAMES, self._grpc)
        self.addresses: list[Address] = []
        self._drained = False
        self._patrol: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen on every address, or on none and raise BadConfig."""
        for address in self.settings.listen:
            _check_free(address)
            self.addresses.append(self._listen(address))
        self._patrol = asyncio.create_task(self.service.patrol.walk())
        self.health.start()
        await self._grpc.start()

    async def drain(self) -> bool:
        """Answer what was accepted, for at most the grace; whether all of it was."""
        self.service.drain(self.settings.grace_s)
        try:
            await asyncio.wait_for(self.service.quiet(), self.settings.grace_s)
        except TimeoutError:
            return False
        self._drained = True
        return True

    async def stop(self) -> None:
        """Close every connection. Calls that are left are cancelled.

        Without a grace gRPC drops what it has not yet written to the sockets: the last answers.
        """
        if self._patrol is not None:
            self._patrol.cancel()
        await self._grpc.stop(_LINGER_S if self._drained else None)
        for address in self.addresses:
            if address.path:
                with suppress(FileNotFoundError):
                    Path(address.path).unlink()

    def _listen(self, address: Address) -> Address:
        try:
            if self.settings.uses_tls and not address.path:
                port = self._grpc.add_secure_port(str(address), _credentials(self.settings))
            else:
                port = self._grpc.add_insecure_port(str(address))
        except RuntimeError as error:
            raise BadConfig(
                f"cannot listen on {address}: the address is in use, not this machine's, or not "
                "allowed; choose another with --listen (port 0 picks a free one)"
            ) from error
        return address if address.path else address.with_port(port)


def _service(office: Office, limits: codecs.Limits, tracer: Any) -> Service:
    if tracer is None:
        return Service(office, limits)
    from framesrv.transport.traced import TracedService

    return TracedService(office, limits, tracer)


def _options(settings: TransportSettings) -> list[tuple[str, int]]:
    keepalive_ms = round(settings.keepalive_s * 1000)
    return [
        ("grpc.max_receive_message_length", settings.max_message_bytes),
        ("grpc.max_send_message_length", settings.max_message_bytes),
        ("grpc.max_concurrent_streams", settings.max_connection_streams),
        # Of calls that wait to be looked at gRPC refuses some from 1,000 on, without a word of when
        # to come back. Those of a connection are bounded above, and refusing is ours.
        ("grpc.server.max_pending_requests", _PENDING_MAX),
        ("grpc.server.max_pending_requests_hard_limit", _PENDING_MAX),
        ("grpc.so_reuseport", 0),  # else a second server would silently share the port
        ("grpc.keepalive_time_ms", keepalive_ms),
        ("grpc.keepalive_timeout_ms", round(settings.keepalive_timeout_s * 1000)),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", 5000),
        ("grpc.http2.max_ping_strikes", 5),
    ]


def _credentials(settings: TransportSettings) -> grpc.ServerCredentials:
    if settings.tls_cert is None or settings.tls_key is None:
        raise BadConfig("TLS needs a certificate and its key")
    pair = (settings.tls_key.read_bytes(), settings.tls_cert.read_bytes())
    ca = settings.tls_client_ca
    return grpc.ssl_server_credentials(
        [pair],
        root_certificates=ca.read_bytes() if ca is not None else None,
        require_client_auth=ca is not None,
    )


def _check_free(address: Address) -> None:
    """A socket file that nobody listens on was left by a server that died: it may go."""
    if not address.path:
        return
    path = Path(address.path)
    if not path.exists():
        if not path.parent.is_dir():
            raise BadConfig(f"cannot listen on {address}: there is no folder {path.parent}")
        return
    if not path.is_socket():
        raise BadConfig(f"cannot listen on {address}: there is a file of that name; move it away")
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(address.path)
        except OSError:
            path.unlink()
            return
    raise BadConfig(f"cannot listen on {address}: another program listens there")
