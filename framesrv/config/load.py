"""All of the configuration, read once and sealed; or every fault in it, at once."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from framesrv.app import AppSettings
from framesrv.config.effective import effective
from framesrv.config.faults import Wrong, faults_of, refuse, told, unknown
from framesrv.config.pipelines import read_pipelines
from framesrv.config.pools import Origins, read_pools
from framesrv.config.rooms import BUILT_IN, CONFIG_FLAG, CONFIG_VARIABLE, all_settings, build
from framesrv.config.sources import File, Raw, from_environ, from_flags
from framesrv.config.values import read_value
from framesrv.errors import BadConfig, Refused
from framesrv.observability.http.settings import HttpSettings
from framesrv.observability.logs.settings import LogSettings
from framesrv.ops.processors import Processors, from_spec
from framesrv.pipeline.limits import PipelineLimits
from framesrv.pipeline.plan import Plan
from framesrv.pipeline.plans import DEFAULT_PIPELINE
from framesrv.pipeline.spec import PipelineSpec
from framesrv.pool import PoolSettings
from framesrv.transport.settings import TransportSettings


@dataclass(frozen=True, slots=True)
class Configuration:
    settings: AppSettings
    log: LogSettings
    processors: Processors
    values: Mapping[str, Any]  # by the setting's name
    origins: Mapping[str, str]  # of those that are not a default
    pool_origins: Mapping[str, str]  # by variable
    file: Path | None


def load(
    flags: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    config: Path | None = None,
) -> Configuration:
    """Raises BadConfig, which lists every fault. ``flags`` are by the names of the settings."""
    return _Loader(flags or {}, os.environ if environ is None else environ, config).load()


class _Loader:
    def __init__(
        self, flags: Mapping[str, object], environ: Mapping[str, str], config: Path | None
    ) -> None:
        self.faults: list[str] = []
        self._environ = environ
        named = CONFIG_FLAG if config else CONFIG_VARIABLE
        path = config or environ.get(CONFIG_VARIABLE)
        self._file = File(Path(path) if path else None, named, self.faults)
        self._raws: dict[str, Raw] = {
            **self._file.raws(self.faults),
            **from_environ(environ, self.faults),
            **from_flags(flags),
        }

    def load(self) -> Configuration:
        values = self._values()
        rooms = build(values)
        pools, pool_origins = read_pools(self._file, self._environ, self.faults)
        processors = self._processors(rooms[""].processors)
        named, default = self._pipelines(rooms[""].default_pipeline, rooms["pipeline"], processors)
        self.faults += _listening_faults(rooms["transport"], rooms["http"])
        self.faults += rooms["tracing"].faults()
        refuse(self.faults)
        settings = AppSettings(
            pools=_there(pools),
            engine=rooms["engine"],
            images=rooms["images"],
            pipeline=rooms["pipeline"],
            wire=rooms["wire"],
            streams=rooms["streams"],
            fan_out=rooms["fan_out"],
            transport=rooms["transport"],
            http=rooms["http"],
            tracing=rooms["tracing"],
            pipelines=MappingProxyType(named),
            default_pipeline=default,
            effective=tuple(
                effective(
                    values,
                    origins={name: raw.origin for name, raw in self._raws.items()},
                    pools=_there(pools),
                    pool_origins=pool_origins,
                    pipelines=named,
                    file=self._file.path,
                )
            ),
        )
        return self._sealed(settings, rooms["log"], processors, values, pool_origins)

    def _sealed(
        self,
        settings: AppSettings,
        log: LogSettings,
        processors: Processors,
        values: dict[str, Any],
        pool_origins: Origins,
    ) -> Configuration:
        origins = {name: raw.origin for name, raw in self._raws.items()}
        return Configuration(
            settings,
            log,
            processors,
            MappingProxyType(values),
            MappingProxyType(origins),
            MappingProxyType(pool_origins),
            self._file.path,
        )

    def _values(self) -> dict[str, Any]:
        values = {}
        for name, setting in all_settings().items():
            values[name] = setting.default
            raw = self._raws.get(name)
            if raw is None:
                continue
            try:
                values[name] = read_value(raw.value, setting)
            except Wrong as wrong:
                self.faults.append(told(raw.name, raw.value, wrong))
        return values

    def _processors(self, specs: tuple[str, ...]) -> Processors:
        processors = Processors()
        for spec in specs:
            try:
                processors.install(*from_spec(spec))
            except BadConfig as fault:
                self.faults.append(str(fault))
        return processors

    def _pipelines(
        self, default: str, limits: PipelineLimits, processors: Processors
    ) -> tuple[dict[str, PipelineSpec], PipelineSpec]:
        unread = len(self.faults)
        named = read_pipelines(self._file, self.faults)
        if len(self.faults) == unread:  # else half of them are missing something
            for name, spec in named.items():
                try:
                    Plan(spec, limits, processors)
                except Refused as refused:
                    where = self._file.named(f"pipelines.{name}")
                    self.faults.append(f"{where}: {refused.message}")
        if default in named:
            return named, named[default]
        if default != BUILT_IN:
            told_as = self._raws["default_pipeline"].name
            known = [*named, BUILT_IN]
            offered = f"a pipeline (there are: {', '.join(known)})"
            self.faults.append(unknown(default, offered, known, f"{told_as}: {default!r}"))
        return named, DEFAULT_PIPELINE


def _listening_faults(transport: TransportSettings, http: HttpSettings) -> list[str]:
    faults = []
    try:
        transport.check()
        faults += _pair_faults(transport)
    except BadConfig as error:
        faults += faults_of(error)
    return faults + http.faults(
        insecure_public=transport.insecure_public, uses_tls=transport.uses_tls
    )


def _pair_faults(transport: TransportSettings) -> list[str]:
    """gRPC would call a certificate that it cannot read an address that is in use."""
    cert, key, ca = transport.tls_cert, transport.tls_key, transport.tls_client_ca
    faults = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if cert is not None and key is not None:
        try:
            # Asked for a passphrase, it would wait for somebody to type one.
            context.load_cert_chain(cert, key, password=lambda: b"")
        except OSError as error:
            faults.append(
                f"--tls-cert {cert} and --tls-key {key} must be a certificate and its key, both in "
                f"PEM and without a passphrase: {_reason(error)}"
            )
    if ca is not None:
        try:
            context.load_verify_locations(ca)
        except OSError as error:
            faults.append(f"--tls-client-ca {ca} must be certificates in PEM: {_reason(error)}")
    return faults


def _reason(error: OSError) -> str:
    reason = getattr(error, "reason", None) or error.strerror or type(error).__name__
    return str(reason).lower().replace("_", " ")


def _there(pools: PoolSettings | None) -> PoolSettings:
    if pools is None:
        raise RuntimeError("pools that could not be read were not reported")
    return pools
