"""How a stream is asked for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from framesrv.client.names import DROP_POLICIES, number_of
from framesrv.client.pipelines import PipelineLike, plan_fields
from framesrv.protocol.gen import frames_pb2 as pb

Drop = Literal["block", "oldest", "newest"]


@dataclass(frozen=True)
class StreamPlan:
    """The arguments of ``stream()``; see there."""

    pipeline: PipelineLike = None
    stream_id: str = ""
    window: int = 16
    batch: int = 1
    drop: Drop = "block"
    max_age_s: float | None = None
    publish: bool = False
    resume: bool = False

    def __post_init__(self) -> None:
        if self.window < 1:
            raise ValueError(f"window must be 1 or more, not {self.window}")
        if not 1 <= self.batch <= self.window:
            raise ValueError(f"batch must be 1 to window ({self.window}), not {self.batch}")
        if self.max_age_s is not None and not (
            math.isfinite(self.max_age_s) and self.max_age_s > 0
        ):
            raise ValueError(f"max_age_s must be above 0, not {self.max_age_s}")
        if self.publish and not self.stream_id:
            raise ValueError("publish needs a stream_id, by which others subscribe")
        number_of("drop", self.drop, DROP_POLICIES)
        plan_fields(self.pipeline)

    def open(self) -> pb.ProcessStreamRequest:
        pipeline, name = plan_fields(self.pipeline)
        config = pb.StreamConfig(
            stream_id=self.stream_id,
            pipeline=pipeline,
            pipeline_name=name,
            max_in_flight_frames=self.window,
            publish=self.publish,
        )
        config.drop_policy = number_of("drop", self.drop, DROP_POLICIES)  # type: ignore[assignment]
        if self.max_age_s is not None:
            config.max_age.FromNanoseconds(round(self.max_age_s * 1e9))
        return pb.ProcessStreamRequest(open=config)
