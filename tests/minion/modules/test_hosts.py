from __future__ import annotations

from pathlib import Path

import pytest

from minion.errors import SaltInvocationError
from minion.loader import Loader

TEXT = """\
# top
127.0.0.1\tlocalhost  loop   # the loop

10.0.0.1 a
::1 localhost ip6
10.0.0.1   b\t# second line
# caf\udce9
"""


@pytest.fixture
def hosts(salt: Loader, tmp_path: Path) -> Path:
    path = tmp_path / "hosts"
    path.write_text(TEXT, errors="surrogateescape")
    salt.dunders["__opts__"]["hosts.file"] = str(path)
    return path


def test_reading(salt: Loader, hosts: Path) -> None:
    found = salt["hosts.list_hosts"]()
    assert found == {
        "comment-0": ["# top"],
        "127.0.0.1": {"aliases": ["localhost", "loop"], "comment": "the loop"},
        "10.0.0.1": {"aliases": ["a", "b"], "comment": "second line"},
        "::1": {"aliases": ["localhost", "ip6"]},
        "comment-1": ["# caf\udce9"],
    }
    assert salt["hosts.get_ip"]("b") == "10.0.0.1"
    assert salt["hosts.get_ip"]("localhost") == "127.0.0.1"
    assert salt["hosts.get_ip"]("nope") == ""
    assert salt["hosts.get_alias"]("10.0.0.1") == ["a", "b"]
    assert salt["hosts.get_alias"]("10.0.0.2") == []
    assert salt["hosts.has_pair"]("10.0.0.1", "b") is True
    assert salt["hosts.has_pair"]("10.0.0.1", ["a", "b"]) is True
    assert salt["hosts.has_pair"]("10.0.0.1", ["a", "c"]) is False
    assert salt["hosts.has_pair"]("10.0.0.2", []) is False


def changed(hosts: Path) -> list[str]:
    """Lines that came (+) and went (-)."""
    before, after = TEXT.splitlines(), hosts.read_text(errors="surrogateescape").splitlines()
    assert [line for line in after if line in before] == [line for line in before if line in after]
    return [f"-{line}" for line in before if line not in after] + [f"+{line}" for line in after if line not in before]


def test_set_host(salt: Loader, hosts: Path) -> None:
    assert salt["hosts.set_host"]("10.0.0.1", "new names", comment="why") is True
    assert changed(hosts) == ["-10.0.0.1 a", "-10.0.0.1   b\t# second line", "+10.0.0.1\t\tnew names\t\t# why"]
    assert hosts.read_text(errors="surrogateescape").splitlines()[3] == "10.0.0.1\t\tnew names\t\t# why"
    assert salt["hosts.set_host"]("10.0.0.1", "") is True
    assert salt["hosts.set_host"]("10.9.9.9", ["x", "y"]) is True
    assert changed(hosts) == ["-10.0.0.1 a", "-10.0.0.1   b\t# second line", "+10.9.9.9\t\tx y"]


def test_add_and_remove(salt: Loader, hosts: Path) -> None:
    assert salt["hosts.add_host"]("127.0.0.1", "loop") is True
    assert changed(hosts) == []
    assert salt["hosts.add_host"]("127.0.0.1", "more") is True
    assert salt["hosts.add_host"]("10.0.0.7", "seven") is True
    assert changed(hosts) == [
        "-127.0.0.1\tlocalhost  loop   # the loop",
        "+127.0.0.1\t\tlocalhost loop more\t\t# the loop",
        "+10.0.0.7\t\tseven",
    ]
    assert salt["hosts.rm_host"]("10.0.0.7", "seven") is True
    assert salt["hosts.rm_host"]("10.0.0.7", "seven") is True
    assert salt["hosts.rm_host"]("127.0.0.1", "loop") is True
    assert salt["hosts.get_alias"]("127.0.0.1") == ["localhost", "more"]
    assert salt["hosts.rm_host"]("10.0.0.1", "b") is True
    assert salt["hosts.list_hosts"]()["10.0.0.1"] == {"aliases": ["a"]}
    assert salt["hosts.get_ip"]("localhost") == "127.0.0.1"


def test_comments(salt: Loader, hosts: Path) -> None:
    assert salt["hosts.set_comment"]("10.9.9.9", "x") is False
    assert salt["hosts.set_comment"]("127.0.0.1", "the loop") is True
    assert changed(hosts) == []
    assert salt["hosts.set_comment"]("::1", "six\nevil") is True
    assert changed(hosts) == ["-::1 localhost ip6", "+::1\t\tlocalhost ip6\t\t# six evil"]


def test_a_missing_file_is_made(salt: Loader, hosts: Path) -> None:
    hosts.unlink()
    assert salt["hosts.list_hosts"]() == {}
    assert salt["hosts.add_host"]("10.0.0.1", "a") is True
    assert hosts.read_text() == "10.0.0.1\t\ta\n"


@pytest.mark.parametrize("ip", ["", "1 2", "1\n2", "#1"])
def test_what_is_no_address_is_refused(salt: Loader, hosts: Path, ip: str) -> None:
    with pytest.raises(SaltInvocationError, match="not an address"):
        salt["hosts.add_host"](ip, "x")
    assert changed(hosts) == []
