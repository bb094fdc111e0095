from __future__ import annotations

import string

import pytest

from minion.errors import SaltInvocationError
from minion.loader import Loader


def test_hash(salt: Loader) -> None:
    assert salt["random.hash"]("foo").startswith("f7fbba6e0636f890e56fbbf3283e524c6fa3204ae298382d624741d0dc6638")
    assert salt["random.hash"]("foo", "md5") == "acbd18db4cc2f85cedef654fccc4a4d8"
    with pytest.raises(SaltInvocationError, match="valid algorithm"):
        salt["random.hash"]("foo", "xx")


def test_str_encode(salt: Loader) -> None:
    assert salt["random.str_encode"]("foo") == "Zm9v"
    assert salt["random.str_encode"]("foo", "rot13") == "sbb"
    assert salt["random.str_encode"]("foo", "hex") == "666f6f"
    assert salt["random.str_encode"]("ü", "utf-16-le") == b"\xfc\x00"
    with pytest.raises(SaltInvocationError, match="valid encoder"):
        salt["random.str_encode"]("foo", "nonesuch")
    with pytest.raises(SaltInvocationError, match="encode-able"):
        salt["random.str_encode"](5)


def test_get_str(salt: Loader) -> None:
    get_str = salt["random.get_str"]
    assert len(get_str()) == 20
    assert len({get_str() for _ in range(50)}) == 50
    assert get_str(5, chars="a") == "aaaaa"
    assert set(get_str(500, lowercase=False, uppercase=False, punctuation=False)) == set(string.digits)
    assert set(get_str(5000, printable=True)) <= set(string.printable)
    with pytest.raises(SaltInvocationError):
        get_str(5, lowercase=False, uppercase=False, punctuation=False, digits=False)


def test_what_has_a_seed_is_what_salt_answers(salt: Loader) -> None:
    # from real Salt: random.seed 100 foo, random.rand_int 1 100 seed=5, random.sample '[1,2,3,4]' 2 seed=foo, ...
    assert salt["random.seed"](100, "foo") == 58
    assert salt["random.rand_int"](1, 100, seed=5) == 80
    assert salt["random.sample"]([1, 2, 3, 4], 2, seed="foo") == [3, 4]
    assert salt["random.shuffle"]([1, 2, 3, 4], seed="foo")[1:] == [4, 2, 1]
    assert salt["random.seed"](10) == salt["random.seed"](10, "box")


def test_what_has_no_seed_differs(salt: Loader) -> None:
    assert {salt["random.rand_int"](1, 3) for _ in range(100)} == {1, 2, 3}
    assert sorted(salt["random.shuffle"](list(range(50)))) == list(range(50))
    assert len({tuple(salt["random.shuffle"](list(range(50)))) for _ in range(5)}) == 5
    with pytest.raises(SaltInvocationError, match="Can't take 4"):
        salt["random.sample"]([1], 4)


def test_shadow_hash(salt: Loader) -> None:
    assert salt["random.shadow_hash"]("ab", "pw", "md5") == "$1$ab$b2XAKzcGJvTR.javvk3280"
    assert salt["random.shadow_hash"]().startswith("$6$")
    assert salt["random.shadow_hash"]() != salt["random.shadow_hash"]()
