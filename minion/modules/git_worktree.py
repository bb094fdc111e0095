"""Git repositories: further folders that are checked out from one (`git worktree`).

`user` is the user that runs git, `password` is needed only on systems where that user can't be taken on without it.
`opts` are options of the git command, `git_opts` options before it, as text or as a list. `ignore_retcode` keeps a
failure out of the minion's log. `output_encoding` is how the output is encoded, if not in UTF-8.
"""

from __future__ import annotations

import os
import shutil
from typing import Any, Callable, Dict, Optional

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.modules import _git, _tools

__salt__: Dict[str, Callable[..., Any]]
__virtualname__ = "git"


def __virtual__() -> Any:
    if _tools.which("git"):
        return __virtualname__
    return False, "The git execution module cannot be loaded: git unavailable."


def is_worktree(
    cwd: str, user: Optional[str] = None, password: Optional[str] = None, output_encoding: Optional[str] = None
) -> bool:
    """Whether a folder is a worktree of a repository that lies elsewhere.

    CLI Example:

    .. code-block:: bash

        salt myminion git.is_worktree /path/to/repo
    """
    folder = _git.folder(cwd, user)
    words = ["rev-parse", "--show-toplevel"]
    done = _git.run(__salt__, words, folder, user, password, True, output_encoding, failhard=False)
    if done["retcode"]:
        return False
    try:
        with open(os.path.join(done["stdout"], ".git"), encoding="utf-8") as pointer:
            label, _, path = pointer.readline().strip().partition(" ")
    except OSError:
        return False
    return label == "gitdir:" and os.path.isabs(path)


def list_worktrees(
    cwd: str,
    stale: bool = False,
    user: Optional[str] = None,
    password: Optional[str] = None,
    output_encoding: Optional[str] = None,
    **kwargs: Any,
) -> Dict[str, Dict[str, Any]]:
    """Folder -> HEAD, branch (None if detached, then also tags), stale.

    Args:
        stale: only worktrees whose folder is gone, instead of those whose folder is there.
        kwargs: `all=True` returns both.

    CLI Example:

    .. code-block:: bash

        salt myminion git.list_worktrees /path/to/repo
    """
    everything = kwargs.pop("all", False)
    _git.no_more(kwargs)
    if everything and stale:
        raise CommandExecutionError("'all' and 'stale' cannot both be set to True")
    folder, how = _git.folder(cwd, user), (user, password, False, output_encoding)
    text = _git.run(__salt__, ["worktree", "list", "--porcelain"], folder, *how)["stdout"]
    found: Dict[str, Dict[str, Any]] = {}
    for record in text.split("\n\n"):
        fields = dict(line.partition(" ")[::2] for line in record.strip().splitlines())
        path = fields.get("worktree", "")
        is_stale = not os.path.isdir(path)
        if "HEAD" not in fields or (is_stale != stale and not everything):
            continue
        detached = "detached" in fields
        branch = None if detached else fields.get("branch", "").replace("refs/heads/", "", 1)
        found[path] = {"stale": is_stale, "HEAD": fields["HEAD"], "detached": detached, "branch": branch}
        if detached:
            tags = _git.run(__salt__, ["tag", "--points-at", fields["HEAD"]], folder, *how)["stdout"].splitlines()
            if tags:
                found[path]["tags"] = tags
    return found


def worktree_add(
    cwd: str,
    worktree_path: str,
    ref: Optional[str] = None,
    reset_branch: Optional[bool] = None,
    force: Optional[bool] = None,
    detach: bool = False,
    opts: Any = "",
    git_opts: Any = "",
    user: Optional[str] = None,
    password: Optional[str] = None,
    ignore_retcode: bool = False,
    output_encoding: Optional[str] = None,
    **kwargs: Any,
) -> str:
    """Checks out a branch into a further folder; returns what git said.

    Args:
        worktree_path: the folder.
        ref: what to check out; HEAD if not given.
        reset_branch: reset the branch if it exists.
        force: also if the branch is checked out elsewhere.
        detach: check out the commit, without a branch.
        kwargs: `branch`: the new branch; by default it has the folder's name.

    CLI Example:

    .. code-block:: bash

        salt myminion git.worktree_add /path/to/repo/main ../hotfix ref=origin/master
    """
    branch = kwargs.pop("branch", None)
    _git.no_more(kwargs)
    if branch and detach:
        raise SaltInvocationError("Only one of 'branch' and 'detach' is allowed")
    words = ["worktree", "add"]
    if detach:
        words.append("--detach")
    else:
        words += ["-B" if reset_branch else "-b", branch or os.path.basename(worktree_path)]
        words += ["--force"] if force else []
    words += [*_git.options(opts), worktree_path, *([ref] if ref else [])]
    how = (user, password, ignore_retcode, output_encoding, git_opts)
    return str(_git.run(__salt__, words, _git.folder(cwd, user), *how, redirect_stderr=True)["stdout"])


def worktree_prune(
    cwd: str,
    dry_run: bool = False,
    verbose: bool = True,
    expire: Optional[str] = None,
    opts: Any = "",
    git_opts: Any = "",
    user: Optional[str] = None,
    password: Optional[str] = None,
    ignore_retcode: bool = False,
    output_encoding: Optional[str] = None,
) -> str:
    """Forgets worktrees whose folder is gone; returns what git said.

    Args:
        dry_run: only tell.
        verbose: tell of each.
        expire: only those that were not used since then.

    CLI Example:

    .. code-block:: bash

        salt myminion git.worktree_prune /path/to/repo dry_run=True
    """
    words = ["worktree", "prune", *(["--dry-run"] if dry_run else []), *(["--verbose"] if verbose else [])]
    words += [*(["--expire", expire] if expire else []), *_git.options(opts)]
    how = (user, password, ignore_retcode, output_encoding, git_opts)
    return str(_git.run(__salt__, words, _git.folder(cwd, user), *how, redirect_stderr=True)["stdout"])


def worktree_rm(cwd: str, user: Optional[str] = None, output_encoding: Optional[str] = None) -> bool:
    """Removes the folder of a worktree.

    CLI Example:

    .. code-block:: bash

        salt myminion git.worktree_rm /path/to/worktree
    """
    folder = _git.folder(cwd, user)
    if not os.path.exists(folder):
        raise CommandExecutionError(f"{folder} does not exist")
    if not is_worktree(folder, user, output_encoding=output_encoding):
        raise CommandExecutionError(f"{folder} is not a git worktree")
    try:
        shutil.rmtree(folder)
    except OSError as exc:
        raise CommandExecutionError(f"Unable to remove {folder}: {exc}") from exc
    return True
