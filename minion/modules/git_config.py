"""Git repositories: their configuration and the other repositories that they know.

`user` is the user that runs git, `password` is needed only on systems where that user can't be taken on without it.
`ignore_retcode` keeps a failure out of the minion's log. `output_encoding` is how the output is encoded, if not in
UTF-8. A relative `cwd` lies in the user's home. The keyword argument `global` means the user's own configuration.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Tuple

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.modules import _git, _tools

__salt__: Dict[str, Callable[..., Any]]
__virtualname__ = "git"

_UNSET_FAILURES = {1: "Section or key is invalid", 6: "The value_regex is invalid"}


def __virtual__() -> Any:
    if _tools.which("git"):
        return __virtualname__
    return False, "The git execution module cannot be loaded: git unavailable."


def _place(cwd: Optional[str], user: Optional[str], kwargs: Dict[str, Any]) -> Tuple[List[str], Optional[str]]:
    """(options that say which configuration, folder to run in)."""
    everywhere = kwargs.pop("global", False)
    _git.no_more(kwargs)
    if cwd is None and not everywhere:
        raise SaltInvocationError("'cwd' argument required unless global=True")
    folder = None if cwd is None else _git.folder(cwd, user)
    return ["--global" if everywhere else "--local"], folder


def config_get(
    key: str,
    cwd: Optional[str] = None,
    user: Optional[str] = None,
    password: Optional[str] = None,
    ignore_retcode: bool = False,
    output_encoding: Optional[str] = None,
    **kwargs: Any,
) -> Any:
    """The value of a setting, the last one if there are several; with `all=True` the list of all. None if not set.

    CLI Example:

    .. code-block:: bash

        salt myminion git.config_get user.name cwd=/path/to/repo
        salt myminion git.config_get user.email global=True
    """
    everything = kwargs.pop("all", False)
    which, folder = _place(cwd, user, kwargs)
    how = (user, password, ignore_retcode, output_encoding)
    done = _git.run(__salt__, ["config", *which, "--get-all", key], folder, *how, failhard=False)
    if done["retcode"] == 1:
        return None
    values = done["stdout"].splitlines()
    return values if everything else values[-1] if values else ""


def config_get_regexp(
    key: str,
    value_regex: Optional[str] = None,
    cwd: Optional[str] = None,
    user: Optional[str] = None,
    password: Optional[str] = None,
    ignore_retcode: bool = False,
    output_encoding: Optional[str] = None,
    **kwargs: Any,
) -> Dict[str, List[str]]:
    """The settings whose names match a regular expression, with the lists of their values.

    Args:
        key: the expression for names.
        value_regex: one for values, too.

    CLI Example:

    .. code-block:: bash

        salt myminion git.config_get_regexp '^user\\.' cwd=/path/to/repo
    """
    which, folder = _place(cwd, user, kwargs)
    words = ["config", *which, "--get-regexp", key, *([str(value_regex)] if value_regex is not None else [])]
    how = (user, password, ignore_retcode, output_encoding)
    done = _git.run(__salt__, words, folder, *how, failhard=False)
    found: Dict[str, List[str]] = {}
    for line in done["stdout"].splitlines() if done["retcode"] != 1 else []:
        name, _, value = line.partition(" ")
        found.setdefault(name, []).append(value)
    return found


config_get_regex = config_get_regexp


def config_set(
    key: str,
    value: Any = None,
    multivar: Any = None,
    cwd: Optional[str] = None,
    user: Optional[str] = None,
    password: Optional[str] = None,
    ignore_retcode: bool = False,
    output_encoding: Optional[str] = None,
    **kwargs: Any,
) -> List[str]:
    """Sets a setting; returns the list of its values.

    Args:
        value: the value; with the keyword argument `add=True` it is added to those that are there.
        multivar: several values, as a list or with commas between.

    CLI Example:

    .. code-block:: bash

        salt myminion git.config_set user.email me@example.com cwd=/path/to/repo
        salt myminion git.config_set mysection.multi multivar="['foo', 'bar']" cwd=/path/to/repo
    """
    add = kwargs.pop("add", False)
    everywhere = kwargs.get("global", False)
    which, folder = _place(cwd, user, kwargs)
    if (value is None) == (multivar is None):
        raise SaltInvocationError("Only one of 'value' and 'multivar' is permitted, and one of them is needed")
    values = [str(value)] if value is not None else _git.words_of(multivar)
    for number, item in enumerate(values):
        action = "--add" if number or add else "--replace-all"
        words = ["config", *which, action, key, item]
        _git.run(__salt__, words, folder, user, password, ignore_retcode, output_encoding)
    found = config_get(key, cwd, user, password, ignore_retcode, output_encoding, **{"all": True, "global": everywhere})
    return found or []


def config_unset(
    key: str,
    value_regex: Optional[str] = None,
    cwd: Optional[str] = None,
    user: Optional[str] = None,
    password: Optional[str] = None,
    ignore_retcode: bool = False,
    output_encoding: Optional[str] = None,
    **kwargs: Any,
) -> bool:
    """Removes a setting.

    Args:
        value_regex: only values that match.
        kwargs: `all=True` removes all values where there are several.

    CLI Example:

    .. code-block:: bash

        salt myminion git.config_unset foo.bar all=True cwd=/path/to/repo
    """
    action = "--unset-all" if kwargs.pop("all", False) else "--unset"
    which, folder = _place(cwd, user, dict(kwargs))
    words = ["config", *which, action, key, *([value_regex] if value_regex is not None else [])]
    how = (user, password, ignore_retcode, output_encoding)
    done = _git.run(__salt__, words, folder, *how, failhard=False)
    code = done["retcode"]
    if code == 0:
        return True
    if code == 5:
        if config_get(key, cwd, *how, **kwargs) is None:
            raise CommandExecutionError(f"Key '{key}' does not exist")
        several = " and value_regex matches multiple values" if value_regex is not None else ""
        raise CommandExecutionError(f"Multiple values exist for key '{key}'{several}")
    problem = f"Failed to unset key '{key}', git config returned exit code {code}; {done['stderr']}"
    raise CommandExecutionError(_UNSET_FAILURES.get(code, problem))


def remotes(
    cwd: str,
    user: Optional[str] = None,
    password: Optional[str] = None,
    redact_auth: bool = True,
    ignore_retcode: bool = False,
    output_encoding: Optional[str] = None,
) -> Dict[str, Dict[str, str]]:
    """The other repositories that this one knows: name -> fetch and push URL.

    Args:
        redact_auth: mask user names and passwords in URLs.

    CLI Example:

    .. code-block:: bash

        salt myminion git.remotes /path/to/repo
    """
    how = (user, password, ignore_retcode, output_encoding)
    text = _git.run(__salt__, ["remote", "--verbose"], _git.folder(cwd, user), *how)["stdout"]
    found: Dict[str, Dict[str, str]] = {}
    for line in text.splitlines():
        name, _, rest = line.partition("\t")
        url, _, action = rest.split(" [", 1)[0].rpartition(" ")  # a partial clone shows its filter in brackets
        if action in ("(fetch)", "(push)"):
            found.setdefault(name, {})[action.strip("()")] = _git.redact(url) if redact_auth else url
    return found


def remote_get(
    cwd: str,
    remote: str = "origin",
    user: Optional[str] = None,
    password: Optional[str] = None,
    redact_auth: bool = True,
    ignore_retcode: bool = False,
    output_encoding: Optional[str] = None,
) -> Dict[str, str]:
    """Fetch and push URL of another repository that this one knows.

    CLI Example:

    .. code-block:: bash

        salt myminion git.remote_get /path/to/repo upstream
    """
    known = remotes(cwd, user, password, redact_auth, ignore_retcode, output_encoding)
    if remote not in known:
        path = _git.folder(cwd, user)
        raise CommandExecutionError(f"Remote '{remote}' not present in git checkout located at {path}")
    return known[remote]


def remote_set(
    cwd: str,
    url: str,
    remote: str = "origin",
    user: Optional[str] = None,
    password: Optional[str] = None,
    https_user: Optional[str] = None,
    https_pass: Optional[str] = None,
    push_url: Optional[str] = None,
    push_https_user: Optional[str] = None,
    push_https_pass: Optional[str] = None,
    ignore_retcode: bool = False,
    output_encoding: Optional[str] = None,
) -> Dict[str, str]:
    """Makes another repository known under a name, in the place of what had that name; returns its URLs.

    Args:
        url: where to fetch from, and to push to if there is no `push_url`.
        https_user, https_pass, push_https_user, push_https_pass: for HTTPS URLs; kept in a file of the repository.

    CLI Example:

    .. code-block:: bash

        salt myminion git.remote_set /path/to/repo git@github.com:user/repo.git remote=upstream
    """
    folder, how = _git.folder(cwd, user), (user, password, ignore_retcode, output_encoding)
    if remote in remotes(cwd, *how[:2], output_encoding=output_encoding):
        _git.run(__salt__, ["remote", "rm", remote], folder, *how)
    url, line = _git.split_url(url, https_user, https_pass)
    _git.run(__salt__, ["remote", "add", remote, url], folder, *how)
    _git.remember(__salt__, folder, line, user, password)
    if push_url:
        push_url, line = _git.split_url(push_url, push_https_user, push_https_pass)
        _git.run(__salt__, ["remote", "set-url", "--push", remote, push_url], folder, *how)
        _git.remember(__salt__, folder, line, user, password)
    return remote_get(cwd, remote, user, password, output_encoding=output_encoding)
