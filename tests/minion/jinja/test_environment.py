"""Imported templates, and what is kept from one rendering to the next."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Dict

import jinja2
import pytest

from minion.errors import SaltRenderError
from minion.files.client import FileClient
from minion.jinja import environment
from minion.templates import render_template
from tests.minion.box import Box

VARIABLES: Dict[str, Any] = {"opts": {}, "salt": {}, "saltenv": "base"}


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def render(box: Box, text: str, **variables: Any) -> str:
    files: FileClient = box.loaders().files
    return render_template("jinja", text, {**VARIABLES, **variables}, files=files)


def test_imported_templates_know_their_place(box: Box) -> None:
    box.write(
        {
            "srv/a/lib.jinja": "{% macro m() %}{{ tplfile }} {{ tpldir }} {{ tpldot }}{% endmacro %}"
            '{% from "./b/x.jinja" import n as inner %}{% set n = inner %}',
            "srv/a/b/x.jinja": '{% set n = tpldir %}{% from "../y.jinja" import y %}{% set y = y %}',
            "srv/a/y.jinja": "{% set y = 'why' %}",
        }
    )
    assert render(box, '{% from "a/lib.jinja" import m, n %}{{ m() }} {{ n }}') == "a/lib.jinja a a a/b"
    assert render(box, '{% from "a/b/x.jinja" import y %}{{ y }}') == "why"


def test_environments(box: Box, tmp_path: Path) -> None:
    box = Box(tmp_path, {"file_roots": {"base": [str(tmp_path / "srv")], "dev": [str(tmp_path / "dev")]}})
    box.write({"srv/x": "base", "dev/x": "dev"})
    assert render(box, '{% include "x" %}') == "base"
    assert render(box, '{% include "x" %}', saltenv="dev") == "dev"


@pytest.mark.parametrize("name", ["../outside", "./../outside", "a/../../outside", "/etc/hostname", "nosuch"])
def test_no_import_leads_out_of_the_roots(box: Box, name: str) -> None:
    box.write({"outside": "secret"})
    with pytest.raises(SaltRenderError):
        render(box, '{% include "' + name + '" %}')


def test_imports_see_changes(box: Box) -> None:
    text = '{% import_yaml "d.yaml" as d %}{{ d.n }}{% include "i" %}'
    for number in (1, 2):
        box.write({"srv/d.yaml": f"n: {number}", "srv/i": f"i{number}"})
        assert render(box, text) == f"{number}i{number}"


def test_relative_to_the_file_without_an_environment(tmp_path: Path) -> None:
    (tmp_path / "part").write_text("part")
    variables = {**VARIABLES, "saltenv": None}
    found = render_template("jinja", '{% include "part" %}', variables, path=str(tmp_path / "whole"))
    assert found == "part"


def test_few_codes_are_kept() -> None:
    for number in range(environment._MAX_CODES + 10):
        assert render_template("jinja", f"{number} {{{{ x }}}}", VARIABLES, context={"x": 1}) == f"{number} 1"
    assert len(environment._codes) <= environment._MAX_CODES


def test_unknown_settings_are_named(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        text = render_template("jinja", "{{ 1 }}", {**VARIABLES, "opts": {"jinja_env": {"nosuch": 1}}})
    assert text == "1"
    assert "Jinja2 environment nosuch is not recognized" in caplog.text


def test_import_errors_name_the_file(box: Box) -> None:
    box.write({"srv/d.yaml": "a: 1\nb: [\n", "srv/d.json": "{"})
    for kind in ("yaml", "json"):
        with pytest.raises(SaltRenderError, match=f"(?i){kind}"):
            render(box, "{% import_" + kind + ' "d.' + kind + '" as d %}')
    with pytest.raises(SaltRenderError, match=r"nosuch\.yaml"):
        render(box, '{% import_yaml "nosuch.yaml" as d %}')


def test_values_are_printed_as_salt_prints_them() -> None:
    assert jinja2.__version__
    text = render_template(
        "jinja", "{{ x }}|{{ y }}|{{ n }}", VARIABLES, context={"x": {"a": "ü"}, "y": ["b"], "n": None}
    )
    assert text == "{'a': 'ü'}|['b']|None"
