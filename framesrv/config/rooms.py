"""Every room's settings, side by side, with their tables in the file and their flags."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from framesrv import codecs
from framesrv.config.setting import PREFIX, Setting, settings_of
from framesrv.engine import EngineSettings
from framesrv.observability.http.settings import HttpSettings
from framesrv.observability.logs.settings import LogSettings
from framesrv.observability.tracing.settings import TracingSettings
from framesrv.pipeline.limits import PipelineLimits
from framesrv.protocol.wire import WireLimits
from framesrv.streams import FanOutSettings, StreamSettings
from framesrv.transport.settings import TransportSettings

CONFIG_FLAG: Final = "--config"
CONFIG_VARIABLE: Final = PREFIX + "CONFIG"
BUILT_IN: Final = "default"


@dataclass(frozen=True, slots=True)
class GeneralSettings:
    """What stands in the file above all tables."""

    processors: tuple[str, ...] = field(
        default=(),
        metadata={"help": "the operator's own operations, each name=package.module:attribute"},
    )
    default_pipeline: str = field(
        default=BUILT_IN,
        metadata={"help": "the pipeline of those who name none; default is the built-in one"},
    )


ROOMS: Final = MappingProxyType(
    {
        "": GeneralSettings,
        "engine": EngineSettings,
        "images": codecs.Limits,
        "pipeline": PipelineLimits,
        "wire": WireLimits,
        "streams": StreamSettings,
        "fan_out": FanOutSettings,
        "transport": TransportSettings,
        "http": HttpSettings,
        "log": LogSettings,
        "tracing": TracingSettings,
    }
)
# The settings that are worth a flag.
FLAGS: Final = MappingProxyType(
    {
        "processors": "--processor",
        "engine.workers": "--workers",
        "transport.listen": "--listen",
        "transport.tls_cert": "--tls-cert",
        "transport.tls_key": "--tls-key",
        "transport.tls_client_ca": "--tls-client-ca",
        "transport.insecure_public": "--insecure-public",
        "transport.grace_s": "--grace",
        "http.address": "--http",
        "http.token_file": "--http-token-file",
        "http.previews": "--previews",
        "http.websocket": "--websocket",
        "log.level": "--log-level",
        "log.format": "--log-format",
        "tracing.enabled": "--tracing",
    }
)
# What the wire refuses early is what the pipeline would refuse: one setting, not two.
FOLLOWS: Final = MappingProxyType(
    {"wire.max_outputs": "pipeline.max_outputs", "wire.max_ops": "pipeline.max_ops"}
)


@cache
def all_settings() -> dict[str, Setting]:
    """By name, in the order in which they are shown."""
    return {
        setting.name: setting
        for room, kind in ROOMS.items()
        for setting in settings_of(room, kind, dict(FLAGS), frozenset(FOLLOWS))
    }


def build(values: dict[str, Any]) -> dict[str, Any]:
    """The rooms' settings, by room, from the values of all settings by name."""
    values = values | {name: values[source] for name, source in FOLLOWS.items()}
    built = {}
    for room, kind in ROOMS.items():
        within = {
            name.rpartition(".")[2]: value
            for name, value in values.items()
            if name.rpartition(".")[0] == room
        }
        built[room] = kind(**within)
    return built
