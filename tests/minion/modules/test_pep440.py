from __future__ import annotations

from typing import List, Tuple

import pytest

from minion.modules import _pep440

ORDER = (
    "nonsense 0.9 1.0.dev1 1.0a1 1.0a2.dev1 1.0a2 1.0b1 1.0rc1.dev2 1.0rc1 1.0 1.0+local 1.0+local.2 1.0.post1.dev1 "
    "1.0.post1 1.0.1 1.2 1.10 2!0.1"
)


def test_order() -> None:
    versions = ORDER.split()
    assert sorted(sorted(versions), key=_pep440.key) == versions
    assert _pep440.key("v1.0.0") == _pep440.key("1") == _pep440.key("1.0")
    assert _pep440.key("1.0-1") == _pep440.key("1.0.post1") and _pep440.key("1.0ALPHA") == _pep440.key("1a0")


@pytest.mark.parametrize(
    ("version", "condition", "holds"),
    [
        ("1.0", "==1", True),
        ("1.0+x", "==1.0", True),
        ("1.0", "==1.0+x", False),
        ("1.2.3", "==1.2.*", True),
        ("1.20", "==1.2.*", False),
        ("1", "==1.0.*", True),
        ("1.2.3", "!=1.2.*", False),
        ("1.3", "~=1.2", True),
        ("2.0", "~=1.2", False),
        ("1.2.9", "~=1.2.3", True),
        ("1.3", "~=1.2.3", False),
        ("1.0rc1", "<1.0", False),
        ("1.0rc1", "<1.0rc2", True),
        ("1.0.post1", ">1.0", False),
        ("1.1", ">1.0", True),
        ("1.0", ">=1.0,<2", True),
        ("2.0", ">=1.0,<2", False),
        ("2.0", ">=1.0,<=2", True),
        ("1.0", "===1.0", True),
        ("1", "===1.0", False),
    ],
)
def test_conditions(version: str, condition: str, holds: bool) -> None:
    assert _pep440.fulfils(version, _pep440.requirement("x" + condition).specifiers) is holds


@pytest.mark.parametrize(
    ("line", "name", "specifiers"),
    [
        ("Django", "Django", []),
        ("django >= 4.2, <5", "django", [(">=", "4.2"), ("<", "5")]),
        ("foo[a,b]==1 ; python_version > '3'", "foo", [("==", "1")]),
        ("foo (>=1)", "foo", [(">=", "1")]),
        ("foo @ https://example.com/foo.zip", "foo", []),
        ("git+https://example.com/foo.git#egg=foo", "foo", []),
        ("https://example.com/foo.zip", "", []),
        ("/tmp/foo-1.0.tar.gz", "", []),
        ("./folder", "", []),
        ("/tmp/foo-1.0-py3-none-any.whl", "foo", [("==", "1.0")]),
    ],
)
def test_lines(line: str, name: str, specifiers: List[Tuple[str, str]]) -> None:
    assert _pep440.requirement(line) == (name, specifiers)


@pytest.mark.parametrize("line", ["foo=1", "foo!!", "", "foo bar", "-e ."])
def test_what_is_no_requirement(line: str) -> None:
    with pytest.raises(ValueError, match="Invalid requirement"):
        _pep440.requirement(line)
