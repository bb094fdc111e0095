"""Git repositories that are made or cloned once, and their settings."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, List, Optional

from minion.errors import CommandExecutionError
from minion.states._git import Repository, check_kwargs, reason, remove, text
from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]


def __virtual__() -> Any:
    return True if "git.version" in __salt__ else (False, "git module could not be loaded")


def present(
    name: str,
    force: bool = False,
    bare: bool = True,
    template: Optional[str] = None,
    separate_git_dir: Optional[str] = None,
    shared: Any = None,
    user: Optional[str] = None,
    password: Optional[str] = None,
    output_encoding: Optional[str] = None,
) -> Result:
    """Sees to it that a folder is a repository.

    Args:
        name: the folder.
        force: empty it if it holds something else.
        bare: a repository without files.
        template: folder of a template.
        separate_git_dir: where the repository itself lies.
        shared: who may write to it, as `git init --shared` has it.
        user: who runs git.
        password: not needed here.
        output_encoding: of git's output.
    """
    ret, kind = begun(name), "bare " if bare else ""
    repository = Repository(__salt__, name, user=user, password=password, output_encoding=output_encoding)
    if os.path.isfile(os.path.join(name, "HEAD")) if bare else repository.exists():
        return ret
    if os.path.isdir(name) and (force or os.listdir(name)):
        if not force:
            return failed(ret, _NOT_EMPTY.format(name))
        if __opts__["test"]:
            return predicted(ret, _WOULD_EMPTY.format(name, kind), new=name, **{"forced init": True})
        try:
            remove(name)
        except OSError as exc:
            return failed(ret, f"Unable to remove {name}: {exc}")
        ret["changes"]["forced init"] = True
    if __opts__["test"]:
        return predicted(ret, f"New {kind}repository would be created", new=name)
    try:
        repository.git("init", bare=bare, template=template, separate_git_dir=separate_git_dir, shared=shared)
    except CommandExecutionError as exc:
        return failed(ret, reason(exc))
    lines = [f"Initialized {kind}repository in {name}"]
    lines += [f"Template directory set to {template}"] if template else []
    lines += [f"Gitdir set to {separate_git_dir}"] if separate_git_dir else []
    ret["changes"]["new"] = name
    return {**ret, "comment": lines[0] if len(lines) == 1 else ". ".join(lines) + "."}


_NOT_EMPTY = (
    "Target '{0}' exists, is non-empty, and is not a git repository. Set the 'force' option to True to remove this "
    "directory's contents and proceed with initializing a repository"
)
_WOULD_EMPTY = (
    "Target directory {0} exists. Since force=True, the contents of {0} would be deleted, and a {1}repository would be "
    "initialized in its place."
)


def cloned(
    name: str,
    target: Any,
    branch: Any = None,
    user: Optional[str] = None,
    password: Optional[str] = None,
    identity: Any = None,
    https_user: Optional[str] = None,
    https_pass: Optional[str] = None,
    output_encoding: Optional[str] = None,
) -> Result:
    """Sees to it that a folder is a clone of a repository; a clone that is there fetches nothing.

    Args:
        name: URL of the repository.
        target: the folder.
        branch: what to check out; if not given, what the repository says, and what is there stays.
        user: who runs git.
        password: not needed here.
        identity: SSH key, or a list of them to try.
        https_user, https_pass: for an HTTPS URL.
        output_encoding: of git's output.
    """
    ret = begun(name)
    if target is None:
        return failed(ret, "'target' argument is required")
    target, branch = str(target), text(branch)
    if not os.path.isabs(target):
        return failed(ret, "'target' path must be absolute")
    if branch == "":
        return failed(ret, "Invalid 'branch' argument")
    repository = Repository(__salt__, target, user=user, password=password, output_encoding=output_encoding)
    if os.path.exists(target):
        try:
            repository.git("status")
        except CommandExecutionError as exc:
            return failed(ret, str(exc))
        return _on_branch(ret, repository, branch)
    what, new = f"to {target}" + (f" with branch '{branch}'" if branch else ""), f"{name} => {target}"
    if __opts__["test"]:
        return predicted(ret, f"{name} would be cloned {what}", new=new)
    login = {"identity": identity, "https_user": https_user, "https_pass": https_pass}
    try:
        repository.git("clone", name, opts=["--branch", branch] if branch else None, **login)
    except CommandExecutionError as exc:
        return failed(ret, f"Clone failed: {reason(exc)}")
    ret["changes"]["new"] = new
    return {**ret, "comment": f"{name} cloned {what}"}


def _on_branch(ret: Result, repository: Repository, branch: Optional[str]) -> Result:
    """Checks out a branch, if one is wanted."""
    current = repository.git("current_branch") if branch else None
    if branch is None or current == branch:
        where = f" and is checked out to branch '{branch}'" if branch else ""
        return {**ret, "comment": f"Repository already exists at {repository.target}{where}"}
    changed = {"old": current, "new": branch}
    if __opts__["test"]:
        return predicted(ret, f"Branch would be changed to '{branch}'", branch=changed)
    known = repository.ask("rev_parse", branch)
    try:
        if known:
            repository.git("checkout", branch)
        else:
            repository.git("checkout", f"origin/{branch}", opts=["-b", branch])
    except CommandExecutionError as exc:
        return failed(ret, f"Failed to change branch to '{branch}': {exc}")
    ret["changes"]["branch"] = changed
    return {**ret, "comment": f"Branch changed to '{branch}'"}


def config_set(
    name: Any,
    value: Any = None,
    multivar: Any = None,
    repo: Optional[str] = None,
    user: Optional[str] = None,
    password: Optional[str] = None,
    output_encoding: Optional[str] = None,
    **kwargs: Any,
) -> Result:
    """Sees to it that a setting of git has a value.

    Args:
        name: the setting.
        value: its value.
        multivar: several values, in order, as a list or with commas between.
        repo: the repository; not needed with `global`.
        user: whose settings, with `global`; else who runs git.
        password: not needed here.
        output_encoding: of git's output.
        kwargs: `global: True` means the settings of a user.
    """
    ret, key = begun(name), str(name)
    everywhere = kwargs.pop("global", False)
    if (value is None) == (multivar is None):
        return failed(ret, "Only one of 'value' and 'multivar' is permitted" + ("" if multivar else ", one is needed"))
    try:
        config = _Config(key, repo, everywhere, kwargs, user=user, password=password, output_encoding=output_encoding)
        before = config.call("get", all=True, ignore_retcode=True)
    except CommandExecutionError as exc:
        return failed(ret, str(exc))
    values = _values(value, multivar)
    shown = f"'{values[0]}'" if multivar is None else values
    subject = f"Global key '{key}'" if everywhere else f"'{key}'"
    if before == values:
        return {**ret, "comment": f"{subject} is already set to {shown}"}
    how = "added as" if before is None else "set to"
    if __opts__["test"]:
        return predicted(ret, f"{subject} would be {how} {shown}", old=before, new=values)
    failure = f"Failed to set {'global key ' if everywhere else ''}'{key}' to {shown}"
    try:
        after = config.call("set", **({"value": values[0]} if multivar is None else {"multivar": values}))
    except CommandExecutionError as exc:
        return failed(ret, f"{failure}: {reason(exc)}")
    if after != before:
        ret["changes"][key] = {"old": before, "new": after}
    return {**ret, "comment": f"{subject} was {how} {shown}"} if after == values else failed(ret, failure)


def _values(value: Any, multivar: Any) -> List[str]:
    if multivar is None:
        return [str(value)]
    return [str(item) for item in (multivar if isinstance(multivar, list) else str(multivar).split(","))]


class _Config:
    """Settings of a repository or a user: calls `git.config_*` on them."""

    def __init__(self, key: str, repo: Optional[str], everywhere: bool, more: Dict[str, Any], **who: Any) -> None:
        check_kwargs(more)
        if not everywhere and not repo:
            raise CommandExecutionError("Non-global config options require the 'repo' argument to be set")
        self._key, self._how = key, {"cwd": repo, "global": everywhere, **who}

    def call(self, action: str, **kwargs: Any) -> Any:
        return __salt__[f"git.config_{action}"](key=self._key, **self._how, **kwargs)

    def matching(self, value_regex: Optional[str] = None) -> Dict[str, List[str]]:
        """The settings whose whole names match, with their values; with `value_regex` only values that match."""
        expression = "^" + self._key.lstrip("^").rstrip("$") + "$"
        how = {**self._how, "ignore_retcode": True}
        found: Dict[str, List[str]] = __salt__["git.config_get_regexp"](expression, value_regex=value_regex, **how)
        return found

    def unset(self, key: str, value_regex: Optional[str], all_: bool) -> None:
        __salt__["git.config_unset"](key, value_regex=value_regex, **self._how, all=all_)


def config_unset(
    name: Any,
    value_regex: Any = None,
    repo: Optional[str] = None,
    user: Optional[str] = None,
    password: Optional[str] = None,
    output_encoding: Optional[str] = None,
    **kwargs: Any,
) -> Result:
    r"""Sees to it that settings of git are not there.

    Args:
        name: the setting, or a regular expression for whole names: `foo\..+` means the section foo.
        value_regex: only values that match.
        repo: the repository; not needed with `global`.
        user: whose settings, with `global`; else who runs git.
        password: not needed here.
        output_encoding: of git's output.
        kwargs: `all: True` removes settings with several values, `global: True` means the settings of a user.
    """
    ret = {**begun(name), "comment": "No matching keys are set"}
    everywhere, all_, value_regex = kwargs.pop("global", False), kwargs.pop("all", False), text(value_regex)
    who = {"user": user, "password": password, "output_encoding": output_encoding}
    try:
        config = _Config(str(name), repo, everywhere, kwargs, **who)
        doomed = config.matching(value_regex)
    except CommandExecutionError as exc:
        return failed(ret, str(exc))
    if not doomed:
        return ret
    several = "; ".join(f"{key} ({', '.join(values)})" for key, values in doomed.items() if len(values) > 1)
    if several and not all_:
        what = "Multivar(s) matched by the key expression" if value_regex is None else _SEVERAL_VALUES
        return failed(ret, f"{what} (set 'all' to True to force removal): {several}")
    if __opts__["test"]:
        return predicted(ret, f"{len(doomed)} key(s) would have value(s) unset", **doomed)
    before, problems = config.matching(), []
    for key in doomed:
        try:
            config.unset(key, value_regex, all_)
        except CommandExecutionError as exc:
            problems.append(f"{key} ({reason(exc)})")
    after = config.matching()
    for key, values in before.items():
        gone = [value for value in values if value not in after.get(key, [])]
        ret["changes"].update({key: gone} if gone else {})
    if problems:
        return failed(ret, f"Error(s) occurred unsetting values for the following keys: {', '.join(problems)}")
    return {**ret, "comment": "Value(s) successfully unset"}


_SEVERAL_VALUES = "Multiple values are matched by value_regex for the following keys"
