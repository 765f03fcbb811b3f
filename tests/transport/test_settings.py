"""Where a server may listen, and with which certificates."""

from __future__ import annotations

from pathlib import Path

import pytest

from framesrv.errors import BadConfig
from framesrv.transport.address import Address
from framesrv.transport.settings import TransportSettings

PUBLIC = (Address.parse("0.0.0.0:50051"),)


def test_the_defaults_are_for_this_machine_only() -> None:
    settings = TransportSettings()
    settings.check()
    assert all(address.is_loopback for address in settings.listen)
    assert not settings.uses_tls


def test_plaintext_beyond_this_machine_must_be_said() -> None:
    with pytest.raises(BadConfig, match=r"0\.0\.0\.0:50051.*--tls-cert.*--insecure-public"):
        TransportSettings(listen=PUBLIC).check()
    TransportSettings(listen=PUBLIC, insecure_public=True).check()


def test_certificates_are_enough_to_be_public(tmp_path: Path) -> None:
    cert, key = tmp_path / "cert", tmp_path / "key"
    cert.touch()
    key.touch()
    TransportSettings(listen=PUBLIC, tls_cert=cert, tls_key=key).check()


def test_all_faults_at_once(tmp_path: Path) -> None:
    settings = TransportSettings(
        listen=(), tls_cert=tmp_path / "none", tls_client_ca=tmp_path / "neither"
    )
    with pytest.raises(BadConfig) as refusal:
        settings.check()
    text = str(refusal.value)
    for part in ("listen is empty", "--tls-key", "none: there is no", "neither: there is no"):
        assert part in text


def test_a_client_ca_alone_secures_nothing(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="--tls-client-ca needs"):
        TransportSettings(tls_client_ca=tmp_path / "ca").check()
