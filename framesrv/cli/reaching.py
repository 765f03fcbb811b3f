"""A client for the server that the options name; what is wrong with them is a Fault."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from framesrv.cli.outcome import Exit, Fault
from framesrv.client import CallFailed, FrameClient

_REACH_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Server:
    """The options that say where it is."""

    to: str
    timeout_s: float
    tls_ca: Path | None
    tls_cert: Path | None
    tls_key: Path | None

    def client(self) -> FrameClient:
        try:
            return FrameClient(
                self.to,
                tls_ca=self.tls_ca,
                tls_cert=self.tls_cert,
                tls_key=self.tls_key,
                timeout_s=self.timeout_s,
            )
        except ValueError as error:
            raise Fault(f"--to: {error}") from None
        except OSError as error:
            raise Fault(
                f"{error.filename}: {error.strerror}; --tls-ca, --tls-cert and --tls-key are PEM "
                "files"
            ) from None

    def reach(self, client: FrameClient) -> None:
        """Nothing is written before the server is there."""
        try:
            client.info(deadline_s=min(_REACH_S, self.timeout_s))
        except CallFailed as error:
            raise refused(error) from None


def refused(error: CallFailed) -> Fault:
    return Fault(str(error), Exit.SERVER)
