"""Renders Mako templates to text; needs the library mako."""

from __future__ import annotations

import importlib.util
import io
from typing import Any, Callable, Dict, Optional, Tuple, Union

from minion.renderers._text import read_text
from minion.templates import render_template

__salt__: Dict[str, Callable[..., Any]]
__grains__: Dict[str, Any]
__pillar__: Dict[str, Any]
__opts__: Dict[str, Any]


def __virtual__() -> Union[bool, Tuple[bool, str]]:
    return importlib.util.find_spec("mako") is not None or (False, "mako is not installed")


def render(
    template: Any,
    saltenv: str = "base",
    sls: str = "",
    context: Optional[Dict[str, Any]] = None,
    tmplpath: Optional[str] = None,
    **options: Any,
) -> io.StringIO:
    """The rendered text."""
    variables = {
        "salt": __salt__,
        "grains": __grains__,
        "opts": __opts__,
        "pillar": __pillar__,
        "saltenv": saltenv,
        "sls": sls,
        **options,
    }
    return io.StringIO(render_template("mako", read_text(template), variables, context=context, path=tmplpath))
