from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

import pytest

from tests.minion.states.calls import State

TEXT = "top = 1\n; comment\n\n[main]\nport = 80\nhost = h\n\n[other]\nx = 1\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "x.ini"
    path.write_text(TEXT)
    return path


def test_options(host: State, file: Path) -> None:
    sections = {"main": {"port": 81, "host": "h"}, "new": {"k": "v"}, "top": 2}
    predicted, first, second = host.converge("ini.options_present", str(file), sections=sections)
    assert predicted["comment"] == (
        "Changed key top.\nChanged key port in section main.\nUnchanged key host in section main.\n"
        "Changed key k in section new.\n"
    )
    assert first["comment"] == "Changes take effect"
    assert first["changes"] == {
        "main": {"port": {"before": "80", "after": "81"}},
        "new": {"before": None, "after": {"k": "v"}},
        "top": {"before": "1", "after": "2"},
    }
    assert second["comment"] == "No anomaly detected"
    expected = TEXT.replace("top = 1", "top = 2").replace("80", "81") + "\n[new]\nk = v\n"
    assert file.read_text() == expected


def test_nothing_else(host: State, file: Path) -> None:
    predicted, first, _ = host.converge("ini.options_present", str(file), strict=True, sections={"main": {"port": 81}})
    assert predicted["comment"] == (
        "Removed key top.\nRemoved section other.\nDeleted key host in section main.\n"
        "Changed key port in section main.\n"
    )
    gone = {"before": "h", "after": None}
    assert first["changes"]["main"] == {"port": {"before": "80", "after": "81"}, "host": gone}
    assert first["changes"]["other"] == {"before": {"x": "1"}, "after": None}
    assert file.read_text() == "; comment\n\n[main]\nport = 81\n"


def test_a_new_file(host: State, tmp_path: Path) -> None:
    path = tmp_path / "new.ini"
    host.converge("ini.options_present", str(path), sections={"s": {"a": "b"}}, no_spaces=True)
    assert path.read_text() == "[s]\na=b\n"
    comment = host.fails("ini.options_present", str(tmp_path / "no/x"), sections={"s": {"a": "b"}})
    assert comment.startswith(f"Unable to write file '{tmp_path}/no/x'")


@pytest.mark.parametrize(
    ("function", "sections", "predictions", "changes"),
    [
        (
            "options_absent",
            {"main": ["port", "nosuch"], "top": None},
            "Deleted key port in section main.\nKey nosuch in section main does not exist.\nDeleted key top.\n",
            {"main": {"port": "80"}, "top": "1"},
        ),
        (
            "sections_present",
            ["main", "new"],
            "Section unchanged main.\nCreated new section new.\n",
            {"new": {"before": None, "after": {}}},
        ),
        (
            "sections_absent",
            ["main", "nosuch"],
            "Deleted section main.\nSection nosuch does not exist.\n",
            {"main": {"port": "80", "host": "h"}},
        ),
    ],
)
def test_the_others(
    host: State, file: Path, function: str, sections: Any, predictions: str, changes: Dict[str, Any]
) -> None:
    predicted, first, second = host.converge(f"ini.{function}", str(file), sections=sections)
    assert predicted["comment"] == predictions
    assert (first["comment"], first["changes"]) == ("Changes take effect", changes)
    assert second["comment"] == "No anomaly detected"


@pytest.mark.parametrize("function", ["options_present", "options_absent", "sections_present", "sections_absent"])
def test_what_is_no_file(host: State, tmp_path: Path, function: str) -> None:
    comment = host.fails(f"ini.{function}", str(tmp_path), sections={"a": {"b": "c"}})
    assert comment.startswith(f"Unable to open file '{tmp_path}'")


@pytest.mark.parametrize("options", [["host"], "host", {"host": "any"}])
def test_only_the_named_options_go(host: State, file: Path, options: Any) -> None:
    _, first, _ = host.converge("ini.options_absent", str(file), sections={"main": options})
    assert first["changes"] == {"main": {"host": "h"}}
    assert file.read_text() == TEXT.replace("host = h\n", "")


@pytest.mark.parametrize(
    ("sections", "comment"),
    [
        ({"other": ["x"], "main": None}, "The options of section main must be a list, not None"),
        (["main"], "sections must be a mapping of sections to lists of options, not ['main']"),
    ],
)
def test_what_options_absent_refuses(host: State, file: Path, sections: Any, comment: str) -> None:
    assert host.fails("ini.options_absent", str(file), sections=sections) == comment
    assert file.read_text() == TEXT
