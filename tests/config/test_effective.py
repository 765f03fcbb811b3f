"""What the dashboard shows of the configuration: all of it, its origins, and no path."""

from __future__ import annotations

from pathlib import Path

from framesrv.config.rooms import all_settings
from tests.config.helpers import loaded

FILE = """\
processors = ["mine=tests.config.processor:negative"]
[http]
hosts = ["cam.example", "other.example"]
[pool.jpeg]
capacity = 16
[pipelines.thumbnail]
outputs = [{name = "small", ops = [{resize = {width = 64}}]}]
"""


def test_every_setting_is_there_with_its_origin(tmp_path: Path) -> None:
    token = tmp_path / "secrets" / "http_token"
    token.parent.mkdir()
    token.write_text("open-sesame")
    settings = loaded(
        FILE,
        folder=tmp_path,
        flags={"http.token_file": str(token)},
        environ={"FRAMESRV_PREVIEWS": "yes"},
    ).settings
    shown = {each.name: (each.value, each.origin) for each in settings.effective}
    assert set(all_settings()) <= set(shown)
    file = shown["http.hosts"][1]
    assert shown["http.hosts"] == ("cam.example,other.example", file)
    assert shown["http.token_file"] == ("http_token", "--http-token-file")
    assert shown["http.previews"] == ("true", "FRAMESRV_PREVIEWS")
    assert shown["engine.pool_wait_s"][1] == "default"
    assert shown["pool.jpeg.capacity"] == ("16", file)
    assert shown["pool.jpeg.warm"] == ("16", "follows capacity")
    assert "small" in shown["pipelines.thumbnail.outputs"][0]
    assert "/" not in file
    together = str(settings.effective)
    assert str(tmp_path) not in together
    assert "open-sesame" not in together
