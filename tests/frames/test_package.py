from __future__ import annotations

import subprocess
import sys

import framesrv.frames

PROBE = """
import sys
before = set(sys.modules)
import framesrv.frames
ours = {name for name in set(sys.modules) - before if name.startswith("framesrv.")}
rooms = {".".join(name.split(".")[:2]) for name in ours}
print(sorted(rooms), sorted({"cv2", "grpc", "google.protobuf", "PIL"} & set(sys.modules)))
"""


def test_importing_the_records_loads_errors_and_the_pool_only() -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROBE], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout.strip() == "['framesrv.errors', 'framesrv.frames', 'framesrv.pool'] []"


def test_every_public_name_is_there() -> None:
    assert sorted(framesrv.frames.__all__) == framesrv.frames.__all__
    for name in framesrv.frames.__all__:
        assert hasattr(framesrv.frames, name)
