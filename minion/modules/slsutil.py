"""Helpers for those who write SLS files: merging, rendering, serializing, looking into the state tree."""

from __future__ import annotations

import os
import posixpath
import textwrap
from typing import Any, Callable, Dict, List, Optional, Union

from minion import merging, serializers
from minion.errors import CommandExecutionError, SaltInvocationError
from minion.rendering import compile_template

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__context__: Dict[str, Any]
__loaders__: Any


def update(dest: Any, upd: Any, recursive_update: bool = True, merge_lists: bool = False) -> Any:
    """Merges one mapping into another, in place.

    Args:
        dest: the mapping to change.
        upd: what to merge into it.
        recursive_update: merge nested mappings instead of replacing them.
        merge_lists: join lists instead of replacing them.

    CLI Example:

    .. code-block:: bash

        salt '*' slsutil.update '{foo: Foo}' '{bar: Bar}'
    """
    return merging.update(dest, upd, recursive_update, merge_lists)


def merge(obj_a: Any, obj_b: Any, strategy: str = "smart", renderer: str = "yaml", merge_lists: bool = False) -> Any:
    """Merges two mappings into a new one.

    Args:
        obj_a: the first mapping.
        obj_b: the second, which wins.
        strategy: smart, recurse, list, aggregate, overwrite or none.
        renderer: for `smart`: yamlex means aggregate.
        merge_lists: join lists instead of replacing them.

    CLI Example:

    .. code-block:: bash

        salt '*' slsutil.merge '{foo: Foo}' '{bar: Bar}'
    """
    return merging.merge(obj_a, obj_b, strategy, renderer, merge_lists)


def merge_all(lst: List[Any], strategy: str = "smart", renderer: str = "yaml", merge_lists: bool = False) -> Any:
    """Merges a list of mappings, later ones win; see `slsutil.merge`.

    Args:
        lst: the mappings.
        strategy: how to merge.
        renderer: for the strategy `smart`.
        merge_lists: join lists instead of replacing them.

    CLI Example:

    .. code-block:: bash

        salt '*' slsutil.merge_all '[{foo: Foo}, {foo: Bar}]'
    """
    result: Any = {}
    for item in lst:
        result = merging.merge(result, item, strategy, renderer, merge_lists)
    return result


def renderer(
    path: Optional[str] = None,
    string: Optional[str] = None,
    default_renderer: str = "jinja|yaml",
    **kwargs: Any,
) -> Any:
    """Renders a file or a text.

    Args:
        path: of the file: `salt://...`, a URL or an absolute path.
        string: the text.
        default_renderer: the renderers, if the first line names none.
        kwargs: variables for templates; `saltenv` is the environment of a `salt://` file.

    CLI Example:

    .. code-block:: bash

        salt '*' slsutil.renderer salt://path/to/file
        salt '*' slsutil.renderer string='Hello {{ name }}' default_renderer=jinja name=world
    """
    if bool(path) == bool(string):
        raise SaltInvocationError("Must not pass both path and string." if path else "Must pass path or string.")
    template = ":string:"
    if path:
        template = __salt__["cp.get_url"](path, saltenv=kwargs.get("saltenv", "base"))
        if not template:
            raise CommandExecutionError(f"{path} is not available")
    else:
        kwargs["input_data"] = string
    kwargs = {key: value for key, value in kwargs.items() if not key.startswith("__")}
    result = compile_template(
        template,
        __loaders__.renderers,
        default_renderer,
        __opts__.get("renderer_blacklist"),
        __opts__.get("renderer_whitelist"),
        **kwargs,
    )
    return result.read() if hasattr(result, "read") else result


def serialize(serializer: str, obj: Any, **mod_kwargs: Any) -> Any:
    """Data as text.

    Args:
        serializer: yaml, json, configparser, toml, msgpack, ...
        obj: the data.
        mod_kwargs: options of the format's library.

    CLI Example:

    .. code-block:: bash

        salt '*' slsutil.serialize 'json' obj="{'foo': 'Foo!'}"
    """
    return serializers.serialize(serializer, obj, **_clean(mod_kwargs))


def deserialize(serializer: str, stream_or_string: Any, **mod_kwargs: Any) -> Any:
    """Data from text.

    Args:
        serializer: yaml, json, configparser, toml, msgpack, ...
        stream_or_string: the text.
        mod_kwargs: options of the format's library.

    CLI Example:

    .. code-block:: bash

        salt '*' slsutil.deserialize 'json' '{"foo": "Foo!"}'
    """
    return serializers.deserialize(serializer, stream_or_string, **_clean(mod_kwargs))


def _clean(keywords: Dict[str, Any]) -> Dict[str, Any]:
    return {key: value for key, value in keywords.items() if not key.startswith("__")}


def banner(
    width: int = 72,
    commentchar: str = "#",
    borderchar: str = "#",
    blockstart: Optional[str] = None,
    blockend: Optional[str] = None,
    title: Optional[str] = None,
    text: Optional[str] = None,
    newline: bool = False,
) -> str:
    """A comment block that says that a file is managed.

    Args:
        width: in characters.
        commentchar: begins each line.
        borderchar: draws the border.
        blockstart: line before the block, for languages with block comments.
        blockend: line after the block.
        title: its first line.
        text: what it says.
        newline: end with a new line.

    CLI Example:

    .. code-block:: bash

        salt '*' slsutil.banner width=120 commentchar='//'
    """
    title = "THIS FILE IS MANAGED BY SALT - DO NOT EDIT" if title is None else title
    text = (
        "The contents of this file are managed by Salt. Any changes to this file may be overwritten automatically and "
        "without warning."
        if text is None
        else text
    )
    left, right = commentchar.rstrip(), commentchar.strip()
    room = width - len(left) - len(right) - 2
    if room <= 0:
        raise SaltInvocationError("Width is too small to render banner")
    border = commentchar + borderchar[:1] * (width - len(left) - len(right)) + right
    spacer = commentchar + " " * (width - len(commentchar) * 2) + commentchar
    titles = [f"{left} {line.center(room)} {right}" for line in textwrap.wrap(title, room)]
    lines = [f"{left} {line.ljust(room)} {right}" for line in textwrap.wrap(text, room)]
    block = [border, spacer, *titles, spacer, *lines, border]
    start, end = [[] if line is None else [line] for line in (blockstart, blockend)]
    return os.linesep.join([*start, *block, *end]) + (os.linesep if newline else "")


def boolstr(value: Any, true: Any = "true", false: Any = "false") -> Any:
    """One of two texts.

    Args:
        value: decides.
        true: given if it is true.
        false: given otherwise.

    CLI Example:

    .. code-block:: bash

        salt '*' slsutil.boolstr true yes no
    """
    return true if value else false


def _known(saltenv: str, kind: str, listing: str) -> List[str]:
    """A list of the file server's, asked for once in a job."""
    lists = __context__.setdefault("slsutil", {}).setdefault(saltenv, {})
    if kind not in lists:
        lists[kind] = __salt__[listing](saltenv)
    found: List[str] = lists[kind]
    return found


def file_exists(path: str, saltenv: str = "base") -> bool:
    """Is there such a file in the state tree?

    Args:
        path: relative to the file roots.
        saltenv: the environment.

    CLI Example:

    .. code-block:: bash

        salt '*' slsutil.file_exists nginx/defaults.yaml
    """
    return path in _known(saltenv, "file_list", "cp.list_master")


def dir_exists(path: str, saltenv: str = "base") -> bool:
    """Is there such a folder in the state tree?

    Args:
        path: relative to the file roots.
        saltenv: the environment.

    CLI Example:

    .. code-block:: bash

        salt '*' slsutil.dir_exists nginx/files
    """
    return path in _known(saltenv, "dir_list", "cp.list_master_dirs")


def path_exists(path: str, saltenv: str = "base") -> bool:
    """Is there such a file or folder in the state tree?

    Args:
        path: relative to the file roots.
        saltenv: the environment.

    CLI Example:

    .. code-block:: bash

        salt '*' slsutil.path_exists nginx
    """
    return file_exists(path, saltenv) or dir_exists(path, saltenv)


def findup(startpath: Optional[str], filenames: Union[str, List[str]], saltenv: str = "base") -> str:
    """Looks for a file in a folder of the state tree, then in those above it.

    Args:
        startpath: the folder to begin with.
        filenames: one name, or several in order of preference.
        saltenv: the environment.

    CLI Example:

    .. code-block:: bash

        salt '*' slsutil.findup formulas/shared/nginx map.jinja
    """
    folder = posixpath.normpath(startpath) if startpath else ""
    if folder and not path_exists(folder, saltenv):
        raise SaltInvocationError(f"Starting path not found in the state tree: {folder}")
    names = [filenames] if isinstance(filenames, str) else filenames
    if not isinstance(names, list):
        raise SaltInvocationError("Filenames argument must be a string or list of strings")
    while True:
        for name in names:
            path = posixpath.join(folder, name)
            if path_exists(path, saltenv):
                return path
        if not folder:
            raise CommandExecutionError("File pattern(s) not found in path ancestry")
        folder = posixpath.dirname(folder)
