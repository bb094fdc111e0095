"""The thin bundle: the same everywhere, small, whole, and running on each Python there is."""

from __future__ import annotations

import ast
import glob
import os
import subprocess
import sys
from pathlib import Path

import pytest

from minion.thin import stage
from ssh import bundle
from ssh.bundle import LIMIT, Bundle
from tests.ssh.local import INTERPRETERS, Local

WITH_A_MASTER = {("minion/modules/status.py", "minion.daemon.links")}  # asks whether a daemon reaches its master


@pytest.fixture(scope="module")
def made() -> Bundle:
    return bundle.build()


def test_the_same_files_make_the_same_bundle(made: Bundle, tmp_path: Path) -> None:
    again = bundle.build()
    assert again.digest == made.digest and again.packed("xz") == made.packed("xz")
    other = Bundle((*made.files[:-1], (made.files[-1][0], b"changed")))
    assert other.digest != made.digest


def test_it_is_small(made: Bundle) -> None:
    assert len(made.packed("xz")) <= LIMIT


def test_compressed_form_is_kept(made: Bundle, tmp_path: Path) -> None:
    kept = bundle.build(str(tmp_path))
    data = kept.packed("xz")
    assert (tmp_path / f"{kept.digest}.xz").read_bytes() == data == made.packed("xz")


def test_all_imports_of_ours_lead_into_it(made: Bundle) -> None:
    """What a module of the bundle imports of `minion` and `transports` is in the bundle; nothing else of ours is."""
    inside = {path[:-3].replace("/", ".").removesuffix(".__init__") for path, _ in made.files}
    missing = set()
    for path, data in made.files:
        if path.endswith(".py") and path.startswith(("minion/", "transports/")):
            missing |= {(path, name) for name in _imported(ast.parse(data)) if name not in inside}
    assert missing == WITH_A_MASTER


def _imported(tree: ast.Module) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in bundle_packages():
            modules = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name for name in modules if _is_module(name)} or {node.module}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.split(".")[0] in bundle_packages()}
    return found


def bundle_packages() -> tuple[str, ...]:
    return ("minion", "transports", "master", "ssh", "roster")


def _is_module(name: str) -> bool:
    root = Path(bundle.__file__).parent.parent
    path = root.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


@pytest.mark.parametrize("python", INTERPRETERS)
def test_thin_minion_runs_on(python: str, made: Bundle, tmp_path: Path) -> None:
    host = Local(tmp_path, made, python=python)
    version = subprocess.run([python, "-V"], capture_output=True, text=True).stdout.split()[1]
    made_file = tmp_path / "made"
    found = host.call_all(
        ("test.ping", ()),
        ("grains.get", ("pythonversion",)),
        ("slsutil.renderer", ({"__kwarg__": True, "string": "a: {{ 1 + 1 }}", "default_renderer": "jinja|yaml"},)),
        ("state.single", ("file.managed", {"__kwarg__": True, "name": str(made_file), "contents": "text"})),
        ("sys.list_functions", ("test",)),
    )
    assert found["test.ping"] is True
    assert found["grains.get"][:2] == [int(part) for part in version.split(".")[:2]]
    assert found["slsutil.renderer"] == {"a": 2}
    (result,) = found["state.single"].values()
    assert result["result"] is True and made_file.read_text() == "text\n"
    assert "test.ping" in found["sys.list_functions"]


def test_nothing_else_is_needed(made: Bundle, tmp_path: Path) -> None:
    host = Local(tmp_path, made)
    loaded = host.call("cmd.run", "true")
    assert loaded == ""
    code = (
        f"import sys; sys.path[:0] = [{str(host.place)!r}]; import minion.thin.serve, minion.thin.job;"
        "print([m for m in ('asyncio', 'zmq', 'cryptography', 'click') if m in sys.modules])"
    )
    printed = subprocess.run([sys.executable, "-IS", "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed == "[]\n"


def test_stage_reads_what_the_bundle_writes(made: Bundle, tmp_path: Path) -> None:
    for method in ("xz", "zlib"):
        base = tmp_path / method
        base.mkdir()
        place = stage.unpack(str(base), made.digest, made.packed(method), method)
        assert stage.is_whole(place, made.digest)
        assert sorted(os.listdir(base)) == [made.digest]
    files = {path for path in glob.glob(f"{place}/**", recursive=True) if os.path.isfile(path)}
    assert len(files) == len(made.files) + 1


def test_what_is_left_out_moves_no_line() -> None:
    """Tracebacks from a host name the lines of the files here; what users ask for by `sys.doc` is there."""
    source = (
        b'"""Doc\nof two lines."""\ndef f():  # why\n    """Public."""\n\ndef _g():\n    """Private."""\n    return 1\n'
    )
    module = bundle.lean("minion/modules/x.py", source)
    assert b"Public." in module and b"Private." not in module and b"Doc" in module and b"# why" in module
    package = bundle.lean("jinja2/x.py", source)
    assert b"Public." not in package and b"# why" not in package
    assert [node.lineno for node in ast.parse(package).body] == [node.lineno for node in ast.parse(source).body]
    assert {module.count(b"\n"), package.count(b"\n")} == {source.count(b"\n")}
