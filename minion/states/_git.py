"""What the states of git repositories have in common."""

from __future__ import annotations

import os
import re
import shutil
from typing import Any, Callable, List, Mapping, Optional

from minion.errors import CommandExecutionError
from minion.modules._git import remember, split_url
from minion.states._result import Result

Salt = Mapping[str, Callable[..., Any]]


class Repository:
    """A folder that is, or is to become, a repository.

    Args:
        salt: the execution functions.
        target: the folder.
        who: `user`, `password` and `output_encoding`, for each function that is called.
    """

    def __init__(self, salt: Salt, target: str, **who: Any) -> None:
        self._salt, self.target, self._who = salt, target, who

    def git(self, function: str, *args: Any, **kwargs: Any) -> Any:
        """Calls a function of the module git on the folder."""
        return self._salt[f"git.{function}"](self.target, *args, **self._who, **kwargs)

    def elsewhere(self, function: str, *args: Any, **kwargs: Any) -> Any:
        """Calls a function of the module git that is not about the folder."""
        return self._salt[f"git.{function}"](*args, **self._who, **kwargs)

    def exists(self, bare: bool = False) -> bool:
        """Whether the folder is a repository, or a worktree of one."""
        if os.path.isdir(os.path.join(self.target, "refs" if bare else ".git")):
            return True
        return os.path.isdir(self.target) and bool(self.git("is_worktree"))

    def ask(self, function: str, *args: Any, **kwargs: Any) -> Optional[str]:
        """The answer of a function of the module git; None if it fails or finds nothing."""
        try:
            return self.git(function, *args, ignore_retcode=True, **kwargs) or None
        except CommandExecutionError:
            return None

    def commit_of(self, rev: str) -> Optional[str]:
        """The commit that a name stands for, None if there is none."""
        return self.ask("rev_parse", rev + "^{commit}")

    def upstream_of(self, branch: str) -> Optional[str]:
        """The branch of another repository that a branch follows."""
        return self.ask("rev_parse", branch + "@{upstream}", opts=["--abbrev-ref"])

    def update_submodules(self, identity: Optional[List[str]], saltenv: str) -> None:
        """Brings submodules, and theirs, to what the commit says."""
        self.git("submodule", "update", opts=["--init", "--recursive"], identity=identity, saltenv=saltenv)

    def remember(self, url: str, https_user: Optional[str], https_pass: Optional[str]) -> None:
        """Lets the repository sign in at an HTTPS URL; another password than last time replaces that."""
        line = split_url(url, https_user, https_pass)[1]
        remember(self._salt, self.target, line, self._who.get("user"), self._who.get("password"))

    def make_room(self) -> None:
        """Empties the folder."""
        problems = []
        for name in os.listdir(self.target):
            path = os.path.join(self.target, name)
            try:
                remove(path)
            except OSError as exc:
                problems.append(f"  {path}\n    {exc}")
        if problems:
            raise CommandExecutionError("Unable to remove\n" + "\n".join(problems))


def remove(path: str) -> None:
    """Removes a file or link, or a folder with all in it."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


def not_a_repository(target: str) -> CommandExecutionError:
    """The error about a folder that holds something else."""
    return CommandExecutionError(
        f"Target '{target}' exists, is non-empty and is not a git repository. Set the 'force_clone' option to True to "
        "remove this directory's contents and proceed with cloning the remote repository"
    )


def forced_clone_comment(url: str, target: str) -> str:
    """What test mode says of a folder that would be emptied for a clone."""
    return (
        f"Target directory {target} exists. Since force_clone=True, the contents of {target} would be deleted, and "
        f"{url} would be cloned into this directory."
    )


def text(value: Any) -> Any:
    """The value as text; None stays."""
    return value if value is None else str(value)


def identities(value: Any) -> Optional[List[str]]:
    """The list of SSH keys; those that are files have absolute paths."""
    if value is None:
        return None
    if not isinstance(value, (str, list)):
        raise CommandExecutionError("identity must be either a list or a string")
    found = [os.path.expanduser(item) for item in ([value] if isinstance(value, str) else value)]
    for path in found:
        if "://" not in path and not os.path.isabs(path):
            raise CommandExecutionError(f"identity '{path}' is not an absolute path")
    return found


def check_target(target: str) -> None:
    """Refuses a folder that can't become a repository."""
    if not os.path.isabs(target):
        raise CommandExecutionError(f"target '{target}' is not an absolute path")
    if os.path.isfile(target):
        raise CommandExecutionError(f"Target '{target}' exists and is a regular file, cannot proceed")


def check_kwargs(kwargs: Mapping[str, Any]) -> None:
    """Refuses keyword arguments that nobody took."""
    unknown = [f"{key}={value}" for key, value in kwargs.items() if not key.startswith("__")]
    if unknown:
        raise CommandExecutionError(f"The following keyword arguments are not valid: {', '.join(unknown)}")


def reason(exc: Exception) -> str:
    """What git said, without the command."""
    return re.sub(r"^Command ['\"].+['\"] failed: ", "", str(exc))


def sentences(comments: List[str]) -> str:
    """One comment as it is, several as sentences."""
    return ". ".join(comments) + ("." if len(comments) > 1 else "")


def failed_after(ret: Result, exc: Exception, comments: List[str]) -> Result:
    """The result of a run that failed after it had done some things."""
    already = f"\n\nChanges already made: {sentences(comments)}" if comments else ""
    ret.update(result=False, comment=reason(exc) + already)
    return ret


def short(commit: Optional[str]) -> Optional[str]:
    """A commit as comments show it."""
    return commit[:7] if commit is not None else None
