"""What thumbor serves: frames in files, for it is no server for frames that are sent.

Nothing that it made is kept, so each request is the whole work, and it writes baseline JPEGs of
the quality that all write.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

CONFIG: Final = "thumbor.conf"
PATH: Final = "/unsafe/320x320/filters:stretch()/{number}.jpg"
_SETTINGS: Final = """\
LOADER = "thumbor.loaders.file_loader"
FILE_LOADER_ROOT_PATH = {root!r}
STORAGE = "thumbor.storages.no_storage"
RESULT_STORAGE = None
ALLOW_UNSAFE_URL = True
QUALITY = 85
PROGRESSIVE_JPEG = False
"""


def prepare(folder: Path, frames: Sequence[bytes]) -> None:
    (folder / CONFIG).write_text(_SETTINGS.format(root=str(folder)), encoding="utf-8")
    for number, jpeg in enumerate(frames):
        (folder / f"{number}.jpg").write_bytes(jpeg)
