from __future__ import annotations

from typing import Any, Dict

import pytest

from tests.minion.states.calls import State

GRAINS = "{text: x, list: [a, b], map: {k: v}}"


@pytest.fixture
def host(state: State) -> State:
    """A host of its own for each test: grains stay."""
    state.box.write({"host/etc/salt/grains": GRAINS})
    state.box.grains.update({"text": "x", "list": ["a", "b"], "map": {"k": "v"}})
    return state


@pytest.mark.parametrize(
    ("name", "arguments", "predicted", "comment"),
    [
        ("new", {"value": 1}, {"new": "new"}, "Set grain new to 1"),
        ("text", {"value": "y"}, {"changed": {"text": "y"}}, "Set grain text to y"),
        ("map:k", {"value": "w"}, {"changed": {"map:k": "w"}}, "Set grain map:k to w"),
        ("deep|er", {"value": "z", "delimiter": "|"}, {"new": "deep:er"}, "Set grain deep:er to z"),
        ("map", {"value": "z", "force": True}, {"changed": {"map": "z"}}, "Set grain map to z"),
    ],
)
def test_present(host: State, name: str, arguments: Dict[str, Any], predicted: Any, comment: str) -> None:
    would, first, second = host.converge("grains.present", name, **arguments)
    assert would["changes"] == predicted
    assert first["comment"] == comment
    assert second["comment"] == "Grain is already set"


def test_a_kind_changes_by_force_only(host: State) -> None:
    for name in ("map", "list"):
        assert "force" in host.fails("grains.present", name, value="x")


def test_exists(host: State) -> None:
    assert host("grains.exists", "text")["comment"] == "Grain exists"
    assert host.fails("grains.exists", "nosuch") == "Grain does not exist"


def test_values_in_a_list(host: State) -> None:
    predicted, first, second = host.converge("grains.list_present", "list", value=["b", "c"])
    assert predicted["comment"] == "Value ['c'] is set to be appended to grain list"
    assert first["comment"] == (
        "Removed value ['b'] from update due to value found in \"list\" (or pending).\nAppend value ['c'] to grain list"
    )
    assert second["comment"] == "Value ['b', 'c'] is already in grain list (or pending)"
    predicted, first, _ = host.converge("grains.list_present", "newlist", value="a")
    assert predicted["comment"] == "Grain newlist is set to be added"
    assert host.fails("grains.list_present", "text", value="a") == "Grain text is not a valid list"


def test_values_out_of_a_list(host: State) -> None:
    predicted, first, second = host.converge("grains.list_absent", "list", value=["a", "z"])
    assert predicted["comment"] == "Value a in grain list is set to be deleted\nValue z is absent from grain list"
    assert first["changes"] == {"deleted": ["a"]}
    assert second["comment"] == "Value a is absent from grain list\nValue z is absent from grain list"
    assert host("grains.list_absent", "nosuch", value="a")["comment"] == "Grain nosuch does not exist"
    assert host.fails("grains.list_absent", "text", value="a") == "Grain text is not a valid list"


def test_absent(host: State) -> None:
    predicted, first, _ = host.converge("grains.absent", "text")
    assert predicted["changes"] == first["changes"] == {"grain": "text", "value": None}
    predicted, first, second = host.converge("grains.absent", "text", destructive=True)
    assert predicted["changes"] == first["changes"] == {"deleted": "text"}
    assert second["comment"] == "Grain text does not exist"
    assert host("grains.absent", "list")["result"] is False


def test_append(host: State) -> None:
    predicted, first, second = host.converge("grains.append", "list", value="c")
    assert predicted["comment"] == "Value c in grain list is set to be added"
    assert (first["comment"], first["changes"]) == ("Value c was added to grain list", {"added": "c"})
    assert second["comment"] == "Value c is already in the list for grain list"
    assert host.fails("grains.append", "text", value="y") == "Grain text is not a valid list"
    host.converge("grains.append", "text", value="y", convert=True)
    assert host.functions["grains.get"]("text") == ["x", "y"]
    assert host.fails("grains.append", "nosuch", value="y") == "Grain nosuch does not exist"
