from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

import pytest

from minion.loader import Loader
from minion.loaders import build_loaders

MODULE = '''"""About widgets."""


def turn(name, angle=90, *more, **options):
    """
    Turns a widget.

    .. note::
        Slowly.

    CLI Example:

    .. code-block:: bash

        salt '*' {name}.turn foo
    """


def stop(name):
    """Stops."""


def bare():
    pass
'''


@pytest.fixture
def salt(tmp_path: Path) -> Loader:
    for kind in ("modules", "states", "returners"):
        folder = tmp_path / "ext" / kind
        folder.mkdir(parents=True)
        for name in ("widget", "widgets"):
            (folder / f"{name}.py").write_text(MODULE.replace("{name}", name))
    runners = tmp_path / "runners"
    runners.mkdir()
    (runners / "errand.py").write_text('def go():\n    """Goes."""\n')
    opts: Dict[str, Any] = {
        "id": "box",
        "root_dir": str(tmp_path),
        "cachedir": str(tmp_path / "cache"),
        "extension_modules": str(tmp_path / "ext"),
        "runner_dirs": [str(runners)],
        "file_roots": {},
    }
    return build_loaders(opts, {"kernel": "Linux"}, {}, None).modules


def test_doc(salt: Loader) -> None:
    doc = salt["sys.doc"]
    assert doc("widget.stop") == {"widget.stop": "Stops."}
    assert sorted(doc("widget")) == ["widget.bare", "widget.stop", "widget.turn"]
    assert sorted(doc("widget.")) == ["widget.bare", "widget.stop", "widget.turn"]
    assert sorted(doc("widget*.stop")) == ["widget.stop", "widgets.stop"]
    assert doc("widget.bare") == {"widget.bare": None}
    assert doc("nothing") == {}
    assert {"test.ping", "widget.stop", "sys.doc"} <= set(doc())
    text = doc("widget.turn")["widget.turn"]
    assert "Note:\n        Slowly." in text
    assert "code-block" not in text and "salt '*' widget.turn foo" in text


def test_docs_of_other_kinds(salt: Loader) -> None:
    assert salt["sys.state_doc"]("widget.stop") == {"widget": "About widgets.", "widget.stop": "Stops."}
    assert sorted(salt["sys.state_doc"]("widgets")) == ["widgets", "widgets.bare", "widgets.stop", "widgets.turn"]
    assert "widget" in salt["sys.state_doc"]()
    assert salt["sys.returner_doc"]("widget.stop") == {"widget.stop": "Stops."}
    assert salt["sys.runner_doc"]("errand") == {"errand.go": "Goes."}
    assert list(salt["sys.renderer_doc"]("json")) == ["json"]
    assert {"jinja", "json"} <= set(salt["sys.renderer_doc"]("j*"))


def test_names(salt: Loader) -> None:
    assert salt["sys.list_functions"]("widget") == ["widget.bare", "widget.stop", "widget.turn"]
    assert salt["sys.list_functions"]("widget.s*", "widgets.stop", junk=1) == ["widget.stop", "widgets.stop"]
    assert "test.ping" in salt["sys.list_functions"]()
    assert salt["sys.list_modules"]("widget") == ["widget"]
    assert salt["sys.list_modules"]("widg*") == ["widget", "widgets"]
    assert {"test", "widget"} <= set(salt["sys.list_modules"]())
    assert salt["sys.list_modules"]("nothing") == []
    assert salt["sys.list_state_functions"]("widget.s*") == ["widget.stop"]
    assert "widget" in salt["sys.list_state_modules"]()
    assert salt["sys.list_returners"]("widget*") == ["widget", "widgets"]
    assert salt["sys.list_returner_functions"]("widgets") == ["widgets.bare", "widgets.stop", "widgets.turn"]
    assert "errand" in salt["sys.list_runners"]()
    assert salt["sys.list_runner_functions"]("errand") == ["errand.go"]
    assert salt["sys.list_renderers"]("ya*") == ["yaml", "yamlex"]


def test_argspec(salt: Loader) -> None:
    assert salt["sys.argspec"]("widget.*") == {
        "widget.bare": {"args": None, "defaults": None, "varargs": None, "kwargs": None},
        "widget.stop": {"args": ["name"], "defaults": None, "varargs": None, "kwargs": None},
        "widget.turn": {"args": ["name", "angle"], "defaults": (90,), "varargs": True, "kwargs": True},
    }
    assert list(salt["sys.argspec"]("widgets")) == ["widgets.bare", "widgets.stop", "widgets.turn"]
    assert "test.ping" in salt["sys.argspec"]()
    assert list(salt["sys.state_argspec"]("widget.stop")) == ["widget.stop"]
    assert list(salt["sys.returner_argspec"]("widget.stop")) == ["widget.stop"]
    assert list(salt["sys.runner_argspec"]("errand")) == ["errand.go"]


def test_state_schema(salt: Loader) -> None:
    (schema,) = salt["sys.state_schema"]("widget.turn")
    assert (schema["title"], schema["x-ordering"]) == ("widget.turn", ["name", "angle"])
    kinds = schema["properties"]["angle"]["oneOf"]
    assert [kind["type"] for kind in kinds] == ["boolean", "integer", "number", "string"]
    assert kinds[1] == {"type": "integer", "title": "angle", "description": "angle", "default": 90}
    assert "default" not in schema["properties"]["name"]["oneOf"][0]


def test_reload_reads_changed_files(salt: Loader, tmp_path: Path) -> None:
    assert "widget.spin" not in salt
    path = tmp_path / "ext" / "modules" / "widget.py"
    path.write_text("def spin():\n    return 'round and round'\n")
    assert salt["sys.reload_modules"]() is True
    assert salt["widget.spin"]() == "round and round"
