"""How grains of several origins come together."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Dict

import pytest

from minion.facts import collect_grains


def collect(tmp_path: Path, **opts: Any) -> Dict[str, Any]:
    return collect_grains({"id": "box", "conf_file": str(tmp_path / "minion"), **opts}, [str(tmp_path / "grains.d")])


def module(tmp_path: Path, name: str, text: str) -> None:
    folder = tmp_path / "grains.d"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.py").write_text(text)


def test_later_origins_win(tmp_path: Path) -> None:
    module(
        tmp_path,
        "aaa",
        "def f():\n    return {'os': 'module', 'kernel': 'module', 'init': 'module', 'new': 1}\n",
    )
    (tmp_path / "grains").write_text("kernel: file\ninit: file\nroles: [web]\n")
    grains = collect(tmp_path, grains={"init": "config"})
    assert (grains["os"], grains["kernel"], grains["init"]) == ("module", "file", "config")
    assert grains["new"] == 1
    assert grains["roles"] == ["web"]
    assert grains["id"] == "box"


def test_a_function_may_look_at_the_grains_found_so_far(tmp_path: Path) -> None:
    module(tmp_path, "site", "def f(grains):\n    return {'site': grains['kernel'] + '!'}\n")
    assert collect(tmp_path)["site"] == "Linux!"


def test_options_are_known_to_modules(tmp_path: Path) -> None:
    module(tmp_path, "who", "def f():\n    return {'who': __opts__['id']}\n")
    assert collect(tmp_path)["who"] == "box"


def test_a_module_that_fails_does_not_lose_the_others(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    module(tmp_path, "broken", "import nothing_of_that_name\n")
    module(tmp_path, "failing", "def f():\n    return {'x': 1 / 0}\n\ndef g():\n    return {'y': 1}\n")
    module(tmp_path, "other", "def f():\n    return ['not', 'a', 'mapping']\n\ndef g():\n    return {'z': 1}\n")
    with caplog.at_level(logging.WARNING):
        grains = collect(tmp_path)
    assert "x" not in grains
    assert (grains["y"], grains["z"]) == (1, 1)
    assert "failing.f failed" in caplog.text
    assert "nothing_of_that_name" in caplog.text


def test_blacklist(tmp_path: Path) -> None:
    module(tmp_path, "site", "def f():\n    return {'site_a': 1, 'site_b': 1}\n")
    grains = collect(tmp_path, grains_blacklist=["cpu_*", "site_[ab]", "os(arch|finger)"], grains={"cpu_model": "kept"})
    assert not {"cpu_flags", "site_a", "site_b", "osarch", "osfinger"} & set(grains)
    assert grains["cpu_model"] == "kept"
    assert "os" in grains


def test_deep_merge(tmp_path: Path) -> None:
    module(tmp_path, "site", "def f():\n    return {'net': {'a': {'x': 1}, 'b': 1}}\n")
    (tmp_path / "grains").write_text("net: {a: {y: 2}}\n")
    assert collect(tmp_path)["net"] == {"a": {"y": 2}}
    assert collect(tmp_path, grains_deep_merge=True, grains={"net": {"c": 3}})["net"] == {
        "a": {"x": 1, "y": 2},
        "b": 1,
        "c": 3,
    }


def test_a_broken_static_file_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "grains").write_text("roles: [web\n")
    with caplog.at_level(logging.WARNING):
        grains = collect(tmp_path)
    assert "roles" not in grains
    assert str(tmp_path / "grains") in caplog.text


def test_modules_can_be_disabled(tmp_path: Path) -> None:
    module(tmp_path, "site", "def f():\n    return {'site': 1}\n")
    assert "site" not in collect(tmp_path, disable_grains=["site"])
