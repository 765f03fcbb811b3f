"""Pipelines from files, and what is said of those that are wrong."""

from __future__ import annotations

import pytest

from framesrv.cli.pipeline_file import pipeline_of


def test_a_pipeline_that_is_wrong_is_told_with_its_place() -> None:
    for asked, told in (
        ([], "the file must be a table"),
        ({"outputs": []}, "outputs must be a list of one output or more"),
        ({"outputs": [{"name": "a", "opps": []}]}, "output 1: 'opps' is not known"),
        ({"outputs": [{"ops": [{"rotte": 90}]}]}, "operation 1: 'rotte' is not known; there is"),
        ({"outputs": [{"ops": [{"rotate": 45}]}]}, "degrees must be 90, 180 or 270, not 45"),
        ({"outputs": [{"ops": [{"crop": 5}]}]}, "crop needs a table of settings"),
        ({"outputs": [{"ops": [{"resize": {"w": 1}}]}]}, "unexpected keyword argument 'w'"),
        ({"outputs": [{"quality": 200}]}, "quality must be 1 to 100"),
        ({"outputs": [{"encoding": "gif"}]}, "encoding must be one of"),
    ):
        with pytest.raises(ValueError) as wrong:  # noqa: PT011 - which, is asserted below
            pipeline_of(asked)
        assert told in str(wrong.value)
