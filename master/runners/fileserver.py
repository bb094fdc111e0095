"""What the master's file server serves. Its only backend is `roots`, which reads the disk and has nothing to update."""

from __future__ import annotations

from typing import Any

from master.runners import _parts
from minion.errors import SaltInvocationError
from minion.files.roots import Roots, RootsOptions

__opts__: dict[str, Any]

_BACKENDS = ("roots", "file", "file_roots")


def envs(backend: Any = None, sources: bool = False) -> Any:
    """The names of the environments.

    Args:
        backend: `roots`, if given.
        sources: show where they come from instead.

    CLI Example:

    .. code-block:: bash

        salt-run fileserver.envs
    """
    found = _roots(backend).envs()
    return {"roots": found} if sources else found


def file_list(saltenv: str = "base", backend: Any = None) -> list[str]:
    """The files of an environment.

    Args:
        saltenv: the environment.
        backend: `roots`, if given.

    CLI Example:

    .. code-block:: bash

        salt-run fileserver.file_list
        salt-run fileserver.file_list saltenv=prod
    """
    return _roots(backend).file_list(saltenv)


def dir_list(saltenv: str = "base", backend: Any = None) -> list[str]:
    """The folders of an environment.

    Args:
        saltenv: the environment.
        backend: `roots`, if given.

    CLI Example:

    .. code-block:: bash

        salt-run fileserver.dir_list
    """
    return _roots(backend).dir_list(saltenv)


def empty_dir_list(saltenv: str = "base", backend: Any = None) -> list[str]:
    """The empty folders of an environment.

    Args:
        saltenv: the environment.
        backend: `roots`, if given.

    CLI Example:

    .. code-block:: bash

        salt-run fileserver.empty_dir_list
    """
    return _roots(backend).file_list_emptydirs(saltenv)


def symlink_list(saltenv: str = "base", backend: Any = None) -> dict[str, str]:
    """The links of an environment and what they point to.

    Args:
        saltenv: the environment.
        backend: `roots`, if given.

    CLI Example:

    .. code-block:: bash

        salt-run fileserver.symlink_list
    """
    return _roots(backend).symlink_list(saltenv)


def update(backend: Any = None, **kwargs: Any) -> bool:
    """Brings what is served up to date; with `roots` it always is.

    Args:
        backend: `roots`, if given.

    CLI Example:

    .. code-block:: bash

        salt-run fileserver.update
    """
    _roots(backend)
    return True


def clear_cache(backend: Any = None) -> str:
    """Forgets what is cached of what is served; with `roots` nothing is.

    Args:
        backend: `roots`, if given.

    CLI Example:

    .. code-block:: bash

        salt-run fileserver.clear_cache
    """
    _roots(backend)
    return "No cache was cleared"


def clear_file_list_cache(saltenv: Any = None, backend: Any = None) -> dict[str, list[str]]:
    """Forgets cached lists of files; the lists of `roots` follow the disk by themselves.

    Args:
        saltenv: environments, all if not given.
        backend: `roots`, if given.

    CLI Example:

    .. code-block:: bash

        salt-run fileserver.clear_file_list_cache
    """
    wanted = _parts.listed(saltenv)
    return {"roots": [name for name in _roots(backend).envs() if not wanted or name in wanted]}


def lock(backend: Any = None, remote: Any = None) -> str:
    """Keeps what is served from being updated; with `roots` there is nothing to lock.

    Args:
        backend: `roots`, if given.
        remote: accepted for Salt's sake.

    CLI Example:

    .. code-block:: bash

        salt-run fileserver.lock
    """
    _roots(backend)
    return "No locks were set"


def clear_lock(backend: Any = None, remote: Any = None) -> str:
    """Ends what `fileserver.lock` began; with `roots` there is nothing to unlock.

    Args:
        backend: `roots`, if given.
        remote: accepted for Salt's sake.

    CLI Example:

    .. code-block:: bash

        salt-run fileserver.clear_lock
    """
    _roots(backend)
    return "No locks were removed"


def _roots(backend: Any) -> Roots:
    for name in _parts.listed(backend):
        if name not in _BACKENDS:
            raise SaltInvocationError(f"there is no file server backend {name!r}: the only one is roots")
    return Roots(__opts__["file_roots"], RootsOptions.of(__opts__))
