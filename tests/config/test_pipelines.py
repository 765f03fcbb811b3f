"""Named pipelines from the file, and the default one."""

from __future__ import annotations

from pathlib import Path

import pytest

from framesrv.config.show import show
from framesrv.frames.layout import PixelFormat
from framesrv.frames.work import Encoding
from framesrv.ops.resize import Fit, Interpolation
from framesrv.pipeline.plans import DEFAULT_PIPELINE
from framesrv.pipeline.spec import (
    Blur,
    Convert,
    Crop,
    Custom,
    DecodeMode,
    Flip,
    OutputSpec,
    PipelineSpec,
    Resize,
    Rotate,
)
from tests.config.helpers import faults_of, loaded

ALL = """
processors = ["mine=tests.config.processor:negative"]
[pipelines.all]
decode_mode = "exact"
[[pipelines.all.outputs]]
name = "a"
encoding = "ENCODING_WEBP"
quality = 70
ops = [
  { crop = { x = 1, y = 2, width = 30, height = 40 } },
  { resize = { width = 64, height = 32, fit = "contain", interpolation = "area", pad_rgb = 0xff } },
  { rotate = { degrees = 90 } }, { flip = { horizontal = true } }, { blur = { sigma = 2 } },
  { custom = { processor = "mine", options = { b = "2", a = "1" } } },
  { convert = { format = "rgba32" } },
]
[[pipelines.all.outputs]]
name = 'b "quoted"'
encoding = 4
ops = [{ convert = { format = "PIXEL_FORMAT_I420" } }]
"""
SPEC = PipelineSpec(
    (
        OutputSpec(
            "a",
            (
                Crop(1, 2, 30, 40),
                Resize(64, 32, Interpolation.AREA, Fit.CONTAIN, 0xFF),
                Rotate(90),
                Flip(horizontal=True),
                Blur(2.0),
                Custom("mine", (("a", "1"), ("b", "2"))),
                Convert(PixelFormat.RGBA32),
            ),
            Encoding.WEBP,
            70,
        ),
        OutputSpec('b "quoted"', (Convert(PixelFormat.I420),), Encoding.RAW),
    ),
    DecodeMode.EXACT,
)


def test_every_operation(tmp_path: Path) -> None:
    read = loaded(ALL, folder=tmp_path)
    assert read.settings.pipelines == {"all": SPEC}
    assert read.settings.default_pipeline == DEFAULT_PIPELINE
    assert read.processors.names() == ("mine",)


def test_what_is_shown_can_be_read_again(tmp_path: Path) -> None:
    read = loaded(ALL, folder=tmp_path)
    again = loaded(show(read), folder=tmp_path)
    assert again.settings == read.settings
    assert again.log == read.log


def test_the_default_by_name(tmp_path: Path) -> None:
    toml = '[pipelines.x]\noutputs = [{ name = "only" }]\n'
    spec = PipelineSpec((OutputSpec("only"),))
    read = loaded(toml, {"FRAMESRV_DEFAULT_PIPELINE": "x"}, folder=tmp_path)
    assert read.settings.default_pipeline == spec
    renamed = loaded(toml.replace(".x]", ".default]"), folder=tmp_path)
    assert renamed.settings.default_pipeline == spec
    (fault,) = faults_of(toml, {"FRAMESRV_DEFAULT_PIPELINE": "xx"}, folder=tmp_path)
    assert fault == (
        "FRAMESRV_DEFAULT_PIPELINE: 'xx' is not a pipeline (there are: x, default); did you mean x?"
    )


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        ("pipelines = 3", "pipelines must be a table"),
        ("[pipelines]\nx = 3", "pipelines.x is 3 and must be a table: {...}"),
        ("[pipelines.x]\noutputs = 3", "pipelines.x.outputs is 3 and must be a list"),
        ("[pipelines.x]\noutputs = [3]", "pipelines.x.outputs[0] is 3 and must be a table"),
        ("[pipelines.x]\nouputs = []", "ouputs is not known there; did you mean outputs?"),
        ("[pipelines.x]\n", "it has no outputs and must have at least 1"),
        ("[pipelines.x]\ndecode_mode = 'fats'", "one of fast, exact; the nearest that works is"),
        ("[pipelines.x]\noutputs = [{ name = 3 }]", "outputs[0].name is 3 and must be a text"),
        ("[pipelines.x]\noutputs = [{ ops = [3] }]", "ops[0] is 3 and must be a table with one"),
        ("[pipelines.x]\noutputs = [{ ops = [{ flip = 1 }] }]", "ops[0].flip is 1 and must be a"),
        ("[pipelines.x]\noutputs = [{ ops = [{ flop = {} }] }]", "did you mean flip?"),
        ("[pipelines.x]\noutputs = [{ encoding = true }]", "encoding is True and must be one of"),
        ("[pipelines.x]\noutputs = [{ encoding = 9 }]", "encoding is 9 and must be one of"),
        (
            "[pipelines.x]\noutputs = [{ ops = [{ rotate = { degrees = 45 } }] }]",
            "degrees is 45 and must be 90, 180 or 270",
        ),
        (
            "[pipelines.x]\noutputs = [{ ops = [{ custom = { options = { a = 1 } } }] }]",
            "options is {'a': 1} and must be a table of texts",
        ),
        (
            "[pipelines.x]\noutputs = [{ ops = [{ custom = { processor = 'gone' } }] }]",
            "there is no processor 'gone'",
        ),
        (
            "[pipelines.x]\noutputs = [{ ops = [{ flip = { horizontal = 1 } }] }]",
            "horizontal is 1 and must be true or false",
        ),
    ],
)
def test_faults(tmp_path: Path, toml: str, told: str) -> None:
    assert any(told in fault for fault in faults_of(toml, folder=tmp_path))


def test_faults_of_several_at_once(tmp_path: Path) -> None:
    toml = "[pipelines.x]\noutputs = [{ nam = 1, ops = [{ a = 1 }, { resize = { fit = 'z' } }] }]"
    assert len(faults_of(toml, folder=tmp_path)) == 3
