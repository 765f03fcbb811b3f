"""How a command that has a summary is run, and how it ends."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Protocol

import typer

from framesrv.cli.outcome import Exit, Fault, terminate_as_interrupt
from framesrv.cli.target import complain


class Done(Protocol):
    """What a run came to."""

    error: Fault | None

    @property
    def code(self) -> Exit: ...
    @property
    def example(self) -> str:
        """Of what failed, in the server's words."""

    def text(self) -> str: ...
    def json(self) -> str: ...


def conclude(command: str, run: Callable[[], Done], *, as_json: bool) -> None:
    """Ends the command, by an exception of typer's.

    ``run`` raises Fault for what can be seen before the first frame.
    """
    try:
        with terminate_as_interrupt():
            done = run()
    except Fault as fault:
        complain(command, fault.message)
        raise typer.Exit(int(fault.code)) from None
    except KeyboardInterrupt:
        complain(command, "interrupted before the first frame")
        raise typer.Exit(int(Exit.INTERRUPTED)) from None
    _tell(done, as_json=as_json)
    if done.error is not None:
        complain(command, done.error.message)
    raise typer.Exit(int(done.code))


def _tell(done: Done, *, as_json: bool) -> None:
    """The summary goes to stdout, or beside the JSON there to stderr."""
    if as_json:
        print(done.json(), flush=True)
    print(done.text(), file=sys.stderr if as_json else sys.stdout, flush=True)
    if done.example:
        print(f"the first failure: {done.example}", file=sys.stderr, flush=True)
