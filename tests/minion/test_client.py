"""The Python API of a minion without a master."""

from __future__ import annotations

from pathlib import Path

import pytest

from minion.client import Caller
from minion.errors import ConfigError


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    for folder in ("srv", "pillar"):
        (tmp_path / folder).mkdir()
    (tmp_path / "pillar" / "top.sls").write_text("base:\n  '*':\n    - p\n")
    (tmp_path / "pillar" / "p.sls").write_text("role: web\n")
    (tmp_path / "minion").write_text(
        f"id: box\nfile_client: local\nroot_dir: {tmp_path}/root\n"
        f"file_roots: {{base: [{tmp_path}/srv]}}\npillar_roots: {{base: [{tmp_path}/pillar]}}\n"
    )
    return tmp_path / "minion"


def test_functions_are_called_with_python_values(conf: Path) -> None:
    with Caller(str(conf)) as caller:
        assert caller.cmd("test.ping") is True
        assert list(caller.cmd("test.arg", "1", a="2")["args"]) == ["1"]
        assert caller.cmd("grains.get", "id") == "box"
        assert caller.cmd("pillar.get", "role", unmask=True) == "web"
        assert caller.sminion.functions["test.echo"]("x") == "x"


def test_function_reads_words_as_a_command_line_does(conf: Path) -> None:
    shown = Caller(str(conf)).function("test.arg", "1", "a=yes", b="no")
    assert list(shown["args"]) == [1] and (shown["kwargs"]["a"], shown["kwargs"]["b"]) == (True, "no")


def test_options_may_be_given_instead_of_a_file(conf: Path) -> None:
    opts = {**Caller(str(conf)).opts, "id": "other"}
    for name in ("grains", "pillar", "configured_grains", "config_dir", "__role"):
        opts.pop(name, None)
    assert Caller(mopts=opts).cmd("grains.get", "id") == "other"


def test_what_is_missing_is_an_error(conf: Path) -> None:
    with pytest.raises(KeyError):
        Caller(str(conf)).cmd("test.nosuch")
    with pytest.raises(ConfigError):
        Caller(mopts={"id": "../evil", "file_client": "local"})
