"""Names, addresses and resolver settings of the host."""

from __future__ import annotations

import ipaddress
import json
import logging
import os
import select
import signal
import socket
import threading
import time
from contextlib import suppress
from typing import Any, Callable, Dict, Iterable, List, Tuple

from minion import network
from minion.grains._probe import read

log = logging.getLogger(__name__)

Grains = Dict[str, Any]

RESOLVER_SECONDS = 6.0  # one server that does not answer (5 s) and the next one that does


def addresses() -> Grains:
    """Everything the interfaces and routes tell."""
    data = network.interfaces()
    gateways = {4: network.default_gateway("inet"), 6: network.default_gateway("inet6")}
    return {
        "ip_interfaces": network.interface_addresses(data=data),
        "ip4_interfaces": network.interface_addresses("inet", data),
        "ip6_interfaces": network.interface_addresses("inet6", data),
        "hwaddr_interfaces": network.hw_addresses(data),
        "ipv4": network.ip_addrs(include_loopback=True, data=data),
        "ipv6": network.ip_addrs6(include_loopback=True, data=data),
        "ip4_gw": gateways[4],
        "ip6_gw": gateways[6],
        "ip_gw": bool(gateways[4] or gateways[6]),
    }


def names(ipv4: List[str], ipv6: List[str], reverse: bool = True) -> Grains:
    """localhost, fqdn, host, domain, fqdn_ip4, fqdn_ip6 and (the names of all addresses) fqdns."""
    own, routable = network.hostname(), [address for address in ipv6 if _is_routable(address)]
    asked: Dict[str, Callable[[], Any]] = {"fqdn": network.fqdn}
    for key, family, known in (("fqdn_ip4", "inet", ipv4), ("fqdn_ip6", "inet6", routable)):
        if known:
            asked[key] = lambda family=family: network.resolve(network.fqdn(), family)  # type: ignore[misc]
    if reverse:
        for address in filter(_is_routable, ipv4 + ipv6):
            asked["fqdns " + address] = lambda address=address: _names_of(address)  # type: ignore[misc]
    answers = ask(asked, RESOLVER_SECONDS)
    fqdn = answers.get("fqdn") or own
    host, _, domain = fqdn.partition(".")
    found = {name for key, value in answers.items() if key.startswith("fqdns ") for name in value}
    return {
        "localhost": own,
        "fqdn": fqdn,
        "host": host,
        "domain": domain,
        "fqdn_ip4": answers.get("fqdn_ip4") or [],
        "fqdn_ip6": answers.get("fqdn_ip6") or [],
        "fqdns": sorted(found),
    }


def _is_routable(address: str) -> bool:
    """Whether a resolver may know it. Asking for others takes seconds on a host whose resolver is out of reach."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    return not parsed.is_loopback and not parsed.is_link_local


def _names_of(address: str) -> List[str]:
    return [socket.getfqdn(socket.gethostbyaddr(address)[0])]


def ask(questions: Dict[str, Callable[[], Any]], seconds: float) -> Dict[str, Any]:
    """Asks all questions at once in a child process, because a resolver can hang and can't be told to stop.

    Answers that did not come in time, or failed, are missing.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _answer_and_exit(questions, writing)
    os.close(writing)
    try:
        return _collect(reading, time.monotonic() + seconds)
    finally:
        os.close(reading)
        os.kill(child, signal.SIGKILL)
        with suppress(ChildProcessError):  # where nobody wants to hear of children, the kernel buries them
            os.waitpid(child, 0)


def _answer_and_exit(questions: Dict[str, Callable[[], Any]], writing: int) -> None:
    """One thread for each question; a line is shorter than what a pipe takes in one piece."""

    def answer(key: str, question: Callable[[], Any]) -> None:
        try:
            line = json.dumps([key, question()]).encode() + b"\n"
        except (OSError, UnicodeError):
            return
        if len(line) <= select.PIPE_BUF:
            os.write(writing, line)

    try:
        threads = [threading.Thread(target=answer, args=item) for item in questions.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        os._exit(0)


def _collect(reading: int, deadline: float) -> Dict[str, Any]:
    received = b""
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([reading], [], [], left)[0]:
            log.warning("The resolver did not answer in time: grains with names of this host may be incomplete")
            break
        chunk = os.read(reading, 1 << 16)
        if not chunk:
            break
        received += chunk
    return dict(json.loads(line) for line in received.splitlines(keepends=True) if line.endswith(b"\n"))


def resolver() -> Grains:
    """The dns grain: what resolv.conf says; that of systemd-resolved, which knows the real servers, if there is one."""
    paths = ("/run/systemd/resolve/resolv.conf", "/etc/resolv.conf")
    text = read(next(filter(os.path.exists, paths), paths[-1]))
    return {} if text is None else {"dns": parse_resolv_conf(text)}


def parse_resolv_conf(text: str) -> Grains:
    """Name servers, search list and options of a resolv.conf."""
    servers: List[str] = []
    settings: Dict[str, Any] = {"domain": "", "search": []}
    sortlist: List[str] = []
    options: List[str] = []
    for directive, arguments in _directives(text):
        if directive == "nameserver":
            servers.extend(_ip_addresses(arguments[:1]))
        elif directive == "domain":
            settings["domain"] = arguments[0]
        elif directive == "search":
            settings["search"] = arguments
        elif directive == "sortlist":
            sortlist.extend(map(_with_netmask, arguments))
        elif directive == "options":
            options.append(arguments[0])
    servers = list(dict.fromkeys(servers))
    return {
        "nameservers": servers,
        "ip4_nameservers": [server for server in servers if ":" not in server],
        "ip6_nameservers": [server for server in servers if ":" in server],
        "sortlist": list(dict.fromkeys(filter(None, sortlist))),
        **settings,
        "options": list(dict.fromkeys(options)),
    }


def _directives(text: str) -> Iterable[Tuple[str, List[str]]]:
    for line in text.splitlines():
        words = line.split()
        comment = next((index for index, word in enumerate(words) if word[0] in "#;"), len(words))
        if comment > 1:
            yield words[0].lower(), words[1:comment]


def _ip_addresses(texts: List[str]) -> Iterable[str]:
    for text in texts:
        try:
            yield str(ipaddress.ip_address(text))
        except ValueError:
            log.error("resolv.conf: %s is not an IP address", text)


def _with_netmask(text: str) -> str:
    """A sortlist entry; one without a mask gets that of its class."""
    try:
        if "/" not in text and ":" not in text:
            first = int(text.split(".", 1)[0])
            text += "/8" if first < 128 else "/16" if first < 192 else "/24"
        return ipaddress.ip_network(text, strict=False).with_netmask
    except ValueError as exc:
        log.error("resolv.conf: %s", exc)
        return ""
