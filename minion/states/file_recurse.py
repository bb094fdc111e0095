"""Folders of the master's, brought to the minion with all that is in them."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any, Callable, Dict, List, Optional, Sequence

from minion.errors import CommandExecutionError
from minion.states._file import Refused, octal_mode, owner_given, unknown_owner
from minion.states._file_clean import doomed, remove_doomed, required_paths
from minion.states._file_tree import Selection, Tree, in_order, sources_present, tree_of
from minion.states._result import Result, begun, failed

__salt__: Dict[str, Callable[..., Any]]
__states__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__lowstate__: Sequence[Dict[str, Any]]
__env__: str
__virtualname__ = "file"


def recurse(
    name: str,
    source: Any,
    keep_source: bool = True,
    clean: bool = False,
    require: Any = None,
    user: Any = None,
    group: Any = None,
    dir_mode: Any = None,
    file_mode: Any = None,
    sym_mode: Any = None,
    template: Optional[str] = None,
    context: Any = None,
    replace: bool = True,
    defaults: Any = None,
    include_empty: bool = False,
    backup: Any = "",
    include_pat: Any = None,
    exclude_pat: Any = None,
    maxdepth: Optional[int] = None,
    keep_symlinks: bool = False,
    force_symlinks: bool = False,
    win_owner: Any = None,
    win_perms: Any = None,
    win_deny_perms: Any = None,
    win_inheritance: bool = True,
    merge: bool = False,
    **kwargs: Any,
) -> Result:
    """Sees to it that a folder holds what a folder of the master's holds.

    Args:
        name: the folder.
        source: the `salt://` URL of the master's folder; of several in a list, the first that exists.
        keep_source: False removes the copies in the minion's cache afterwards.
        clean: remove all else that is in the folder, except what the required `file` states put there.
        require: these requisites name those states.
        user, group: to whom files and folders belong.
        dir_mode: permissions of folders.
        file_mode: permissions of files; `keep` for those that they have on the master.
        sym_mode: permissions of folders that are made for links.
        template: the engine that renders all the files.
        context, defaults: variables for it; those in `context` win.
        replace: False leaves files that exist.
        include_empty: bring empty folders too.
        backup: `minion` keeps files as they were.
        include_pat: only paths that match: a glob, or a regular expression after `E@`; or a list of them.
        exclude_pat: no paths that match, neither to bring nor to remove.
        maxdepth: how deep to go; 0 for only the files in the folder itself.
        keep_symlinks: bring links as links, rather than what they lead to.
        force_symlinks: remove files that are in the way of links.
        win_owner, win_perms, win_deny_perms, win_inheritance: of no effect but on Windows.
        merge: put the folders of all sources together; of files of one name, the first counts.
        kwargs: passed on to `file.managed`.
    """
    given = SimpleNamespace(**locals())
    given.name = os.path.expanduser(name)
    given.test = bool(__opts__["test"])
    ret = begun(given.name)
    try:
        _prepare(given)
        sources = _sources(given)
        if not os.path.isdir(given.name):
            _make_folder(given)
    except Refused as exc:
        return failed(ret, str(exc))
    selection = Selection(keep_symlinks, include_pat, exclude_pat, maxdepth, include_empty, merge)
    tree = tree_of(__salt__, given.name, sources, __env__, selection)
    run = _Run(given, ret)
    run.bring(tree)
    if clean:
        run.clean(tree)
    return run.concluded()


def _prepare(given: SimpleNamespace) -> None:
    given.kwargs.pop("env", None)
    if "mode" in given.kwargs:
        raise Refused("'mode' is not allowed in 'file.recurse'. Please use 'file_mode' and 'dir_mode'.")
    given.user = owner_given(given.user, given.kwargs)
    given.dir_mode = octal_mode(given.dir_mode)
    keeps_mode = str(given.file_mode).lower() == "keep"
    given.file_mode = "keep" if keeps_mode else octal_mode(given.file_mode)
    complaint = unknown_owner(__salt__, given.test, given.user, given.group)
    if complaint:
        raise Refused(complaint)
    if not os.path.isabs(given.name):
        raise Refused(f"Specified file {given.name} is not an absolute path")


def _sources(given: SimpleNamespace) -> List[str]:
    try:
        return sources_present(__salt__, given.source, __env__)
    except CommandExecutionError as exc:
        raise Refused(f"Recurse failed: {exc}") from exc


def _make_folder(given: SimpleNamespace) -> None:
    if os.path.exists(given.name):
        raise Refused(f"The path {given.name} exists and is not a directory")
    if not given.test:
        __salt__["file.makedirs_perms"](name=given.name, user=given.user, group=given.group, mode=given.dir_mode)


class _Run:
    """Brings what belongs into the folder, by other `file` states, and gathers their results."""

    def __init__(self, given: SimpleNamespace, ret: Result) -> None:
        self._given, self._ret = given, ret
        self._comments: Dict[str, List[str]] = {}

    def bring(self, tree: Tree) -> None:
        for path in sorted(tree.folders):
            self._bring_folder(path)
        for path, url in tree.files.items():
            self._bring_file(path, url)
        given = self._given
        for path, target in in_order(tree.links):
            self._note(
                path,
                __states__["file.symlink"](
                    path,
                    target,
                    makedirs=True,
                    force=given.force_symlinks,
                    user=given.user,
                    group=given.group,
                    mode=given.sym_mode,
                ),
            )

    def _bring_folder(self, path: str) -> None:
        given = self._given
        in_the_way = given.clean and os.path.exists(path) and not os.path.isdir(path)
        if in_the_way and self._replaces(path, f"Replacing {path} with a directory", "Replaced file with a directory"):
            return
        options = {"user": given.user, "group": given.group, "dir_mode": given.dir_mode}
        self._note(path, __states__["file.directory"](path, makedirs=True, **options))

    def _bring_file(self, path: str, url: str) -> None:
        given = self._given
        in_the_way = given.clean and given.replace and os.path.isdir(path)
        if in_the_way and self._replaces(
            path, f"Replacing directory {path} with a file", "Replaced directory with a new file"
        ):
            return
        options = {key: value for key, value in given.kwargs.items() if key != "makedirs"}
        self._note(
            path,
            __states__["file.managed"](
                path,
                source=url,
                keep_source=given.keep_source,
                user=given.user,
                group=given.group,
                mode=given.file_mode,
                template=given.template,
                makedirs=True,
                replace=given.replace,
                context=given.context,
                defaults=given.defaults,
                backup=given.backup,
                **options,
            ),
        )

    def _replaces(self, path: str, prediction: str, change: str) -> bool:
        """Removes what is in the way; in test mode, True: there is no more to tell."""
        if self._given.test:
            self._note(path, {"result": None, "changes": {}, "comment": prediction})
            return True
        __salt__["file.remove"](path)
        self._note(path, {"result": True, "changes": {"diff": change}, "comment": ""})
        return False

    def _note(self, path: str, part: Result) -> None:
        if part["result"] is False or self._ret["result"] is True:
            self._ret["result"] = part["result"]
        if part["result"] is not True and part["comment"]:
            self._comments.setdefault(path, []).append(part["comment"])
        if part["changes"]:
            self._ret["changes"][path] = part["changes"]

    def clean(self, tree: Tree) -> None:
        given = self._given
        kept = tree.kept | required_paths(__salt__, given.name, given.require, __lowstate__, __env__)
        paths = doomed(given.name, kept, given.exclude_pat)
        if not paths:
            return
        if given.test:
            self._ret["result"] = None if self._ret["result"] else self._ret["result"]
            self._comments["removed"] = paths
        else:
            self._ret["changes"]["removed"] = remove_doomed(__salt__, paths)

    def concluded(self) -> Result:
        ret, name = self._ret, self._given.name
        told = "\n".join(f"\n#### {path} ####\n" + "\n".join(lines) for path, lines in self._comments.items())
        ret["comment"] = told.strip() or f"Recursively updated {name}"
        if not ret["changes"] and ret["result"]:
            ret["comment"] = f"The directory {name} is in the correct state"
        return ret
