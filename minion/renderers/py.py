"""Runs a Python file; its function `run` returns the data."""

from __future__ import annotations

from typing import Any, Callable, Dict

from minion.errors import SaltRenderError, format_traceback
from minion.renderers._text import read_text
from minion.templates import execute_python

__salt__: Dict[str, Callable[..., Any]]
__grains__: Dict[str, Any]
__pillar__: Dict[str, Any]
__opts__: Dict[str, Any]


def render(template: Any, saltenv: str = "base", sls: str = "", tmplpath: Any = None, **options: Any) -> Any:
    """What `run()` returns; the file sees `__salt__`, `__grains__`, `__pillar__`, `__opts__`, `__env__`, `__sls__`."""
    names = {
        "salt": __salt__,
        "grains": __grains__,
        "pillar": __pillar__,
        "opts": __opts__,
        "sls": sls,
    }
    variables = {f"__{name}__": value for name, value in names.items()}
    variables.update(names, __env__=saltenv, saltenv=saltenv, **options)
    variables.update(options.get("context") or {})
    module = execute_python(read_text(template), variables, tmplpath)
    try:
        return module.run()
    except Exception:  # noqa: BLE001 - the operator's code may raise anything
        raise SaltRenderError(format_traceback()) from None
