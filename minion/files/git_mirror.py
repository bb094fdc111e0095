"""Copies of remote git repositories: fetched now and then, read in between. Needs the library pygit2.

A copy is a bare repository in the cache. Nothing of the access to the remote is written to it. After a fetch that
brought something the file `fetched` is replaced; readers look things up anew when they see that.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import shutil
import time
from typing import Any, Dict, Iterator, List, Optional, Tuple

from minion import atomic
from minion.errors import CommandExecutionError
from minion.files.git_remotes import Access, Remote, is_commit
from minion.inputs import State, state_of

log = logging.getLogger(__name__)

_CONNECT, _ANSWER = 30, 120  # seconds to wait for a server
_PLACES = {"branch": "refs/remotes/origin/", "tag": "refs/tags/"}
_LOCK = "update.lk"
_MOST_PACKS = 40


def library() -> Any:
    """pygit2, set up.

    Raises:
        CommandExecutionError: it is not installed.
    """
    os.environ.setdefault("HOME", os.path.expanduser("~"))  # libgit2 looks for known_hosts there
    try:
        import pygit2
        import pygit2.enums
    except ImportError:
        raise CommandExecutionError(
            "Files and pillars from git need the Python library pygit2, 1.16 or newer: pip install 'saltern[git]'"
        ) from None
    pygit2.settings.owner_validation = False  # the copies lie in our own cache, which root may look at, too
    pygit2.settings.server_connect_timeout = _CONNECT * 1000
    pygit2.settings.server_timeout = _ANSWER * 1000
    return pygit2


class Mirror:
    """The copy of one remote.

    Args:
        folder: where the copies lie, each in a folder of its own.
        remote: what is copied.
    """

    def __init__(self, folder: str, remote: Remote) -> None:
        self.remote, self.path = remote, os.path.join(folder, remote.folder)
        self._repository: Any = None
        self._version: State = None
        self._trees: Dict[Tuple[str, Tuple[str, ...]], Any] = {}
        self._envs: Optional[List[str]] = None

    def __repr__(self) -> str:
        return f"<Mirror of {self.remote.url}>"

    # reading

    @property
    def repository(self) -> Any:
        """The copy; None if nothing was ever fetched."""
        version = state_of(os.path.join(self.path, "fetched"))
        if version != self._version or version is None:
            self._repository = library().Repository(self.path) if version else None
            self._version, self._envs = version, None
            self._trees.clear()
        return self._repository

    def envs(self) -> List[str]:
        """The environments that its branches and tags make."""
        repository = self.repository
        if repository is None:
            return []
        if self._envs is None:
            refs = [
                (kind, name[len(place) :])
                for name in repository.references
                for kind, place in _PLACES.items()
                if name.startswith(place)
            ]
            self._envs = self.remote.envs(refs)
        return self._envs

    def tree(self, ref: str, ref_types: Tuple[str, ...]) -> Any:
        """The root folder of a branch, tag or commit; None if there is none."""
        repository = self.repository
        if repository is None:
            return None
        key = (ref, ref_types)
        if key not in self._trees:
            found = next(filter(None, (_look_up(repository, ref, kind) for kind in ref_types)), None)
            if found is None:
                return None  # not remembered: what may be asked for has no end
            self._trees[key] = found
        return self._trees[key]

    # updating

    def age(self) -> float:
        """Seconds since it was last tried to bring the copy up to date."""
        state = state_of(os.path.join(self.path, "tried"))
        return time.time() - state[0] / 1e9 if state else float("inf")

    def fetch(self) -> bool:
        """Brings the copy up to date; whether something changed.

        Raises:
            CommandExecutionError: the remote can't be reached, or does not let us in.
        """
        pygit2 = library()
        if os.path.exists(os.path.join(self.path, _LOCK)):
            log.warning("%s is locked and not updated: salt-run fileserver.clear_lock ends that", self.remote.url)
            return False
        with self._alone():
            atomic.write(os.path.join(self.path, "tried"), "", 0o600)
            repository = self._open_or_make(pygit2)
            origin = repository.remotes.create_anonymous(self.remote.url)
            try:
                origin.fetch(
                    refspecs=list(self.remote.refspecs),
                    callbacks=_callbacks(pygit2, self.remote),
                    prune=pygit2.enums.FetchPrune.PRUNE,
                    proxy=self.remote.access.proxy or True,
                    depth=self.remote.depth,
                )
            except (pygit2.GitError, KeyError, ValueError, OSError) as exc:
                raise CommandExecutionError(f"{self.remote.url} can't be fetched: {exc}") from None
            _join_packs(repository, os.path.join(self.path, "objects/pack"))
            return self._announce(_names_of_refs(repository))

    def _announce(self, names: str) -> bool:
        """Tells readers what there is now; whether that is new."""
        path = os.path.join(self.path, "fetched")
        try:
            with open(path, encoding="utf-8") as stream:
                if stream.read() == names:
                    return False
        except FileNotFoundError:
            pass
        atomic.write(path, names, 0o600)
        return True

    def wait(self) -> None:
        """Until nobody is fetching."""
        with self._alone():
            return

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Only one process fetches at a time; the others wait."""
        os.makedirs(self.path, mode=0o700, exist_ok=True)
        handle = os.open(os.path.join(self.path, "fetching"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _open_or_make(self, pygit2: Any) -> Any:
        try:
            return pygit2.Repository(self.path)
        except (pygit2.GitError, KeyError):
            return pygit2.init_repository(self.path, bare=True)

    def clear(self) -> bool:
        """Removes the copy; whether there was one."""
        self._repository = None
        if not os.path.isdir(self.path):
            return False
        shutil.rmtree(self.path)
        return True

    def lock(self) -> bool:
        """Keeps the copy from being updated; False if that is so already."""
        os.makedirs(self.path, mode=0o700, exist_ok=True)
        try:
            os.close(os.open(os.path.join(self.path, _LOCK), os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            return False
        return True

    def unlock(self) -> bool:
        """Lets it be updated again; False if it was not locked."""
        try:
            os.unlink(os.path.join(self.path, _LOCK))
        except FileNotFoundError:
            return False
        return True


def _look_up(repository: Any, ref: str, kind: str) -> Any:
    if kind == "sha":
        found = repository.get(ref) if is_commit(ref) else None
    else:
        found = repository.references.get(_PLACES[kind] + ref)
    if found is None:
        return None
    try:
        return found.peel(library().Tree)
    except (library().GitError, ValueError):
        return None  # it is no commit


def _join_packs(repository: Any, folder: str) -> None:
    """Each fetch leaves a file of objects; when there are many, they become one. Who has them open finds that, too."""
    old = os.listdir(folder)
    if sum(name.endswith(".pack") for name in old) <= _MOST_PACKS:
        return
    repository.pack()
    if any(name.endswith(".idx") for name in set(os.listdir(folder)) - set(old)):
        for name in old:
            os.unlink(os.path.join(folder, name))


def _names_of_refs(repository: Any) -> str:
    return "".join(f"{repository.references[name].target} {name}\n" for name in sorted(repository.references))


def _callbacks(pygit2: Any, remote: Remote) -> Any:
    """What the library asks while it fetches."""
    candidates = _credentials(pygit2, remote.access, remote.url)

    class Callbacks(pygit2.RemoteCallbacks):  # type: ignore[misc]
        def credentials(self, url: str, username_from_url: Optional[str], allowed_types: Any) -> Any:
            if allowed_types & pygit2.enums.CredentialType.USERNAME:
                return pygit2.Username(username_from_url or remote.access.user or "git")
            for kind, credential in candidates:  # each is offered once
                if allowed_types & kind:
                    return credential(username_from_url)
            raise pygit2.GitError("it asks for credentials, and there are none (any more) that fit")

        def certificate_check(self, certificate: None, valid: bool, host: bytes) -> bool:
            tls = remote.url.startswith("https://")
            if not valid and not (tls and not remote.access.ssl_verify):  # left to itself the library takes any key
                problem = "no valid certificate" if tls else "a key that is not in ~/.ssh/known_hosts"
                raise pygit2.GitError(f"{host.decode(errors='replace')} has {problem}")
            return True

    return Callbacks()


def _credentials(pygit2: Any, access: Access, url: str) -> Iterator[Tuple[Any, Any]]:
    """(kind, function that makes it for a user name) of all that we can offer."""
    kinds = pygit2.enums.CredentialType
    if access.user and access.password:
        yield kinds.USERPASS_PLAINTEXT, lambda _: pygit2.UserPass(access.user, access.password)
    if url.startswith(("http://", "https://")):
        return
    pairs = [(access.pubkey or None, access.privkey)] if access.privkey else _own_keys()
    for public, private in pairs:
        yield kinds.SSH_KEY, lambda user, a=public, b=private: pygit2.Keypair(user or "git", a, b, access.passphrase)


def _own_keys() -> List[Tuple[Optional[str], str]]:
    """The SSH keys of the user we run as."""
    folder = os.path.expanduser("~/.ssh")
    paths = [os.path.join(folder, name) for name in ("id_ed25519", "id_ecdsa", "id_rsa")]
    return [(f"{path}.pub" if os.path.exists(f"{path}.pub") else None, path) for path in paths if os.path.exists(path)]
