"""The states of a link, and how long it waits between them."""

from __future__ import annotations

import pytest

from transports.errors import MasterChanged, MasterFull, Pending, Rejected, RequestTimeout, SignInError
from transports.zeromq.course import Course, State, Timing


def longest(low: float, high: float) -> float:
    return high


def course(**timing: object) -> Course:
    return Course(Timing(**timing), draw=longest)  # type: ignore[arg-type]


def test_from_signed_out_to_connected_and_lost():
    made = course()
    assert made.state is State.SIGNED_OUT
    made.begin()
    assert made.state is State.SIGNING_IN
    made.let_in()
    assert made.state is State.CONNECTED
    made.lost()
    assert made.state is State.LOST


def test_pending_waits_the_same_time_again_and_again():
    made = course(pending=10.0)
    assert [made.failed(Pending("x")) for _ in range(3)] == [10.0, 10.0, 10.0]
    assert made.state is State.PENDING


def test_pending_stays_pending_while_it_is_tried():
    made = course()
    made.failed(Pending("x"))
    made.begin()
    assert made.state is State.PENDING


def test_pending_grows_to_its_bound_and_starts_over():
    made = course(pending=10.0, pending_longest=25.0)
    assert [made.failed(Pending("x")) for _ in range(4)] == [10.0, 20.0, 25.0, 25.0]
    made.let_in()
    assert made.failed(Pending("x")) == 10.0


def test_rejected_ends_it():
    made = course()
    assert made.failed(Rejected("x")) is None
    assert made.state is State.REJECTED


def test_rejected_goes_on_if_wished():
    made = course(retry_rejected=True, pending=3.0)
    assert made.failed(Rejected("x")) == 3.0
    assert made.state is State.PENDING


def test_unreachable_backs_off_to_its_bound():
    made = course(unreachable=1.0, unreachable_longest=5.0)
    assert [made.failed(RequestTimeout("x")) for _ in range(4)] == [1.0, 2.0, 4.0, 5.0]
    made.let_in()
    assert made.failed(RequestTimeout("x")) == 1.0
    assert made.state is State.SIGNED_OUT


@pytest.mark.parametrize("error", [SignInError("x"), MasterChanged("x"), MasterFull("x")])
def test_a_master_that_is_wrong_is_asked_ever_more_rarely(error: SignInError):
    made = course(pending=10.0)
    assert [made.failed(error) for _ in range(4)] == [10.0, 20.0, 40.0, 60.0]


def test_waits_are_drawn_at_random():
    asked: list[tuple[float, float]] = []

    def draw(low: float, high: float) -> float:
        asked.append((low, high))
        return low

    made = Course(Timing(pending=10.0), draw)
    assert made.failed(Pending("x")) == 8.0
    made.failed(RequestTimeout("x"))
    assert all(low < high for low, high in asked)


def test_first_renewal_at_once_and_then_seldom():
    made = course()
    assert made.renewal(100.0) == 0.0
    assert made.renewal(101.0) == 9.0
    assert made.renewal(110.5) == 9.5
    assert made.renewal(200.0) == 0.0
