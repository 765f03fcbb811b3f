"""From what was asked to a plan: by name, by value, or the server's default."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

from framesrv.errors import Reason, Refused
from framesrv.frames.layout import PixelFormat
from framesrv.frames.work import Encoding
from framesrv.ops.convert import Convert
from framesrv.ops.custom import Processors
from framesrv.ops.resize import Interpolation, Resize
from framesrv.pipeline.limits import PipelineLimits
from framesrv.pipeline.plan import Plan
from framesrv.pipeline.spec import OutputSpec, PipelineSpec

_PLANS_KEPT: Final = 256

# Frames of any size become 640x360, then 320x320, then RGBA, and leave as JPEG. The second step
# shrinks a side by at most two, where linear and area differ by little and linear costs less.
DEFAULT_PIPELINE: Final = PipelineSpec(
    outputs=(
        OutputSpec(
            name="main",
            ops=(
                Resize(640, 360),
                Resize(320, 320, interpolation=Interpolation.LINEAR),
                Convert(PixelFormat.RGBA32),
            ),
            encoding=Encoding.JPEG,
            quality=85,
        ),
    )
)


class Plans:
    """Used by one thread: the one that reads the calls."""

    def __init__(
        self,
        limits: PipelineLimits | None = None,
        processors: Processors | None = None,
        named: Mapping[str, PipelineSpec] | None = None,
        default: PipelineSpec = DEFAULT_PIPELINE,
    ) -> None:
        self.limits = limits or PipelineLimits()
        self.processors = processors or Processors()
        self._named = {name: self._make(spec) for name, spec in (named or {}).items()}
        self._default = self._make(default)
        self._made: OrderedDict[PipelineSpec, Plan] = OrderedDict()

    @property
    def names(self) -> list[str]:
        return sorted(self._named)

    def find(self, asked: PipelineSpec | str | None) -> Plan:
        """Raises Refused if there is no such pipeline, or it cannot be planned."""
        if asked is None:
            return self._default
        if isinstance(asked, str):
            if plan := self._named.get(asked):
                return plan
            known = ", ".join(self.names) or "none"
            raise Refused(
                Reason.UNKNOWN_PIPELINE,
                f"this server has no pipeline of that name; its pipelines are: {known}",
            )
        if plan := self._made.get(asked):
            self._made.move_to_end(asked)
            return plan
        plan = self._made[asked] = self._make(asked)
        while len(self._made) > _PLANS_KEPT:
            self._made.popitem(last=False)
        return plan

    def _make(self, spec: PipelineSpec) -> Plan:
        return Plan(spec, self.limits, self.processors)
