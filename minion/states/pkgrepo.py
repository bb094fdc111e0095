"""Repositories that the package manager takes packages from."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, List, Optional

from minion.data import is_true
from minion.errors import CommandExecutionError, MinionError
from minion.states._result import Result, begun, failed

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__grains__: Dict[str, Any]
__env__: str

Repo = Dict[str, Any]

_CONTRADICTIONS = (
    ("key_url", ("keyid", "keyserver"), 'You may not use both "keyid"/"keyserver" and "key_url" argument.'),
    ("key_text", ("keyid", "keyserver"), 'You may not use both "keyid"/"keyserver" and "key_text" argument.'),
    ("key_text", ("key_url",), 'You may not use both "key_url" and "key_text" argument.'),
)
_TEST_NOTE = (
    "This may cause pkg states to behave differently than stated if this action is repeated without test=True, "
    "due to the differences in the configured repositories."
)


def __virtual__() -> Any:
    return True if "pkg.mod_repo" in __salt__ else (False, "there is no execution module for repositories of this host")


def managed(name: str, ppa: Any = None, copr: Any = None, aptkey: bool = True, **kwargs: Any) -> Result:
    """Sees to it that a repository is configured.

    Args:
        name: on Debian a complete line as in sources.list; elsewhere the repository's id.
        ppa: `OWNER/NAME` of an Ubuntu PPA, instead of a line.
        copr: `OWNER/PROJECT` of a Fedora COPR, instead of an id.
        aptkey: keep keys with apt-key, where it still exists; otherwise in the file that `signed-by` names.
        kwargs: `enabled` or `disabled`; `file` to put it in, and `clean_file` if nothing else shall be in there;
            `comments`; `refresh`; on Debian `comps`, `architectures`, `signedby`, `key_url`, `key_text`, `keyid`,
            `keyserver`; elsewhere `humanname` and all settings of a repository file.
    """
    ret = begun(name)
    problem = _wrong_arguments(kwargs)
    if problem:
        return failed(ret, problem)
    enabled, disabled = kwargs.pop("enabled", None), kwargs.pop("disabled", None)
    kwargs.pop("allow_insecure_key", None)
    kwargs["name"], repo = name, name
    if _family() == "Debian":
        repo = name if ppa is None else f"ppa:{ppa}"
        kwargs["disabled"] = is_true(disabled) if enabled is None else not is_true(enabled)
    else:
        repo = name if copr is None else f"copr:{copr}"
        kwargs["name"] = kwargs.pop("humanname", name)
        kwargs["enabled"] = not is_true(disabled) if disabled is not None else enabled is None or is_true(enabled)
    try:
        before: Repo = __salt__["pkg.get_repo"](repo=repo, **kwargs)
        wanted = dict(kwargs)
        if _family() == "Debian":
            wanted = __salt__["pkg.expand_repo_def"](repo=repo, **kwargs)
            del wanted["enabled"]  # `disabled` tells it
    except MinionError as exc:
        return failed(ret, f"Failed to configure repo '{name}': {exc}")
    wanted.pop("file", None)
    if before and not _has_strangers(name, kwargs) and not any(_differs(key, wanted, before, kwargs) for key in wanted):
        return {**ret, "comment": f"Package repo '{name}' already configured"}
    if __opts__["test"]:
        comment = f"Package repo '{name}' would be configured. {_TEST_NOTE}"
        return {**ret, "result": None, "changes": _changes(repo, wanted, before, wanted), "comment": comment}
    return _configure(ret, repo, wanted, before, kwargs if _family() != "Debian" else {**kwargs, "aptkey": aptkey})


def _family() -> str:
    return str(__grains__["os_family"])


def _wrong_arguments(kwargs: Dict[str, Any]) -> str:
    """What is wrong with the arguments; "" if nothing is."""
    for one, others, complaint in _CONTRADICTIONS:
        if one in kwargs and any(other in kwargs for other in others):
            return complaint
    if "repo" in kwargs:
        return "'repo' is not a supported argument for this state. The 'name' argument is probably what was intended."
    if kwargs.get("enabled") is not None and kwargs.get("disabled") is not None:
        return "Only one of enabled/disabled is allowed"
    if str(kwargs.get("key_url") or "").strip().startswith("http:") and not kwargs.get("allow_insecure_key", True):
        return "Cannot have 'key_url' using http with 'allow_insecure_key' set to True"
    return ""


def _has_strangers(name: str, kwargs: Dict[str, Any]) -> bool:
    """Are there other repositories in a file that shall have none?"""
    if not kwargs.get("clean_file") or not os.path.isfile(kwargs.get("file") or ""):
        return False
    with open(kwargs["file"], encoding="utf-8", errors="replace") as file:
        lines = [line.strip() for line in file]
    return any(line and not line.startswith("#") and line != name.strip() for line in lines)


def _differs(key: str, wanted: Repo, before: Repo, given: Dict[str, Any]) -> bool:
    """Is one setting not as wanted?"""
    value = wanted[key]
    if key not in before:
        if key == "enabled" and _family() == "RedHat":
            return not is_true(value)
        return key in ("enabled", "comps", "key_url") or (_family() == "RedHat" and bool(value))
    is_ = before[key]
    if key == "comps":
        return sorted(value) != sorted(is_)
    if key == "line" and _family() == "Debian":
        return not wanted["disabled"] and _line_differs(value, is_, given.get("comments"))
    if key == "comments" and _family() == "RedHat":
        return _listed(value) != _listed(is_)
    if key == "architectures" and value:
        return set(value) != set(is_)
    if _family() in ("RedHat", "Suse") and (isinstance(value, bool) or isinstance(is_, bool)):
        return _is_on(value) != _is_on(is_)
    return str(value) != str(is_)


def _line_differs(wanted: str, is_: str, comments: Any) -> bool:
    (words, _), (own_words, own_comment) = _parsed(wanted), _parsed(is_)
    return words != own_words or (comments is not None and " ".join(_listed(comments)) != own_comment)


def _parsed(line: str) -> Any:
    """The words of a line, its components in order, and its comment."""
    text, _, comment = line.partition("#")
    words = text.split()
    return [*words[:3], *sorted(words[3:])], comment.strip()


def _listed(comments: Any) -> List[str]:
    return [comments] if isinstance(comments, str) else [str(comment) for comment in comments or ()]


def _is_on(value: Any) -> bool:
    return is_true(value) or str(value) == "1"


def _changes(repo: str, wanted: Repo, before: Repo, after: Repo) -> Dict[str, Any]:
    if not before:
        return {"repo": repo}
    return {key: {"old": before.get(key), "new": after.get(key)} for key in wanted if after.get(key) != before.get(key)}


def _configure(ret: Result, repo: str, wanted: Repo, before: Repo, options: Dict[str, Any]) -> Result:
    name = ret["name"]
    text: Optional[bytes] = None
    try:
        if options.get("clean_file") and os.path.isfile(options["file"]):
            with open(options["file"], "rb") as file:
                text = file.read()
            os.truncate(options["file"], 0)
        env = {"saltenv": __env__} if _family() == "Debian" else {}
        __salt__["pkg.mod_repo"](repo, **env, **options)
    except (MinionError, OSError, KeyError) as exc:
        if text is not None:
            with open(options["file"], "wb") as file:
                file.write(text)
        return failed(ret, f"Failed to configure repo '{name}': {exc}")
    try:
        after = __salt__["pkg.get_repo"](repo=repo, **options)
    except MinionError as exc:
        return failed(ret, f"Failed to confirm config of repo '{name}': {exc}")
    changes = _changes(repo, wanted, before, after)
    if not changes and text is not None:
        changes = {"clean_file": options["file"]}  # other entries are gone
    return {**ret, "changes": changes, "comment": f"Configured package repo '{name}'"}


def absent(name: str, **kwargs: Any) -> Result:
    """Sees to it that a repository is not configured.

    Args:
        name: on Debian a complete line as in sources.list; elsewhere the repository's id.
        kwargs: `ppa` on Ubuntu or `copr` on Fedora, instead of the name; `keyid` removes a key, too; `refresh`.
    """
    ret = begun(name)
    for option, family in (("ppa", "Debian"), ("copr", "RedHat")):
        if option in kwargs and _family() == family:
            given = str(kwargs.pop(option))
            name = given if given.startswith(f"{option}:") else f"{option}:{given}"
    removes_key = kwargs.get("keyid") is not None or kwargs.get("keyid_ppa") is not None
    if removes_key and "pkg.del_repo_key" not in __salt__:
        return failed(ret, "Repo key management is not implemented for this platform")
    try:
        present = __salt__["pkg.get_repo"](name, **kwargs)
        if present and _family() == "Debian":
            wanted = __salt__["pkg.expand_repo_def"](repo=name)
            if set(wanted["architectures"]) != set(present["architectures"]):
                present = {}  # another entry of the same repository
    except MinionError as exc:
        if _family() != "Debian" or name.startswith("ppa:"):
            return failed(ret, f"Failed to configure repo '{name}': {exc}")
        present = {}  # what is no line of sources.list is no repository
    if not present:
        return {**ret, "comment": f"Package repo {name} is absent"}
    if __opts__["test"]:
        return {**ret, "result": None, "comment": f"Package repo '{name}' will be removed. {_TEST_NOTE}"}
    try:
        __salt__["pkg.del_repo"](repo=name, **kwargs)
    except CommandExecutionError as exc:
        return failed(ret, str(exc))
    if name in __salt__["pkg.list_repos"]():
        return failed(ret, f"Failed to remove repo {name}")
    ret.update(changes={"repo": name}, comment=f"Removed repo {name}")
    return _remove_key(ret, name, kwargs) if removes_key else ret


def _remove_key(ret: Result, repo: str, kwargs: Dict[str, Any]) -> Result:
    try:
        removed = __salt__["pkg.del_repo_key"](repo, **kwargs)
    except CommandExecutionError as exc:
        return failed(ret, f"{ret['comment']}, but failed to remove key: {exc}")
    ret["changes"]["keyid"] = removed
    return {**ret, "comment": f"{ret['comment']}, and keyid {removed}"}
