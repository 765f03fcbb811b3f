"""`framesrv subscribe --open`: the address that a browser is told, and what is in its way."""

from __future__ import annotations

import pytest

from tests.cli.test_subscribe import Story, run


def test_open_shows_the_page_of_the_dashboard(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def note(url: str) -> bool:
        opened.append(url)
        return True

    monkeypatch.setattr("webbrowser.open", note)
    story = Story()
    place = ["--dashboard", "http://cam.example:9464", "--open"]
    assert run(story, "door", "the yard", "--merge", 0.1, *place) == (
        0, "http://cam.example:9464/watch?stream=door&stream=the+yard&merge=1\n", "",
    )  # fmt: skip
    assert run(story, "--all", *place)[0] == 0
    assert opened == [
        "http://cam.example:9464/watch?stream=door&stream=the+yard&merge=1",
        "http://cam.example:9464/watch",
    ]
    assert story.asked == []


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["door", "--dashboard", "ftp://a"], "give http://HOST:PORT/ or https://HOST:PORT/"),
        (["door", "--dashboard", "http://a:99999"], "give http://HOST:PORT/"),
        (["door", "--dashboard", "file:///etc"], "give http://HOST:PORT/"),
        (["door", "--out", "folder"], "leave one of them away"),
        ([], "name the streams to watch"),
        (
            ["door"],
            "no browser could be opened here; open http://127.0.0.1:9464/watch?stream=door your",
        ),
    ],
)
def test_open_that_cannot_be_says_why(
    args: list[str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webbrowser.open", lambda url: False)
    code, out, err = run(Story(), "--open", *args)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert told in err
