"""How this room says no.

Two errors: ``Refused`` goes to the client and is worded here; ``Broken`` stays inside, and
stands for whatever a library said about the data, which nobody outside may read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from framesrv.errors import Reason, Refused


class Broken(Exception):
    """The pixels cannot be had from these bytes."""


def corrupt(message: str) -> Refused:
    return Refused(Reason.IMAGE_CORRUPT, message)


def unsupported(message: str) -> Refused:
    return Refused(Reason.UNSUPPORTED_PAYLOAD, message)


def too_large(message: str) -> Refused:
    return Refused(Reason.IMAGE_TOO_LARGE, message)


def decoded_by(function: Callable[..., Any], *args: Any, **settings: Any) -> Any:
    """Call a library's decoder. Whatever it raises says that the data is broken.

    The kinds are many: on hostile bytes ``png_decode`` has raised ValueError, RuntimeError and
    UnicodeDecodeError. So all are caught, and only this one call is inside. That there is no
    memory is no fault of the data.
    """
    try:
        return function(*args, **settings)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001, S110, RUF100 - see above
        pass
    # Outside the handler: no context, so neither the library's text nor its frames go along.
    raise Broken
