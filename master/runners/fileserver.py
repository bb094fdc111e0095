"""What the master's file server serves. The backend `roots` reads the disk; copies of git repositories are updated."""

from __future__ import annotations

from typing import Any

from master import git_updates
from master.runners import _parts
from minion.errors import SaltInvocationError
from minion.files import backends
from minion.files.backends import Backends
from minion.files.git_mirror import Mirror

__opts__: dict[str, Any]


def envs(backend: Any = None, sources: bool = False) -> Any:
    """The names of the environments.

    Args:
        backend: `roots`, `git`, or all but one, such as `-roots`; all if not given.
        sources: show where they come from instead.

    CLI Example:

    .. code-block:: bash

        salt-run fileserver.envs
        salt-run fileserver.envs backend=git
    """
    server = _server(backend)
    return {name: each.envs() for name, each in server.servers} if sources else server.envs()


def file_list(saltenv: str = "base", backend: Any = None) -> list[str]:
    """The files of an environment.

    Args:
        saltenv: the environment.
        backend: as with `fileserver.envs`.

    CLI Example:

    .. code-block:: bash

        salt-run fileserver.file_list
        salt-run fileserver.file_list saltenv=prod
    """
    return _server(backend).file_list(saltenv)


def dir_list(saltenv: str = "base", backend: Any = None) -> list[str]:
    """The folders of an environment.

    Args:
        saltenv: the environment.
        backend: as with `fileserver.envs`.

    CLI Example:

    .. code-block:: bash

        salt-run fileserver.dir_list
    """
    return _server(backend).dir_list(saltenv)


def empty_dir_list(saltenv: str = "base", backend: Any = None) -> list[str]:
    """The empty folders of an environment; git knows none.

    Args:
        saltenv: the environment.
        backend: as with `fileserver.envs`.

    CLI Example:

    .. code-block:: bash

        salt-run fileserver.empty_dir_list
    """
    return _server(backend).file_list_emptydirs(saltenv)


def symlink_list(saltenv: str = "base", backend: Any = None) -> dict[str, str]:
    """The links of an environment and what they point to.

    Args:
        saltenv: the environment.
        backend: as with `fileserver.envs`.

    CLI Example:

    .. code-block:: bash

        salt-run fileserver.symlink_list
    """
    return _server(backend).symlink_list(saltenv)


def update(backend: Any = None, remotes: Any = None, **kwargs: Any) -> bool:
    """Fetches the repositories now; the master does it anyway every `gitfs_update_interval` seconds.

    Args:
        backend: as with `fileserver.envs`.
        remotes: URLs or names of the only repositories to fetch.

    CLI Example:

    .. code-block:: bash

        salt-run fileserver.update
        salt-run fileserver.update backend=git
        salt-run fileserver.update backend=git remotes=myrepo,yourrepo
    """
    wanted = _parts.listed(remotes)
    found = [
        mirror for mirror in _mirrors(backend) if not wanted or {mirror.remote.name, mirror.remote.url} & {*wanted}
    ]
    git_updates.fetch_all(found)
    return True


def clear_cache(backend: Any = None) -> Any:
    """Removes the copies of repositories; they are fetched again at the next update.

    Args:
        backend: as with `fileserver.envs`.

    CLI Example:

    .. code-block:: bash

        salt-run fileserver.clear_cache
    """
    cleared = [mirror for mirror in _mirrors(backend) if mirror.clear()]
    return {"cleared": ["The gitfs fileserver cache was successfully cleared"]} if cleared else "No cache was cleared"


def clear_file_list_cache(saltenv: Any = None, backend: Any = None) -> dict[str, list[str]]:
    """Forgets cached lists of files; there are none, lists follow the disk and the repositories by themselves.

    Args:
        saltenv: environments, all if not given.
        backend: as with `fileserver.envs`.

    CLI Example:

    .. code-block:: bash

        salt-run fileserver.clear_file_list_cache
    """
    wanted = _parts.listed(saltenv)
    named = {name: server.envs() for name, server in _server(backend).servers}
    return {name: [env for env in found if not wanted or env in wanted] for name, found in named.items()}


def lock(backend: Any = None, remote: Any = None) -> Any:
    """Keeps repositories from being updated.

    Args:
        backend: as with `fileserver.envs`.
        remote: a glob of URLs; all if not given.

    CLI Example:

    .. code-block:: bash

        salt-run fileserver.lock
        salt-run fileserver.lock backend=git remote='*myrepo*'
    """
    done = git_updates.lock("gitfs", _mirrors(backend), remote)
    return {"locked": done} if done else "No locks were set"


def clear_lock(backend: Any = None, remote: Any = None) -> Any:
    """Ends what `fileserver.lock` began.

    Args:
        backend: as with `fileserver.envs`.
        remote: a glob of URLs; all if not given.

    CLI Example:

    .. code-block:: bash

        salt-run fileserver.clear_lock
    """
    done = git_updates.unlock("gitfs", _mirrors(backend), remote)
    return {"cleared": done} if done else "No locks were removed"


def _server(backend: Any) -> Backends:
    return Backends(backends.open_all(__opts__, _names(backend)))


def _mirrors(backend: Any) -> list[Mirror]:
    """Copies of the repositories of a backend."""
    return [mirror for role, mirror in git_updates.mirrors(__opts__) if role == "gitfs" and role in _names(backend)]


def _names(backend: Any) -> list[str]:
    """The chosen ones of the configured backends."""
    configured, wanted = backends.names(__opts__), _parts.listed(backend)
    if wanted and all(name.startswith("-") for name in wanted):
        left_out = [backends.proper_name(name[1:]) for name in wanted]
        return [name for name in configured if name not in left_out]
    for name in wanted:
        if backends.proper_name(name) not in configured:
            raise SaltInvocationError(f"there is no file server backend {name!r}: enabled are {', '.join(configured)}")
    return [backends.proper_name(name) for name in wanted] or configured
