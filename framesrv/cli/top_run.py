"""`framesrv top` at work: one thread listens to the server, the other draws and reads keys."""

from __future__ import annotations

import threading
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from framesrv.cli.outcome import Exit, Fault, terminate_as_interrupt
from framesrv.cli.top_feed import Event, Lost, Place, listening
from framesrv.cli.top_keys import HUNG_UP, keys
from framesrv.cli.top_screen import screen
from framesrv.cli.top_state import State
from framesrv.cli.top_words import ASCII, FINE, Glyphs

_RETRY_S: Final = 1.0
_TICK_S: Final = 0.2
_QUIT: Final = frozenset({"q", "Q", HUNG_UP})
_PLAIN_WIDTH: Final = 160


def once(place: Place, console: Console) -> None:
    """The present as plain text."""
    state = State()
    try:
        with listening(place) as events:
            for name, data in events:
                state.take(name, data)
                if state.snapshot is not None:
                    break
    except Lost as lost:
        raise Fault(str(lost), Exit.SERVER) from None
    width = console.width if console.is_terminal else _PLAIN_WIDTH
    for line in screen(state, str(place), width, None, _glyphs(console)):
        console.print(line, soft_wrap=True)


def watch(place: Place, console: Console) -> None:
    """Until a key, or an interrupt, ends it."""
    state, ear = State(), _Ear(place)
    ear.start()
    try:
        ear.first(state)  # a fault before the screen is taken stays readable
        with (
            terminate_as_interrupt(),
            keys() as key,
            Live(console=console, screen=True, auto_refresh=False) as live,
        ):
            while True:
                ear.tell(state)
                live.update(Group(*_drawn(state, place, console)), refresh=True)
                if _QUIT & set(key(_TICK_S)):
                    return
    finally:
        ear.stop()


def _drawn(state: State, place: Place, console: Console) -> list[Text]:
    width, height = console.size
    return screen(state, str(place), width, height, _glyphs(console))


def _glyphs(console: Console) -> Glyphs:
    return ASCII if console.options.ascii_only else FINE


class _Ear:
    """Listens, and connects again whenever it must."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._heard: SimpleQueue[Event | Fault | str] = SimpleQueue()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="framesrv-top", daemon=True)

    def first(self, state: State) -> None:
        """Waits for it. Whoever is not there at the start is not waited for."""
        self._take(self._heard.get(), state)
        if state.lost:
            raise Fault(state.lost, Exit.SERVER)

    def start(self) -> None:
        self._thread.start()

    def tell(self, state: State) -> None:
        """All that came since."""
        with suppress(Empty):
            while True:
                self._take(self._heard.get_nowait(), state)

    @staticmethod
    def _take(heard: Event | Fault | str, state: State) -> None:
        if isinstance(heard, Fault):
            raise heard
        if isinstance(heard, str):
            state.lose(heard)
        else:
            state.take(*heard)

    def stop(self) -> None:
        self._over.set()

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                self._listen()
            except Lost as lost:
                self._heard.put(str(lost))
            except Fault as fault:
                self._heard.put(fault)
                return
            except Exception as error:  # else nobody would ever know
                self._heard.put(Fault(f"{type(error).__name__}: {error}", Exit.SERVER))
                return
            self._over.wait(_RETRY_S)

    def _listen(self) -> None:
        with listening(self._place) as events:
            for event in events:
                self._heard.put(event)
                if self._over.is_set():
                    return
