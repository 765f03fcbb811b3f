"""Generate framesrv/protocol/gen from protos/, or check that it is up to date (``--check``)."""

from __future__ import annotations

import argparse
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PROTO = "framesrv/v1/frames.proto"
TARGET = ROOT / "framesrv" / "protocol" / "gen"


def generate(into: Path) -> dict[str, str]:
    """The generated files by name."""
    well_known = str(files("grpc_tools") / "_proto")
    code = protoc.main(
        [
            "protoc",
            f"-I{ROOT / 'protos'}",
            f"-I{well_known}",
            f"--python_out={into}",
            f"--pyi_out={into}",
            f"--grpc_python_out={into}",
            PROTO,
        ]
    )
    if code:
        raise SystemExit(f"protoc failed with code {code}")
    made = into / Path(PROTO).parent
    return {path.name: _at_home(path.read_text()) for path in sorted(made.iterdir())}


def _at_home(text: str) -> str:
    """The generator thinks that Python packages follow the proto's; ours live in protocol.gen."""
    return text.replace("from framesrv.v1 import", "from framesrv.protocol.gen import")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail if out of date")
    check = parser.parse_args().check
    with tempfile.TemporaryDirectory() as folder:
        made = generate(Path(folder))
    stale = [
        name
        for name, text in made.items()
        if not (TARGET / name).exists() or (TARGET / name).read_text() != text
    ]
    if check and stale:
        sys.exit(f"out of date, run 'make protos': {', '.join(stale)}")
    for name in stale:
        (TARGET / name).write_text(made[name])
        print(f"wrote {TARGET.relative_to(ROOT) / name}")


if __name__ == "__main__":
    main()
