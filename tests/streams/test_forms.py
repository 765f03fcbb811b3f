"""Clones with some of their outputs: shared, and bounded however many are asked for."""

from __future__ import annotations

import gc

import pytest

from framesrv.streams.dispatcher import Dispatcher
from framesrv.streams.forms import _KEPT_MAX, Forms
from framesrv.streams.news import Clone
from framesrv.streams.settings import MIB, FanOutSettings


def cut(message: bytes, outputs: tuple[str, ...]) -> bytes:
    return bytes(len(message) // 2) + "".join(outputs).encode()


def test_who_asks_alike_gets_the_same_bytes() -> None:
    clone, forms = Clone("door", bytes(100)), Forms(1000)
    first = forms.of(clone, ("a",), cut)
    assert forms.of(clone, ("a",), cut) is first
    assert forms.of(clone, ("b",), cut) != first


@pytest.mark.parametrize("frame_bytes", [10, MIB // 4])
def test_everybody_asks_for_something_else(frame_bytes: int) -> None:
    dispatcher = Dispatcher(FanOutSettings(buffer_bytes=MIB, max_queue_frames=256))
    dispatcher.subscribe(["door"], 256, lambda: None, wait=True)
    publication = dispatcher.start("door")
    clones = [Clone("door", bytes(frame_bytes)) for _ in range(40)]
    for clone in clones:
        publication.publish([clone])
        for name in range(60):
            form = dispatcher.forms.of(clone, (f"{name}",), cut)
            assert form == cut(clone.message, (f"{name}",))
            kept = [one for each in clones for one in each.forms.values()]
            assert sum(map(len, kept)) <= dispatcher.forms.nbytes <= MIB // 8
            assert len(kept) <= _KEPT_MAX


def test_one_that_is_larger_than_all_may_be_is_made_for_each() -> None:
    clone, forms = Clone("door", bytes(100)), Forms(10)
    assert forms.of(clone, ("a",), cut) == cut(clone.message, ("a",))
    assert not clone.forms
    assert forms.nbytes == 0


def test_they_go_with_their_clone() -> None:
    clone, forms = Clone("door", bytes(100)), Forms(120)
    form = forms.of(clone, ("a",), cut)
    kept = gc.get_referrers(form)
    del clone, kept
    assert not [one for one in gc.get_referrers(form) if isinstance(one, dict) and ("a",) in one]
    other = Clone("door", bytes(100))
    for name in "bcdef":  # takes the place of those that have gone
        forms.of(other, (name,), cut)
    assert len(other.forms) == 2
