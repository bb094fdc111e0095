"""Asks name servers, by dig(1).

`nameserver` is the server to ask instead of the system's. A question that fails has no answers.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Callable, Dict, List, Optional

from minion.modules import _tools

__salt__: Dict[str, Callable[..., Any]]
__virtualname__ = "dig"


def __virtual__() -> Any:
    if _tools.which("dig"):
        return __virtualname__
    return False, "The dig execution module cannot be loaded: the dig binary is not in the path."


def _ask(words: List[str], nameserver: Optional[str]) -> List[str]:
    """The lines of a short answer."""
    server = [f"@{nameserver}"] if nameserver is not None else []
    done = _tools.result(__salt__, ["dig", "+short", *words, *server])
    lines = [] if done["retcode"] else str(done["stdout"]).splitlines()
    return [line for line in lines if not line.startswith(";")]


def check_ip(addr: Any) -> bool:
    """Whether a text is an IP address, or a network with its prefix length.

    CLI Example:

    .. code-block:: bash

        salt ns1 dig.check_ip 127.0.0.1
    """
    if not isinstance(addr, str):
        return False
    address, slash, prefix = addr.partition("/")
    try:
        version = ipaddress.ip_address(address).version
    except ValueError:
        return False
    low, high = (1, 32) if version == 4 else (8, 128)
    return not slash or (prefix.isdigit() and low <= int(prefix) <= high)


def A(host: str, nameserver: Optional[str] = None) -> List[str]:
    """IPv4 addresses of a host.

    CLI Example:

    .. code-block:: bash

        salt ns1 dig.A www.example.com
    """
    return list(filter(check_ip, _ask([str(host), "A"], nameserver)))


def AAAA(host: str, nameserver: Optional[str] = None) -> List[str]:
    """IPv6 addresses of a host.

    CLI Example:

    .. code-block:: bash

        salt ns1 dig.AAAA www.example.com
    """
    return list(filter(check_ip, _ask([str(host), "AAAA"], nameserver)))


def PTR(host: str, nameserver: Optional[str] = None) -> List[str]:
    """Names of an address.

    CLI Example:

    .. code-block:: bash

        salt ns1 dig.PTR 192.0.2.1
    """
    return _ask(["-x", str(host)], nameserver)


def CNAME(host: str, nameserver: Optional[str] = None) -> Any:
    """The name that a name stands for; an empty list if the question fails.

    CLI Example:

    .. code-block:: bash

        salt ns1 dig.CNAME mail.example.com
    """
    return "\n".join(_ask([str(host), "CNAME"], nameserver)) or []


def NS(domain: str, resolve: bool = True, nameserver: Optional[str] = None) -> List[str]:
    """Addresses of the name servers of a domain; with `resolve=False` their names.

    CLI Example:

    .. code-block:: bash

        salt ns1 dig.NS example.com
    """
    servers = _ask([str(domain), "NS"], nameserver)
    return [address for server in servers for address in A(server, nameserver)] if resolve else servers


def MX(domain: str, resolve: bool = False, nameserver: Optional[str] = None) -> List[List[str]]:
    """Priority and name of the mail servers of a domain; with `resolve` one address in the place of the name.

    CLI Example:

    .. code-block:: bash

        salt ns1 dig.MX example.com
    """
    servers = [line.split() for line in _ask([str(domain), "MX"], nameserver)]
    if not resolve:
        return servers
    return [[priority, (A(name, nameserver) or [name])[0]] for priority, name in servers]


def TXT(host: str, nameserver: Optional[str] = None) -> List[str]:
    """Texts of a name, in quotes.

    CLI Example:

    .. code-block:: bash

        salt ns1 dig.TXT example.com
    """
    return _ask([str(host), "TXT"], nameserver)


def SPF(domain: str, record: str = "SPF", nameserver: Optional[str] = None) -> List[str]:
    """Addresses and networks that may send mail of a domain.

    Args:
        record: the kind of record to ask for first; TXT is asked for if there is none.

    CLI Example:

    .. code-block:: bash

        salt ns1 dig.SPF example.com
    """
    return _senders(str(domain), record, nameserver, 10)  # RFC 7208 allows so many questions


def _senders(domain: str, record: str, nameserver: Optional[str], depth: int) -> List[str]:
    lines = _ask([domain, record], nameserver)
    if not lines and record == "SPF":
        lines = _ask([domain, "TXT"], nameserver)
    policies = [words for words in (re.sub('"', "", line).split() for line in lines) if words[:1] == ["v=spf1"]]
    found: List[str] = []
    for word in policies[0][1:] if policies and depth else ():
        match = re.match(r"[+~]?(?:(ip[46]|include):|(redirect)=)(.+)", word)
        if match and (match.group(1) == "include" or match.group(2)):
            found += _senders(match.group(3), "SPF", nameserver, depth - 1)
        elif match and check_ip(match.group(3)):
            found.append(match.group(3))
    return found
