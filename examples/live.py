"""A server and a camera that does not exist, so that there is life to see: ``make run``.

Both are what a user would start in two terminals. Ctrl-C ends them.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys

FRAMESRV = (sys.executable, "-m", "framesrv")
CAMERA = ("--publish", "--stream-id", "camera")  # so that its pictures can be looked at


def main() -> int:
    with subprocess.Popen(
        [*FRAMESRV, "serve", "--previews", "--websocket"], stdout=subprocess.PIPE, text=True
    ) as server:
        if server.stdout is None:
            raise RuntimeError("the server has no output to read")
        ready = server.stdout.readline().strip()
        if not ready:  # the server has said why
            return server.wait()
        print(
            f"{ready}\n\nIn a second terminal: .venv/bin/framesrv send YOUR_VIDEO.mp4 --out out\n"
        )
        http = next(word.removeprefix("http=") for word in ready.split() if "http=" in word)
        print(f"What it does, in a browser: http://{http}/ (for Prometheus: http://{http}/metrics)")
        print(f"The camera, live: http://{http}/watch?stream=camera")
        print(f"Your webcam as another: http://{http}/camera")
        print(f"The numbers in a terminal: .venv/bin/framesrv top --http {http}")
        print("Ctrl-C ends it.\n", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            subprocess.call([*FRAMESRV, "send", "synthetic:1280x720@30", *CAMERA])
        with contextlib.suppress(KeyboardInterrupt):
            server.terminate()
        return server.wait()


if __name__ == "__main__":
    sys.exit(main())
