"""Targets asked from within the minion; `tests/minion/test_matchers.py` has the matching itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from minion.errors import SaltException, SaltInvocationError
from minion.loader import Loader
from tests.minion.conftest import make_modules


@pytest.fixture
def salt(tmp_path: Path) -> Loader:
    modules = make_modules(tmp_path, nodegroups={"mine": "box", "others": "not N@mine"})
    modules.dunders["__grains__"].update(roles=["web", "db"], ipv4=["10.0.0.5"])
    modules.dunders["__pillar__"].update(app={"name": "shop"})
    return modules


@pytest.mark.parametrize(
    ("function", "args", "expected"),
    [
        ("glob", ["b*"], True),
        ("glob", ["b*", "web1"], False),
        ("pcre", ["b.x"], True),
        ("pcre", [r"w\w+1", "web1"], True),
        ("list", ["web1,box"], True),
        ("list", ["web1,box", 7], False),
        ("grain", ["roles:web"], True),
        ("grain", ["roles|web", "|"], True),
        ("grain_pcre", ["roles:w.b"], True),
        ("pillar", ["app:name:SHOP"], True),
        ("pillar_pcre", ["app:name:sh"], True),
        ("ipcidr", ["10.0.0.0/8"], True),
        ("ipcidr", ["192.168.0.0/16"], False),
        ("ipcidr", ["nonsense"], False),
        ("compound", ["G@roles:db and I@app:name:shop"], True),
        ("compound", ["web* and G@roles:db", "web1"], True),
        ("compound", ["web* and"], False),
        ("nodegroup", ["mine"], True),
        ("nodegroup", ["others"], False),
        ("nodegroup", ["others", "web1"], True),
        ("nodegroup", ["unknown"], False),
    ],
)
def test_match(salt: Loader, function: str, args: Any, expected: bool) -> None:
    assert salt[f"match.{function}"](*args) is expected


def test_data(salt: Loader) -> None:
    assert salt["match.data"]("color:blue") is False
    salt["data.update"]("color", "blue")
    assert salt["match.data"]("color:b*") is True


def test_filter_by(salt: Loader) -> None:
    lookup = {"web*": {"a": 1, "l": [1]}, "b*": {"a": 2, "l": [2]}, "default": {"a": 0}}
    filter_by = salt["match.filter_by"]
    assert filter_by(lookup) == {"a": 2, "l": [2]}
    assert filter_by(lookup, minion_id="web1") == {"a": 1, "l": [1]}
    assert filter_by(lookup, minion_id="db1") == {"a": 0}
    assert filter_by({"x": 1}, default="none") is None
    assert filter_by(lookup, merge={"b": 3, "l": [4]}, merge_lists=True) == {"a": 2, "b": 3, "l": [2, 4]}
    assert lookup["b*"] == {"a": 2, "l": [2]}, "the caller's data was changed"
    assert filter_by({"roles:web": "yes"}, tgt_type="grain") == "yes"
    assert filter_by({"box": None}, merge={"b": 3}) == {"b": 3}
    with pytest.raises(SaltException, match="merge argument must be a dictionary"):
        filter_by(lookup, merge=[1])
    with pytest.raises(SaltInvocationError, match="'fancy' is no kind of target"):
        filter_by(lookup, tgt_type="fancy")


def test_search_by(salt: Loader) -> None:
    lookup = {"web": ["web1", "box"], "db": ["db1"], "all": ["*"]}
    assert salt["match.search_by"](lookup) == ["web", "all"]
    assert salt["match.search_by"](lookup, minion_id="db1") == ["db", "all"]
    assert salt["match.search_by"]({"db": ["db1"]}) is None


def test_ifelse(salt: Loader) -> None:
    ifelse = salt["match.ifelse"]
    assert ifelse("x*", 1, "b*", 2, 3) == 2
    assert ifelse("x*", 1, 3) == 3
    assert ifelse(False, 1, True, None, 3) is None
    assert ifelse("only") == "only"
    assert ifelse("x*", 1, 3, minion_id="xy") == 1
    with pytest.raises(SaltException, match="odd number of arguments"):
        ifelse("x*", 1)
