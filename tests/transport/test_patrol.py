"""Who makes no progress is found, and nobody else."""

from __future__ import annotations

from framesrv.transport.patrol import Patrol


class Writer:
    def __init__(self) -> None:
        self.writes = 0
        self.writing = False
        self.ended = 0

    def write(self, *, stuck: bool) -> None:
        self.writes += 1
        self.writing = stuck

    def end_as_slow(self) -> None:
        self.ended += 1


def test_one_that_is_stuck_is_ended_when_the_time_is_over() -> None:
    stuck, idle, busy = Writer(), Writer(), Writer()
    patrol = Patrol([stuck, idle, busy], stall_s=10)
    stuck.write(stuck=True)
    idle.write(stuck=False)
    for now_s in (100.0, 105.0, 109.9):
        busy.write(stuck=True)
        patrol.look(now_s)
    assert stuck.ended == 0
    busy.write(stuck=True)
    patrol.look(110.0)
    assert (stuck.ended, idle.ended, busy.ended) == (1, 0, 0)


def test_a_write_that_ends_begins_the_time_anew() -> None:
    writer = Writer()
    patrol = Patrol([writer], stall_s=10)
    for now_s in range(100, 200, 5):
        writer.write(stuck=now_s % 10 == 0)
        patrol.look(now_s)
    assert writer.ended == 0


def test_it_remembers_nobody_who_has_gone() -> None:
    writers = {Writer()}
    patrol = Patrol(writers, stall_s=10)
    for writer in writers:
        writer.write(stuck=True)
    patrol.look(1.0)
    writers.clear()
    patrol.look(2.0)
    assert not patrol._seen
