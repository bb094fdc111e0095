"""Git repositories: looking around.

`user` is the user that runs git, `password` is needed only on systems where that user can't be taken on without it.
`opts` are options of the git command, `git_opts` options before it, as text or as a list. `ignore_retcode` keeps a
failure out of the minion's log. `output_encoding` is how the output is encoded, if not in UTF-8. `identity` is an SSH
key, or a list of them to try; a `salt://` URL is fetched from `saltenv`. A relative `cwd` lies in the user's home.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Optional

from minion.errors import SaltInvocationError
from minion.modules import _git, _tools

__salt__: Dict[str, Callable[..., Any]]
__context__: Dict[str, Any]
__virtualname__ = "git"

_STATES = {"M": "modified", "A": "new", "D": "deleted", "??": "untracked"}


def __virtual__() -> Any:
    if _tools.which("git"):
        return __virtualname__
    return False, "The git execution module cannot be loaded: git unavailable."


def version(versioninfo: bool = False) -> Any:
    """The version of git, as text or as a list of numbers.

    CLI Example:

    .. code-block:: bash

        salt myminion git.version versioninfo=True
    """
    if "git.version" not in __context__:
        text = _git.run(__salt__, ["--version"])["stdout"]
        match = re.search(r"\d+(?:\.\d+)*", text)
        __context__["git.version"] = match.group() if match else "unknown"
    number = __context__["git.version"]
    return [int(part) for part in number.split(".") if part.isdigit()] if versioninfo else number


def status(
    cwd: str,
    user: Optional[str] = None,
    password: Optional[str] = None,
    ignore_retcode: bool = False,
    output_encoding: Optional[str] = None,
) -> Dict[str, List[str]]:
    """modified, new, deleted, untracked, ... -> files.

    CLI Example:

    .. code-block:: bash

        salt myminion git.status /path/to/repo
    """
    words = ["status", "-z", "--porcelain"]
    found: Dict[str, List[str]] = {}
    for entry in _git.run(__salt__, words, _git.folder(cwd, user), user, password, ignore_retcode, output_encoding)[
        "stdout"
    ].split("\0"):
        state, _, name = entry.strip().partition(" ")
        if name:
            found.setdefault(_STATES.get(state, state), []).append(name.strip())
    return found


def current_branch(
    cwd: str,
    user: Optional[str] = None,
    password: Optional[str] = None,
    ignore_retcode: bool = False,
    output_encoding: Optional[str] = None,
) -> str:
    """The branch that is checked out, HEAD if none is.

    CLI Example:

    .. code-block:: bash

        salt myminion git.current_branch /path/to/repo
    """
    words = ["rev-parse", "--abbrev-ref", "HEAD"]
    return str(
        _git.run(__salt__, words, _git.folder(cwd, user), user, password, ignore_retcode, output_encoding)["stdout"]
    )


def list_branches(
    cwd: str,
    remote: bool = False,
    user: Optional[str] = None,
    password: Optional[str] = None,
    ignore_retcode: bool = False,
    output_encoding: Optional[str] = None,
) -> List[str]:
    """Names of the branches; with `remote` of those of other repositories.

    CLI Example:

    .. code-block:: bash

        salt myminion git.list_branches /path/to/repo
    """
    words = ["for-each-ref", "--format", "%(refname:short)", "refs/remotes/" if remote else "refs/heads/"]
    return list(
        _git.run(__salt__, words, _git.folder(cwd, user), user, password, ignore_retcode, output_encoding)[
            "stdout"
        ].splitlines()
    )


def list_tags(
    cwd: str,
    user: Optional[str] = None,
    password: Optional[str] = None,
    ignore_retcode: bool = False,
    output_encoding: Optional[str] = None,
) -> List[str]:
    """Names of the tags.

    CLI Example:

    .. code-block:: bash

        salt myminion git.list_tags /path/to/repo
    """
    words = ["for-each-ref", "--format", "%(refname:short)", "refs/tags/"]
    return list(
        _git.run(__salt__, words, _git.folder(cwd, user), user, password, ignore_retcode, output_encoding)[
            "stdout"
        ].splitlines()
    )


def rev_parse(
    cwd: str,
    rev: Optional[str] = None,
    opts: Any = "",
    git_opts: Any = "",
    user: Optional[str] = None,
    password: Optional[str] = None,
    ignore_retcode: bool = False,
    output_encoding: Optional[str] = None,
) -> str:
    """What `git rev-parse` says.

    CLI Example:

    .. code-block:: bash

        salt myminion git.rev_parse /path/to/repo HEAD
    """
    words = ["rev-parse", *_git.options(opts), *([str(rev)] if rev is not None else [])]
    return str(
        _git.run(__salt__, words, _git.folder(cwd, user), user, password, ignore_retcode, output_encoding, git_opts)[
            "stdout"
        ]
    )


def revision(
    cwd: str,
    rev: str = "HEAD",
    short: bool = False,
    user: Optional[str] = None,
    password: Optional[str] = None,
    ignore_retcode: bool = False,
    output_encoding: Optional[str] = None,
) -> str:
    """The commit that a name stands for.

    CLI Example:

    .. code-block:: bash

        salt myminion git.revision /path/to/repo mybranch
    """
    words = ["rev-parse", *(["--short"] if short else []), str(rev)]
    return str(
        _git.run(__salt__, words, _git.folder(cwd, user), user, password, ignore_retcode, output_encoding)["stdout"]
    )


def describe(
    cwd: str,
    rev: str = "HEAD",
    user: Optional[str] = None,
    password: Optional[str] = None,
    ignore_retcode: bool = False,
    output_encoding: Optional[str] = None,
) -> str:
    """The nearest tag and the distance to it, or the commit where there is no tag.

    CLI Example:

    .. code-block:: bash

        salt myminion git.describe /path/to/repo develop
    """
    words = ["describe", "--always", rev]
    return str(
        _git.run(__salt__, words, _git.folder(cwd, user), user, password, ignore_retcode, output_encoding)["stdout"]
    )


def diff(
    cwd: str,
    item1: Optional[str] = None,
    item2: Optional[str] = None,
    opts: Any = "",
    git_opts: Any = "",
    user: Optional[str] = None,
    password: Optional[str] = None,
    no_index: bool = False,
    cached: bool = False,
    paths: Any = None,
    output_encoding: Optional[str] = None,
) -> str:
    """Differences between two revisions, or between one and the files.

    Args:
        no_index: compare two paths that need not lie in a repository.
        cached: compare with the index.
        paths: only these, as a list or with commas between.

    CLI Example:

    .. code-block:: bash

        salt myminion git.diff /path/to/repo
        salt myminion git.diff /path/to/repo commit1 commit2 paths=dir1,dir2
    """
    if no_index and cached:
        raise SaltInvocationError("The 'no_index' and 'cached' options cannot be used together")
    revisions = [item for item in (item1, item2) if item]
    words = ["diff", *_git.options(opts)]
    if no_index:
        words.append("--no-index")
    else:
        words += ["--cached", *revisions[:1]] if cached else revisions
    if paths:
        words += ["--", *_git.words_of(paths)]
    how: Dict[str, Any] = {"redirect_stderr": True, "failhard": not no_index}
    done = _git.run(__salt__, words, _git.folder(cwd, user), user, password, no_index, output_encoding, git_opts, **how)
    return str(done["stdout"])


def merge_base(
    cwd: str,
    refs: Any = None,
    octopus: bool = False,
    is_ancestor: bool = False,
    independent: bool = False,
    fork_point: Optional[str] = None,
    opts: Any = "",
    git_opts: Any = "",
    user: Optional[str] = None,
    password: Optional[str] = None,
    ignore_retcode: bool = False,
    output_encoding: Optional[str] = None,
    **kwargs: Any,
) -> Any:
    """The best common ancestor of revisions; with `all=True` the list of all of them.

    Args:
        refs: revisions, as a list or with commas between.
        octopus: for a merge of more than two.
        is_ancestor: return whether the first is an ancestor of the second.
        independent: return the revisions that no other one reaches.
        fork_point: the reference to find the fork point from.

    CLI Example:

    .. code-block:: bash

        salt myminion git.merge_base /path/to/repo HEAD upstream/mybranch
        salt myminion git.merge_base /path/to/repo refs=master,mybranch is_ancestor=True
    """
    everything = kwargs.pop("all", False)
    _git.no_more(kwargs)
    names = _git.words_of(refs)
    _check_merge_base(names, octopus, is_ancestor, independent, fork_point, everything)
    words = ["merge-base", *_git.options(opts), *(["--all"] if everything else [])]
    for option, chosen in (("octopus", octopus), ("is-ancestor", is_ancestor), ("independent", independent)):
        words += [f"--{option}"] if chosen else []
    words += ["--fork-point", fork_point, *(names or ["HEAD"])] if fork_point else names
    how = (user, password, ignore_retcode or is_ancestor, output_encoding, git_opts)
    done = _git.run(__salt__, words, _git.folder(cwd, user), *how, failhard=not is_ancestor)
    if is_ancestor:
        return done["retcode"] == 0
    return done["stdout"].splitlines() if everything else done["stdout"].splitlines()[0]


def _check_merge_base(
    names: List[str], octopus: bool, is_ancestor: bool, independent: bool, fork: Any, all_: Any
) -> None:
    if all_ and (independent or is_ancestor or fork):
        raise SaltInvocationError(
            "The 'all' argument is not compatible with 'independent', 'is_ancestor', or 'fork_point'"
        )
    if sum(map(bool, (octopus, independent, is_ancestor, fork))) > 1:
        raise SaltInvocationError("Only one of 'octopus', 'independent', 'is_ancestor', and 'fork_point' is permitted")
    if is_ancestor and len(names) != 2:
        raise SaltInvocationError("Two refs/commits are required if 'is_ancestor' is True")
    if fork and len(names) > 1:
        raise SaltInvocationError("At most one ref/commit can be passed if 'fork_point' is specified")


def merge_tree(
    cwd: str,
    ref1: str,
    ref2: str,
    base: Optional[str] = None,
    user: Optional[str] = None,
    password: Optional[str] = None,
    ignore_retcode: bool = False,
    output_encoding: Optional[str] = None,
) -> str:
    """What a merge of two revisions would bring.

    CLI Example:

    .. code-block:: bash

        salt myminion git.merge_tree /path/to/repo HEAD upstream/dev
    """
    if base is None:
        base = merge_base(cwd, [ref1, ref2], user=user, password=password, output_encoding=output_encoding)
    words = ["merge-tree", str(base), ref1, ref2]
    return str(
        _git.run(__salt__, words, _git.folder(cwd, user), user, password, ignore_retcode, output_encoding)["stdout"]
    )
