"""A pipeline, checked once and made ready for every form of frame that meets it."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from threading import Lock
from typing import Final

from framesrv import codecs
from framesrv.errors import Reason, Refused
from framesrv.frames.work import Encoding
from framesrv.ops.custom import Custom, Processors
from framesrv.ops.step import Form, Op, Step
from framesrv.pipeline.check import check
from framesrv.pipeline.limits import PipelineLimits
from framesrv.pipeline.pace import Pace
from framesrv.pipeline.places import Places
from framesrv.pipeline.shrink import FULL, least_sides, settled
from framesrv.pipeline.source import Key, Source, full_form, plan_source
from framesrv.pipeline.spec import DecodeMode, OutputSpec, PipelineSpec
from framesrv.pipeline.stages import OutputPlan, Stage, copy_stage
from framesrv.pool.manager import Request

BYTES_POOL: Final = "jpeg"  # lends the buffers that outputs are encoded into
_FORMS_KEPT: Final = 32  # a stream sends frames of one form, as a rule


@dataclass(frozen=True, slots=True)
class FramePlan:
    """All that the frames of one form need: their buffers, and what to do."""

    requests: dict[str, Request]
    source: Source
    outputs: tuple[OutputPlan, ...]


class Plan:
    """A checked pipeline. Safe to share between threads."""

    def __init__(self, spec: PipelineSpec, limits: PipelineLimits, processors: Processors) -> None:
        check(spec, limits)
        self.spec = spec
        self.limits = limits
        self.pace = Pace()
        self._outputs = tuple(_bound(output, processors) for output in spec.outputs)
        self._plans: OrderedDict[Key, FramePlan] = OrderedDict()
        self._lock = Lock()

    def for_frames_like(self, key: Key) -> FramePlan:
        """Raises Refused if a step does not fit such frames, or makes too large a picture."""
        with self._lock:
            if plan := self._plans.get(key):
                self._plans.move_to_end(key)
                return plan
        plan = self._plan(key)
        with self._lock:
            self._plans[key] = plan
            while len(self._plans) > _FORMS_KEPT:
                self._plans.popitem(last=False)
        return plan

    def _plan(self, key: Key) -> FramePlan:
        full = full_form(key)
        exact = self.spec.decode_mode == DecodeMode.EXACT
        least = FULL if exact else least_sides(self._spec(), full)
        places = Places()
        source = plan_source(key, least, exact, places)
        outputs = tuple(
            self._output(output, settled(output.ops, full), source, places)
            for output in self._outputs
        )
        return FramePlan(places.requests, source, outputs)

    def _spec(self) -> PipelineSpec:
        return PipelineSpec(self._outputs, self.spec.decode_mode)

    def _output(
        self, output: OutputSpec, ops: tuple[Op, ...], source: Source, places: Places
    ) -> OutputPlan:
        encoding = Encoding(output.encoding or Encoding.JPEG)
        stages: list[Stage] = []
        form, place, viewed = source.form, source.place, not source.place
        for op in ops:
            step = op.step(form)
            self._check_size(step.form)
            form = step.form
            if step.view is not None:
                stages.append(Stage(view=step.view))
                viewed = True
            elif step.work is not None:
                place = _work(stages, step, place, source, places)
                viewed = False
        if viewed:
            copied = copy_stage(form, places)
            stages.append(copied)
            place = copied.place
        leaving = OutputPlan(
            name=output.name,
            encoding=encoding,
            quality=output.quality or self.limits.default_quality,
            form=form,
            stages=tuple(stages),
        )
        if encoding is Encoding.RAW:
            return leaving  # the last array is what leaves, so its place stays taken
        return _encoded(leaving, place, source, places)

    def _check_size(self, form: Form) -> None:
        limits = self.limits
        side = max(form.width, form.height)
        if side > limits.max_side_pixels or form.width * form.height > limits.max_output_pixels:
            raise Refused(
                Reason.IMAGE_TOO_LARGE,
                f"a step would make a picture of {form.width}x{form.height} pixels; the caps are "
                f"{limits.max_side_pixels} a side and {limits.max_output_pixels:,} in all",
            )


def _work(stages: list[Stage], step: Step, place: str, source: Source, places: Places) -> str:
    """Add a step that writes; the place it writes to."""
    target = places.array(step.form.shape)
    scratch = places.array(step.scratch) if step.scratch else ""
    stages.append(Stage(work=step.work, place=target, scratch=scratch))
    _give_up(place, source, places)
    if scratch:
        places.free(scratch)
    return target


def _encoded(output: OutputPlan, place: str, source: Source, places: Places) -> OutputPlan:
    shape = codecs.encode_scratch(output.form, output.encoding)
    scratch = places.array(shape) if shape else ""
    _give_up(scratch, source, places)
    _give_up(place, source, places)
    return replace(output, buffer=places.bytes_buffer(BYTES_POOL), scratch=scratch)


def _give_up(place: str, source: Source, places: Places) -> None:
    """The source stays: the next output starts from it."""
    if place and place != source.place:
        places.free(place)


def _bound(output: OutputSpec, processors: Processors) -> OutputSpec:
    if not any(isinstance(op, Custom) for op in output.ops):
        return output
    ops = tuple(op.bind(processors) if isinstance(op, Custom) else op for op in output.ops)
    return OutputSpec(output.name, ops, output.encoding, output.quality)
