"""A processor that the server's operator installed, as an operation like any other."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from framesrv.errors import Reason, Refused
from framesrv.frames.faults import Fault, short
from framesrv.ops.processors import Installed, Options, Process, Processor, Processors
from framesrv.ops.rules import MAX_PIXELS, MAX_SIDE, refuse_planar
from framesrv.ops.step import Form, Pixels, Step

__all__ = ["BoundCustom", "Custom", "Processor", "Processors"]

_logger = logging.getLogger("framesrv.processors")
_LOG_CHARS_MAX: Final = 16_384
_CHAIN_MAX: Final = 32
_NAMES_MAX: Final = 32
# What a processor may answer by itself, in its own words, when asked for the form of a result.
_MAY_REFUSE: Final = frozenset({Reason.BAD_GEOMETRY, Reason.BAD_PIPELINE})


@dataclass(frozen=True, slots=True)
class Custom:
    """As it came, by name. What can be run is what ``bind`` returns."""

    processor: str = ""
    options: tuple[tuple[str, str], ...] = ()

    def faults(self) -> list[Fault]:
        return []  # whether there is such a processor is asked of the registry

    def bind(self, processors: Processors) -> BoundCustom:
        found = processors.find(self.processor)
        if found is None:
            names = processors.names()
            listed = ", ".join(names[:_NAMES_MAX]) or "none"
            more = f" and {len(names) - _NAMES_MAX} more" if len(names) > _NAMES_MAX else ""
            raise Refused(
                Reason.UNKNOWN_PROCESSOR,
                f"there is no processor {short(self.processor)}; installed: {listed}{more}",
            )
        return BoundCustom(self.processor, self.options, found)

    def step(self, form: Form) -> Step:
        raise RuntimeError("a Custom is bound to its processor before it is planned")


@dataclass(frozen=True, slots=True)
class BoundCustom:
    processor: str
    options: tuple[tuple[str, str], ...]
    installed: Installed = field(repr=False)

    def faults(self) -> list[Fault]:
        return []

    def step(self, form: Form) -> Step:
        refuse_planar("custom", form)
        options = MappingProxyType(dict(self.options))
        result = self._result(form, options)
        name, process = self.processor, self.installed.process

        def work(src: Pixels, dst: Pixels) -> Pixels:
            # What the processor leaves out would show an earlier client's pixels.
            dst.fill(0)
            # Derived views, so that the pool can see a kept one.
            seen, target = src[...], dst[...]
            seen.flags.writeable = False
            if _guarded(name, _call, process, seen, target, options) is _FAILED:
                del seen, target, src, dst  # nor do the frames of the error keep any
                raise _failure(name)
            return dst

        return Step(result, work)

    def _result(self, form: Form, options: Options) -> Form:
        result = _guarded(self.processor, _ask, self.installed, form, options)
        if isinstance(result, Refused):
            raise result
        if result is _FAILED:
            raise _failure(self.processor)
        return Form(result.width, result.height, result.format)


def _call(process: Process, src: Pixels, dst: Pixels, options: Options) -> None:
    returned = process(src, dst, options)
    # Often the result itself, in an array of its own, and dst was never written.
    if returned is not None and returned is not dst:
        raise TypeError(
            f"the processor returned {short(returned)}: it must write into dst, and return "
            "nothing or dst"
        )


def _ask(installed: Installed, form: Form, options: Options) -> Form | Refused:
    try:
        result = installed.output(form, options)
    except Refused as refused:
        if refused.reason in _MAY_REFUSE:
            return Refused(refused.reason, refused.message)
        raise
    if not isinstance(result, Form):
        raise TypeError(f"output() returned {short(result)} and must return a Form")
    layout = result.layout
    for fault in layout.faults():
        raise ValueError(f"output() chose a form whose {fault}")
    if layout.is_planar:
        raise ValueError(f"output() chose {result.format.name}, which only a conversion makes")
    if max(result.width, result.height) > MAX_SIDE or result.width * result.height > MAX_PIXELS:
        raise ValueError(f"output() chose {result.width}x{result.height}, which is over the caps")
    return result


_FAILED: Final[Any] = object()


def _guarded(name: str, call: Callable[..., Any], *args: Any) -> Any:
    """What ``call`` returns; or ``_FAILED``, and the log has the exception.

    The client's error is raised after this has returned, so that the original, whose frames
    hold the arrays, is not its context.
    """
    try:
        return call(*args)
    except Exception as error:
        text = "".join(traceback.format_exception(error))
        _logger.error("processor %s failed:\n%s", name, text[-_LOG_CHARS_MAX:])
        _let_go(error)
        return _FAILED


def _let_go(error: BaseException | None) -> None:
    """Empty the frames of an exception, which somebody may keep.

    A local in one of them may be a view of a leased array, and that would keep its buffer out
    of use. For the same reason the log is given text and not the exception.
    """
    for _ in range(_CHAIN_MAX):
        if error is None:
            return
        traceback.clear_frames(error.__traceback__)
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


def _failure(name: str) -> Refused:
    return Refused(
        Reason.PROCESSOR_FAILED,
        f"the processor {name} failed on this frame; the server's log says why",
    )
