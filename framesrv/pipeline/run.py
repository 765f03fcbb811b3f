"""The loop: one frame through its plan. Every buffer it writes was borrowed by its caller."""

from __future__ import annotations

from time import perf_counter_ns

from framesrv import codecs
from framesrv.frames.work import FrameReport, OutputImage
from framesrv.ops.step import Pixels
from framesrv.pipeline.plan import FramePlan
from framesrv.pipeline.source import Buffers
from framesrv.pipeline.stages import OutputPlan


def run(plan: FramePlan, payload: memoryview, buffers: Buffers, report: FrameReport) -> None:
    """Fill the report's outputs and timings. The outputs are views of the buffers."""
    started = perf_counter_ns()
    base = plan.source.load(payload, buffers)
    timings = report.timings
    loaded = perf_counter_ns()
    timings.decode_ns = loaded - started
    for output in plan.outputs:
        pixels = _process(output, base, buffers)
        processed = perf_counter_ns()
        timings.process_ns += processed - loaded
        report.outputs.append(_leave(output, pixels, buffers))
        loaded = perf_counter_ns()
        timings.encode_ns += loaded - processed


def _process(output: OutputPlan, pixels: Pixels, buffers: Buffers) -> Pixels:
    for stage in output.stages:
        if stage.view is not None:
            pixels = stage.view(pixels)
            continue
        target: Pixels = buffers[stage.place]
        if stage.work is not None:
            if stage.scratch:
                stage.work(pixels, target, buffers[stage.scratch])
            else:
                stage.work(pixels, target)
        pixels = target
    return pixels


def _leave(output: OutputPlan, pixels: Pixels, buffers: Buffers) -> OutputImage:
    if not output.buffer:
        data = pixels.data.cast("B")
    else:
        buffer = buffers[output.buffer]
        codecs.encode(
            pixels,
            output.form,
            output.encoding,
            output.quality,
            buffer,
            scratch=buffers[output.scratch] if output.scratch else None,
        )
        data = buffer.written()
    return OutputImage(output.name, output.encoding, output.form.layout, data)
