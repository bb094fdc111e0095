"""What happens to a job that arrives."""

from __future__ import annotations

from typing import Any

import pytest

from minion.daemon.intake import Decision, as_found, asked_job, decide
from minion.journal import BEGUN, DONE
from transports.messages import Job


@pytest.mark.parametrize(
    ("known", "undelivered", "decision"),
    [
        ("", False, Decision.RUN),
        (BEGUN, False, Decision.ACKNOWLEDGE),
        (BEGUN, True, Decision.ACKNOWLEDGE),
        (DONE, True, Decision.RETURN_AGAIN),
        (DONE, False, Decision.IGNORE),
        ("", True, Decision.RETURN_AGAIN),
    ],
)
def test_decisions(known: str, undelivered: bool, decision: Decision):
    assert decide(known, undelivered) is decision


def job(fun: str, *arg: Any, ret: str = "") -> Job:
    return Job("20260101000000000000", (fun,), (arg,), "*", ret=ret)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (job("saltutil.find_job", "123"), "123"),
        (job("saltutil.find_job", 123), "123"),
        (job("saltutil.find_job", {"__kwarg__": True, "jid": "5"}), "5"),
        (job("saltutil.find_job"), None),
        (job("saltutil.find_job", "1", "2"), None),
        (job("saltutil.find_job", {"a": 1}), None),
        (job("saltutil.find_job", "1", ret="mysql"), None),
        (job("saltutil.kill_job", "1"), None),
    ],
)
def test_who_asks_after_a_job(asked: Job, found: Any):
    assert asked_job(asked) == found


def test_job_that_waits_for_its_turn_is_queued():
    assert as_found(job("test.sleep"), 0)["queued"] is True
    found = as_found(job("test.sleep"), 17)
    assert found["pid"] == 17 and "queued" not in found and found["fun"] == "test.sleep"
