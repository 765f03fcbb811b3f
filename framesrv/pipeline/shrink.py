"""How small a JPEG may be decoded so that every output is still covered.

An output is covered if its first change of size shrinks what is decoded, or leaves it: what
comes before must not look at pixels by their place, as a crop does.
"""

from __future__ import annotations

from dataclasses import replace

from framesrv.ops.convert import Convert
from framesrv.ops.flip import Flip
from framesrv.ops.resize import Fit, Resize
from framesrv.ops.rotate import Rotate
from framesrv.ops.step import Form, Op
from framesrv.pipeline.spec import OutputSpec, PipelineSpec

Sides = tuple[int, int]
FULL: Sides = (0, 0)


def least_sides(spec: PipelineSpec, full: Form) -> Sides:
    """Of the decoded picture; FULL if some output needs every pixel."""
    wanted = [_of_output(output, full) for output in spec.outputs]
    if FULL in wanted:
        return FULL
    return max(width for width, _ in wanted), max(height for _, height in wanted)


def _of_output(output: OutputSpec, full: Form) -> Sides:
    sideways = False
    for op in output.ops:
        if isinstance(op, Rotate):
            sideways ^= op.degrees in (90, 270)
        elif isinstance(op, Resize):
            seen = Form(full.height, full.width, full.format) if sideways else full
            width, height = _of_resize(op, seen)
            return (height, width) if sideways else (width, height)
        elif not isinstance(op, Convert | Flip):
            return FULL
    return FULL


def _of_resize(op: Resize, form: Form) -> Sides:
    target = op.step(form).form
    if op.fit != Fit.COVER:
        return target.width, target.height
    scale = max(target.width / form.width, target.height / form.height)
    return -int(-form.width * scale // 1), -int(-form.height * scale // 1)


def settled(ops: tuple[Op, ...], full: Form) -> tuple[Op, ...]:
    """The same operations, with a side that was left to the aspect ratio written out.

    A picture decoded at a fraction has its sides rounded, so its ratio is not quite the frame's.
    """
    form, out = full, []
    for op in ops:
        step = op.step(form)
        if isinstance(op, Resize) and 0 in (op.width, op.height):
            op = replace(op, width=step.form.width, height=step.form.height)  # noqa: PLW2901
        out.append(op)
        form = step.form
    return tuple(out)
