"""Names that every template has besides its context."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Dict

import jinja2
from jinja2.runtime import Context

from minion.errors import SaltException, TemplateError


def raise_(message: str) -> None:
    """Stops the rendering with a message."""
    raise TemplateError(message)


@jinja2.pass_context
def ifelse(context: Context, *args: Any, **options: Any) -> Any:
    """The value after the first target that matches this minion, else the last argument; see `match.ifelse`."""
    if len(args) == 1:
        return args[0]
    if len(args) % 2 == 0:
        raise SaltException("The ifelse function must have an odd number of arguments!")
    return context["salt"]["match.ifelse"](*args, **options)


@jinja2.pass_context
def show_full_context(context: Context) -> Dict[str, Any]:
    """All variables of the template, in types that can be printed."""
    simple: Dict[str, Any] = _simplified(context.get_all())
    return simple


def _simplified(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key if isinstance(key, (str, int, float, bool, type(None))) else repr(key): _simplified(item)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_simplified(item) for item in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else repr(value)


GLOBALS: Dict[str, Any] = {
    "raise": raise_,
    "ifelse": ifelse,
    "odict": OrderedDict,
    "show_full_context": show_full_context,
}
