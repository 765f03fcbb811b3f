from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framesrv.errors import BadConfig
from framesrv.frames.layout import PixelFormat
from framesrv.ops.processors import Options, Processors, from_spec
from framesrv.ops.step import Form, Pixels


def negative(src: Pixels, dst: Pixels, options: Options) -> None:
    np.subtract(255, src, out=dst)


async def later(src: Pixels, dst: Pixels, options: Options) -> None:
    raise AssertionError


class Halving:
    def output(self, form: Form, options: Options) -> Form:
        return Form(form.width // 2, form.height // 2, form.format)

    def process(self, src: Pixels, dst: Pixels, options: Options) -> None:
        dst[...] = src[::2, ::2]


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to import from, forgotten afterwards."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_a_function_and_an_object_are_processors() -> None:
    processors = Processors()
    processors.install("negative", negative)
    processors.install("halving", Halving())
    assert processors.names() == ("negative", "halving")
    form = Form(8, 6, PixelFormat.GRAY8)
    plain, halving = processors.find("negative"), processors.find("halving")
    assert plain is not None
    assert halving is not None
    assert plain.output(form, {}) == form
    assert halving.output(form, {}) == Form(4, 3, PixelFormat.GRAY8)
    assert processors.find("other") is None


@pytest.mark.parametrize("name", ["", " a", "a b", "a/b", "-a", "x" * 65, "a\n", "é"])
def test_names_are_plain(name: str) -> None:
    with pytest.raises(BadConfig, match=r"processor name is .* must be 1 to 64 letters"):
        Processors().install(name, negative)


def test_a_name_is_taken_once() -> None:
    processors = Processors()
    processors.install("negative", negative)
    with pytest.raises(BadConfig, match="negative is installed already"):
        processors.install("negative", negative)


class _OddOutput(Halving):
    output = None  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("processor", "fault"),
    [
        (3, "neither a function"),
        (Halving, "is a class"),
        (_OddOutput(), "output that is not a function"),
        (later, "asynchronous"),
    ],
)
def test_what_is_no_processor_is_refused(processor: Any, fault: str) -> None:
    with pytest.raises(BadConfig, match=f"processor subject .*{fault}"):
        Processors().install("subject", processor)


def test_a_spec_names_a_function_or_a_class_or_what_a_module_holds(modules: Path) -> None:
    (modules / "acme_filters.py").write_text(
        "class Shop:\n"
        "    def process(self, src, dst, options): dst[...] = src\n"
        "class Nest:\n"
        "    copy = Shop()\n"
        "def copy(src, dst, options): dst[...] = src\n"
    )
    processors = Processors.from_specs(
        ["f=acme_filters:copy", "made=acme_filters:Shop", "deep=acme_filters:Nest.copy"]
    )
    assert processors.names() == ("f", "made", "deep")


@pytest.mark.parametrize("spec", ["", "a", "a=", "a=b", "a=b:", "=b:c", "a=:c", "a:b=c"])
def test_a_spec_that_is_none_says_how_one_looks(spec: str) -> None:
    with pytest.raises(BadConfig, match=r"must be name=package\.module:attribute"):
        from_spec(spec)


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        ("a=acme_nowhere:f", "importing 'acme_nowhere' failed with ModuleNotFoundError"),
        ("a=acme_broken:f", "importing 'acme_broken' failed with ZeroDivisionError"),
        ("a=acme_whole:nothing", "'acme_whole' has no 'nothing'"),
        ("a=acme_whole:Demanding", "making a 'Demanding' failed with TypeError"),
        ("a=acme_whole:number", "neither a function"),
        ("a=.relative:f", "importing '.relative' failed with"),
    ],
)
def test_a_spec_that_does_not_lead_anywhere_says_where_it_ends(
    modules: Path, spec: str, fault: str
) -> None:
    (modules / "acme_broken.py").write_text("1 / 0\n")
    (modules / "acme_whole.py").write_text(
        "number = 3\nclass Demanding:\n    def __init__(self, what): pass\n"
    )
    with pytest.raises(BadConfig, match=f"processor a.*{fault}"):
        Processors.from_specs([spec])


def test_all_faults_are_reported_at_once() -> None:
    with pytest.raises(BadConfig) as caught:
        Processors.from_specs(["nonsense", "a=acme_nowhere:f", "b=acme_nowhere:g"])
    for part in ("nonsense", "processor a", "processor b"):
        assert part in str(caught.value)
