"""Conditions of requirements hold for the target's Python, not for ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.errors import NoWheels
from master.wheelhouse import Platform, requirements
from tests.wheel_lab import small_wheels, wheel

OLD, NEW = Platform.parse("cp38-glibc_2_28-x86_64"), Platform.parse("cp313-musl_1_2-aarch64")


@pytest.mark.parametrize(
    ("condition", "old", "new"),
    [
        ("python_version < '3.11'", True, False),
        ('python_full_version < "3.11"', True, False),
        ("python_version>='3.9' and platform_machine=='aarch64'", False, True),
        ("(python_version < '3.9' or python_version >= '3.13') and sys_platform == 'linux'", True, True),
        ("sys_platform == 'win32'", False, False),
        ("platform_python_implementation != 'PyPy'", True, True),
        ("implementation_name == 'cpython'", True, True),
        ("'linux' in sys_platform", True, True),
        ("platform_machine not in 'x86_64 i686'", False, True),
        ("extra == 'ssh'", False, False),
        ("python_version ~= '3.8'", True, True),  # not understood: better one wheel too many
        ("something_new == '1'", True, True),
    ],
)
def test_conditions(condition: str, old: bool, new: bool):
    assert [requirements.holds(condition, platform) for platform in (OLD, NEW)] == [old, new]


def test_conditions_are_data():
    assert requirements.holds("__import__('os').abort()", OLD)


def test_closure_says_what_is_needed_and_what_is_missing(tmp_path: Path):
    small_wheels(tmp_path, but=["MarkupSafe"])
    wheel(tmp_path, "unneeded")
    wheel(tmp_path, "click", requires=['typing_extensions>=4; python_version < "3.11"', "colorama; os_name == 'nt'"])
    found = {requirements.WheelName.parse(path.name): str(path) for path in tmp_path.iterdir()}
    wheels = {name.project: path for name, path in found.items() if name}
    needed, missing = requirements.closure(wheels, OLD)
    assert missing == {"markupsafe": "MarkupSafe>=2.0", "typing-extensions": "typing_extensions>=4"}
    assert {Path(path).name.split("-")[0] for path in needed} == {
        "pyzmq", "cryptography", "cffi", "msgpack", "PyYAML", "Jinja2", "click", "setproctitle",
    }  # fmt: skip
    assert set(requirements.closure(wheels, NEW)[1]) == {"markupsafe"}


def test_damaged_wheel_is_named(tmp_path: Path):
    path = tmp_path / "click-1-py3-none-any.whl"
    path.write_bytes(b"PK no zip")
    with pytest.raises(NoWheels, match=str(path)):
        requirements.of_wheel(str(path))
