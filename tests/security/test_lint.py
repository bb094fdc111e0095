"""Rule 4.8 as a lint: nothing that a master received becomes code, and no rule that sees to that is silenced."""

from __future__ import annotations

import ast
import fnmatch
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.security.running import ROOT

PACKAGES = ("master", "transports", "ssh", "roster")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LINT: dict[str, Any] = PYPROJECT["tool"]["ruff"]["lint"]
# exec, eval, pickle, marshal, shell=True in three ways, os.system, yaml.load, XML, TLS without checks, time limits
NEEDED = (
    "S102", "S307", "S301", "S302", "S602", "S604", "S605", "S609", "S506", "S314", "S317", "S318", "S320", "S501",
    "S323", "S113",
    "S701", "TID251",
)  # fmt: skip
BANNED_MODULES = {"pickle", "marshal", "shelve", "dill", "cPickle", "commands", "xml"}
BANNED_CALLS = {"eval", "exec", "compile", "__import__"}
BANNED_METHODS = {"system", "popen", "getoutput", "getstatusoutput", "unsafe_load", "full_load"}
# Saltern's own first words on an SSH target: what follows is sent by the controller over its own connection.
ALLOWED = {("ssh/bootstrap.py", "exec")}


def sources() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def nodes(kind: type[ast.AST]) -> Iterator[tuple[str, Any]]:
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, kind):
                yield str(path.relative_to(ROOT)), node


@pytest.mark.parametrize("rule", NEEDED)
def test_the_rules_are_on_for_what_serves_peers(rule: str):
    assert any(rule.startswith(chosen) for chosen in LINT["select"])
    assert not any(rule.startswith(ignored) for ignored in LINT["ignore"])
    for pattern, ignored in LINT["per-file-ignores"].items():
        meant = [path for path in sources() if fnmatch.fnmatch(str(path.relative_to(ROOT)), pattern)]
        assert not meant or not any(rule.startswith(code) for code in ignored), (pattern, meant)


def test_pickle_and_its_kin_are_banned_by_name():
    banned = LINT["flake8-tidy-imports"]["banned-api"]
    assert {"pickle", "marshal", "shelve"} <= set(banned)


def test_a_silenced_rule_says_why():
    for path in sources():
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for codes, why in re.findall(r"# noqa(?:: ([A-Z0-9, ]+?))?(?: - (.+))?$", line):
                assert codes, f"{path}:{number} silences everything"
                if re.search(r"\b(S|TID|BLE)\d", codes):
                    assert why, f"{path}:{number} silences {codes} without a reason"


def test_no_module_that_makes_code_of_data_is_imported():
    for path, node in nodes(ast.Import):
        assert not {alias.name.split(".")[0] for alias in node.names} & BANNED_MODULES, path
    for path, node in nodes(ast.ImportFrom):
        assert (node.module or "").split(".")[0] not in BANNED_MODULES, path


def test_no_call_makes_code_of_data():
    for path, node in nodes(ast.Call):
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if isinstance(node.func, ast.Name):
            assert name not in BANNED_CALLS or (path, name) in ALLOWED, f"{path}:{node.lineno} calls {name}"
        assert name not in ("system", "popen", "getoutput", "getstatusoutput", "unsafe_load", "full_load"), (
            f"{path}:{node.lineno}"
        )
        shell = [keyword.value for keyword in node.keywords if keyword.arg == "shell"]
        assert not shell or not getattr(shell[0], "value", True), f"{path}:{node.lineno} uses a shell"
        of_yaml = isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") == "yaml"
        assert not (of_yaml and name == "load"), f"{path}:{node.lineno} calls yaml.load"


def test_no_text_in_the_source_is_a_program_that_is_executed():
    for path, node in nodes(ast.Constant):
        if isinstance(node.value, str) and re.search(r"\b(exec|eval)\(", node.value):
            assert any(path == allowed for allowed, _ in ALLOWED), f"{path}:{node.lineno}"
