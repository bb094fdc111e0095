"""What the system lets the processes of a master use."""

from __future__ import annotations

import resource


def set_limits(open_files: int, megabytes: int) -> None:
    """Limits for this process and those that it starts: descriptors enough, and no core dumps, which hold keys.

    Args:
        open_files: descriptors.
        megabytes: see `limit_memory`; 0 for no limit.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    ceiling = hard if hard != resource.RLIM_INFINITY else open_files
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(open_files, ceiling)), hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if megabytes:
        limit_memory(megabytes)


def limit_memory(megabytes: int) -> None:
    """A process that needs more ends, and is started anew, instead of taking the whole host with it.

    Strangers can make ZeroMQ need memory: it collects a message of many parts before anybody sees it.
    """
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    wanted = megabytes * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))
