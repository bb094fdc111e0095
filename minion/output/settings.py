"""What an outputter has to know, and how it follows from the options by Salt's names."""

from __future__ import annotations

import dataclasses
from typing import Any, Mapping, Sequence, Tuple, Union

DEFAULT_INDENT = "default"


@dataclasses.dataclass(frozen=True)
class Settings:
    """How to print one result.

    Args:
        color: write colours.
        theme: colour name -> SGR code that replaces the usual one.
        terminal: the text goes to a terminal, so that nothing may reach it unescaped.
        strip_colors: show colour codes in the data as `?` instead of passing them on.
        retcode: of the function whose result it is; `nested` turns red if it is not 0.
        indent: a number of columns, "pretty", None for one line; the outputter's own default otherwise.
        nested_indent: the column where `nested` and `table` begin.
        multi_key: `key` prints below a headline.
        table: `table`'s options, without their prefix `out.table.`.

    The `state_*` are the options of that name.
    """

    color: bool = False
    theme: Mapping[str, str] = dataclasses.field(default_factory=dict)
    terminal: bool = False
    strip_colors: bool = True
    retcode: int = 0
    indent: Union[int, str, None] = DEFAULT_INDENT
    nested_indent: int = 0
    multi_key: bool = False
    table: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    state_output: str = "full"
    state_verbose: bool = True
    state_output_diff: bool = False
    state_output_profile: bool = True
    state_output_pct: bool = False
    state_compress_ids: bool = False
    state_tabular: Union[bool, str] = False
    state_output_exclude: Tuple[str, ...] = ()
    state_output_terse: Tuple[str, ...] = ()


def from_opts(opts: Mapping[str, Any], *, terminal: bool, retcode: int = 0, arg: Sequence[Any] = ()) -> Settings:
    """The settings that the options of a program ask for.

    Args:
        opts: options by Salt's names, those of the command line included.
        terminal: whether the text goes to a terminal.
        retcode: of the function whose result is printed.
        arg: the function's arguments; `exclude=` and `terse=` among them steer `--state-output=filter`.
    """
    keywords = _keywords(arg)
    chosen = {
        field.name: opts[field.name]
        for field in dataclasses.fields(Settings)
        if field.name.startswith("state_") and opts.get(field.name) is not None
    }
    for name in ("exclude", "terse"):
        option = f"state_output_{name}"
        chosen[option] = _results(keywords.get(name, opts.get(option)))
    return Settings(
        color=_wants_color(opts, terminal),
        theme=_theme(opts.get("color_theme")),
        terminal=terminal,
        strip_colors=bool(opts.get("strip_colors", True)),
        retcode=retcode,
        indent=opts.get("output_indent", DEFAULT_INDENT),
        nested_indent=int(opts.get("nested_indent") or 0),
        multi_key=bool(opts.get("__multi_key")),
        table={key[len("out.table.") :]: value for key, value in opts.items() if key.startswith("out.table.")},
        **chosen,
    )


def _keywords(arg: Sequence[Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = {}
    for item in arg:
        if isinstance(item, dict) and "__kwarg__" in item:
            found = item
    return found


def _results(value: Any) -> Tuple[str, ...]:
    """`"True,None"`, `[True, None]` and `True` are all ways to name results of states."""
    if value is None or value is False or value == "":
        return ()
    if isinstance(value, str):
        return tuple(value.split(","))
    if isinstance(value, (list, tuple)):
        return tuple(str(item) for item in value)
    return (str(value),)


def _wants_color(opts: Mapping[str, Any], terminal: bool) -> bool:
    if opts.get("force_color"):
        return True
    if opts.get("no_color"):
        return False
    return bool(opts["color"]) if "color" in opts else terminal


def _theme(path: Any) -> Mapping[str, str]:
    """The colours of a theme file; one that can't be read is not worth losing a result for."""
    if not path:
        return {}
    import logging

    import yaml

    try:
        with open(path, encoding="utf-8") as file:
            colors = yaml.safe_load(file)
        return {str(name): str(code) for name, code in colors.items()}
    except (OSError, ValueError, AttributeError, yaml.YAMLError) as exc:
        logging.getLogger(__name__).warning("The colour theme %s can't be used: %s", path, exc)
        return {}
