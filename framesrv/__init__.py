"""A video frame-processing server whose memory is bounded by construction.

Importing this package loads nothing else; a room is loaded when it is first asked for.
"""

__version__: str

_ROOMS = ("client", "errors", "frames", "pool")


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("framesrv")
    if name in _ROOMS:
        from importlib import import_module

        return import_module(f"framesrv.{name}")
    raise AttributeError(f"module 'framesrv' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), "__version__", *_ROOMS])
