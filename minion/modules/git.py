"""Git repositories: what is done inside one.

`user` is the user that runs git, `password` is needed only on systems where that user can't be taken on without it.
`opts` are options of the git command, `git_opts` options before it, as text or as a list. `ignore_retcode` keeps a
failure out of the minion's log. `output_encoding` is how the output is encoded, if not in UTF-8. `identity` is an SSH
key, or a list of them to try; a `salt://` URL is fetched from `saltenv`. A relative `cwd` lies in the user's home.
"""

from __future__ import annotations

import os
import shlex
from typing import Any, Callable, Dict, Optional

from minion.errors import SaltInvocationError
from minion.modules import _git, _tools

__salt__: Dict[str, Callable[..., Any]]
__virtualname__ = "git"
__func_alias__ = {"rm_": "rm"}


def __virtual__() -> Any:
    if _tools.which("git"):
        return __virtualname__
    return False, "The git execution module cannot be loaded: git unavailable."


def init(
    cwd: str,
    bare: bool = False,
    template: Optional[str] = None,
    separate_git_dir: Optional[str] = None,
    shared: Any = None,
    opts: Any = "",
    git_opts: Any = "",
    user: Optional[str] = None,
    password: Optional[str] = None,
    ignore_retcode: bool = False,
    output_encoding: Optional[str] = None,
) -> str:
    """Makes an empty repository; returns what git said.

    CLI Example:

    .. code-block:: bash

        salt myminion git.init /path/to/bare/repo.git bare=True
    """
    words = ["init", *(["--bare"] if bare else [])]
    if shared is not None:
        is_mode = isinstance(shared, int) and not isinstance(shared, bool)
        shared = f"0{shared}" if is_mode else shared if isinstance(shared, str) else str(shared).lower()
    for option, value in (("template", template), ("separate-git-dir", separate_git_dir), ("shared", shared)):
        if value is not None:
            words.append(f"--{option}={value}")
    words += [*_git.options(opts), _git.folder(cwd, user)]
    how = (user, password, ignore_retcode, output_encoding, git_opts)
    return str(_git.run(__salt__, words, None, *how)["stdout"])


def add(
    cwd: str,
    filename: str,
    opts: Any = "",
    git_opts: Any = "",
    user: Optional[str] = None,
    password: Optional[str] = None,
    ignore_retcode: bool = False,
    output_encoding: Optional[str] = None,
) -> str:
    """Adds a file, or a folder with all in it, to the index; returns what git said.

    CLI Example:

    .. code-block:: bash

        salt myminion git.add /path/to/repo foo/bar.py
    """
    words = ["add", "--verbose", *[o for o in _git.options(opts) if o not in ("-v", "--verbose")], "--", filename]
    return str(
        _git.run(__salt__, words, _git.folder(cwd, user), user, password, ignore_retcode, output_encoding, git_opts)[
            "stdout"
        ]
    )


def rm_(
    cwd: str,
    filename: str,
    opts: Any = "",
    git_opts: Any = "",
    user: Optional[str] = None,
    password: Optional[str] = None,
    ignore_retcode: bool = False,
    output_encoding: Optional[str] = None,
) -> str:
    """Removes a file from the folder and the index; returns what git said.

    CLI Example:

    .. code-block:: bash

        salt myminion git.rm /path/to/repo foo/bar.py
    """
    words = ["rm", *_git.options(opts), "--", filename]
    return str(
        _git.run(__salt__, words, _git.folder(cwd, user), user, password, ignore_retcode, output_encoding, git_opts)[
            "stdout"
        ]
    )


def commit(
    cwd: str,
    message: str,
    opts: Any = "",
    git_opts: Any = "",
    user: Optional[str] = None,
    password: Optional[str] = None,
    filename: Optional[str] = None,
    ignore_retcode: bool = False,
    output_encoding: Optional[str] = None,
) -> str:
    """Commits the index, or with `filename` just that file; returns what git said.

    CLI Example:

    .. code-block:: bash

        salt myminion git.commit /path/to/repo 'The commit message'
    """
    words = ["commit", "-m", message, *_git.options(opts), *(["--", filename] if filename else [])]
    return str(
        _git.run(__salt__, words, _git.folder(cwd, user), user, password, ignore_retcode, output_encoding, git_opts)[
            "stdout"
        ]
    )


def checkout(
    cwd: str,
    rev: Optional[str] = None,
    force: bool = False,
    opts: Any = "",
    git_opts: Any = "",
    user: Optional[str] = None,
    password: Optional[str] = None,
    ignore_retcode: bool = False,
    output_encoding: Optional[str] = None,
) -> str:
    """Checks out a branch, tag or commit; returns what git said.

    CLI Example:

    .. code-block:: bash

        salt myminion git.checkout /path/to/repo somebranch
        salt myminion git.checkout /path/to/repo opts='-b newbranch origin/newbranch'
    """
    more = _git.options(opts)
    if rev is None and not {"-b", "-B"} & set(more):
        raise SaltInvocationError("'rev' argument is required unless -b or -B in opts")
    words = ["checkout", *(["--force"] if force else []), *more, *([str(rev)] if rev is not None else [])]
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
            redirect_stderr=True,
        )["stdout"]
    )


def discard_local_changes(
    cwd: str,
    path: str = ".",
    user: Optional[str] = None,
    password: Optional[str] = None,
    ignore_retcode: bool = False,
    output_encoding: Optional[str] = None,
) -> str:
    """Checks out a path again as it is in the index.

    CLI Example:

    .. code-block:: bash

        salt myminion git.discard_local_changes /path/to/repo path=foo
    """
    words = ["checkout", "--", path]
    return str(
        _git.run(
            __salt__,
            words,
            _git.folder(cwd, user),
            user,
            password,
            ignore_retcode,
            output_encoding,
            redirect_stderr=True,
        )["stdout"]
    )


def branch(
    cwd: str,
    name: Optional[str] = None,
    opts: Any = "",
    git_opts: Any = "",
    user: Optional[str] = None,
    password: Optional[str] = None,
    ignore_retcode: bool = False,
    output_encoding: Optional[str] = None,
) -> bool:
    """Makes, moves or deletes a branch, as `opts` say.

    CLI Example:

    .. code-block:: bash

        salt myminion git.branch /path/to/repo newbranch
        salt myminion git.branch /path/to/repo newbranch opts='-d'
    """
    words = ["branch", *_git.options(opts), *([name] if name is not None else [])]
    _git.run(__salt__, words, _git.folder(cwd, user), user, password, ignore_retcode, output_encoding, git_opts)
    return True


def tag(
    cwd: str,
    name: str,
    ref: str = "HEAD",
    message: Optional[str] = None,
    opts: Any = "",
    git_opts: Any = "",
    user: Optional[str] = None,
    password: Optional[str] = None,
    ignore_retcode: bool = False,
    output_encoding: Optional[str] = None,
) -> str:
    """Makes or, with `opts`, deletes a tag; with `message` an annotated one. Returns what git said.

    CLI Example:

    .. code-block:: bash

        salt myminion git.tag /path/to/repo v1.2 ref=HEAD message='Version 1.2'
        salt myminion git.tag /path/to/repo v1.2 opts='-d'
    """
    more = [option for option in _git.options(opts) if option not in ("-a", "--annotate")]
    if any(option == "-m" or "--message" in option for option in more):
        raise SaltInvocationError('Tag messages must be passed in the "message" argument')
    words = ["tag", *(["-a", "-m", message] if message is not None else []), *more, name]
    if not {"-d", "--delete"} & set(more):
        words.append(ref)
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
            redirect_stderr=True,
        )["stdout"]
    )


def merge(
    cwd: str,
    rev: Optional[str] = None,
    opts: Any = "",
    git_opts: Any = "",
    user: Optional[str] = None,
    password: Optional[str] = None,
    identity: Any = None,
    ignore_retcode: bool = False,
    output_encoding: Optional[str] = None,
    **kwargs: Any,
) -> str:
    """Merges a revision into what is checked out; returns what git said.

    CLI Example:

    .. code-block:: bash

        salt myminion git.merge /path/to/repo somebranch
    """
    _git.no_more(kwargs)
    words = ["merge", *_git.options(opts), *([rev] if rev else [])]
    return str(
        _git.run(
            __salt__, words, _git.folder(cwd, user), user, password, ignore_retcode, output_encoding, git_opts, identity
        )["stdout"]
    )


def rebase(
    cwd: str,
    rev: str = "master",
    opts: Any = "",
    git_opts: Any = "",
    user: Optional[str] = None,
    password: Optional[str] = None,
    ignore_retcode: bool = False,
    output_encoding: Optional[str] = None,
) -> str:
    """Rebases what is checked out; returns what git said.

    CLI Example:

    .. code-block:: bash

        salt myminion git.rebase /path/to/repo 'origin/master'
    """
    more = _git.options(opts)
    if "-i" in more or "--interactive" in more:
        raise SaltInvocationError("Interactive rebases are not supported")
    words = ["rebase", *more, *shlex.split(str(rev))]
    return str(
        _git.run(__salt__, words, _git.folder(cwd, user), user, password, ignore_retcode, output_encoding, git_opts)[
            "stdout"
        ]
    )


def reset(
    cwd: str,
    opts: Any = "",
    git_opts: Any = "",
    user: Optional[str] = None,
    password: Optional[str] = None,
    identity: Any = None,
    ignore_retcode: bool = False,
    output_encoding: Optional[str] = None,
) -> str:
    """Resets what is checked out, as `opts` say; returns what git said.

    CLI Example:

    .. code-block:: bash

        salt myminion git.reset /path/to/repo opts='--hard origin/master'
    """
    words = ["reset", *_git.options(opts)]
    return str(
        _git.run(
            __salt__, words, _git.folder(cwd, user), user, password, ignore_retcode, output_encoding, git_opts, identity
        )["stdout"]
    )


def stash(
    cwd: str,
    action: str = "save",
    opts: Any = "",
    git_opts: Any = "",
    user: Optional[str] = None,
    password: Optional[str] = None,
    ignore_retcode: bool = False,
    output_encoding: Optional[str] = None,
) -> str:
    """Puts changes aside or takes them back; returns what git said.

    CLI Example:

    .. code-block:: bash

        salt myminion git.stash /path/to/repo opts='work in progress'
        salt myminion git.stash /path/to/repo action=pop
    """
    words = ["stash", action, *_git.options(opts)]
    return str(
        _git.run(__salt__, words, _git.folder(cwd, user), user, password, ignore_retcode, output_encoding, git_opts)[
            "stdout"
        ]
    )


def symbolic_ref(
    cwd: str,
    ref: str,
    value: Optional[str] = None,
    opts: Any = "",
    git_opts: Any = "",
    user: Optional[str] = None,
    password: Optional[str] = None,
    ignore_retcode: bool = False,
    output_encoding: Optional[str] = None,
) -> str:
    """What a symbolic reference points to; with `value`, points it there.

    CLI Example:

    .. code-block:: bash

        salt myminion git.symbolic_ref /path/to/repo HEAD
    """
    more = _git.options(opts)
    if value is not None and {"-d", "--delete"} & set(more):
        raise SaltInvocationError("Value cannot be set for symbolic ref if -d/--delete is included in opts")
    words = ["symbolic-ref", *more, ref, *([value] if value else [])]
    return str(
        _git.run(__salt__, words, _git.folder(cwd, user), user, password, ignore_retcode, output_encoding, git_opts)[
            "stdout"
        ]
    )


def archive(
    cwd: str,
    output: str,
    rev: str = "HEAD",
    prefix: Optional[str] = None,
    git_opts: Any = "",
    user: Optional[str] = None,
    password: Optional[str] = None,
    ignore_retcode: bool = False,
    output_encoding: Optional[str] = None,
    **kwargs: Any,
) -> bool:
    """Exports a revision to an archive.

    Args:
        output: the archive; its name tells the format, unless the keyword argument `format` does.
        prefix: put before every path; by default the name of the repository's folder, "" for none.

    CLI Example:

    .. code-block:: bash

        salt myminion git.archive /path/to/repo /path/to/archive.tar
    """
    kind = kwargs.pop("format", None)
    _git.no_more(kwargs)
    if prefix is None:
        prefix = os.path.basename(_git.folder(cwd, user).rstrip("/")) + "/"
    words = ["archive", *(["--prefix", prefix] if prefix else []), *(["--format", kind] if kind else [])]
    words += ["--output", _git.folder(output, user), rev]
    _git.run(__salt__, words, _git.folder(cwd, user), user, password, ignore_retcode, output_encoding, git_opts)
    return True
