"""What the fields of a host accept: one function for each kind of value, which returns it in its proper type.

Each raises ValueError with what was expected. Host names, users and paths become arguments of connections and files, so
nothing passes that a shell, an option parser or a terminal might read in another way.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any

Check = Callable[[Any], Any]

_HOST = re.compile(r"[A-Za-z0-9_.:%][A-Za-z0-9_.:%-]{0,254}", re.ASCII)
_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.@\\-]{0,63}", re.ASCII)
_REMOTE_PATH = re.compile(r"(~|\$HOME)?/[A-Za-z0-9_./-]{0,1023}|~", re.ASCII)
_SEARCH_PATH = re.compile(r"[A-Za-z0-9_./:$+~-]{1,4096}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_OCTAL = re.compile(r"0?o?[0-7]{1,4}", re.ASCII)

# Keywords of ssh_config that an option may set: how to talk to a host, never what to run on this one.
SSH_OPTIONS = frozenset(
    {
        "addressfamily", "bindaddress", "casignaturealgorithms", "ciphers", "compression", "connectionattempts",
        "connecttimeout", "globalknownhostsfile", "hostbasedauthentication", "hostkeyalgorithms", "hostkeyalias",
        "identitiesonly", "identityfile", "kbdinteractiveauthentication", "kexalgorithms", "loglevel", "macs",
        "numberofpasswordprompts", "passwordauthentication", "port", "preferredauthentications", "proxyjump",
        "pubkeyauthentication", "rekeylimit", "serveralivecountmax", "serveraliveinterval", "stricthostkeychecking",
        "tcpkeepalive", "user", "userknownhostsfile",
    }
)  # fmt: skip


def host(value: Any) -> str:
    """A DNS name or an IP address."""
    if not isinstance(value, str) or not _HOST.fullmatch(value):
        raise ValueError("a host name or an IP address")
    return value


def port(value: Any) -> int:
    """A TCP port."""
    number = whole(value)
    if not 1 <= number <= 65535:
        raise ValueError("a port from 1 to 65535")
    return number


def user(value: Any) -> str:
    """A user name."""
    if not isinstance(value, str) or not _USER.fullmatch(value):
        raise ValueError("a user name: letters, digits and _.@\\-, at most 64")
    return value


def secret(value: Any) -> str:
    """A password or passphrase."""
    if not isinstance(value, (str, int)) or isinstance(value, bool) or _CONTROL.search(str(value)):
        raise ValueError("text in one line")
    return str(value)


def line(value: Any) -> str:
    """Text in one line."""
    if not isinstance(value, str) or _CONTROL.search(value):
        raise ValueError("text in one line")
    return value


def flag(value: Any) -> bool:
    """True or False."""
    if isinstance(value, str) and value.lower() in ("true", "yes", "on", "false", "no", "off"):
        return value.lower() in ("true", "yes", "on")
    if not isinstance(value, bool):
        raise ValueError("True or False")
    return value


def whole(value: Any) -> int:
    """A whole number."""
    if isinstance(value, bool) or not (isinstance(value, int) or (isinstance(value, str) and value.isdecimal())):
        raise ValueError("a whole number")
    return int(value)


def seconds(value: Any) -> float:
    """A time in seconds."""
    if isinstance(value, bool):
        raise ValueError("a number of seconds")
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ValueError("a number of seconds") from None
    if not 0 < number <= 86400 * 30:
        raise ValueError("a number of seconds above 0")
    return number


def key_file(value: Any) -> str:
    """An absolute path on this host, `~` allowed; `agent-forwarding` for the keys of the agent."""
    if value == "agent-forwarding":
        return ""
    path = os.path.expanduser(line(value))
    if not os.path.isabs(path):
        raise ValueError("an absolute path")
    return path


def remote_path(value: Any) -> str:
    """An absolute path on the host, `~` allowed."""
    if not isinstance(value, str) or not _REMOTE_PATH.fullmatch(value) or ".." in value.split("/"):
        raise ValueError("an absolute path of letters, digits and _./-")
    return value


def search_path(value: Any) -> str:
    """Folders separated by colons, `$PATH` among them."""
    if not isinstance(value, str) or not _SEARCH_PATH.fullmatch(value):
        raise ValueError("folders separated by ':'")
    return value


def umask(value: Any) -> int:
    """An octal number; YAML reads 0022 as one already."""
    if isinstance(value, str) and _OCTAL.fullmatch(value):
        value = int(value.replace("o", ""), 8)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 0o777:
        raise ValueError("an octal number like 0022")
    return value


def mapping(value: Any) -> dict[str, Any]:
    """A map with names as keys."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise ValueError("a map")
    return dict(value)


def words(value: Any) -> tuple[str, ...]:
    """A list of texts; one text is split as a shell would."""
    import shlex

    if isinstance(value, str):
        value = shlex.split(value)
    if not isinstance(value, (list, tuple)):
        raise ValueError("a list")
    return tuple(line(str(item)) for item in value)


def ssh_options(value: Any) -> tuple[tuple[str, str], ...]:
    """Options of the SSH client as `Keyword=value` texts or a map; of `SSH_OPTIONS` only."""
    if isinstance(value, str):
        value = [value]
    if isinstance(value, Mapping):
        value = [f"{key}={item}" for key, item in value.items()]
    if not isinstance(value, (list, tuple)):
        raise ValueError("a list of `Keyword=value`")
    return tuple(_ssh_option(line(str(item))) for item in value)


def _ssh_option(text: str) -> tuple[str, str]:
    keyword, _, argument = text.partition("=") if "=" in text else text.partition(" ")
    keyword, argument = keyword.strip(), argument.strip()
    if keyword.lower() not in SSH_OPTIONS:
        raise ValueError(f"options that are allowed, and {keyword!r} is not (it is not of {', '.join(_named())})")
    if not argument:
        raise ValueError(f"a value for {keyword}")
    if keyword.lower() == "proxyjump":
        jump(argument)
    return keyword, argument


def _named() -> list[str]:
    return sorted(SSH_OPTIONS)


def jump(value: Any) -> str:
    """Hosts to go through, `[user@]host[:port]`, separated by commas."""
    for hop in line(value).split(","):
        name, _, rest = hop.strip().rpartition("@")
        if name:
            user(name)
        where, colon, number = rest.rpartition(":") if rest.count(":") == 1 else (rest, "", "")
        host(where.strip("[]"))
        if colon:
            port(number)
    return str(value)
