"""The life of a job, walked with a clock of numbers."""

from __future__ import annotations

from master.jobs import Delivery, Follower, Probe, State, Verdict


def probes(actions):
    return [action.minions for action in actions if isinstance(action, Probe)]


def verdicts(actions):
    return {action.id: action.state for action in actions if isinstance(action, Verdict)}


def follower(*minions, absent=None, timeout=5, gather=10):
    return Follower(minions, absent or {}, 0.0, timeout, gather)


def test_everybody_returns():
    follow = follower("a", "b")
    assert follow.on_return("a") and not follow.done
    assert not follow.on_return("a"), "a second return is nobody's business"
    assert follow.on_return("b") and follow.done


def test_silent_minions_are_asked_at_the_timeout_and_given_up_after_the_gathering_time():
    follow = follower("a", "b")
    assert follow.next_time() == 5
    assert follow.on_time(4.9) == []
    follow.on_return("a")
    assert probes(follow.on_time(5.0)) == [("b",)]
    assert follow.on_time(14.9) == []
    assert verdicts(follow.on_time(15.0)) == {"b": State.SILENT}
    assert follow.done


def test_a_running_minion_is_asked_again_for_as_long_as_it_runs():
    follow = follower("a")
    now = 5.0
    for _ in range(20):
        assert probes(follow.on_time(now)) == [("a",)]
        follow.on_probe_answer("a", True, now + 0.1)
        now = follow.next_time()
    assert not follow.done
    follow.on_time(now)
    assert verdicts(follow.on_time(now + 10)) == {"a": State.RUNNING}


def test_a_minion_that_does_not_run_the_job_gets_time_for_its_return_and_is_then_lost():
    follow = follower("a")
    follow.on_time(5.0)
    follow.on_probe_answer("a", False, 5.1)
    assert follow.on_time(9.0) == []
    assert follow.on_return("a")
    follow = follower("a")
    follow.on_time(5.0)
    follow.on_probe_answer("a", False, 5.1)
    assert verdicts(follow.on_time(10.1)) == {"a": State.SILENT}, "it may never have been meant"
    follow = follower("a")
    follow.on_acknowledged("a")
    follow.on_time(5.0)
    follow.on_probe_answer("a", False, 5.1)
    assert verdicts(follow.on_time(10.1)) == {"a": State.LOST}


def test_an_absent_minion_is_told_at_once_but_not_before_it_could_come_back():
    follow = follower("a", "b", absent={"b": -100.0})
    assert follow.on_time(0.9) == []
    assert verdicts(follow.on_time(1.0)) == {"b": State.UNDELIVERED}
    follow = follower("b", absent={"b": -100.0})
    follow.on_presence("b", True, 0.5)
    assert follow.on_time(1.0) == []


def test_a_minion_that_goes_away_with_the_job_counts_as_running():
    follow = follower("a", "b")
    follow.on_acknowledged("a")
    follow.on_presence("a", False, 2.0)
    follow.on_presence("b", False, 2.0)
    assert verdicts(follow.on_time(6.9)) == {}, "a connection may come back"
    assert verdicts(follow.on_time(7.0)) == {"a": State.RUNNING, "b": State.UNDELIVERED}


def test_an_acknowledged_job_without_an_answer_is_delivered():
    follow = follower("a")
    follow.on_acknowledged("a")
    follow.on_time(5.0)
    assert verdicts(follow.on_time(15.0)) == {"a": State.DELIVERED}


def test_a_job_is_sent_again_until_it_is_acknowledged():
    delivery = Delivery(["a", "b"], 0.0, 300)
    delivery.on_sent(["a", "b"], ["a", "b"], 0.0)
    assert delivery.due(1.9) == []
    assert delivery.due(2.0) == ["a", "b"]
    delivery.on_acknowledged("a")
    sent = []
    now = 2.0
    while delivery.next_time() < 300:
        now = delivery.next_time()
        due = delivery.due(now)
        sent.append((now, due))
        delivery.on_sent(due, due, now)
    assert [due for _, due in sent] == [["b"], ["b"], ["b"]], "four times in all, then the minion is left alone"
    assert not delivery.settled(now)
    assert delivery.settled(300.0)


def test_a_job_waits_for_a_minion_that_is_away():
    delivery = Delivery(["a"], 0.0, 300)
    delivery.on_sent(["a"], [], 0.0)
    assert delivery.due(100.0) == []
    assert delivery.on_presence("a", True), "now it must be sent"
    delivery.on_sent(["a"], ["a"], 100.0)
    assert not delivery.on_presence("a", True), "it was there already"
    delivery.on_acknowledged("a")
    assert delivery.settled(100.0)
    assert not delivery.on_presence("a", False)
    assert not delivery.on_presence("a", True), "what was acknowledged is not sent again"
