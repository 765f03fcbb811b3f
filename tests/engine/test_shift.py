"""Tasks reach workers once each and in order, and the one that stopped last is woken first."""

from __future__ import annotations

import threading

from framesrv.engine.shift import Place, Shift


class Hand:
    """A worker that takes one task and says so."""

    def __init__(self, shift: Shift[int]) -> None:
        self.place: Place[int] = Place()
        self.task: int | None = None
        self.took = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(shift,))
        self._thread.start()

    def _run(self, shift: Shift[int]) -> None:
        self.task = shift.get(self.place)
        self.took.set()

    def join(self) -> None:
        self._thread.join(60)
        assert not self._thread.is_alive()


def waiting(shift: Shift[int], count: int) -> list[Hand]:
    """So many hands that wait, in the order in which they began to."""
    hands = []
    for number in range(1, count + 1):
        hands.append(Hand(shift))
        turns = threading.Event()
        while len(shift._idle) < number:
            turns.wait(0.001)
    return hands


def test_the_one_that_stopped_last_is_woken_first() -> None:
    shift: Shift[int] = Shift()
    hands = waiting(shift, 3)
    for task in (1, 2, 3):
        shift.put(task)
        assert hands[3 - task].took.wait(60)
    for hand in hands:
        hand.join()
    assert [hand.task for hand in hands] == [3, 2, 1]


def test_what_comes_while_all_work_is_taken_in_order() -> None:
    shift: Shift[int] = Shift()
    for task in range(5):
        shift.put(task)
    shift.put(None)
    assert [shift.get(Place()) for _ in range(6)] == [0, 1, 2, 3, 4, None]


def test_many_threads_do_everything_once() -> None:
    shift: Shift[int] = Shift()
    done: list[int] = []

    def work() -> None:
        place: Place[int] = Place()
        while (task := shift.get(place)) is not None:
            done.append(task)

    def send(first: int) -> None:
        for task in range(first, first + 2000):
            shift.put(task)

    workers = [threading.Thread(target=work) for _ in range(6)]
    senders = [threading.Thread(target=send, args=(2000 * number,)) for number in range(4)]
    for thread in [*workers, *senders]:
        thread.start()
    for thread in senders:
        thread.join(60)
    for _ in workers:
        shift.put(None)
    for thread in workers:
        thread.join(60)
        assert not thread.is_alive()
    assert sorted(done) == list(range(8000))


def test_the_two_lines_are_served_in_turns_and_the_end_comes_last() -> None:
    shift: Shift[int] = Shift()
    for task in (1, 3, 5, 6):
        shift.put(task, patient=True)
    for task in (0, 2, 4):
        shift.put(task)
    shift.put(None)
    assert [shift.get(Place()) for _ in range(8)] == [0, 1, 2, 3, 4, 5, 6, None]
