"""Who is measured beside framesrv, and how each is run."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from benchmarks.peers import clients, thumbor_files
from benchmarks.peers.clients import Connect

_CORES: Final = str(len(os.sched_getaffinity(0)))


def _nothing(folder: Path, frames: Sequence[bytes]) -> None:
    """Most peers are sent what they need."""


def _no_environment(folder: Path) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class Peer:
    key: str
    name: str
    libraries: tuple[str, ...]  # whose versions are told
    how: str
    arguments: Callable[[int, Path], Sequence[str]]  # for python: the port and a folder to use
    connect: Connect
    environment: Callable[[Path], Mapping[str, str]] = _no_environment
    prepare: Callable[[Path, Sequence[bytes]], None] = _nothing
    judged: bool = True  # whether framesrv is held against it, or it is there to explain

    def versions(self) -> str:
        return ", ".join(f"{library} {version(library)}" for library in self.libraries)

    def missing(self) -> list[str]:
        return [library for library in self.libraries if not _installed(library)]


def _installed(library: str) -> bool:
    try:
        version(library)
    except PackageNotFoundError:
        return False
    return True


def _ours(module: str, port: int, folder: Path) -> list[str]:
    return ["-m", f"benchmarks.peers.{module}", str(port)]


def _uvicorn(port: int, folder: Path) -> list[str]:
    where = ["--host", "127.0.0.1", "--port", str(port), "--workers", _CORES]
    quiet = ["--no-access-log", "--log-level", "warning"]
    return ["-m", "uvicorn", "benchmarks.peers.starlette_app:app", *where, *quiet]


def _mosec(port: int, folder: Path) -> list[str]:
    where = ["--address", "127.0.0.1", "--port", str(port), "--path", str(folder / "mosec")]
    return ["-m", "benchmarks.peers.mosec_server", *where, "--log-level", "warning"]


def _thumbor(port: int, folder: Path) -> list[str]:
    where = ["--ip", "127.0.0.1", "--port", str(port), "--processes", _CORES]
    configured = ["--conf", str(folder / thumbor_files.CONFIG), "--log-level", "error"]
    return ["-m", "thumbor.server", *where, *configured]


def _ray(port: int, folder: Path) -> list[str]:
    return ["-m", "benchmarks.peers.ray_server", str(port), str(folder)]


def _kept_pages(folder: Path) -> Mapping[str, str]:
    """The C library then hands the same pages out again; framesrv asks for it by itself."""
    return {"MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str(1 << 30)}


def _ray_environment(folder: Path) -> Mapping[str, str]:
    proxy = folder / "proxy"
    return {
        # What its documentation names for high throughput.
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
        # Tells nobody, listens on loopback, and leaves nothing behind.
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # a node that is reached by its loopback address
        "RAY_AUTH_TOKEN": secrets.token_hex(32),  # else it makes one in the home folder
        "DASHBOARD_METRIC_PORT": "0",
        "AUTOSCALER_METRIC_PORT": "0",
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(proxy / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(proxy / "admin.sock"),
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(proxy / "metrics.sock"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(proxy),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(proxy / "server-state"),
    }


PEERS: Final = (
    Peer(
        "grpcio",
        "plain grpcio",
        ("grpcio",),
        f"one process, a pool of {_CORES} threads, protobuf messages",
        partial(_ours, "grpcio_server"),
        clients.over_grpc,
    ),
    Peer(
        "grpcio_kept",
        "plain grpcio, malloc tuned",
        ("grpcio",),
        "the same, the C library told to keep its pages; for information",
        partial(_ours, "grpcio_server"),
        clients.over_grpc,
        environment=_kept_pages,
        judged=False,
    ),
    Peer(
        "starlette",
        "Starlette",
        ("starlette", "uvicorn"),
        f"uvicorn with uvloop and httptools, {_CORES} workers, the work in the thread pool",
        _uvicorn,
        clients.posted("/frame"),
    ),
    Peer(
        "litserve",
        "LitServe",
        ("litserve",),
        f"{_CORES} workers, {_CORES} API servers, fast_queue, the frame as the body",
        partial(_ours, "litserve_server"),
        clients.posted("/frame"),
    ),
    Peer(
        "mosec",
        "mosec",
        ("mosec",),
        f"{_CORES} workers, bytes in and out",
        _mosec,
        clients.posted("/inference"),
    ),
    Peer(
        "ray",
        "Ray Serve",
        ("ray",),
        f"{_CORES} replicas, HAProxy ingress, throughput-optimized",
        _ray,
        clients.posted("/frame"),
        environment=_ray_environment,
    ),
    Peer(
        "thumbor",
        "thumbor",
        ("thumbor",),
        f"{_CORES} processes, reads files itself, Pillow, stores nothing",
        _thumbor,
        clients.fetched,
        prepare=thumbor_files.prepare,
    ),
    Peer(
        "imagezmq",
        "imagezmq",
        ("imagezmq",),
        "one ImageHub, REQ/REP, the result as the reply",
        partial(_ours, "imagezmq_server"),
        clients.over_zmq,
    ),
)


def require(peers: Sequence[Peer]) -> None:
    """One line that says what to do, in place of a run that says so seven times."""
    missing = sorted({library for peer in peers for library in peer.missing()})
    if missing:
        raise SystemExit(
            f"benchmarks: not installed here: {', '.join(missing)}; run: make bench-peers"
        )
