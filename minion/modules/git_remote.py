"""Git repositories: getting and giving changes.

`user` is the user that runs git, `password` is needed only on systems where that user can't be taken on without it.
`opts` are options of the git command, `git_opts` options before it, as text or as a list. `ignore_retcode` keeps a
failure out of the minion's log. `output_encoding` is how the output is encoded, if not in UTF-8. `identity` is an SSH
key, or a list of them to try; a `salt://` URL is fetched from `saltenv`. A relative `cwd` lies in the user's home.
"""

from __future__ import annotations

import os
import re
from typing import Any, Callable, Dict, Optional

from minion.errors import SaltInvocationError
from minion.modules import _git, _tools

__salt__: Dict[str, Callable[..., Any]]
__virtualname__ = "git"

_UPDATE = re.compile(r"[\s*+t]*(?:([0-9a-f]+)\.\.\.?([0-9a-f]+)|\[(?:new (tag|branch)|tag update)\])\s+(.+?)\s*->")


def __virtual__() -> Any:
    if _tools.which("git"):
        return __virtualname__
    return False, "The git execution module cannot be loaded: git unavailable."


def clone(
    cwd: str,
    url: Optional[str] = None,
    name: Optional[str] = None,
    opts: Any = "",
    git_opts: Any = "",
    user: Optional[str] = None,
    password: Optional[str] = None,
    identity: Any = None,
    https_user: Optional[str] = None,
    https_pass: Optional[str] = None,
    ignore_retcode: bool = False,
    saltenv: str = "base",
    output_encoding: Optional[str] = None,
) -> bool:
    """Clones a repository.

    Args:
        cwd: the new folder, or with `name` the folder that it is made in.
        url: where from.
        https_user, https_pass: for an HTTPS URL; later commands in the clone use them, too.

    CLI Example:

    .. code-block:: bash

        salt myminion git.clone /path/to/repo_parent_dir git://github.com/saltstack/salt.git
    """
    if not url:
        raise SaltInvocationError("Missing 'url' argument")
    target = _git.folder(cwd, user)
    url, line = _git.split_url(url, https_user, https_pass)
    words = ["clone", *_git.options(opts), "--", url, name if name is not None else target]
    if name is not None:
        os.makedirs(target, exist_ok=True)
    start = target if name is not None else "/"
    with _git.credentials_of(line, user) as file:
        how = {"identity": identity, "saltenv": saltenv, "credentials": file}
        _git.run(__salt__, words, start, user, password, ignore_retcode, output_encoding, git_opts, **how)
    _git.remember(__salt__, os.path.join(target, name or ""), line, user, password)
    return True


def fetch(
    cwd: str,
    remote: Optional[str] = None,
    force: bool = False,
    refspecs: Any = None,
    opts: Any = "",
    git_opts: Any = "",
    user: Optional[str] = None,
    password: Optional[str] = None,
    identity: Any = None,
    ignore_retcode: bool = False,
    saltenv: str = "base",
    output_encoding: Optional[str] = None,
) -> Dict[str, Any]:
    """Fetches from another repository; returns which branches and tags are new or changed.

    CLI Example:

    .. code-block:: bash

        salt myminion git.fetch /path/to/repo upstream
        salt myminion git.fetch /path/to/repo identity=/root/.ssh/id_rsa
    """
    more = [option for option in _git.options(opts) if option not in ("-f", "--force")]
    words = ["fetch", *(["--force"] if force else []), *more, *([remote] if remote else []), *_git.words_of(refspecs)]
    text = _git.run(
        __salt__,
        words,
        _git.folder(cwd, user),
        user,
        password,
        ignore_retcode,
        output_encoding,
        git_opts,
        identity,
        saltenv,
        True,
    )["stdout"]
    return _fetched(text)


def _fetched(text: str) -> Dict[str, Any]:
    found: Dict[str, Any] = {}
    for match in filter(None, map(_UPDATE.match, text.splitlines())):
        old, new, kind, name = match.groups()
        if kind:
            found.setdefault("new tags" if kind == "tag" else "new branches", []).append(name)
        elif old:
            found.setdefault("updated branches", {})[name] = {"old": old, "new": new}
        else:
            found.setdefault("updated tags", []).append(name)
    return found


def pull(
    cwd: str,
    opts: Any = "",
    git_opts: Any = "",
    user: Optional[str] = None,
    password: Optional[str] = None,
    identity: Any = None,
    ignore_retcode: bool = False,
    saltenv: str = "base",
    output_encoding: Optional[str] = None,
) -> str:
    """Fetches and merges; returns what git said.

    CLI Example:

    .. code-block:: bash

        salt myminion git.pull /path/to/repo opts='--rebase origin master'
    """
    words = ["pull", *_git.options(opts)]
    return str(
        _git.run(
            __salt__,
            words,
            _git.folder(cwd, user),
            user,
            password,
            ignore_retcode,
            output_encoding,
            git_opts,
            identity,
            saltenv,
        )["stdout"]
    )


def push(
    cwd: str,
    remote: Optional[str] = None,
    ref: Optional[str] = None,
    opts: Any = "",
    git_opts: Any = "",
    user: Optional[str] = None,
    password: Optional[str] = None,
    identity: Any = None,
    ignore_retcode: bool = False,
    saltenv: str = "base",
    output_encoding: Optional[str] = None,
    **kwargs: Any,
) -> str:
    """Pushes a reference to another repository; returns what git said.

    CLI Example:

    .. code-block:: bash

        salt myminion git.push /path/to/repo origin mybranch
        salt myminion git.push /path/to/repo origin :oldbranch
    """
    _git.no_more(kwargs)
    words = ["push", *_git.options(opts), *[word for word in (remote, ref) if word]]
    return str(
        _git.run(
            __salt__,
            words,
            _git.folder(cwd, user),
            user,
            password,
            ignore_retcode,
            output_encoding,
            git_opts,
            identity,
            saltenv,
        )["stdout"]
    )


def ls_remote(
    cwd: Optional[str] = None,
    remote: str = "origin",
    ref: Optional[str] = None,
    opts: Any = "",
    git_opts: Any = "",
    user: Optional[str] = None,
    password: Optional[str] = None,
    identity: Any = None,
    https_user: Optional[str] = None,
    https_pass: Optional[str] = None,
    ignore_retcode: bool = False,
    output_encoding: Optional[str] = None,
    saltenv: str = "base",
) -> Dict[str, str]:
    """Name -> commit of the references of another repository.

    Args:
        cwd: a repository that knows `remote` by name; not needed for a URL.
        remote: name or URL.
        ref: only references that match.
        https_user, https_pass: for an HTTPS URL.

    CLI Example:

    .. code-block:: bash

        salt myminion git.ls_remote /path/to/repo origin master
        salt myminion git.ls_remote remote=https://mydomain.tld/repo.git ref=mytag opts='--tags'
    """
    url, line = _git.split_url(remote, https_user, https_pass)
    words = ["ls-remote", *_git.options(opts), url, *([ref] if ref else [])]
    start = None if cwd is None else _git.folder(cwd, user)
    with _git.credentials_of(line, user) as file:
        how = {"identity": identity, "saltenv": saltenv, "credentials": file}
        done = _git.run(__salt__, words, start, user, password, ignore_retcode, output_encoding, git_opts, **how)
    return _git.references(done["stdout"])


def remote_refs(
    url: str,
    heads: bool = False,
    tags: bool = False,
    user: Optional[str] = None,
    password: Optional[str] = None,
    identity: Any = None,
    https_user: Optional[str] = None,
    https_pass: Optional[str] = None,
    ignore_retcode: bool = False,
    output_encoding: Optional[str] = None,
    saltenv: str = "base",
    **kwargs: Any,
) -> Dict[str, str]:
    """Name -> commit of the references of the repository at a URL.

    Args:
        heads: only branches.
        tags: only tags.
        https_user, https_pass: for an HTTPS URL.
        kwargs: `filter`: only references that match.

    CLI Example:

    .. code-block:: bash

        salt myminion git.remote_refs https://github.com/saltstack/salt.git filter=develop
    """
    wanted = kwargs.pop("filter", None)
    _git.no_more(kwargs)
    return ls_remote(
        remote=url,
        ref=wanted,
        opts=[*(["--heads"] if heads else []), *(["--tags"] if tags else [])],
        user=user,
        password=password,
        identity=identity,
        https_user=https_user,
        https_pass=https_pass,
        ignore_retcode=ignore_retcode,
        output_encoding=output_encoding,
        saltenv=saltenv,
    )


def submodule(
    cwd: str,
    command: str,
    opts: Any = "",
    git_opts: Any = "",
    user: Optional[str] = None,
    password: Optional[str] = None,
    identity: Any = None,
    ignore_retcode: bool = False,
    saltenv: str = "base",
    output_encoding: Optional[str] = None,
    **kwargs: Any,
) -> str:
    """Runs a subcommand of `git submodule`; returns what git said.

    CLI Example:

    .. code-block:: bash

        salt myminion git.submodule /path/to/repo update opts='--init'
    """
    if kwargs.pop("init", False):
        raise SaltInvocationError(
            "The 'init' argument is no longer supported. Either set 'command' to 'init', or include '--init' in the "
            "'opts' argument and set 'command' to 'update'."
        )
    _git.no_more(kwargs)
    words = ["submodule", command, *_git.options(opts)]
    return str(
        _git.run(
            __salt__,
            words,
            _git.folder(cwd, user),
            user,
            password,
            ignore_retcode,
            output_encoding,
            git_opts,
            identity,
            saltenv,
        )["stdout"]
    )
