"""Renders a template to state data in which IDs that begin with a dot belong to their SLS file.

`#!stateconf [-GoSp] [DATA_RENDERER [OPTIONS] . TEMPLATE_RENDERER [OPTIONS]]`; without more it is `yaml . jinja`.

* `.name` becomes `SLS::name`, in requisites too.
* What a `stateconf.set` above the line `# --- end of state config ---` sets can be used by the template below it.
* A state `SLS::goal` that requires all others is added, unless `-G` is given; `-s` adds a `SLS::start` before them.
* `-o` makes each state require the one before it; `-p` takes data from a renderer before it in the pipe.
"""

from __future__ import annotations

import copy
import getopt
import io
import re
from typing import Any, Dict, List, Tuple

from minion.errors import SaltRenderError
from minion.renderers import _stateconf
from minion.renderers._text import read_text

__opts__: Dict[str, Any]

_END = r"#\s*-+\s*end of state config\s*-+"
_USAGE = "Usage: #!stateconf [-GoSp] [<data_renderer> [options] . <template_renderer> [options]]"

# What `stateconf.set` set, by full ID: SLS files that include each other in one run share it.
_settings: Dict[str, Any] = {}


def render(source: Any, saltenv: str = "base", sls: str = "", argline: str = "", **options: Any) -> Any:
    """The state data."""
    try:
        flags, rest = getopt.getopt(argline.split(), "GoSsp")
    except getopt.GetoptError as exc:
        raise SaltRenderError(f"Invalid use of stateconf renderer: {exc}\n{_USAGE}") from None
    given = {flag for flag, _ in flags}
    if "-p" in given:
        return _process(source, saltenv, sls, given, first_pass=False)
    template = read_text(source)
    pipe = _pipe(" ".join(rest) or "yaml . jinja", options["renderers"])
    found = re.search(__opts__.get("stateconf_end_marker", _END), template)
    if found:
        head = _render_both(template[: found.start()], {}, saltenv, sls, pipe, options)
        _process(head, saltenv, sls, given, first_pass=True)
    prefix = f"{sls}::"
    context = {key[len(prefix) :] if key.startswith(prefix) else key: value for key, value in _settings.items()}
    high = _render_both(template, context, saltenv, sls, pipe, options)
    return _process(high, saltenv, sls, given, first_pass=False)


def _pipe(description: str, renderers: Any) -> List[Tuple[Any, str]]:
    """The data renderer and the template renderer, each with its arguments."""
    parts = re.split(r"\s+(?<!\\)\.\s+", description, maxsplit=1)
    if len(parts) != 2:
        raise SaltRenderError(f"Invalid use of stateconf renderer!\n{_USAGE}")
    pipe = []
    for part in parts:
        name, _, arguments = part.strip().replace("\\.", ".").partition(" ")
        if name not in renderers:
            raise SaltRenderError(f"Renderer: '{name}' is not available!")
        pipe.append((renderers[name], arguments.strip()))
    return pipe


def _render_both(
    template: str, context: Dict[str, Any], saltenv: str, sls: str, pipe: List[Tuple[Any, str]], options: Any
) -> Any:
    (render_data, data_arguments), (render_template, template_arguments) = pipe
    folder = sls.rpartition(".")[0].replace(".", "/") if "." in sls else sls
    options = {**options, "context": {"sls_dir": folder or ".", **context}}
    text = render_template(io.StringIO(template), saltenv, sls, argline=template_arguments, **options)
    return render_data(text, saltenv, sls, argline=data_arguments)


def _process(high: Any, saltenv: str, sls: str, flags: Any, first_pass: bool) -> Any:
    data = copy.deepcopy(high)
    if not isinstance(data, dict):
        return data  # the compiler tells what is wrong with it
    try:
        _stateconf.expand_short_declarations(data)
        _stateconf.make_includes_absolute(data, sls, saltenv)
        if "-o" in flags and not first_pass:
            _stateconf.require_in_turn(data)
        if "-s" in flags:
            _stateconf.add_start_state(data, sls)
        if "-G" not in flags and not first_pass:
            _stateconf.add_goal_state(data)
        _stateconf.make_ids_absolute(data, sls)
        _stateconf.collect_settings(data, _settings)
    except (AttributeError, TypeError, KeyError, ValueError):
        return high  # malformed states; the compiler words it
    return data
