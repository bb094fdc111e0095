"""The options that say which minions are meant; `salt` and `salt-cp` share them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])

_KINDS = (
    ("-E", "--pcre", "pcre", "The target is a regular expression on minion ids."),
    ("-L", "--list", "list", "The target is a list of minion ids, separated by commas or white space."),
    ("-G", "--grain", "grain", "The target is a grain and a glob of its values: os:Arch*"),
    ("-P", "--grain-pcre", "grain_pcre", "The target is a grain and a regular expression: os:Arch.*"),
    ("-N", "--nodegroup", "nodegroup", "The target is the name of a nodegroup."),
    ("-R", "--range", "range", "Range servers are not supported."),
    ("-C", "--compound", "compound", "The target combines others: 'G@os:RedHat and webser* or E@database.*'"),
    ("-I", "--pillar", "pillar", "The target is a pillar key and a glob of its values: role:production*"),
    ("-J", "--pillar-pcre", "pillar_pcre", "The target is a pillar key and a regular expression: role:prod.*"),
    ("-S", "--ipcidr", "ipcidr", "The target is a subnet (CIDR notation) or an address."),
)


@dataclass(frozen=True)
class Targeting:
    """How a target is to be read.

    Attributes:
        kind: the target type.
        delimiter: between the keys of nested grains and pillars.
    """

    kind: str
    delimiter: str

    def read(self, target: str) -> str | list[str]:
        """The target as it travels."""
        if self.kind != "list":
            return target
        return [name for name in target.replace(",", " ").split() if name]


def options(short_compound: bool = True) -> Callable[[Function], Function]:
    """Gives a command the options of targets; its function gets them as `targeting`.

    Args:
        short_compound: whether `-C` means a compound target (not so in salt-cp).
    """

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def call(target_kind: str, delimiter: str, **params: Any) -> Any:
            if target_kind == "range":
                raise click.UsageError("-R: range servers are not supported; use a nodegroup (-N)")
            return function(targeting=Targeting(target_kind, delimiter), **params)

        decorated: Any = call
        decorated = click.option(
            "--delimiter", default=":", show_default=True, help="Separates the keys of nested grains and pillars."
        )(decorated)
        for short, long, kind, text in reversed(_KINDS):
            flags = [long] if kind == "compound" and not short_compound else [short, long]
            decorated = click.option(*flags, "target_kind", flag_value=kind, help=text)(decorated)
        # click takes the default from the first option of this name; so there is one that nobody sees
        decorated = click.option("--glob", "target_kind", flag_value="glob", default="glob", hidden=True)(decorated)
        return decorated  # type: ignore[no-any-return]

    return decorate
