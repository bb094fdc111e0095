"""Pillar, as far as it can't be compared with a real Salt, which ../state/test_as_salt.py does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.minion.box import Box


@pytest.mark.parametrize(
    ("include", "found", "problem"),
    [
        ("b", {"own": 1, "include": "b"}, "Include Declaration in SLS 'a' is not formed as a list"),
        ("[{b: 5}]", {"own": 1}, "An entry of the Include Declaration in SLS 'a' is neither the name of an SLS file"),
        ("[[b]]", {"own": 1}, "An entry of the Include Declaration in SLS 'a' is neither the name of an SLS file"),
        ("[5]", {"own": 1}, "Specified SLS '5' in environment 'base' is not available"),
        ("[{b: {key: 5}}]", {"own": 1, "5": {"included": 2}}, ""),
        ("[{b: {key: x:y}, c: null}]", {"own": 1, "x": {"y": {"included": 2}}, "also": 3}, ""),
    ],
)
def test_includes(tmp_path: Path, include: str, found: object, problem: str) -> None:
    box = Box(tmp_path)
    box.write(
        {
            "pillar/top.sls": "base: {'*': [a]}",
            "pillar/a.sls": f"include: {include}\nown: 1\n",
            "pillar/b.sls": "included: 2\n",
            "pillar/c.sls": "also: 3\n",
        }
    )
    pillar = box.run("pillar.items", "unmask=True").value
    errors = pillar.pop("_errors", [])
    assert pillar == found
    assert problem in "".join(errors) if problem else not errors
