"""saltclass: nodes, classes, pillars and their variables; as top data and as an external pillar."""

from __future__ import annotations

import json
from typing import Any, Dict

import pytest

from minion.errors import CommandExecutionError
from minion.pillar.master_tops import assigned
from minion.pillar.saltclass import Node, read_node
from tests.minion.pillar_lab import GRAINS, PillarLab


@pytest.fixture
def tree(pillars: PillarLab) -> PillarLab:
    """A node with classes that list others."""
    pillars.write(
        "sc/nodes/kiel/web1.yml",
        "environment: prod\nclasses:\n{% for c in ['default'] %}\n  - {{ c }}\n{% endfor %}\n  - roles.*\n"
        "states: [own, openssh]\n"
        "pillars: {net: {name: own}, who: '{{ __grains__.os }} {{ minion_id }}', l: [z], o: [^, q]}\n",
    )
    pillars.write(
        "sc/classes/default/init.yml",
        "classes: [default.users, default.motd]\nstates: [openssh]\n"
        "pillars:\n  net: {name: base, first: 1.1.1.1}\n  l: [a]\n  o: [x, y]\n  seen: '{{ __pillar__.net.name }}'\n",
    )
    pillars.write("sc/classes/default/users.yml", "pillars: {users: {tom: {uid: 1}}, l: [u]}")
    pillars.write("sc/classes/default/motd.yml", "")
    pillars.write("sc/classes/roles/nginx/init.yml", "{states: [nginx], classes: [default.users], environment: dev}")
    pillars.write("sc/classes/roles/app.yml", "{states: [app], pillars: {users: {tom: {uid: 2}}}}")
    return pillars


def node(tree: PillarLab, minion_id: str = "web1") -> Node:
    return read_node(str(tree.root / "sc"), minion_id, {"__grains__": GRAINS})


def test_order_and_merging(tree: PillarLab) -> None:
    found = node(tree)
    assert found.classes == ["default.users", "default.motd", "default", "roles.app", "roles.nginx"]
    assert found.states == ["openssh", "app", "nginx", "own"]
    assert found.environment == "prod"
    assert found.pillars == {
        "users": {"tom": {"uid": 2}},
        "l": ["u", "a", "z"],
        "net": {"name": "own", "first": "1.1.1.1"},
        "o": ["q"],
        "seen": "own",
        "who": "Debian web1",
    }


def test_unknown_minion_and_class(tree: PillarLab, caplog: pytest.LogCaptureFixture) -> None:
    assert node(tree, "nobody") == Node("", [], [], {})
    tree.write("sc/nodes/odd.yml", "classes: [nowhere, default.motd]")
    assert node(tree, "odd").classes == ["default.motd"]
    assert "nowhere: Class definition not found" in caplog.text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("${a:b}", "text"),
        ("${a:n} and ${a:b}", "7 and text"),
        ("${a:n}", 7),
        ("${l}", [1, "text"]),
        ("${to}", "text"),
        ("${no:such}", "${no:such}"),
        (r"x?\${a:b}", "x?${a:b}"),
        ("${me}", "${me}"),
    ],
)
def test_variables(pillars: PillarLab, value: str, expected: Any) -> None:
    pillars.write(
        "sc/nodes/m.yml",
        f"pillars: {{a: {{b: text, n: 7}}, l: [1, '${{a:b}}'], to: '${{a:b}}', me: '${{me}}', v: {json.dumps(value)}}}",
    )
    assert node(pillars, "m").pillars["v"] == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("pillars: {password: topsecret\n", "is not valid YAML, line 2"),
        ("[a, b]", "does not hold a mapping"),
        ("{{ 1 / 0 }}", "can't be rendered: division by zero"),
    ],
)
def test_errors_name_the_file_and_show_no_values(pillars: PillarLab, text: str, reason: str) -> None:
    path = pillars.write("sc/nodes/m.yml", text)
    with pytest.raises(CommandExecutionError) as failed:
        node(pillars, "m")
    assert str(failed.value) == f"{path} {reason}"


def test_as_top_data_and_as_external_pillar(tree: PillarLab) -> None:
    path = str(tree.root / "sc")
    opts: Dict[str, Any] = {**tree.opts, "master_tops": {"saltclass": {"path": path}}}
    assert assigned(opts, "web1", {}, GRAINS) == {"prod": ["openssh", "app", "nginx", "own"]}
    found = tree.compile([{"saltclass": [{"path": path}]}])
    assert found["users"] == {"tom": {"uid": 2}}
    assert found["__saltclass__"] == {
        "states": ["openssh", "app", "nginx", "own"],
        "classes": ["default.users", "default.motd", "default", "roles.app", "roles.nginx"],
        "environment": "prod",
        "nodename": "web1",
    }
