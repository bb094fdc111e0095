from __future__ import annotations

from typing import Any, Dict, List

import pytest

from tests.minion.states.calls import State


@pytest.fixture
def sent(host: State, monkeypatch: pytest.MonkeyPatch) -> List[Dict[str, Any]]:
    """What reaches the master."""
    seen: List[Dict[str, Any]] = []

    def fire_master(data: Any, tag: str, preload: Any) -> bool:
        seen.append({tag: data})
        return True

    names = host.names("event.send")
    monkeypatch.setitem(names, "fire_master", fire_master)
    monkeypatch.setitem(names, "_masterless", lambda: False)
    return seen


@pytest.mark.parametrize("function", ["send", "fire_master"])
def test_an_event(host: State, sent: List[Dict[str, Any]], function: str) -> None:
    predicted = host(f"event.{function}", "my/tag", test=True, data={"a": 1})
    assert (predicted["result"], predicted["comment"], sent) == (None, "Event would have been fired", [])
    result = host(f"event.{function}", "my/tag", data={"a": 1}, with_grains=["os"])
    assert (result["result"], result["comment"]) == (True, "Event fired")
    assert result["changes"] == {"tag": "my/tag", "data": {"a": 1}}
    assert sent == [{"my/tag": {"grains": {"os": "Debian"}, "a": 1}}]
    assert host(f"event.{function}", "my/tag", show_changed=False)["changes"] == {}


def test_an_event_that_waits(host: State) -> None:
    host.box.write(
        {
            "srv/waits.sls": """
changes: {test.succeed_with_changes: []}
fired: {event.wait: [{name: my/tag}, {data: {a: 1}}, {watch: [{test: changes}]}]}
quiet: {event.wait: [{name: other/tag}]}
"""
        }
    )
    results = {value["__id__"]: value for value in host.box.run("state.apply", "waits").value.values()}
    assert results["fired"]["changes"] == {"tag": "my/tag", "data": {"a": 1}}
    assert results["quiet"]["changes"] == {}
