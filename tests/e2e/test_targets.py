"""Targets that ask for what the master does not know, or not rightly: the minions' own answer counts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.processes import Lab, until


@pytest.fixture
def one() -> Iterator[Lab]:
    made = Lab(nodegroups={"front": "G@role:web or db*"})
    try:
        made.start_master()
        pending = made.listen("salt/auth")
        started = made.listen("salt/minion/web1/start")
        made.start_minion("web1", wait=False, grains={"role": "web"})
        made.expect(pending, "that web1 asks to be accepted", 60)
        made.key("-y", "-a", "web1")
        made.expect(started, "the start of web1", 60)
        yield made
    finally:
        made.close()


def test_a_minion_that_is_not_meant_is_not_missed(one: Lab):
    one.command("salt-run", "cache.clear_all")
    done = one.salt("-G", "role:db", "test.ping")
    assert done.returncode == 2 and "No minions matched the target" in done.stdout, done.stdout + done.stderr
    assert one.results("-G", "role:web", "test.ping") == {"web1": True}


def test_nodegroups_are_the_masters(one: Lab):
    assert one.results("-C", "N@front and not web2", "test.ping") == {"web1": True}
    assert one.results("-N", "front", "test.ping") == {"web1": True}


def test_a_minion_that_is_accepted_anew_tells_again_what_it_is(one: Lab):
    started = one.listen("salt/minion/web1/start")
    one.key("-y", "-d", "web1")
    until("web1 asks to be accepted", lambda: "web1" in one.key("-l", "un").stdout)
    one.key("-y", "-a", "web1")
    one.expect(started, "that web1 is back", 60)
    assert "role:\n        web" in one.command("salt-run", "cache.grains", "web1").stdout


def test_a_job_is_told_on_the_event_bus_from_its_making_to_its_return(one: Lab):
    events = one.listen("salt/job/*")
    one.salt("web1", "test.echo", "x")
    told = [events.receive(20) for _ in range(3)]
    events.close()
    assert [event["tag"].split("/")[3] for event in told] == ["new", "publish", "ret"]
    assert told[1]["data"]["fun"] == "test.echo" and told[1]["data"]["tgt"] == "web1"
