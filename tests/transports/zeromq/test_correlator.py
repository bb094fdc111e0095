"""Which request a reply belongs to, when some replies do not say."""

from __future__ import annotations

import itertools

import pytest

from transports.zeromq.correlator import Correlator


def test_readable_replies_in_any_order():
    for order in itertools.permutations("abc"):
        made = Correlator()
        for nonce in "abc":
            made.sent(nonce, 1, repeatable=False)
        assert [made.answered(nonce, 1) for nonce in order] == [[], [], []]


def test_single_request_that_is_refused():
    made = Correlator()
    made.sent("a", 1, repeatable=False)
    assert made.refused(1) == ["a"]


def test_repeatable_ones_are_asked_again_at_once():
    made = Correlator()
    made.sent("r1", 1, repeatable=True)
    made.sent("w", 1, repeatable=False)
    made.sent("r2", 1, repeatable=True)
    assert made.refused(1) == ["r1", "r2"]


def test_others_only_when_it_is_certain():
    made = Correlator()
    made.sent("w1", 1, repeatable=False)
    made.sent("w2", 1, repeatable=False)
    made.sent("r", 1, repeatable=True)
    assert made.refused(1) == ["r"]
    assert made.answered("w2", 1) == []
    assert made.refused(1) == ["w1"]


def test_nothing_is_asked_twice_that_was_answered():
    made = Correlator()
    made.sent("w1", 1, repeatable=False)
    made.sent("w2", 1, repeatable=False)
    assert made.refused(1) == []
    assert made.answered("w1", 1) == ["w2"]


def test_late_reply_is_counted_and_does_not_accuse_others():
    made = Correlator()
    made.sent("late", 1, repeatable=False)
    made.given_up("late")
    made.sent("w", 1, repeatable=False)
    assert made.answered("late", 1) == []
    assert made.strays == 1
    assert made.refused(1) == ["w"]


def test_reply_that_never_comes_leaves_others_in_doubt():
    made = Correlator()
    made.sent("lost", 1, repeatable=False)
    made.given_up("lost")
    made.sent("w", 1, repeatable=False)
    assert made.refused(1) == []  # it may have been the refusal of the lost one


def test_sessions_are_told_apart():
    made = Correlator()
    made.sent("old", 1, repeatable=False)
    made.sent("new", 2, repeatable=False)
    assert made.oldest_session() == 1
    assert made.refused(1) == ["old"]
    assert made.oldest_session() == 2
    assert made.answered("new", 2) == []


def test_refusal_when_nothing_is_open():
    made = Correlator()
    assert made.oldest_session() == -1
    assert made.refused(-1) == []


def test_expects_replies_until_all_have_come():
    made = Correlator()
    assert not made.expecting
    made.sent("a", 1, repeatable=True)
    made.sent("b", 2, repeatable=True)
    made.given_up("a")
    made.answered("b", 2)
    assert made.expecting
    made.refused(1)
    assert not made.expecting


def test_clear_forgets_what_is_owed():
    made = Correlator()
    made.sent("a", 1, repeatable=False)
    made.clear()
    made.sent("b", 1, repeatable=False)
    assert made.refused(1) == ["b"]


@pytest.mark.parametrize("refusals", [1, 2, 3])
def test_all_refused(refusals: int):
    made = Correlator()
    for number in range(refusals):
        made.sent(str(number), 1, repeatable=False)
    again = [nonce for _ in range(refusals) for nonce in made.refused(1)]
    assert sorted(again) == [str(number) for number in range(refusals)]
