"""Who sees pillar values, and who sees stars."""

from __future__ import annotations

import threading
from typing import List

import pytest

from minion import masking
from minion.templates import render_template


def test_masked() -> None:
    data = {"a": "x", "b": ["y", "", 0, None, {"c": 1.5, "d": True}], "e": b"z", "f": (1,), "g": {}, "h": False}
    assert masking.masked(data) == {
        "a": masking.STARS,
        "b": [masking.STARS, "", 0, None, {"c": masking.STARS, "d": masking.STARS}],
        "e": masking.STARS.encode(),
        "f": [masking.STARS],
        "g": {},
        "h": False,
    }
    assert data["a"] == "x"


def test_in_clear_ends_even_by_an_exception() -> None:
    with pytest.raises(ValueError, match="inside"), masking.in_clear():
        assert masking.is_clear()
        raise ValueError("inside")
    assert not masking.is_clear()


def test_other_threads_stay_masked() -> None:
    seen: List[bool] = []
    with masking.in_clear():
        thread = threading.Thread(target=lambda: seen.append(masking.is_clear()))
        thread.start()
        thread.join()
    assert seen == [False]


def test_templates_run_in_clear() -> None:
    functions = {"ask.clear": masking.is_clear}
    assert render_template("jinja", "{{ salt['ask.clear']() }}", {"salt": functions, "opts": {}}) == "True"
    assert not masking.is_clear()
