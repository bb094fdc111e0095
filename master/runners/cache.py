"""What the master keeps of its minions."""

from __future__ import annotations

from typing import Any

from master import git_updates
from master.miniondata import KINDS
from master.runners import _parts
from minion.errors import SaltInvocationError

__opts__: dict[str, Any]


def grains(tgt: Any, tgt_type: str = "glob", **kwargs: Any) -> dict[str, Any]:
    """The grains that minions last sent.

    Args:
        tgt, tgt_type: which minions.

    CLI Example:

    .. code-block:: bash

        salt-run cache.grains '*'
    """
    data = _parts.minion_data(__opts__)
    return {name: data.grains(name) or {} for name in _parts.targeted(__opts__, tgt, tgt_type)}


def pillar(tgt: Any = None, tgt_type: str = "glob", **kwargs: Any) -> dict[str, Any]:
    """The pillars that were last compiled for minions.

    Args:
        tgt, tgt_type: which minions; all if not given.

    CLI Example:

    .. code-block:: bash

        salt-run cache.pillar
    """
    data = _parts.minion_data(__opts__)
    return {name: data.pillar(name) or {} for name in _parts.targeted(__opts__, tgt, tgt_type)}


def mine(tgt: Any = None, tgt_type: str = "glob", **kwargs: Any) -> dict[str, Any]:
    """What minions last sent to the mine.

    Args:
        tgt, tgt_type: which minions; all if not given.

    CLI Example:

    .. code-block:: bash

        salt-run cache.mine
    """
    data = _parts.minion_data(__opts__)
    return {name: data.mine(name) for name in _parts.targeted(__opts__, tgt, tgt_type)}


def clear_grains(tgt: Any = None, tgt_type: str = "glob") -> bool:
    """Forgets grains; whether there were any.

    Args:
        tgt, tgt_type: of which minions; of all if not given.

    CLI Example:

    .. code-block:: bash

        salt-run cache.clear_grains
    """
    return _clear(tgt, tgt_type, "grains")


def clear_pillar(tgt: Any = None, tgt_type: str = "glob") -> bool:
    """Forgets compiled pillars; whether there were any.

    Args:
        tgt, tgt_type: of which minions; of all if not given.

    CLI Example:

    .. code-block:: bash

        salt-run cache.clear_pillar
    """
    return _clear(tgt, tgt_type, "pillar")


def clear_mine(tgt: Any = None, tgt_type: str = "glob") -> bool:
    """Empties mines; whether there was something in them.

    Args:
        tgt, tgt_type: of which minions; of all if not given.

    CLI Example:

    .. code-block:: bash

        salt-run cache.clear_mine
    """
    return _clear(tgt, tgt_type, "mine")


def clear_all(tgt: Any = None, tgt_type: str = "glob") -> bool:
    """Forgets grains, pillars and mines; whether there was something to forget.

    Args:
        tgt, tgt_type: of which minions; of all if not given.

    CLI Example:

    .. code-block:: bash

        salt-run cache.clear_all
    """
    return _clear(tgt, tgt_type, *KINDS)


def clear_mine_func(tgt: Any = None, tgt_type: str = "glob", clear_mine_func_flag: str | None = None) -> bool:
    """Takes one function out of mines; whether it was in one.

    Args:
        tgt, tgt_type: of which minions; of all if not given.
        clear_mine_func_flag: the function.

    CLI Example:

    .. code-block:: bash

        salt-run cache.clear_mine_func tgt='*' clear_mine_func_flag='network.interfaces'
    """
    data, fun = _parts.minion_data(__opts__), str(clear_mine_func_flag or "")
    return sum(data.delete_mine(name, fun) for name in _parts.targeted(__opts__, tgt, tgt_type)) > 0


def clear_git_lock(role: str, remote: str | None = None, **kwargs: Any) -> Any:
    """Lets repositories be updated again after `fileserver.lock`.

    Args:
        role: `gitfs` or `git_pillar`.
        remote: a glob of URLs; all if not given.

    CLI Example:

    .. code-block:: bash

        salt-run cache.clear_git_lock gitfs
        salt-run cache.clear_git_lock git_pillar remote='*example*'
    """
    if role not in git_updates.ROLES:
        raise SaltInvocationError(f"Invalid role '{role}': it is one of {', '.join(git_updates.ROLES)}")
    among = [mirror for of, mirror in git_updates.mirrors(__opts__) if of == role]
    done = git_updates.unlock(role, among, remote)
    return {"cleared": done} if done else "No locks were removed"


def _clear(tgt: Any, tgt_type: str, *kinds: str) -> bool:
    data, minions = _parts.minion_data(__opts__), _parts.targeted(__opts__, tgt, tgt_type)
    return sum(data.clear(name, kind) for name in minions for kind in kinds) > 0
