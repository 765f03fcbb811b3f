"""Whether a pipeline can be planned at all, whatever frames it will meet."""

from __future__ import annotations

from framesrv.errors import Reason, Refused
from framesrv.frames.layout import PixelFormat
from framesrv.frames.work import Encoding
from framesrv.ops.convert import Convert
from framesrv.pipeline.limits import PipelineLimits
from framesrv.pipeline.spec import DecodeMode, OutputSpec, PipelineSpec

_FAULTS_MAX = 8
_NAME_MAX = 256  # characters: names are kept for as long as a stream is open
_PLANAR = (PixelFormat.NV12, PixelFormat.I420)


def check(spec: PipelineSpec, limits: PipelineLimits) -> None:
    """Raise Refused with BAD_PIPELINE, which names what is wrong, what is allowed, and where."""
    faults = [*_whole_faults(spec, limits)]
    for number, output in enumerate(spec.outputs[: limits.max_outputs]):
        named = 0 < len(output.name) <= _NAME_MAX
        where = f"output {output.name!r}" if named else f"output {number}"
        faults += [f"{where}: {fault}" for fault in _output_faults(output, limits)]
    if faults:
        more = len(faults) - _FAULTS_MAX
        shown = "; ".join(faults[:_FAULTS_MAX]) + (f"; and {more} more" if more > 0 else "")
        raise Refused(Reason.BAD_PIPELINE, f"this pipeline cannot be planned: {shown}")


def _whole_faults(spec: PipelineSpec, limits: PipelineLimits) -> list[str]:
    faults = []
    count = len(spec.outputs)
    if not count:
        faults.append("it has no outputs and must have at least 1")
    if count > limits.max_outputs:
        faults.append(f"it has {count} outputs and may have {limits.max_outputs}")
    if spec.decode_mode not in list(DecodeMode):
        faults.append(f"decode_mode is {spec.decode_mode} and must be 0, 1 (fast) or 2 (exact)")
    seen: set[str] = set()
    for output in spec.outputs:
        if output.name in seen and len(output.name) <= _NAME_MAX:
            faults.append(f"two outputs are named {output.name!r}: each needs a name of its own")
        seen.add(output.name)
    return faults


def _output_faults(output: OutputSpec, limits: PipelineLimits) -> list[str]:
    faults = []
    if len(output.name) > _NAME_MAX:
        faults.append(f"its name has {len(output.name):,} characters and may have {_NAME_MAX}")
    if len(output.ops) > limits.max_ops:
        faults.append(f"it has {len(output.ops)} operations and may have {limits.max_ops}")
    if output.encoding not in list(Encoding):
        allowed = ", ".join(f"{e.value} ({e.name})" for e in Encoding if e)
        faults.append(f"encoding is {output.encoding} and must be one of {allowed}")
    if not 0 <= output.quality <= 100:
        faults.append(f"quality is {output.quality} and must be 1 to 100, or 0 for the default")
    for number, op in enumerate(output.ops[: limits.max_ops]):
        where = f"operation {number} ({type(op).__name__.lower()})"
        faults += [f"{where}: {fault}" for fault in op.faults()]
    return faults + _planar_faults(output)


def _planar_faults(output: OutputSpec) -> list[str]:
    """NV12 and I420 are for leaving only: nothing of ours works on planes."""
    for number, op in enumerate(output.ops):
        if isinstance(op, Convert) and op.format in _PLANAR:
            if number < len(output.ops) - 1:
                return ["a conversion to NV12 or I420 must be the last operation"]
            if output.encoding != Encoding.RAW:
                return ["NV12 and I420 can only leave with ENCODING_RAW"]
    return []
