from __future__ import annotations

import hashlib
import time
from typing import Any

import pytest

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.loader import Loader
from transports import SALT_VERSION


@pytest.mark.parametrize(
    ("function", "args", "kwargs", "expected"),
    [
        ("ping", (), {}, True),
        ("true", (), {}, True),
        ("false", (), {}, False),
        ("echo", ("x",), {}, "x"),
        ("outputter", ([1],), {}, [1]),
        ("sleep", ("0",), {}, True),
        ("rand_sleep", (0,), {}, True),
        ("version", (), {}, SALT_VERSION),
        ("conf_test", (), {}, "unconfigured"),
        ("arg", (1, "b"), {"c": 2, "__pub_jid": "7"}, {"args": (1, "b"), "kwargs": {"c": 2, "__pub_jid": "7"}}),
        ("arg_clean", (1,), {"c": 2, "__pub_jid": "7"}, {"args": (1,), "kwargs": {"c": 2}}),
        ("kwarg", (), {"c": 2}, {"c": 2}),
        ("arg_type", (1,), {"c": "x"}, {"args": ["<class 'int'>"], "kwargs": {"c": "<class 'str'>"}}),
        ("arg_repr", (1,), {"c": "x"}, {"args": "(1,)", "kwargs": "{'c': 'x'}"}),
        ("cross_test", ("test.echo", ["x"]), {}, "x"),
        ("try", ("test.echo",), {"text": "x"}, "x"),
        ("try", ("test.exception",), {}, None),
        ("assertion", (True,), {}, None),
        ("tty", ("a",), {"b": 1}, "ERROR: This function has been moved to cmd.tty"),
        ("raise_exception", ("NoSuchError",), {}, False),
        ("raise_exception", ("print",), {}, False),
        ("raise_exception", ("salt.exceptions.Nothing",), {}, False),
    ],
)
def test_results(salt: Loader, function: str, args: Any, kwargs: Any, expected: Any) -> None:
    assert salt[f"test.{function}"](*args, **kwargs) == expected


def test_failures(salt: Loader) -> None:
    with pytest.raises(Exception, match="Oh noes!"):
        salt["test.exception"]("Oh noes!")
    with pytest.raises(TypeError, match="bad"):
        salt["test.raise_exception"]("TypeError", "bad", __pub_jid="7")
    with pytest.raises(CommandExecutionError, match="bad"):
        salt["test.raise_exception"]("salt.exceptions.CommandExecutionError", "bad")
    with pytest.raises(AssertionError):
        salt["test.assertion"](False)
    assert isinstance(salt["test.try"]("test.exception", return_try_exception=True), Exception)


def test_retcode(salt: Loader) -> None:
    assert salt["test.retcode"](3) is True
    assert salt.dunders["__context__"]["retcode"] == 3


def test_numbers(salt: Loader) -> None:
    assert [salt["test.fib"](str(n))[0] for n in range(10)] == [0, 1, 1, 2, 3, 5, 8, 13, 21, 34]
    with pytest.raises(ValueError, match="Negative number is not allowed!"):
        salt["test.fib"](-1)
    assert salt["test.collatz"](6)[0] == [6, 3, 10, 5, 16, 8, 4, 2]
    began = time.monotonic()
    with pytest.raises(SaltInvocationError, match="takes a number from 1 on, not 0"):
        salt["test.collatz"](0)
    assert time.monotonic() - began < 1


def test_random_hash(salt: Loader) -> None:
    assert salt["test.random_hash"](0) == hashlib.sha256(b"0").hexdigest()
    assert salt["test.rand_str"](0, "md5") == hashlib.md5(b"0").hexdigest()
    assert salt["test.random_hash"]() != salt["test.random_hash"]()


def test_stack_and_output(salt: Loader, capfd: pytest.CaptureFixture[str]) -> None:
    assert "test_stack_and_output" in salt["test.stack"]()
    assert salt["test.stdout_print"]() == "bar"
    assert capfd.readouterr().out == "foo"


def test_deprecation_warning(salt: Loader) -> None:
    with pytest.warns(DeprecationWarning) as caught:
        assert salt["test.deprecation_warning"]() is True
    assert len(caught) == 2


def test_attr_call(salt: Loader) -> None:
    assert salt["test.attr_call"]()["os"] == "Debian"
