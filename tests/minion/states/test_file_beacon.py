from __future__ import annotations

from typing import Any, Dict

from tests.minion.states.calls import State


def test_a_beacon_watches_what_was_made(host: State) -> None:
    added: Dict[str, Any] = {}

    def present(**kwargs: Any) -> Dict[str, Any]:
        added.update(kwargs)
        return {"name": kwargs["name"], "changes": {}, "result": True, "comment": ""}

    function = host.box.loaders().states["file.mod_beacon"]
    vars(__import__("sys").modules[function.__module__])["__states__"] = {"beacon.present": present}
    function("/d", sfun="directory", beacon=True, beacon_data={"mask": ["create"], "interval": 5})
    watched = {"mask": ["create"], "auto_add": True, "recurse": True, "exclude": []}
    assert added == {
        "name": "beacon_inotify_/d",
        "files": {"/d": watched},
        "interval": 5,
        "coalesce": False,
        "beacon_module": "inotify",
    }
    assert function("/d", sfun="managed")["comment"] == "Not adding beacon."
    refused = function("/d", sfun="absent", beacon=True)
    assert (refused["result"], refused["comment"]) == (
        False,
        "file.absent does not work with the beacon state function",
    )
