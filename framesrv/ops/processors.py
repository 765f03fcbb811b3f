"""The operator's own Python, by name.

A processor is a function ``f(src, dst, options)``, or an object with such a ``process`` and,
if it changes the size or the pixel format, an ``output(form, options)`` that says to what. It
writes into ``dst``, which comes zeroed, and returns nothing (or ``dst``). It is called by many
threads at once. It may keep neither array: a kept one keeps its buffer out of use.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, Protocol

from framesrv.errors import BadConfig
from framesrv.frames.faults import short
from framesrv.ops.step import Form, Pixels

Options = Mapping[str, str]
Process = Callable[[Pixels, Pixels, Options], object]
Output = Callable[[Form, Options], Form]


class Processor(Protocol):
    def process(self, src: Pixels, dst: Pixels, options: Options) -> object:
        """Write ``dst`` from ``src``, which is read-only."""
        ...


class FormingProcessor(Processor, Protocol):
    def output(self, form: Form, options: Options) -> Form:
        """The form of the result. Refused with BAD_GEOMETRY says that the frame does not fit."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Installed:
    """Equal to itself only, so that operations bound to it can be compared and hashed."""

    name: str
    process: Process
    output: Output


_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_NAME_ALLOWED: Final = "1 to 64 letters, digits, '_', '-' and '.', the first a letter or a digit"


class Processors:
    """
    >>> import numpy as np
    >>> processors = Processors()
    >>> processors.install("negative", lambda src, dst, options: np.subtract(255, src, out=dst))
    >>> processors.names()
    ('negative',)
    """

    def __init__(self) -> None:
        self._installed: dict[str, Installed] = {}

    @classmethod
    def from_specs(cls, specs: Iterable[str]) -> Processors:
        """Import and install each ``name=package.module:attribute``; all faults at once."""
        processors = cls()
        faults = []
        for spec in specs:
            try:
                processors.install(*from_spec(spec))
            except BadConfig as fault:
                faults.append(str(fault))
        if faults:
            raise BadConfig("; ".join(faults))
        return processors

    def install(self, name: str, processor: Processor | Process) -> None:
        if not _NAME.fullmatch(name):
            raise BadConfig(f"processor name is {short(name)} and must be {_NAME_ALLOWED}")
        if name in self._installed:
            raise BadConfig(f"processor {name} is installed already: choose another name")
        process: Any = getattr(processor, "process", processor)
        output: Any = getattr(processor, "output", _same_form)
        fault = _fault(processor, process, output)
        if fault:
            raise BadConfig(f"processor {name} {fault}")
        self._installed[name] = Installed(name, process, output)

    def names(self) -> tuple[str, ...]:
        return tuple(self._installed)

    def find(self, name: str) -> Installed | None:
        return self._installed.get(name)


def from_spec(spec: str) -> tuple[str, Processor | Process]:
    """``name=package.module:attribute``, imported. A class is called for an instance."""
    name, equals, target = spec.partition("=")
    module, colon, attribute = target.partition(":")
    if not (name and equals and module and colon and attribute):
        raise BadConfig(
            f"processor is {short(spec)} and must be name=package.module:attribute, "
            "such as gamma=acme.filters:gamma"
        )
    try:
        found: Any = import_module(module)
    except Exception as error:
        raise BadConfig(
            f"processor {name}: importing {short(module)} failed with {_told(error)}"
        ) from error
    for part in attribute.split("."):
        found = getattr(found, part, None)
    if found is None:
        raise BadConfig(f"processor {name}: {short(module)} has no {short(attribute)}")
    if isinstance(found, type):
        try:
            found = found()
        except Exception as error:
            raise BadConfig(
                f"processor {name}: making a {short(attribute)} failed with {_told(error)}"
            ) from error
    return name, found


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _same_form(form: Form, options: Options) -> Form:
    return form


def _fault(processor: object, process: object, output: object) -> str | None:
    if isinstance(processor, type):
        return "is a class: install an instance of it"
    if not callable(process):
        return "is neither a function of (src, dst, options) nor an object with such a process()"
    if not callable(output):
        return "has an output that is not a function of (form, options)"
    if inspect.iscoroutinefunction(process) or inspect.iscoroutinefunction(output):
        return "is asynchronous: it runs in a worker thread and must be a plain function"
    return None
