"""The ini module on real files."""

from __future__ import annotations

from pathlib import Path

import pytest

from minion.errors import CommandExecutionError
from minion.loader import Loader

TEXT = """\
; comment
top = 1
[main]
port = 80
# off = x
host=h
long = a
   b

   c
mystery line

[other]
x = 1
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "a.ini"
    file.write_text(TEXT)
    file.chmod(0o600)
    return file


def test_get(salt: Loader, path: Path) -> None:
    assert salt["ini.get_ini"](str(path)) == {
        "top": "1",
        "main": {"port": "80", "host": "h", "long": "a\n   b"},
        "other": {"x": "1"},
    }
    assert salt["ini.get_section"](str(path), "main")["long"].startswith("a\n   b")
    assert salt["ini.get_section"](str(path), "nothing") == {}
    assert salt["ini.get_option"](str(path), "main", "port") == "80"
    assert salt["ini.get_option"](str(path), "", "top") == "1"
    assert salt["ini.get_option"](str(path), "nothing", "port") is None
    assert salt["ini.get_option"](str(path.parent / "none"), "a", "b") is None
    assert not (path.parent / "none").exists()


def test_set(salt: Loader, path: Path) -> None:
    changes = salt["ini.set_option"](
        str(path), {"main": {"port": 8080, "host": "h", "off": "y", "new": "n"}, "top": 1, "fresh": {"k": "v"}, "t2": 2}
    )
    assert changes == {
        "main": {
            "port": {"before": "80", "after": "8080"},
            "off": {"before": None, "after": "y"},
            "new": {"before": None, "after": "n"},
        },
        "fresh": {"before": None, "after": {"k": "v"}},
        "t2": {"before": None, "after": "2"},
    }
    assert path.read_text() == (
        "; comment\ntop = 1\nt2 = 2\n\n[main]\nport = 8080\noff = y\nhost = h\nlong = a\n   b\n\n   c\nmystery line\n"
        "new = n\n\n[other]\nx = 1\n\n[fresh]\nk = v\n"
    )
    assert path.stat().st_mode & 0o777 == 0o600


def test_set_again_changes_nothing(salt: Loader, path: Path) -> None:
    salt["ini.set_option"](str(path), {"main": {"port": 1}})
    inode = path.stat().st_ino
    assert salt["ini.set_option"](str(path), {"main": {"port": "1"}}) == {}
    assert path.stat().st_ino == inode


def test_new_file_and_other_separators(salt: Loader, tmp_path: Path) -> None:
    path = tmp_path / "n.ini"
    salt["ini.set_option"](str(path), {"s": {"a": "1"}}, separator=":")
    assert path.read_text() == "[s]\na : 1\n"
    salt["ini.set_option"](str(path), {"s": {"b": "2"}}, separator=":", no_spaces=True)
    assert path.read_text() == "[s]\na:1\nb:2\n"
    salt["ini.set_option"](str(tmp_path / "spaces"), {"a": "1"}, separator=" ")
    assert (tmp_path / "spaces").read_text() == "a 1\n"


def test_remove(salt: Loader, path: Path) -> None:
    assert salt["ini.remove_option"](str(path), "main", "port") == "80"
    assert salt["ini.remove_option"](str(path), "main", "port") is None
    assert salt["ini.remove_option"](str(path), "", "top") == "1"
    assert salt["ini.remove_section"](str(path), "main")["host"] == "h"
    assert salt["ini.remove_section"](str(path), "main") is None
    assert path.read_text() == "; comment\n\n[other]\nx = 1\n"


def test_a_section_that_stands_twice_loses_nothing(salt: Loader, tmp_path: Path) -> None:
    path = tmp_path / "twice.ini"
    path.write_text("[a]\n# one\nx = 1\n[a]\n# two\ny = 2\n")
    salt["ini.set_option"](str(path), {"a": {"z": 3}})
    assert path.read_text() == "[a]\n# one\nx = 1\n# two\ny = 2\nz = 3\n"


def test_encoding(salt: Loader, tmp_path: Path) -> None:
    path = tmp_path / "l.ini"
    path.write_bytes("[a]\nx = é\n".encode("utf-16"))
    assert salt["ini.get_option"](str(path), "a", "x", encoding="utf-16") == "é"
    salt["ini.set_option"](str(path), {"a": {"y": "ü"}}, encoding="utf-16")
    assert path.read_bytes().decode("utf-16") == "[a]\nx = é\ny = ü\n"
    with pytest.raises(CommandExecutionError):
        salt["ini.get_ini"](str(path), encoding="no-such-encoding")
    with pytest.raises(CommandExecutionError):
        salt["ini.get_ini"](str(tmp_path))
