"""What `framesrv top` makes of what it hears: every line fits, and nothing in it is dangerous."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from framesrv.cli.top_screen import screen
from framesrv.cli.top_state import State
from framesrv.cli.top_words import ASCII, FINE, sparkline, visible
from tests.cli.snapshots import POINT, pool, snapshot, stream, trouble

ESCAPE = "\x1b"


def shown(taken: dict[str, Any], width: int = 160, height: int | None = None) -> list[str]:
    state = State()
    state.take("snapshot", taken)
    return [line.plain for line in screen(state, "127.0.0.1:9464", width, height, FINE)]


class TestScreen:
    @given(st.integers(1, 80), st.integers(1, 200), st.integers(0, 30), st.integers(0, 30))
    def test_it_fits_every_terminal(
        self, height: int, width: int, streams: int, errors: int
    ) -> None:
        taken = snapshot(
            pools=[pool(f"pool-{number}") for number in range(14)],
            streams={"open": streams, "shown": [stream(f"漢字-{n}") for n in range(streams)]},
            errors=[trouble(f"REASON_{number}") for number in range(errors)],
        )
        state = State()
        state.take("snapshot", taken)
        lines = screen(state, "127.0.0.1:9464", width, height, FINE)
        assert len(lines) == height
        assert all(line.cell_len <= width for line in lines)
        if height >= 30 and width >= 60:
            text = "\n".join(line.plain for line in lines)
            assert all(part in text for part in ("412", "p99", "POOL", "q quits"))
            assert ("REASON_0" in text) == bool(errors)
            assert "漢字-0" in text or not streams

    def test_everything_is_told_where_there_is_room(self) -> None:
        text = "\n".join(shown(snapshot()))
        for told in (
            "framesrv 0.1.0 ready", "up 16 min 40 s", "2 workers", "412", "12 ms",
            "12,345 frames ok, 7 failed", "79.0 % busy", "14.3 MiB of 512 MiB",
            "p99: decode 4.0 ms, total -; process 134 MiB",
            "2 of 8", "2 of 21,058", "IMAGE_CORRUPT", "5 s ago", "the JPEG is cut short",
            "front-door", "30.0", "7 of 64",
        ):  # fmt: skip
            assert told in text, told

    def test_a_bar_is_as_long_as_its_numbers_say(self) -> None:
        full = pool("full", leased=5, quarantined=1, idle=2, capacity=8)
        line = next(line for line in shown(snapshot(pools=[full])) if line.startswith("full"))
        assert (line.count("█"), line.count("▓"), line.count("▒")) == (15, 3, 6)
        assert "1 quarantined" in line

    @given(st.text(max_size=40))
    def test_what_clients_choose_cannot_move_the_cursor(self, text: str) -> None:
        chosen = f"{ESCAPE}[2J\r\n\u202e\x9b1A" + text
        lines = shown(
            snapshot(
                streams={"open": 1, "shown": [stream(chosen)]},
                errors=[trouble("REASON", chosen, stream=chosen, request=chosen)],
            )
        )
        assert not any(sign in line for line in lines for sign in "\x1b\r\n\x9b\u202e\x07\b")
        assert visible(chosen).startswith("<1b>[2J<0d><0a><202e><9b>1A")

    def test_without_unicode_it_draws_with_ascii(self) -> None:
        state = State()
        state.take("history", {"points": [POINT]})
        state.take("snapshot", snapshot())
        text = "".join(line.plain for line in screen(state, "x:1", 160, None, ASCII))
        assert text.isascii()


class TestState:
    def test_borrows_are_counted_between_two_snapshots_of_one_server(self) -> None:
        state = State()
        state.take("snapshot", snapshot())
        assert state.borrows == {}
        state.take("snapshot", snapshot(at_ms=1_002_000, pools=[pool("rgba_320", gets=1500)]))
        assert state.borrows == {"rgba_320": 250.0}
        other = snapshot(at_ms=1_003_000, pools=[pool("rgba_320", gets=9)])
        other["server"]["id"] = "b"
        state.take("snapshot", other)
        assert state.borrows == {}
        assert state.restarted_at is not None

    def test_seconds_in_which_nobody_looked_stay_empty(self) -> None:
        state = State()
        points = [POINT | {"at_ms": at * 1000} for at in (1, 2, 6, 7)]
        state.take("history", {"points": points})
        assert state.values("fps") == [412.3, 412.3, None, None, None, 412.3, 412.3]

    def test_a_point_that_comes_twice_is_taken_once(self) -> None:
        state = State()
        state.take("history", {"points": [POINT]})
        state.take("snapshot", snapshot())
        assert state.values("fps") == [412.3]

    @given(st.lists(st.none() | st.floats(0, 1e6), max_size=400), st.integers(1, 200))
    def test_a_sparkline_is_as_wide_as_asked_and_loses_no_peak(
        self, values: list[float | None], width: int
    ) -> None:
        line = sparkline(values, width, FINE, 1)
        assert len(line) == width
        most = max((value for value in values if value is not None), default=0)
        assert ("█" in line) == (most >= 0.875)
