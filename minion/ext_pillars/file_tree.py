"""Pillar data from a tree of files: folders become mappings, files become values.

    ext_pillar:
      - file_tree:
          root_dir: /srv/ext_pillar

What lies below `ROOT/hosts/MINION_ID` and, for each nodegroup of the minion, below `ROOT/nodegroups/NAME` is merged;
the minion's own files win.
"""

from __future__ import annotations

import fnmatch
import logging
import os
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Union

from minion.errors import SaltInvocationError
from minion.matchers import MinionView, match
from minion.merging import update
from minion.rendering import compile_template

__opts__: Dict[str, Any]
__grains__: Dict[str, Any]
__loaders__: Any

log = logging.getLogger(__name__)


class _Reading(NamedTuple):
    """How files are read; the arguments of `ext_pillar`."""

    follow_links: bool
    keep_newline: Union[bool, List[Any]]
    template: bool
    render_default: Optional[str]
    blacklist: Optional[List[str]]
    whitelist: Optional[List[str]]


def ext_pillar(
    minion_id: str,
    pillar: Dict[str, Any],
    root_dir: Optional[str] = None,
    follow_dir_links: bool = False,
    debug: bool = False,
    keep_newline: Union[bool, List[Any]] = False,
    render_default: Optional[str] = None,
    renderer_blacklist: Optional[List[str]] = None,
    renderer_whitelist: Optional[List[str]] = None,
    template: bool = False,
) -> Dict[str, Any]:
    """The files of a minion and of its nodegroups, as bytes.

    Args:
        minion_id, pillar: as all external pillars get them.
        root_dir: the tree; a relative path lies below the `pillar_roots` of the minion's pillarenv.
        follow_dir_links: follow links to folders.
        debug: log what there is nothing for.
        keep_newline: keep the newline at the end of files; or globs of paths (relative to the host's or nodegroup's
            folder) of which it is kept.
        template: render the files; values are then what the renderers make of them.
        render_default: the renderers of files without a shebang.
        renderer_blacklist, renderer_whitelist: renderers that may not be used, or alone.

    Raises:
        SaltInvocationError: the options are wrong, or there is no such tree.
    """
    if not root_dir:
        raise SaltInvocationError("no root_dir specified")
    if not isinstance(keep_newline, (bool, list)):
        raise SaltInvocationError("keep_newline must be either True/False or a list of file globs")
    reading = _Reading(
        follow_dir_links, keep_newline, template is True, render_default, renderer_blacklist, renderer_whitelist
    )
    found: Dict[str, Any] = {}
    for root in _roots(root_dir):
        for folder in _folders(root, minion_id, pillar):
            if os.path.isdir(folder):
                update(found, _tree(folder, reading))
            elif debug:
                log.debug("file_tree: there is no folder %s", folder)
    return found


def _roots(root_dir: str) -> List[str]:
    env = __opts__.get("pillarenv")
    folders = [""] if os.path.isabs(root_dir) else (__opts__.get("pillar_roots") or {}).get(env)
    if folders is None:
        raise SaltInvocationError(f"root_dir {root_dir} is relative, but pillarenv {env} has no pillar_roots")
    roots = list(dict.fromkeys(os.path.normpath(os.path.join(folder, root_dir)) for folder in folders))
    if not any(map(os.path.isdir, roots)):
        raise SaltInvocationError(f"root_dir {root_dir} does not exist or is not a directory")
    return roots


def _folders(root: str, minion_id: str, pillar: Mapping[str, Any]) -> Iterator[str]:
    groups = __opts__.get("nodegroups") or {}
    view = MinionView(minion_id, __grains__, pillar)
    nodegroups = os.path.join(root, "nodegroups")
    for name in sorted(os.listdir(nodegroups)) if os.path.isdir(nodegroups) else ():
        if name in groups and match(name, "nodegroup", view, nodegroups=groups):
            yield os.path.join(nodegroups, name)
    yield os.path.join(root, "hosts", minion_id)


def _tree(top: str, reading: _Reading) -> Dict[str, Any]:
    tree: Dict[str, Any] = {}
    nodes = {".": tree}
    for folder, subfolders, names in os.walk(top, followlinks=reading.follow_links):
        relative = os.path.relpath(folder, top)
        node = nodes[relative]
        for name in subfolders:
            node[name] = nodes[os.path.normpath(os.path.join(relative, name))] = {}
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                node[name] = _value(path, os.path.join(relative, name), reading)
            else:
                log.error("file_tree: %s: not a regular file", path)
    return tree


def _value(path: str, relative: str, reading: _Reading) -> Any:
    with open(path, "rb") as source:
        content = source.read()
    keep = reading.keep_newline
    if not (keep if isinstance(keep, bool) else any(fnmatch.fnmatch(relative, str(glob)) for glob in keep)):
        content = content[:-1] if content.endswith(b"\n") else content
    if not reading.template:
        return content
    value = compile_template(
        ":string:",
        __loaders__.renderers,
        reading.render_default or "",
        reading.blacklist,
        reading.whitelist,
        input_data=content.decode(),
    )
    return value.read() if hasattr(value, "read") else value
