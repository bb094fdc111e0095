"""PillarStack: YAML files, chosen by configuration files and merged one over the other, all of them Jinja templates.

    ext_pillar:
      - stack: /srv/stack/stack.cfg

A configuration file renders to a list of globs, relative to its own folder, one a line or as YAML. The files that they
match are rendered in order and merged into `stack`, which later files can use. How a mapping or list is merged is said
by its first item, `__: merge-last` (the default), `merge-first`, `remove` or `overwrite`.

Configuration files may also be chosen by what the minion is:

    ext_pillar:
      - stack:
          grains:os:
            Debian: /srv/stack/debian.cfg
          pillar:role:
            web: [/srv/stack/web.cfg, /srv/stack/tls.cfg]
          opts:saltenv:
            __env__: /srv/stack/__env__/stack.cfg
"""

from __future__ import annotations

import glob
import logging
import os
from typing import Any, Dict, Iterator, List, Mapping

from minion import yamlio
from minion.data import traverse
from minion.errors import CommandExecutionError, SaltInvocationError

__opts__: Dict[str, Any]
__grains__: Dict[str, Any]
__loaders__: Any

log = logging.getLogger(__name__)

_STRATEGIES = ("overwrite", "merge-first", "merge-last", "remove")


def ext_pillar(minion_id: str, pillar: Dict[str, Any], *args: str, **kwargs: Any) -> Any:
    """The merged files that the configuration files list.

    Templates see `minion_id`, `pillar`, `pillarenv`, `stack`, `__grains__`, `__opts__`, `__stack__` and, in `__salt__`,
    the functions that other templates of the pillar may call.

    Args:
        minion_id, pillar: as all external pillars get them.
        args: configuration files; those that do not exist are left out.
        kwargs: `SOURCE:KEY` -> value -> configuration files, where SOURCE is `grains`, `pillar` or `opts`.

    Raises:
        CommandExecutionError, SaltInvocationError: a file or option is wrong.
    """
    stack: Any = {}
    for path in [*args, *_chosen(kwargs, pillar)]:
        if os.path.isfile(path):
            stack = _add(path, stack, minion_id, pillar)
        else:
            log.info('Ignoring pillar stack cfg "%s": file does not exist', path)
    return stack


def _chosen(conditions: Mapping[str, Any], pillar: Mapping[str, Any]) -> Iterator[str]:
    """Configuration files whose condition holds."""
    sources = {"pillar": pillar, "grains": __grains__, "opts": __opts__}
    env = __opts__.get("pillarenv") or __opts__.get("saltenv") or "base"
    for condition, choices in conditions.items():
        source, _, key = condition.partition(":")
        if source not in sources:
            raise SaltInvocationError(f"{condition!r} must begin with one of {', '.join(sources)}")
        by_value = {env if value == "__env__" else value: paths for value, paths in choices.items()}
        paths = by_value.get(traverse(sources[source], key), [])
        for path in paths if isinstance(paths, list) else [paths]:
            yield path.replace("__env__", env)


def _add(config: str, stack: Any, minion_id: str, pillar: Mapping[str, Any]) -> Any:
    """The stack with what one configuration file lists."""
    import jinja2

    from minion.jinja.environment import SaltEnvironment

    folder, name = os.path.split(config)
    environment = SaltEnvironment(jinja2.FileSystemLoader(folder), {}, strict=False)
    environment.globals.update(
        __opts__=__opts__,
        __salt__=__loaders__.modules,
        __grains__=__grains__,
        __stack__={"traverse": traverse, "cfg_path": config},
        minion_id=minion_id,
        pillar=pillar,
        pillarenv=__opts__.get("pillarenv"),
    )
    for pattern in _patterns(_rendered(environment, config, name, stack=stack)):
        paths = sorted(glob.glob(os.path.join(folder, pattern)))
        if not paths:
            log.info('Ignoring pillar stack template "%s": can\'t find from root dir "%s"', pattern, folder)
        for path in paths:
            text = _rendered(environment, path, os.path.relpath(path, folder), stack=stack, ymlpath=path)
            data = _parsed(text, path)
            stack = _merge_mapping(stack, data) if isinstance(data, dict) else stack
    return stack


def _rendered(environment: Any, path: str, name: str, **variables: Any) -> str:
    from minion import masking

    try:
        with masking.in_clear():
            return str(environment.get_template(name).render(**variables))
    except Exception as exc:  # noqa: BLE001 - a template may fail in any way
        raise CommandExecutionError(f'Stack pillar template render error in {path}:\n"{exc}"') from None


def _parsed(text: str, path: str) -> Any:
    try:
        return yamlio.load(text)
    except (yamlio.YAMLError, ValueError) as exc:
        mark = getattr(exc, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        problem = getattr(exc, "problem", None) or type(exc).__name__  # its whole text would show values
        raise CommandExecutionError(f"Stack pillar yaml parsing error in {path}{where}: {problem}") from None


def _patterns(text: str) -> List[str]:
    """The globs that a configuration file lists."""
    try:
        listed = yamlio.load(text)
    except (yamlio.YAMLError, ValueError):
        listed = None
    return [line for line in (listed if isinstance(listed, list) else text.splitlines()) if line.strip()]


def _strategy(name: Any) -> Any:
    if name not in _STRATEGIES:
        raise SaltInvocationError(f"Unknown strategy {name!r}, should be one of {', '.join(_STRATEGIES)}")
    return name


def _merge_mapping(stack: Any, data: Dict[Any, Any]) -> Any:
    strategy = _strategy(data.pop("__", "merge-last"))
    if strategy == "overwrite":
        return _unmarked(data)
    for key, value in data.items():
        if strategy == "remove":
            stack.pop(key, None)
        elif key not in stack:
            stack[key] = _unmarked(value)
        elif strategy == "merge-first":
            stack[key] = _merge(_unmarked(value), stack[key])
        else:
            stack[key] = _merge(stack[key], value)
    return stack


def _merge(first: Any, second: Any) -> Any:
    if type(first) is not type(second):
        return _unmarked(second)
    if isinstance(second, dict):
        return _merge_mapping(first, second)
    return _merge_list(first, second) if isinstance(second, list) else second


def _merge_list(first: List[Any], second: List[Any]) -> List[Any]:
    strategy = _strategy(second.pop(0)["__"]) if _is_marked(second) else "merge-last"
    if strategy == "overwrite":
        return second
    if strategy == "remove":
        return [item for item in first if item not in second]
    return second + first if strategy == "merge-first" else first + second


def _unmarked(value: Any) -> Any:
    """The value without the marks that say how to merge it."""
    if isinstance(value, dict):
        return {key: _unmarked(item) for key, item in value.items() if key != "__"}
    return value[1:] if isinstance(value, list) and _is_marked(value) else value


def _is_marked(items: List[Any]) -> bool:
    return bool(items) and isinstance(items[0], dict) and "__" in items[0]
