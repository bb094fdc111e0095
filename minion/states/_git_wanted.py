"""What git.latest shall bring about, and what the other repository has of it."""

from __future__ import annotations

import string
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Set

from minion.errors import CommandExecutionError
from minion.modules._git import redact, split_url
from minion.states._git import Repository, check_kwargs, check_target, identities, reason, sentences, text
from minion.states._result import Result


@dataclass(frozen=True)
class Wanted:
    """The arguments of git.latest, in order."""

    name: str
    rev: str
    branch: Optional[str]
    update_head: bool
    force_checkout: bool
    force_clone: bool
    force_fetch: bool
    force_reset: Any  # True, False or "remote-changes"
    submodules: bool
    bare: bool
    mirror: bool
    remote: str
    fetch_tags: bool
    sync_tags: bool
    depth: Any
    identity: Optional[List[str]]
    https_user: Optional[str]
    https_pass: Optional[str]
    refspec_branch: str
    refspec_tag: str
    saltenv: str

    @property
    def url(self) -> str:
        """Where to fetch from; user name and password are kept elsewhere."""
        return split_url(self.name, self.https_user, self.https_pass)[0]

    @property
    def keys(self) -> Dict[str, Any]:
        """How git signs in."""
        return {"identity": self.identity, "saltenv": self.saltenv}

    @property
    def login(self) -> Dict[str, Any]:
        """User name and password of an HTTPS URL."""
        return {"https_user": self.https_user, "https_pass": self.https_pass}

    def refspecs(self) -> List[str]:
        """What a fetch fetches, and where it puts it."""
        if self.mirror or not self.fetch_tags:
            return []  # the repository's configuration says it
        heads = "refs/heads" if self.bare else f"refs/remotes/{self.remote}"
        branches, tags = self.refspec_branch, self.refspec_tag
        return [f"refs/heads/{branches}:{heads}/{branches}", f"+refs/tags/{tags}:refs/tags/{tags}"]

    def changes_branch(self, current: Optional[str]) -> bool:
        """Whether another branch than the current one is wanted."""
        return self.branch is not None and self.branch != current


def wanted(given: Mapping[str, Any], saltenv: str) -> Wanted:
    """The arguments, checked.

    Args:
        given: the arguments of git.latest by name, with `kwargs`.
        saltenv: where `salt://` keys come from.
    """
    check_kwargs(given["kwargs"])
    for name in ("remote", "target"):
        if not given[name]:
            raise CommandExecutionError(f"'{name}' argument is required")
    if not given["rev"]:
        raise CommandExecutionError(f"'{given['rev']}' is not a valid value for the 'rev' argument")
    if given["force_reset"] not in (True, False, "remote-changes"):
        raise CommandExecutionError("'force_reset' must be one of True, False, or 'remote-changes'")
    check_target(str(given["target"]))
    values = {key: given[key] for key in Wanted.__dataclass_fields__ if key != "saltenv"}
    for key in ("rev", "branch", "remote", "https_user", "https_pass"):
        values[key] = text(values[key])
    values.update(identity=identities(given["identity"]), bare=bool(given["bare"] or given["mirror"]))
    found = Wanted(saltenv=saltenv, **values)
    split_url(found.name, found.https_user, found.https_pass)  # refuses what can't be
    if found.rev != "HEAD" and found.bare:
        raise CommandExecutionError("'rev' is not compatible with the 'mirror' and 'bare' arguments")
    return found


@dataclass(frozen=True)
class Remote:
    """What the other repository has.

    `upstream` is the branch that the local one shall follow: None leaves what is there, False means none.
    """

    refs: Dict[str, str]
    rev: Optional[str]
    kind: str  # branch, tag, sha1, or nothing
    upstream: Any
    place: str  # what comments call it

    @property
    def default_branch(self) -> Optional[str]:
        """The branch that its HEAD seems to be."""
        heads = {name[11:]: commit for name, commit in self.refs.items() if name.startswith("refs/heads/")}
        return next((name for name, commit in heads.items() if commit == self.refs.get("HEAD")), None)

    @property
    def tags(self) -> Set[str]:
        """Names of its tags."""
        return {name[10:] for name in self.refs if name.startswith("refs/tags/") and not name.endswith("^{}")}

    def is_at(self, commit: Optional[str]) -> bool:
        """Whether a commit is the wanted one."""
        if commit is None or self.rev is None:
            return commit is self.rev
        return commit.startswith(self.rev) if self.kind == "sha1" else commit == self.rev


def look(repository: Repository, want: Wanted) -> Remote:
    """Asks the other repository for what is wanted."""
    try:
        refs = repository.elsewhere("remote_refs", want.name, **want.keys, **want.login)
    except CommandExecutionError as exc:
        raise CommandExecutionError(f"Failed to check remote refs: {reason(exc)}") from exc
    found = _find(refs, want)
    if want.depth is not None and found.kind not in ("branch", "tag"):
        raise CommandExecutionError(
            "When 'depth' is used, 'rev' must be set to the name of a branch or tag on the remote repository"
        )
    if found.rev is None and not want.bare and want.rev != "HEAD":
        raise CommandExecutionError(f"No revision matching '{want.rev}' exists in the remote repository")
    return found


def _find(refs: Dict[str, str], want: Wanted) -> Remote:
    rev = want.rev
    branch, tag = refs.get(f"refs/heads/{rev}"), refs.get(f"refs/tags/{rev}^{{}}") or refs.get(f"refs/tags/{rev}")
    if want.bare:
        return Remote(refs, None, "", False, "")
    if rev == "HEAD":
        head = refs.get("HEAD")
        return (
            Remote(refs, head, "sha1", None, f"remote HEAD ({head[:7]})") if head else Remote(refs, None, "", False, "")
        )
    if branch:
        upstream = f"{want.remote}/{rev}"
        return Remote(refs, branch, "branch", upstream, f"{upstream} ({branch[:7]})")
    if tag:
        return Remote(refs, tag, "tag", False, f"{rev} ({tag[:7]})")
    if len(rev) <= 40 and all(letter in string.hexdigits for letter in rev):
        return Remote(refs, rev.lower(), "sha1", False, rev.lower()[:7])
    return Remote(refs, None, "", False, "")


@dataclass
class Run:
    """One run of git.latest: what it is about, and what has become of it so far."""

    want: Wanted
    remote: Remote
    repository: Repository
    ret: Result
    test: bool
    done: List[str] = field(default_factory=list)

    @property
    def target(self) -> str:
        """The folder."""
        return self.repository.target

    @property
    def shown_url(self) -> str:
        """The URL without what is secret in it."""
        return redact(self.want.url)

    @property
    def start(self) -> str:
        """What a new branch begins at."""
        if self.want.rev == "HEAD":
            return str(self.remote.rev)
        return str(self.remote.upstream or self.want.rev)


def up_to_date(run: Run, comments: List[str], uncommitted: bool = False) -> Result:
    """The result of a run that leaves the revision as it is."""
    comment = f"Repository {run.target} is up-to-date"
    if uncommitted:
        comment += ", but with uncommitted changes. Set 'force_reset' to True to purge uncommitted changes."
    if comments:
        comment += f"\n\nChanges {'that would be ' if run.test else ''}made: {sentences(comments)}"
    run.ret["comment"] = comment
    return run.ret
