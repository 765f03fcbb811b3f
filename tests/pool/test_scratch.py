"""The pooled BytesIO behaves as a new one, whatever it held before, and keeps its store."""

from __future__ import annotations

import copy
import io
import os
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from framesrv.pool.scratch import ScratchBytesIO

SECRET = b"SECRET\n" * 60  # what the last holder wrote
INITIAL_BYTES = 300
NO_SECRET = bytes.maketrans(b"SECRET", b"\nbcdef")

Step = tuple[str, tuple[Any, ...]]

TEXT = st.binary(max_size=120).map(lambda text: text.translate(NO_SECRET))
SIZES = st.one_of(st.none(), st.integers(-3, 150))
OFFSETS = st.integers(-40, 700)
STEPS: st.SearchStrategy[list[Step]] = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.tuples(TEXT)),
        st.tuples(st.just("writelines"), st.tuples(st.lists(TEXT, max_size=3))),
        st.tuples(st.just("seek"), st.tuples(OFFSETS)),
        st.tuples(st.just("seek"), st.tuples(OFFSETS, st.integers(-1, 3))),
        st.tuples(st.sampled_from(["read", "read1", "readline", "truncate"]), st.tuples(SIZES)),
        st.tuples(st.sampled_from(["readinto", "readinto1"]), st.tuples(st.integers(0, 150))),
        st.tuples(st.just("readlines"), st.tuples(SIZES)),
        st.tuples(
            st.sampled_from(
                ["read", "readline", "readlines", "truncate", "tell", "getvalue", "getbuffer",
                 "iterate", "next", "write under an export", "seek under an export"]
            ),
            st.just(()),
        ),
    ),
    max_size=12,
)  # fmt: skip


def act(buffer: io.BytesIO, step: Step) -> object:
    """What the step returns, or the type of what it raises."""
    name, arguments = step
    try:
        return (
            SPECIAL[name](buffer, *arguments)
            if name in SPECIAL
            else getattr(buffer, name)(*arguments)
        )
    except Exception as error:
        return type(error)


def read_into(name: str) -> Callable[[io.BytesIO, int], object]:
    def read(buffer: io.BytesIO, size: int) -> object:
        target = bytearray(b"-" * size)
        return getattr(buffer, name)(target), bytes(target)

    return read


def write_under_an_export(buffer: io.BytesIO) -> object:
    with buffer.getbuffer():
        return buffer.write(b"never")


def seek_under_an_export(buffer: io.BytesIO) -> object:
    with buffer.getbuffer() as view:
        return buffer.seek(len(view) + 10)


SPECIAL: dict[str, Callable[..., object]] = {
    "readinto": read_into("readinto"),
    "readinto1": read_into("readinto1"),
    "getbuffer": lambda buffer: bytes(buffer.getbuffer()),
    "iterate": list,
    "next": next,
    "write under an export": write_under_an_export,
    "seek under an export": seek_under_an_export,
}


def used_scratch() -> ScratchBytesIO:
    buffer = ScratchBytesIO(INITIAL_BYTES)
    buffer.write(SECRET)
    buffer.restart()
    return buffer


@given(steps=STEPS)
@example(steps=[("write", (b"abc",)), ("truncate", (1,)), ("tell", ()), ("write", (b"d",))])
@example(steps=[("seek", (50,)), ("getvalue", ()), ("write", (b"a",))])
@example(steps=[("seek", (50,)), ("seek", (0, 2))])
@example(steps=[("write", (b"a" * 500,)), ("seek", (10,)), ("truncate", ())])
@example(steps=[("truncate", (-1,)), ("seek", (-1,)), ("seek", (-1, 2)), ("seek", (0, 3))])
@example(steps=[("write", (b"a" * 9,)), ("truncate", (2,)), ("seek", (5,)), ("write", (b"b",))])
def test_it_does_what_a_new_bytesio_does(steps: list[Step]) -> None:
    model, scratch = io.BytesIO(), used_scratch()
    for number, step in enumerate(steps):
        assert act(scratch, step) == act(model, step), (number, step)
        assert scratch.tell() == model.tell(), (number, step)
        assert scratch.getvalue() == model.getvalue(), (number, step)
    assert bytes(scratch.written()) == model.getvalue()


@given(steps=STEPS)
def test_nothing_of_the_last_holder_is_ever_seen(steps: list[Step]) -> None:
    """Weaker than the above, and needs no model: what was never written never comes out."""
    scratch = used_scratch()
    for step in steps:
        result = act(scratch, step)
        seen = repr(result) if not isinstance(result, bytes) else result.decode("latin-1")
        assert not set(seen) & set("SECRT") or isinstance(result, type), step
        for shown in (scratch.getvalue(), bytes(scratch.getbuffer()), bytes(scratch.written())):
            assert not set(shown) & set(b"SECRT")


@given(uses=st.lists(st.tuples(STEPS, st.integers(0, INITIAL_BYTES)), max_size=4))
def test_the_store_is_kept(uses: list[tuple[list[Step], int]]) -> None:
    scratch = used_scratch()
    size = scratch.store_bytes()
    for steps, written in uses:
        for step in steps:
            act(scratch, step)
            assert scratch.store_bytes() >= size
            size = scratch.store_bytes()
        scratch.restart()
        scratch.write(bytes(written))
        scratch.truncate(written // 2)
        scratch.restart()
        assert scratch.store_bytes() == size


def test_a_write_within_the_store_does_not_move_it() -> None:
    scratch = ScratchBytesIO(INITIAL_BYTES)
    before = scratch.__sizeof__()
    for _ in range(3):
        scratch.write(bytes(INITIAL_BYTES))
        scratch.restart()
    assert (scratch.__sizeof__(), scratch.store_bytes()) == (before, INITIAL_BYTES)


def test_it_begins_empty_over_a_store_of_zeros() -> None:
    scratch = ScratchBytesIO(INITIAL_BYTES)
    assert (scratch.getvalue(), scratch.tell(), scratch.end()) == (b"", 0, 0)
    assert bytes(scratch.store()) == bytes(INITIAL_BYTES)
    assert ScratchBytesIO().store_bytes() == 0


def test_written_is_a_view_and_no_copy() -> None:
    scratch = used_scratch()
    scratch.write(b"abc")
    with scratch.written() as view:
        view[0] = ord("x")
    assert scratch.getvalue() == b"xbc"


def test_a_seek_far_past_the_end_costs_nothing_until_something_is_written() -> None:
    """As with a plain BytesIO."""
    scratch = used_scratch()
    size = scratch.store_bytes()
    assert scratch.seek(50_000_000) == 50_000_000
    assert scratch.read() == b""
    assert scratch.store_bytes() == size


def test_closing_it_does_nothing() -> None:
    """Encoders close what they write to; the store is the pool's."""
    scratch = used_scratch()
    with scratch:
        scratch.write(b"abc")
    scratch.close()
    assert not scratch.closed
    assert scratch.getvalue() == b"abc"


@pytest.mark.parametrize("how", [pickle.dumps, copy.copy, copy.deepcopy])
def test_it_cannot_be_copied_with_its_store(how: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match=r"bytes\(lease.written\(\)\)"):
        how(used_scratch())


@pytest.mark.parametrize(
    "step",
    [
        ("seek", ("1",)),
        ("seek", (1.5,)),
        ("read", ("1",)),
        ("truncate", ("1",)),
        ("readinto", (b"fixed",)),
        ("write", ("text",)),
    ],
)
def test_arguments_of_the_wrong_type_are_refused_as_ever(step: Step) -> None:
    name, arguments = step
    for buffer in (io.BytesIO(), used_scratch()):
        with pytest.raises(TypeError):
            getattr(buffer, name)(*arguments)


def test_it_is_a_file_like_any_other() -> None:
    scratch = used_scratch()
    assert (scratch.readable(), scratch.writable(), scratch.seekable()) == (True, True, True)
    with io.TextIOWrapper(scratch, encoding="utf-8", write_through=True) as text:
        text.write("one\ntwo\n")
    scratch.seek(0, os.SEEK_SET)
    assert list(scratch) == [b"one\n", b"two\n"]


def test_what_is_written_in_place_is_claimed_and_no_byte_more() -> None:
    buffer = ScratchBytesIO(64)
    buffer.write(b"an earlier holder wrote much more than the next one")
    buffer.restart()
    with buffer.store() as store:
        store[:5] = b"in it"
    buffer.claim(5)
    assert buffer.getvalue() == b"in it"
    buffer.write(b"!")
    assert buffer.getvalue() == b"in it!"
