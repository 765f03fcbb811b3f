"""What an operator sets reaches the server: of each room, a setting that has another value."""

from __future__ import annotations

import dataclasses

import pytest

from framesrv.config.rooms import ROOMS
from tests.config.helpers import loaded

_SET = {
    "engine": ("max_in_flight_frames", 31),
    "images": ("max_jpeg_scans", 7),
    "pipeline": ("max_outputs", 3),
    "wire": ("max_batch_frames", 9),
    "streams": ("max_streams", 11),
    "fan_out": ("stall_s", 0.5),
    "transport": ("keepalive_s", 2.5),
}


@pytest.mark.parametrize("room", _SET)
def test_a_setting_of_every_room_reaches_the_server(room: str) -> None:
    name, value = _SET[room]
    assert name in {field.name for field in dataclasses.fields(ROOMS[room])}
    variable = f"FRAMESRV_{room}_{name}".upper()
    settings = loaded(environ={variable: str(value)}).settings
    assert getattr(getattr(settings, room), name) == value
