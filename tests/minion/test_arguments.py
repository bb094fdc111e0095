"""The words of a command line, compared with what Salt 3008 makes of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Union

import pytest

from minion.arguments import bind, condense, parse_args, parse_functions, signature, typed
from minion.errors import SaltInvocationError

GOLDEN: Dict[str, Dict[str, str]] = json.loads(Path(__file__).with_name("arguments.json").read_text())
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("word", GOLDEN["words"])
def test_words_as_salt(word: str) -> None:
    assert repr(typed(word)) == GOLDEN["words"][word]


@pytest.mark.parametrize("word", GOLDEN["keywords"])
def test_keywords_as_salt(word: str) -> None:
    assert repr(parse_args([word])) == GOLDEN["keywords"][word]


def test_enormous_words_stay_text() -> None:
    for word in ("1" * 5000, "[" * 3000 + "]" * 3000, "{a: " * 3000):
        assert typed(word) == word


def test_plain_words_need_no_yaml() -> None:
    words = ["test=True", "5", "/etc/x.conf", "hello world", "name=web-1.example.com", "None", "a,b"]
    code = f"import sys; from minion.arguments import parse_args; parse_args({words!r}); print('yaml' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert result.stdout == "False\n"


def test_words_in_order() -> None:
    assert parse_args(["a", "x=1", "2", "y=[a]", "x=3"]) == (["a", 2], {"x": 3, "y": ["a"]})


def test_no_parse() -> None:
    assert parse_args(["x=1", "y=1"], no_parse=["x"]) == ([], {"x": "1", "y": 1})


def test_values_that_are_no_text_stay() -> None:
    keywords = {"__kwarg__": True, "a": "1"}
    assert parse_args([None, {"b": 2}, keywords]) == ([None, {"b": 2}], {"a": "1"})
    assert keywords == {"__kwarg__": True, "a": "1"}


def test_wire_form() -> None:
    assert condense([1, "a"], {}) == [1, "a"]
    assert condense(["a"], {"b": 2}) == ["a", {"__kwarg__": True, "b": 2}]
    assert condense([20240101123456789012], {}) == ["20240101123456789012"]


@pytest.mark.parametrize(
    ("functions", "words", "arg"),
    [
        ("test.ping", ["1", "a=2"], [1, {"__kwarg__": True, "a": 2}]),
        ("test.ping,test.echo", [",hello"], [[], ["hello"]]),
        ("test.ping,test.echo", [",", "hello"], [[], ["hello"]]),
        ("test.ping,test.arg,test.echo", [",", "1", "a=2", ",", "x"], [[], [1, {"__kwarg__": True, "a": 2}], ["x"]]),
        ("test.arg,test.echo", ["a,b"], [["a"], ["b"]]),
        ("test.arg,test.echo", ["a", "b,c"], [["a", "b"], ["c"]]),
        ("test.arg,test.arg,test.arg", ["a,", ",b"], [["a"], [], ["b"]]),
        ("test.arg,test.arg", ["a,b", ",", "c"], [["a,b"], ["c"]]),
    ],
)
def test_several_functions(functions: str, words: List[str], arg: List[Any]) -> None:
    expected: Union[str, List[str]] = functions.split(",") if "," in functions else functions
    assert parse_functions(functions, words) == (expected, arg)


def test_own_separator() -> None:
    assert parse_functions("a.b,c.d", ["x,y", "--", "z"], separator="--") == (["a.b", "c.d"], [["x,y"], ["z"]])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "Cannot execute compound command without defining all arguments."),
        (["a,b,c"], "Cannot execute compound command with more arguments than commands."),
    ],
)
def test_functions_and_arguments_must_go_together(words: List[str], message: str) -> None:
    with pytest.raises(SaltInvocationError, match=message):
        parse_functions("test.ping,test.echo", words)


def _named(a: Any, b: Any = 2, *, c: Any, d: Any = None) -> None: ...


def _open(*args: Any, **kwargs: Any) -> None: ...


def test_signature() -> None:
    assert signature(_named) == (["a", "b", "c", "d"], None, None, {"b": 2, "d": None})
    assert signature(_open) == ([], "args", "kwargs", {})


def test_bind() -> None:
    arg = [1, "b=x", "text", {"__kwarg__": True, "c": "y=1"}, {"no": "keywords"}]
    assert bind(_named, arg) == ([1, "text", {"no": "keywords"}], {"b": "x", "c": "y=1"})
    assert bind(_open, ["q=1"], {"jid": "7"}) == ([], {"q": 1, "__pub_jid": "7"})
    assert bind(_named, [1], {"jid": "7"}) == ([1], {})


def test_bind_refuses_unknown_keywords() -> None:
    with pytest.raises(SaltInvocationError, match="The following keyword arguments are not valid: e=1, f=2"):
        bind(_named, ["e=1", {"__kwarg__": True, "f": 2}])
