"""Calls in arguments."""

from __future__ import annotations

from typing import Any, Dict, List

import pytest

from minion.state.slots import fill_slots, parse_call

FUNCTIONS: Dict[str, Any] = {
    "t.echo": lambda text: text,
    "t.all": lambda *args, **kwargs: {"args": list(args), "kwargs": kwargs},
    "t.number": lambda: 5,
}


def filled(value: Any) -> Any:
    args: List[Any] = [value]
    fill_slots(args, {}, FUNCTIONS)
    return args[0]


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("t.echo(hi)", ("t.echo", ["hi"], {})),
        ("t.echo()", ("t.echo", [], {})),
        ('t.echo("a, b", c=d)', ("t.echo", ["a, b"], {"c": "d"})),
        ("t.echo([a, b], k={x: 1})", ("t.echo", ["[a,b]"], {"k": "{x:1}"})),
        ("t.echo('it\\'s')", ("t.echo", ["it's"], {})),
        ("t.echo", None),
        ("(x)", None),
        ("t.echo(", None),
        ("t.echo([)]", None),
        ('t.echo("open', None),
    ],
)
def test_calls(text: str, call: Any) -> None:
    assert parse_call(text) == call


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("__slot__:salt:t.echo(x)", "x"),
        ("__slot__:salt:t.echo(x) ~ '-tail'", "x-tail"),
        ("__slot__:salt:t.all(1, k=v).kwargs.k", "v"),
        ("__slot__:salt:t.all(1, 2).args.1", "2"),
        ("__slot__:salt:t.all().kwargs.none", None),
        ("__slot__:salt:t.number() ~ x", 5),
        ("__slot__:salt:nosuch.fn(x)", "__slot__:salt:nosuch.fn(x)"),
        ("__slot__:other:t.echo(x)", "__slot__:other:t.echo(x)"),
        ("plain", "plain"),
        (["__slot__:salt:t.echo(x)", {"k": "__slot__:salt:t.echo(y)"}], ["x", {"k": "y"}]),
        ({"k": "__slot__:salt:t.echo(y)"}, {"k": "y"}),
    ],
)
def test_values(value: Any, expected: Any) -> None:
    assert filled(value) == expected


def test_keywords() -> None:
    keywords = {"a": "__slot__:salt:t.echo(x)", "b": 1}
    fill_slots([], keywords, FUNCTIONS)
    assert keywords == {"a": "x", "b": 1}
