"""What a custom operation gives its processor, and what it takes from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import strategies as st

from framesrv.errors import Reason, Refused
from framesrv.frames.layout import PixelFormat
from framesrv.ops.custom import BoundCustom, Custom
from framesrv.ops.processors import Options, Processors
from framesrv.ops.step import Form, Pixels
from framesrv.testing.op_contract import OpContract, apply, noise
from tests.ops.custom_rig import FORM, bound, lazy, refused
from tests.ops.test_processors import Halving, negative

PROCESSORS = Processors()
PROCESSORS.install("negative", negative)
PROCESSORS.install("halving", Halving())
PROCESSORS.install("lazy", lazy)


class TestContract(OpContract):
    def ops(self, form: Form) -> st.SearchStrategy[BoundCustom]:
        names = ["negative", "lazy"]
        if form.width > 1 and form.height > 1 and form.width % 2 == form.height % 2 == 0:
            names.append("halving")
        return st.sampled_from(names).map(lambda name: Custom(name).bind(PROCESSORS))


def test_it_does_what_the_processor_does() -> None:
    src = noise(FORM)
    np.testing.assert_array_equal(apply(bound(negative), src, FORM), 255 - src)
    np.testing.assert_array_equal(apply(bound(Halving()), src, FORM), src[::2, ::2])
    assert bound(Halving()).step(FORM).form == Form(4, 3, PixelFormat.BGR24)


def test_what_the_processor_leaves_out_is_black() -> None:
    src = noise(FORM)
    result = apply(bound(lazy), src, FORM, fill=0x77)
    np.testing.assert_array_equal(result[:1], src[:1])
    assert not result[1:].any()


def test_options_arrive_and_cannot_be_changed() -> None:
    seen: list[Options] = []

    def look(src: Pixels, dst: Pixels, options: Options) -> None:
        seen.append(options)

    apply(bound(look, ("gamma", "2.2"), ("mode", "fast")), noise(FORM), FORM)
    assert dict(seen[0]) == {"gamma": "2.2", "mode": "fast"}
    with pytest.raises(TypeError):
        seen[0]["gamma"] = "1"  # type: ignore[index]


def test_the_source_cannot_be_written(caplog: pytest.LogCaptureFixture) -> None:
    def scribble(src: Pixels, dst: Pixels, options: Options) -> None:
        src[...] = 0

    src = noise(FORM)
    before = src.copy()
    assert refused(bound(scribble), src, src.copy()).reason is Reason.PROCESSOR_FAILED
    np.testing.assert_array_equal(src, before)
    assert src.flags.writeable
    assert "read-only" in caplog.text


def test_unknown_processors_are_refused_with_the_names_of_the_installed() -> None:
    with pytest.raises(
        Refused, match="no processor 'other'; installed: negative, halving"
    ) as caught:
        Custom("other").bind(PROCESSORS)
    assert caught.value.reason is Reason.UNKNOWN_PROCESSOR
    with pytest.raises(Refused, match="no processor ''; installed: none"):
        Custom().bind(Processors())
    many = Processors()
    for number in range(100):
        many.install(f"p{number}", negative)
    with pytest.raises(Refused, match="p31 and 68 more"):
        Custom("x" * 10_000).bind(many)


def test_it_is_planned_only_when_it_is_bound() -> None:
    with pytest.raises(RuntimeError, match="bound"):
        Custom("negative").step(FORM)


def test_values_are_compared_and_so_is_what_they_are_bound_to() -> None:
    op = Custom("negative", (("a", "b"),))
    assert op == Custom("negative", (("a", "b"),))
    assert op.faults() == []
    assert op.bind(PROCESSORS) == op.bind(PROCESSORS)
    assert hash(op.bind(PROCESSORS)) == hash(op.bind(PROCESSORS))
    assert op.bind(PROCESSORS) != Custom("negative").bind(PROCESSORS)
    other = Processors()
    other.install("negative", lazy)
    assert op.bind(PROCESSORS) != op.bind(other)


@dataclass
class Gain:
    """Neither hashable nor a function, and yet a processor."""

    factor: int

    def __call__(self, src: Pixels, dst: Pixels, options: Options) -> None:
        dst[...] = src * self.factor


def test_a_processor_need_not_be_hashable() -> None:
    one = bound(Gain(1))
    assert hash(one) == hash(Custom("subject").bind(_registry_of(one)))
    assert one != bound(Gain(1))


def _registry_of(op: BoundCustom) -> Processors:
    processors = Processors()
    processors._installed[op.processor] = op.installed
    return processors


def test_it_gets_views_and_never_the_arrays_themselves() -> None:
    seen: list[Pixels] = []

    def look(src: Pixels, dst: Pixels, options: Options) -> None:
        seen.extend((src, dst))
        dst.shape = (6, 24)

    src, dst = noise(FORM), noise(FORM)
    work = bound(look).step(FORM).work
    assert work is not None
    assert work(src, dst) is dst
    for given, own in zip(seen, (src, dst), strict=True):
        assert given is not own
        assert given.base is own
    assert dst.shape == FORM.shape
