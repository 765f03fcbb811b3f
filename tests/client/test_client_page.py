"""The examples of docs/client.md run, against a server of ours."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from framesrv.client import FramesrvClientError, errors
from framesrv.protocol.gen import frames_pb2 as pb
from tests.client.scripted import Requests, Scripted, answer, event, missed, serving

ROOT = Path(__file__).parents[2]
INFO = pb.ServerInfo(version="scripted", max_message_bytes=64 << 20, max_batch_frames=64)
PAGE = (ROOT / "docs" / "client.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


class Thumbs(Scripted):
    """Answers every frame with the two outputs of the examples, one pixel each."""

    @staticmethod
    def outputs(frame: pb.Frame) -> pb.FrameResult:
        result = answer(frame)
        layout = pb.ImageLayout(width=1, height=1, format=pb.PIXEL_FORMAT_GRAY8)
        del result.outputs[:]
        for name in ("thumb", "grey"):
            result.outputs.add(name=name, encoding=pb.ENCODING_RAW, layout=layout, data=b"\x09")
        return result

    def ProcessBatch(self, request: Any, context: Any) -> pb.ProcessBatchResponse:  # noqa: N802
        return pb.ProcessBatchResponse(results=map(self.outputs, request.frames))

    def ProcessStream(  # noqa: N802
        self, requests: Requests, context: Any
    ) -> Iterator[pb.ProcessStreamResponse]:
        for response in super().ProcessStream(requests, context):
            for result in response.results.results:
                result.CopyFrom(self.outputs(pb.Frame(sequence=result.sequence)))
            yield response

    def Subscribe(  # noqa: N802
        self, request: pb.SubscribeRequest, context: Any
    ) -> Iterator[pb.SubscribeResponse]:
        yield event("started")
        yield missed(2)
        for number in (2, 3):
            thumb = self.outputs(pb.Frame(sequence=number))
            thumb.stream_id = request.stream_ids[-1]
            yield pb.SubscribeResponse(frame=thumb)
        yield event("ended")


def run(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-", *arguments],
        input=code, capture_output=True, text=True, check=True, cwd=ROOT, timeout=60,
    )  # fmt: skip
    return done.stdout


def test_the_example_runs() -> None:
    example, _ = EXAMPLES
    with serving(Thumbs(info=INFO)) as address:
        out = run(example.replace("127.0.0.1:50051", address))
    assert out.splitlines() == [f"{place} ok" for place in range(8)]


def test_the_example_of_subscriptions_runs() -> None:
    _, example = EXAMPLES
    with serving(Thumbs(info=INFO)) as address:
        out = run(example.replace("127.0.0.1:50051", address))
    assert out.splitlines()[:3] == ["2 1", "3 1", "4 = 2 + 2"]
    assert out.splitlines()[3:] == ["door missed 2", "yard 2", "yard 3"]


def test_the_demonstration_runs() -> None:
    code = (ROOT / "examples" / "client_demo.py").read_text()
    with serving(Thumbs(info=INFO)) as address:
        assert "20 frames in" in run(code, address, "--frames", "20")


def test_every_error_is_explained() -> None:
    kinds = [
        each
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, FramesrvClientError)
    ]
    names = {kind.__name__ for kind in kinds} - {"ClientClosed"}
    assert {name for name in names if name not in PAGE} == set()
