"""Where and how the gRPC server listens."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from framesrv.errors import BadConfig
from framesrv.transport.address import Address

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class TransportSettings:
    listen: tuple[Address, ...] = field(
        default=(Address("127.0.0.1", 50051),),
        metadata={"help": "where gRPC is served: HOST:PORT or unix:PATH, each"},
    )
    tls_cert: Path | None = field(default=None, metadata={"help": "the certificate, in PEM"})
    tls_key: Path | None = field(default=None, metadata={"help": "its private key, in PEM"})
    tls_client_ca: Path | None = field(
        default=None,
        metadata={"help": "clients must show a certificate signed by it"},
    )
    insecure_public: bool = field(
        default=False,
        metadata={"help": "allow plaintext beyond loopback; warned of at each start"},
    )
    max_message_bytes: int = field(
        default=68 * MIB,
        metadata={"help": "of one gRPC message, either way", "least": 1024, "most": 2**31 - 1},
    )
    max_connection_streams: int = field(
        default=256,
        metadata={"help": "calls at once on one connection", "least": 1, "most": 100_000},
    )
    keepalive_s: float = field(
        default=30.0,
        metadata={
            "help": "how often a silent connection is asked whether it lives",
            "least": 1,
            "most": 86400,
        },
    )
    keepalive_timeout_s: float = field(
        default=20.0,
        metadata={"help": "how long its answer may take", "least": 1, "most": 86400},
    )
    compress_answers: bool = field(
        default=False,
        metadata={"help": "by gzip: for raw outputs over slow lines"},
    )
    grace_s: float = field(
        default=10.0,
        metadata={"help": "after SIGTERM, for what was accepted", "least": 0, "most": 3600},
    )

    @property
    def uses_tls(self) -> bool:
        return self.tls_cert is not None

    def check(self) -> None:
        """Raise BadConfig where strangers could listen in, or the certificates are not whole."""
        faults = [*self._tls_faults()]
        if not self.listen:
            faults.append("listen is empty: give at least one address, such as 127.0.0.1:50051")
        public = [str(address) for address in self.listen if not address.is_loopback]
        if public and not self.uses_tls and not self.insecure_public:
            faults.append(
                f"{', '.join(public)} can be reached from other machines, and without TLS anybody "
                "there can read and send frames. Give certificates (--tls-cert FILE --tls-key "
                "FILE, and --tls-client-ca FILE to know the clients), listen on 127.0.0.1, or say "
                "--insecure-public if the network is trusted"
            )
        if faults:
            raise BadConfig("the server cannot listen like this:\n- " + "\n- ".join(faults))

    def _tls_faults(self) -> list[str]:
        faults = []
        if (self.tls_cert is None) != (self.tls_key is None):
            faults.append("--tls-cert and --tls-key go together: give both or neither")
        if self.tls_client_ca is not None and self.tls_cert is None:
            faults.append("--tls-client-ca needs --tls-cert and --tls-key as well")
        for flag, path in (
            ("--tls-cert", self.tls_cert),
            ("--tls-key", self.tls_key),
            ("--tls-client-ca", self.tls_client_ca),
        ):
            if path is not None and not path.is_file():
                faults.append(f"{flag} {path}: there is no such file")
        return faults
