"""Renders Jinja templates to text."""

from __future__ import annotations

import io
from typing import Any, Callable, Dict, Optional

from minion.errors import SaltRenderError
from minion.renderers._text import read_text
from minion.templates import render_template

__salt__: Dict[str, Callable[..., Any]]
__grains__: Dict[str, Any]
__pillar__: Dict[str, Any]
__opts__: Dict[str, Any]
__file_client__: Any


def render(
    template: Any,
    saltenv: str = "base",
    sls: str = "",
    argline: str = "",
    context: Optional[Dict[str, Any]] = None,
    tmplpath: Optional[str] = None,
    **options: Any,
) -> io.StringIO:
    """The rendered text; `fileclient` may bring another source of imported templates."""
    if argline not in ("", "-s"):
        raise SaltRenderError(f"Unknown renderer option: {argline}")
    variables = {
        "salt": __salt__,
        "grains": __grains__,
        "opts": __opts__,
        "pillar": __pillar__,
        "saltenv": saltenv,
        "sls": sls,
        "proxy": {},
        "tmplpath": tmplpath,
        **options,
    }
    files = options.get("fileclient") or __file_client__
    return io.StringIO(
        render_template("jinja", read_text(template), variables, context=context, path=tmplpath, files=files)
    )
