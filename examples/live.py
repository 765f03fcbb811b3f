"""A server and a camera that does not exist, so that there is life to see: ``make run``.

Both are what a user would start in two terminals. Ctrl-C ends them.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys

FRAMESRV = (sys.executable, "-m", "framesrv")


def main() -> int:
    with subprocess.Popen([*FRAMESRV, "serve"], stdout=subprocess.PIPE, text=True) as server:
        if server.stdout is None:
            raise RuntimeError("the server has no output to read")
        ready = server.stdout.readline().strip()
        if not ready:  # the server has said why
            return server.wait()
        print(
            f"{ready}\n\nIn a second terminal: .venv/bin/framesrv send YOUR_VIDEO.mp4 --out out\n"
        )
        http = next(word.removeprefix("http=") for word in ready.split() if "http=" in word)
        print(f"Its numbers: http://{http}/metrics\nCtrl-C ends it.\n", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            subprocess.call([*FRAMESRV, "send", "synthetic:1280x720@30"])
        with contextlib.suppress(KeyboardInterrupt):
            server.terminate()
        return server.wait()


if __name__ == "__main__":
    sys.exit(main())
