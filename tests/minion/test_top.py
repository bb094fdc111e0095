"""What a top file says of a target."""

from __future__ import annotations

from typing import Any, List

import pytest

from minion.matchers import MinionView
from minion.top import confirms, read_entry

VIEW = MinionView("web1", {"os": "Debian", "roles": ["web", "db"]}, {"env": {"name": "prod"}})


def test_entries() -> None:
    entry = read_entry(["a", {"match": "grain"}, "b", "a", {"order": "5"}, {"ignore_missing": True}])
    assert (entry.sls, entry.order, entry.ignore_missing) == (["a", "b"], 5, True)
    assert entry.data == [{"match": "grain"}, "a", "b"]
    assert read_entry([{"order": "soon"}]).order == 0


@pytest.mark.parametrize(
    ("target", "items", "names_it"),
    [
        ("*", [], True),
        ("web*", ["a"], True),
        ("db*", [], False),
        ("G@os:Debian and web*", [], True),
        ("os:Debian", [{"match": "grain"}], True),
        ("roles:db", [{"match": "grain"}], True),
        ("os:Deb.*", [{"match": "grain_pcre"}], True),
        ("env:name:prod", [{"match": "pillar"}], True),
        (r"web\d", [{"match": "pcre"}], True),
        ("web1,web2", [{"match": "list"}], True),
        ("all-web", [{"match": "nodegroup"}], True),
        ("no-web", [{"match": "nodegroup"}], False),
        ("web1", [{"match": "glob"}], True),
    ],
)
def test_targets(target: str, items: List[Any], names_it: bool) -> None:
    nodegroups = {"all-web": "web*", "no-web": "db* or G@os:Fedora"}
    assert confirms(target, items, VIEW, nodegroups) is names_it
