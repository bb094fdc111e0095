"""The pipe of renderers that the first line of a file names."""

from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

from minion.rendering import Renderers, compile_template, render_pipe

SEEN: List[Any] = []


def renderer(name: str) -> Callable[..., Any]:
    def render(source: Any, saltenv: str, sls: str, argline: str = "", **options: Any) -> Any:
        text = source.read() if hasattr(source, "read") else source
        SEEN.append((name, argline, saltenv, sls, options))
        return io.StringIO(f"{text}<{name}>") if name.startswith("text") else f"{text}<{name}>"

    return render


RENDERERS = Renderers({f"{name}.render": renderer(name) for name in ("jinja", "yaml", "mako", "texty")})


def names(first_line: str, **options: Any) -> List[str]:
    SEEN.clear()
    for render, arguments in render_pipe(first_line, RENDERERS, "jinja|yaml", **options):
        render("", "base", "", argline=arguments)
    return [name + (f" {arguments}" if arguments else "") for name, arguments, *_ in SEEN]


@pytest.mark.parametrize(
    ("line", "pipe"),
    [
        ("a: b", ["jinja", "yaml"]),
        ("#!yaml", ["yaml"]),
        ("#!/bin/sh", ["jinja", "yaml"]),
        ("# !yaml", ["jinja", "yaml"]),
        ("#!jinja|yaml\n", ["jinja", "yaml"]),
        ("#! mako | yaml ", ["mako", "yaml"]),
        ("#!yaml_jinja", ["jinja", "yaml"]),
        ("#!yaml_mako", ["mako", "yaml"]),
        ("#!jinja -x y|yaml -z", ["jinja -x y", "yaml -z"]),
        ("#!nosuch|yaml", []),
    ],
)
def test_pipes(line: str, pipe: List[str]) -> None:
    assert names(line) == pipe


def test_forbidden_renderers_are_skipped(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert names("#!mako|yaml", blacklist=["mako"]) == ["yaml"]
        assert names("#!mako|yaml", whitelist=["yaml", "jinja"]) == ["yaml"]
    assert caplog.text.count('The renderer "mako" is disallowed by configuration and will be skipped.') == 2


def test_each_renderer_gets_what_the_one_before_made(tmp_path: Path) -> None:
    path = tmp_path / "x.sls"
    path.write_text("#!texty|jinja -a|yaml\nbody\n")
    SEEN.clear()
    found = compile_template(str(path), RENDERERS, "yaml", saltenv="dev", sls="x", context={"c": 1}, more=2)
    assert found == "#!texty|jinja -a|yaml\nbody\n<texty><jinja><yaml>"
    assert [entry[:4] for entry in SEEN] == [
        ("texty", "", "dev", "x"),
        ("jinja", "-a", "dev", "x"),
        ("yaml", "", "dev", "x"),
    ]
    options: Dict[str, Any] = SEEN[0][4]
    assert (options["context"], options["more"], options["tmplpath"]) == ({"c": 1}, 2, str(path))


def test_text_instead_of_a_file() -> None:
    assert compile_template(":string:", RENDERERS, "yaml", input_data="a") == "a<yaml>"
    assert compile_template(":string:", RENDERERS, "yaml", input_data=" \n") == {}
    assert compile_template(":string:", RENDERERS, "nosuch", input_data="a") == {}


def test_the_ends_of_lines_stay() -> None:
    found = compile_template(":string:", RENDERERS, "texty", input_data="a\r\nb\r\n")
    assert found.read() == "a\r\nb\r\n<texty>"


def test_renderers_by_name() -> None:
    assert sorted(RENDERERS) == ["jinja", "mako", "texty", "yaml"]
    assert len(RENDERERS) == 4
    assert "nosuch" not in RENDERERS
