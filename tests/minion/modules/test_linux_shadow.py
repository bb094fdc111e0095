from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import Iterator

import pytest

from minion.errors import SaltInvocationError
from minion.loader import Loader

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="/etc/shadow is root's")
USER = "sltns.user"


@pytest.fixture
def user(salt: Loader) -> Iterator[Loader]:
    if salt["user.info"](USER):
        salt["user.delete"](USER)
    assert salt["user.add"](USER, createhome=False, gid="users")
    yield salt
    salt["user.delete"](USER)


def today() -> int:
    return (datetime.date.today() - datetime.date(1970, 1, 1)).days


@pytest.mark.parametrize(
    ("arguments", "expected"),  # from real Salt
    [
        (("I_am_password", "I_am_salt", "sha256"), "$5$I_am_salt$FnWvOIJn1F6zDPIqTV2zjq52vBNkOvorjARGDrLPDKA"),
        (("pw", "ab", "md5"), "$1$ab$b2XAKzcGJvTR.javvk3280"),
        (("pw", "ab", "crypt"), "abzlUXK5ed5rs"),
    ],
)
def test_gen_password(salt: Loader, arguments: tuple[str, str, str], expected: str) -> None:
    assert salt["shadow.gen_password"](*arguments) == expected


@pytest.mark.parametrize(
    ("algorithm", "prefix"), [("sha512", "$6$"), ("sha256", "$5$"), ("blowfish", "$2b$12$"), ("md5", "$1$")]
)
def test_gen_password_chooses_salts(salt: Loader, algorithm: str, prefix: str) -> None:
    one, other = (salt["shadow.gen_password"]("pw", algorithm=algorithm) for _ in range(2))
    assert one.startswith(prefix)
    assert one != other
    assert salt["shadow.gen_password"]("pw", crypt_salt="rounds=1000$abc", algorithm="sha512").startswith("$6$rounds=")


def test_gen_password_refuses(salt: Loader) -> None:
    for arguments in (
        ("pw", None, "rot13"),
        ("pw", "a:b", "sha512"),
        ("p\0w", "ab", "md5"),
        ("pw", "short", "blowfish"),
    ):
        with pytest.raises(SaltInvocationError) as caught:
            salt["shadow.gen_password"](*arguments)
        assert "pw" not in str(caught.value)


@root_only
def test_info_has_salts_shape(user: Loader) -> None:
    found = user["shadow.info"](USER)
    assert found == {
        "name": USER,
        "passwd": "!",
        "lstchg": today(),
        "min": 0,
        "max": 99999,
        "warn": 7,
        "inact": -1,
        "expire": -1,
    }
    assert set(user["shadow.info"]("no-such-user").values()) == {""}
    assert USER in user["shadow.list_users"]()
    assert user["shadow.default_hash"]() == "!"


@root_only
@pytest.mark.parametrize("use_usermod", [False, True])
def test_set_password(user: Loader, use_usermod: bool) -> None:
    user["shadow.set_date"](USER, 1)
    hashed = user["shadow.gen_password"]("se\\ncret")
    assert user["shadow.set_password"](USER, hashed, use_usermod=use_usermod) is True
    found = user["shadow.info"](USER)
    assert (found["passwd"], found["lstchg"]) == (hashed, today())
    assert user["shadow.set_password"](USER, "*") is True
    assert user["shadow.set_password"]("no-such-user", hashed) is False


@root_only
@pytest.mark.parametrize("password", ["x\nroot:y", "x:y"])
def test_set_password_writes_no_other_users_line(user: Loader, password: str) -> None:
    before = Path("/etc/shadow").read_bytes()
    with pytest.raises(SaltInvocationError) as caught:
        user["shadow.set_password"](USER, password)
    assert password not in str(caught.value)
    assert Path("/etc/shadow").read_bytes() == before


@root_only
def test_ageing(user: Loader) -> None:
    assert user["shadow.set_mindays"](USER, 3) is True
    assert user["shadow.set_maxdays"](USER, 90) is True
    assert user["shadow.set_warndays"](USER, 5) is True
    assert user["shadow.set_inactdays"](USER, 6) is True
    assert user["shadow.set_date"](USER, "2020-01-02") is True
    assert user["shadow.set_expire"](USER, 20000) is True
    found = user["shadow.info"](USER)
    assert [found[key] for key in ("min", "max", "warn", "inact", "lstchg", "expire")] == [3, 90, 5, 6, 18263, 20000]
    assert user["shadow.set_expire"](USER, -1) is True
    assert user["shadow.info"](USER)["expire"] == -1
    assert user["shadow.set_mindays"]("no-such-user", 3) is False
    assert user["shadow.set_expire"](USER, "never ever") is False


@root_only
def test_locking(user: Loader) -> None:
    assert user["shadow.unlock_password"](USER) is False  # there is no password behind the lock
    hashed = user["shadow.gen_password"]("secret")
    user["shadow.set_password"](USER, hashed)
    assert user["shadow.lock_password"](USER) is True
    assert user["shadow.lock_password"](USER) is True
    assert user["shadow.info"](USER)["passwd"] == "!" + hashed
    assert user["shadow.unlock_password"](USER) is True
    assert user["shadow.info"](USER)["passwd"] == hashed
    assert user["shadow.del_password"](USER) is True
    assert user["shadow.info"](USER)["passwd"] == ""
    assert user["shadow.lock_password"]("no-such-user") is False
    assert user["shadow.del_password"]("no-such-user") is False


@root_only
def test_below_another_root(salt: Loader, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("a:x:5:6::/:/bin/sh\n")
    (tmp_path / "etc/shadow").write_text("a:!:1::::::\nshort:x\nbroken\n")
    root = str(tmp_path)
    assert salt["shadow.set_password"]("a", "$6$x$y", root=root) is True
    assert salt["shadow.info"]("a", root=root)["passwd"] == "$6$x$y"
    assert salt["shadow.info"]("short", root=root)["expire"] == -1
    assert salt["shadow.set_mindays"]("a", 9, root=root) is True
    assert salt["shadow.info"]("a", root=root)["min"] == 9
    assert salt["shadow.list_users"](root=root) == ["a", "short"]
    assert salt["shadow.set_password"]("root", "$6$x$y", root=root) is False
