"""RabbitMQ, by rabbitmqctl(8): users, virtual hosts, permissions and policies.

`runas` is the user that runs the command. Passwords go to it over its stdin, never on a command line.
"""

from __future__ import annotations

import json
import secrets
from typing import Any, Callable, Dict, List, Optional, Sequence

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.modules import _tools

__salt__: Dict[str, Callable[..., Any]]
__virtualname__ = "rabbitmq"

_LOCALE = {"LC_ALL": "C.UTF-8"}  # Erlang warns of others


def __virtual__() -> Any:
    if _tools.which("rabbitmqctl"):
        return __virtualname__
    return False, "The RabbitMQ execution module cannot be loaded: the rabbitmqctl binary is not in the path."


def _run(words: Sequence[Any], runas: Optional[str], password: Optional[str] = None) -> str:
    """What rabbitmqctl prints."""
    how = {"runas": runas, "env": _LOCALE, **({} if password is None else {"stdin": password + "\n"})}
    done = _tools.result(__salt__, ["rabbitmqctl", "-q", *words], **how)
    if done["retcode"]:
        raise CommandExecutionError(f"RabbitMQ command failed: {done['stderr'] or done['stdout']}")
    return str(done["stdout"])


def _rows(words: Sequence[str], runas: Optional[str]) -> List[Dict[str, Any]]:
    """What rabbitmqctl lists."""
    text = _run([*words, "--formatter=json"], runas)
    rows = json.loads(text[text.find("[") :] or "[]")
    return [row for row in rows if isinstance(row, dict)]


def list_users(runas: Optional[str] = None) -> Dict[str, List[str]]:
    """User -> tags.

    CLI Example:

    .. code-block:: bash

        salt '*' rabbitmq.list_users
    """
    return {row["user"]: list(row["tags"]) for row in _rows(["list_users"], runas)}


def user_exists(name: str, runas: Optional[str] = None) -> bool:
    """Whether there is a user of a name.

    CLI Example:

    .. code-block:: bash

        salt '*' rabbitmq.user_exists rabbit_user
    """
    return name in list_users(runas)


def add_user(name: str, password: Optional[str] = None, runas: Optional[str] = None) -> Dict[str, str]:
    """Makes a user; without a password it can't sign in by one.

    CLI Example:

    .. code-block:: bash

        salt '*' rabbitmq.add_user rabbit_user password
    """
    text = _run(["add_user", name], runas, secrets.token_urlsafe(24) if password is None else str(password))
    if password is None:
        try:
            clear_password(name, runas)
        except CommandExecutionError:
            delete_user(name, runas)
            raise
    return {"Added": text}


def delete_user(name: str, runas: Optional[str] = None) -> Dict[str, str]:
    """Deletes a user.

    CLI Example:

    .. code-block:: bash

        salt '*' rabbitmq.delete_user rabbit_user
    """
    return {"Deleted": _run(["delete_user", name], runas)}


def change_password(name: str, password: str, runas: Optional[str] = None) -> Dict[str, str]:
    """Gives a user another password.

    CLI Example:

    .. code-block:: bash

        salt '*' rabbitmq.change_password rabbit_user password
    """
    return {"Password Changed": _run(["change_password", name], runas, str(password))}


def clear_password(name: str, runas: Optional[str] = None) -> Dict[str, str]:
    """Takes a user's password away: nobody can sign in by one.

    CLI Example:

    .. code-block:: bash

        salt '*' rabbitmq.clear_password rabbit_user
    """
    return {"Password Cleared": _run(["clear_password", name], runas)}


def check_password(name: str, password: str, runas: Optional[str] = None) -> bool:
    """Whether a password is that of a user.

    CLI Example:

    .. code-block:: bash

        salt '*' rabbitmq.check_password rabbit_user password
    """
    how = {"runas": runas, "env": _LOCALE, "stdin": f"{password}\n", "ignore_retcode": True}
    done = _tools.result(__salt__, ["rabbitmqctl", "-q", "authenticate_user", name], **how)
    answer = done["stdout"] + done["stderr"]
    if done["retcode"] and "failed to authenticate" not in answer:
        raise CommandExecutionError(f"RabbitMQ command failed: {answer}")
    return not done["retcode"]


def set_user_tags(name: str, tags: Any, runas: Optional[str] = None) -> Dict[str, str]:
    """Gives a user other tags.

    Args:
        tags: a list, or text with blanks between.

    CLI Example:

    .. code-block:: bash

        salt '*' rabbitmq.set_user_tags myadmin administrator
    """
    words = tags.split() if isinstance(tags, str) else list(tags)
    return {"Tag(s) set": _run(["set_user_tags", name, *words], runas)}


def list_vhosts(runas: Optional[str] = None) -> List[str]:
    """Names of the virtual hosts.

    CLI Example:

    .. code-block:: bash

        salt '*' rabbitmq.list_vhosts
    """
    return [row["name"] for row in _rows(["list_vhosts"], runas)]


def vhost_exists(name: str, runas: Optional[str] = None) -> bool:
    """Whether there is a virtual host of a name.

    CLI Example:

    .. code-block:: bash

        salt '*' rabbitmq.vhost_exists rabbit_host
    """
    return name in list_vhosts(runas)


def add_vhost(vhost: str, runas: Optional[str] = None) -> Dict[str, str]:
    """Makes a virtual host.

    CLI Example:

    .. code-block:: bash

        salt '*' rabbitmq.add_vhost '<vhost_name>'
    """
    return {"Added": _run(["add_vhost", vhost], runas)}


def delete_vhost(vhost: str, runas: Optional[str] = None) -> Dict[str, str]:
    """Deletes a virtual host with all in it.

    CLI Example:

    .. code-block:: bash

        salt '*' rabbitmq.delete_vhost '<vhost_name>'
    """
    return {"Deleted": _run(["delete_vhost", vhost], runas)}


def set_permissions(
    vhost: str, user: str, conf: str = ".*", write: str = ".*", read: str = ".*", runas: Optional[str] = None
) -> Dict[str, str]:
    """Lets a user do things in a virtual host.

    Args:
        conf, write, read: regular expressions for the names of what the user may configure, write to and read.

    CLI Example:

    .. code-block:: bash

        salt '*' rabbitmq.set_permissions myvhost myuser
    """
    return {"Permissions Set": _run(["set_permissions", "-p", vhost, user, conf, write, read], runas)}


def list_permissions(vhost: str, runas: Optional[str] = None) -> Dict[str, Dict[str, str]]:
    """User -> `configure`, `write` and `read` in a virtual host.

    CLI Example:

    .. code-block:: bash

        salt '*' rabbitmq.list_permissions /myvhost
    """
    return {row.pop("user"): row for row in _rows(["list_permissions", "-p", vhost], runas)}


def list_user_permissions(name: str, runas: Optional[str] = None) -> Dict[str, Dict[str, str]]:
    """Virtual host -> `configure`, `write` and `read` of a user.

    CLI Example:

    .. code-block:: bash

        salt '*' rabbitmq.list_user_permissions user
    """
    return {row.pop("vhost"): row for row in _rows(["list_user_permissions", name], runas)}


def list_policies(vhost: str = "/", runas: Optional[str] = None) -> Dict[str, Dict[str, Dict[str, Any]]]:
    """Virtual host -> policy -> `pattern`, `apply_to`, `definition` (as JSON) and `priority`.

    CLI Example:

    .. code-block:: bash

        salt '*' rabbitmq.list_policies
    """
    found: Dict[str, Dict[str, Dict[str, Any]]] = {}
    for row in _rows(["list_policies", "-p", vhost], runas):
        definition = row["definition"]
        found.setdefault(row["vhost"], {})[row["name"]] = {
            "pattern": row["pattern"],
            "apply_to": row["apply-to"],
            "definition": definition if isinstance(definition, str) else json.dumps(definition),
            "priority": str(row["priority"]),
        }
    return found


def policy_exists(vhost: str, name: str, runas: Optional[str] = None) -> bool:
    """Whether there is a policy of a name in a virtual host.

    CLI Example:

    .. code-block:: bash

        salt '*' rabbitmq.policy_exists / HA
    """
    return name in list_policies(vhost, runas).get(vhost, {})


def set_policy(
    vhost: str,
    name: str,
    pattern: str,
    definition: Any,
    priority: Any = None,
    runas: Optional[str] = None,
    apply_to: Optional[str] = None,
) -> Dict[str, str]:
    """Makes or changes a policy.

    Args:
        pattern: regular expression for the names that it is for.
        definition: a mapping, or JSON.
        priority: of several policies, the one with the highest counts.
        apply_to: `queues`, `exchanges` or `all`.

    CLI Example:

    .. code-block:: bash

        salt '*' rabbitmq.set_policy / HA '.*' '{"ha-mode":"all"}'
    """
    text = json.dumps(definition) if isinstance(definition, dict) else definition
    if not isinstance(text, str):
        raise SaltInvocationError("The 'definition' argument must be a dictionary or JSON string")
    words = ["set_policy", "-p", vhost, *(["--priority", str(priority)] if priority else [])]
    words += ["--apply-to", apply_to] if apply_to else []
    return {"Set": _run([*words, name, pattern, text], runas)}


def delete_policy(vhost: str, name: str, runas: Optional[str] = None) -> Dict[str, str]:
    """Deletes a policy.

    CLI Example:

    .. code-block:: bash

        salt '*' rabbitmq.delete_policy / HA
    """
    return {"Deleted": _run(["clear_policy", "-p", vhost, name], runas)}
