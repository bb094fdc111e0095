"""RabbitMQ: the node itself, its queues, its cluster and its plugins.

`runas` is the user that runs the command.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional

from minion.errors import CommandExecutionError
from minion.modules import _tools

__salt__: Dict[str, Callable[..., Any]]
__virtualname__ = "rabbitmq"


def __virtual__() -> Any:
    if _tools.which("rabbitmqctl"):
        return __virtualname__
    return False, "The RabbitMQ execution module cannot be loaded: the rabbitmqctl binary is not in the path."


def _run(words: List[str], runas: Optional[str], program: str = "rabbitmqctl") -> str:
    done = _tools.result(__salt__, [program, "-q", *words], runas=runas, env={"LC_ALL": "C.UTF-8"})
    if done["retcode"]:
        raise CommandExecutionError(f"RabbitMQ command failed: {done['stderr'] or done['stdout']}")
    return str(done["stdout"])


def status(runas: Optional[str] = None) -> str:
    """What the node says of itself.

    CLI Example:

    .. code-block:: bash

        salt '*' rabbitmq.status
    """
    return _run(["status"], runas)


def cluster_status(runas: Optional[str] = None) -> str:
    """What the node says of its cluster.

    CLI Example:

    .. code-block:: bash

        salt '*' rabbitmq.cluster_status
    """
    return _run(["cluster_status"], runas)


def join_cluster(
    host: str, user: str = "rabbit", ram_node: Optional[bool] = None, runas: Optional[str] = None
) -> Dict[str, str]:
    """Lets the node join a cluster.

    Args:
        host: of a node of the cluster.
        user: the first part of that node's name.
        ram_node: keep data in memory only.

    CLI Example:

    .. code-block:: bash

        salt '*' rabbitmq.join_cluster rabbit.example.com rabbit
    """
    words = ["join_cluster", *(["--ram"] if ram_node else []), f"{user}@{host}"]
    stop_app(runas)
    joined = _run(words, runas)
    start_app(runas)
    return {"Join": joined}


def stop_app(runas: Optional[str] = None) -> str:
    """Stops the broker, not the node.

    CLI Example:

    .. code-block:: bash

        salt '*' rabbitmq.stop_app
    """
    return _run(["stop_app"], runas)


def start_app(runas: Optional[str] = None) -> str:
    """Starts the broker.

    CLI Example:

    .. code-block:: bash

        salt '*' rabbitmq.start_app
    """
    return _run(["start_app"], runas)


def reset(runas: Optional[str] = None) -> str:
    """Makes a stopped broker as if it were new: all data are lost.

    CLI Example:

    .. code-block:: bash

        salt '*' rabbitmq.reset
    """
    return _run(["reset"], runas)


def force_reset(runas: Optional[str] = None) -> str:
    """Makes a stopped broker as if it were new, whatever its cluster says: all data are lost.

    CLI Example:

    .. code-block:: bash

        salt '*' rabbitmq.force_reset
    """
    return _run(["force_reset"], runas)


def list_queues(runas: Optional[str] = None, *args: str) -> Dict[str, List[str]]:
    """Queue -> what `rabbitmqctl list_queues` tells of it.

    Args:
        args: what to tell, such as `messages` and `consumers`.

    CLI Example:

    .. code-block:: bash

        salt '*' rabbitmq.list_queues messages consumers
    """
    return list_queues_vhost("/", runas, *args)


def list_queues_vhost(vhost: str, runas: Optional[str] = None, *args: str) -> Dict[str, List[str]]:
    """Queue -> what `rabbitmqctl list_queues` tells of it, of a virtual host.

    Args:
        args: what to tell, such as `messages` and `consumers`.

    CLI Example:

    .. code-block:: bash

        salt '*' rabbitmq.list_queues_vhost myvhost messages consumers
    """
    columns = [name for name in args if name != "name"] or ["messages"]
    words = ["list_queues", "-p", vhost, "--no-table-headers", "name", *columns]
    rows = (line.split("\t") for line in _run(words, runas).splitlines())
    return {row[0]: row[1:] for row in rows if len(row) > 1}


def _plugins(words: List[str], runas: Optional[str]) -> str:
    return _run(words, runas, "rabbitmq-plugins")


def list_available_plugins(runas: Optional[str] = None) -> List[str]:
    """Names of the plugins that are installed.

    CLI Example:

    .. code-block:: bash

        salt '*' rabbitmq.list_available_plugins
    """
    return _plugins(["list", "-m"], runas).split()


def list_enabled_plugins(runas: Optional[str] = None) -> List[str]:
    """Names of the plugins that are enabled, also because others need them.

    CLI Example:

    .. code-block:: bash

        salt '*' rabbitmq.list_enabled_plugins
    """
    return _plugins(["list", "-m", "-e"], runas).split()


def plugin_is_enabled(name: str, runas: Optional[str] = None) -> bool:
    """Whether a plugin is enabled.

    CLI Example:

    .. code-block:: bash

        salt '*' rabbitmq.plugin_is_enabled rabbitmq_plugin_name
    """
    return name in list_enabled_plugins(runas)


def enable_plugin(name: str, runas: Optional[str] = None) -> Dict[str, str]:
    """Enables a plugin.

    CLI Example:

    .. code-block:: bash

        salt '*' rabbitmq.enable_plugin foo
    """
    return {"Enabled": _plugins(["enable", name], runas)}


def disable_plugin(name: str, runas: Optional[str] = None) -> Dict[str, str]:
    """Disables a plugin.

    CLI Example:

    .. code-block:: bash

        salt '*' rabbitmq.disable_plugin foo
    """
    return {"Disabled": _plugins(["disable", name], runas)}
