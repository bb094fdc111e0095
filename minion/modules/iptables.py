"""The packet filter, by iptables.

`table` is the table of rules, `chain` a chain in it, `rule` the words of a rule as `iptables.build_rule` makes them.
`family` is ipv4 or ipv6. Functions that change something return an error message, or what their description says.
"""

from __future__ import annotations

import os
import re
import shlex
from typing import Any, Callable, Dict, List, Optional, Union

from minion import atomic
from minion.errors import CommandExecutionError, SaltException
from minion.modules import _iptables, _tools

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__grains__: Dict[str, Any]

_FILES = {  # by os_family: for IPv4 and IPv6
    "RedHat": ("/etc/sysconfig/iptables", "/etc/sysconfig/ip6tables"),
    "Arch": ("/etc/iptables/iptables.rules", "/etc/iptables/ip6tables.rules"),
    "Debian": ("/etc/iptables/rules.v4", "/etc/iptables/rules.v6"),
    "Gentoo": ("/var/lib/iptables/rules-save", "/var/lib/ip6tables/rules-save"),
    "Suse": ("/etc/sysconfig/scripts/SuSEfirewall2-custom", "/etc/sysconfig/scripts/SuSEfirewall2-custom"),
    "Void": ("/etc/iptables/iptables.rules", "/etc/iptables/ip6tables.rules"),
    "Alpine": ("/etc/iptables/rules-save", "/etc/iptables/rules6-save"),
    "NILinuxRT": ("/etc/natinst/share/iptables.conf", "/etc/natinst/share/ip6tables.conf"),
}
_NO_CHAIN, _NO_RULE = "Error: Chain needs to be specified", "Error: Rule needs to be specified"


def __virtual__() -> Any:
    if not _tools.which("iptables"):
        return False, "The iptables execution module cannot be loaded: iptables not installed."
    return True


def _program(family: str) -> str:
    return "ip6tables" if family == "ipv6" else "iptables"


def _run(family: str, table: str, *words: str, quiet: bool = False) -> Dict[str, Any]:
    """What `cmd.run_all` says; --wait: another program may hold the lock."""
    return _tools.result(__salt__, [_program(family), "--wait", "-t", table, *words], ignore_retcode=quiet)


def _complaint(done: Dict[str, Any]) -> str:
    """What went wrong; "" if nothing did."""
    return (done["stderr"] or f"exit code {done['retcode']}") if done["retcode"] else ""


def _file(family: str) -> str:
    files = _FILES.get(str(__grains__.get("os_family"))) or _FILES.get(str(__grains__.get("os")))
    if not files:
        raise SaltException(f"Saving iptables to file is not supported on {__grains__.get('os')}.")
    return files[1 if family == "ipv6" else 0]


def _saved(family: str) -> str:
    return _tools.output(__salt__, [f"{_program(family)}-save"])


def version(family: str = "ipv4") -> str:
    """The version of iptables.

    CLI Example:

    .. code-block:: bash

        salt '*' iptables.version
    """
    return _tools.output(__salt__, [_program(family), "--version"]).split()[1]


def build_rule(
    table: str = "filter",
    chain: Optional[str] = None,
    command: Optional[str] = None,
    position: Any = "",
    full: Any = None,
    family: str = "ipv4",
    **kwargs: Any,
) -> str:
    """The words of a rule.

    Args:
        command: with `full`: A (append), I (insert), D (delete), ...
        position: with `full`: where.
        full: return the whole command instead of just the rule.
        kwargs: options of iptables by their long names, and `if`, `of`, `proto`, `connstate`, `dport`, `dports`,
            `sport`, `sports`, `jump`, `match`, `match-set`, `comment`; `!` or `not` before a value negates it.

    CLI Example:

    .. code-block:: bash

        salt '*' iptables.build_rule match=state connstate=RELATED,ESTABLISHED jump=ACCEPT
        salt '*' iptables.build_rule filter INPUT command=A full=True match=state state=NEW dport=22 jump=ACCEPT
    """
    try:
        rule = _iptables.build(kwargs)
    except _iptables.RuleError as exc:
        return str(exc)
    if not full:
        return rule
    for name, value in (("Table", table), ("Chain", chain), ("Command", command)):
        if not value:
            return f"Error: {name} needs to be specified"
    dash = "-" if str(command) in "ACDIRLSFZNXPE" else "--"
    return f"{_tools.need(_program(family))} --wait -t {table} {dash}{command} {chain} {position} {rule}"


def get_saved_rules(conf_file: Optional[str] = None, family: str = "ipv4") -> Dict[str, Any]:
    """The rules in the file that is loaded when the host starts: table -> chain -> policy and rules.

    CLI Example:

    .. code-block:: bash

        salt '*' iptables.get_saved_rules
    """
    path = conf_file or _file(family)
    try:
        with open(path, encoding="utf-8") as source:
            return _iptables.parse(source.read())
    except OSError as exc:
        raise CommandExecutionError(f"The saved rules can't be read: {exc}") from exc


def get_rules(family: str = "ipv4") -> Dict[str, Any]:
    """The rules in force: table -> chain -> policy and rules.

    CLI Example:

    .. code-block:: bash

        salt '*' iptables.get_rules
    """
    return _iptables.parse(_saved(family))


def get_saved_policy(
    table: str = "filter", chain: Optional[str] = None, conf_file: Optional[str] = None, family: str = "ipv4"
) -> Optional[str]:
    """The policy of a chain in the file that is loaded when the host starts; None if there is none.

    CLI Example:

    .. code-block:: bash

        salt '*' iptables.get_saved_policy filter INPUT
    """
    if not chain:
        return _NO_CHAIN
    policy = get_saved_rules(conf_file, family).get(table, {}).get(chain, {}).get("policy")
    return None if policy is None else str(policy)


def get_policy(table: str = "filter", chain: Optional[str] = None, family: str = "ipv4") -> Optional[str]:
    """The policy of a chain that is in force; None if there is none.

    CLI Example:

    .. code-block:: bash

        salt '*' iptables.get_policy filter INPUT
    """
    if not chain:
        return _NO_CHAIN
    policy = get_rules(family).get(table, {}).get(chain, {}).get("policy")
    return None if policy is None else str(policy)


def set_policy(
    table: str = "filter", chain: Optional[str] = None, policy: Optional[str] = None, family: str = "ipv4"
) -> str:
    """Sets the policy of a chain; "" if that worked.

    CLI Example:

    .. code-block:: bash

        salt '*' iptables.set_policy filter INPUT ACCEPT
    """
    if not chain:
        return _NO_CHAIN
    if not policy:
        return "Error: Policy needs to be specified"
    return _complaint(_run(family, table, "-P", chain, policy))


def save(filename: Optional[str] = None, family: str = "ipv4") -> str:
    """Writes the rules in force to a file, by default that which is loaded when the host starts.

    CLI Example:

    .. code-block:: bash

        salt '*' iptables.save /etc/sysconfig/iptables
    """
    path = filename or _file(family)
    filters = __opts__.get("iptables.save_filters") or []
    lines = [line for line in _saved(family).splitlines() if not any(re.search(pattern, line) for pattern in filters)]
    try:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        atomic.write(path, "\n".join(lines) + "\n")
    except OSError as exc:
        raise CommandExecutionError(f"The rules can't be written to {path}: {exc}") from exc
    return f'Wrote 1 lines to "{path}"'  # as file.write counts: one text


def check(
    table: str = "filter", chain: Optional[str] = None, rule: Optional[str] = None, family: str = "ipv4"
) -> Union[bool, str]:
    """Whether a rule is in a chain.

    CLI Example:

    .. code-block:: bash

        salt '*' iptables.check filter INPUT rule='-m state --state RELATED,ESTABLISHED -j ACCEPT'
    """
    if not chain:
        return _NO_CHAIN
    if not rule:
        return _NO_RULE
    return not _run(family, table, "-C", chain, *shlex.split(rule), quiet=True)["retcode"]


def check_chain(table: str = "filter", chain: Optional[str] = None, family: str = "ipv4") -> Union[bool, str]:
    """Whether there is a chain.

    CLI Example:

    .. code-block:: bash

        salt '*' iptables.check_chain filter INPUT
    """
    if not chain:
        return _NO_CHAIN
    text = _tools.result(__salt__, [f"{_program(family)}-save", "-t", table], ignore_retcode=True)["stdout"]
    return re.search(rf"^:{re.escape(chain)} ", text, re.M) is not None


def new_chain(table: str = "filter", chain: Optional[str] = None, family: str = "ipv4") -> Union[bool, str]:
    """Makes a chain; True if that worked.

    CLI Example:

    .. code-block:: bash

        salt '*' iptables.new_chain filter CUSTOM_CHAIN
    """
    return _complaint(_run(family, table, "-N", chain)) or True if chain else _NO_CHAIN


def delete_chain(table: str = "filter", chain: Optional[str] = None, family: str = "ipv4") -> Union[bool, str]:
    """Removes a chain; True if that worked.

    CLI Example:

    .. code-block:: bash

        salt '*' iptables.delete_chain filter CUSTOM_CHAIN
    """
    return _complaint(_run(family, table, "-X", chain)) or True if chain else _NO_CHAIN


def append(
    table: str = "filter", chain: Optional[str] = None, rule: Optional[str] = None, family: str = "ipv4"
) -> Union[bool, str]:
    """Appends a rule to a chain; True if that worked, False if it did not or if the rule was there.

    CLI Example:

    .. code-block:: bash

        salt '*' iptables.append filter INPUT rule='-m state --state RELATED,ESTABLISHED -j ACCEPT'
    """
    present = check(table, chain, rule, family)
    if isinstance(present, str):
        return present
    return not present and not _run(family, table, "-A", str(chain), *shlex.split(str(rule)))["retcode"]


def insert(
    table: str = "filter",
    chain: Optional[str] = None,
    position: Any = None,
    rule: Optional[str] = None,
    family: str = "ipv4",
) -> Union[bool, str]:
    """Inserts a rule at a position, counted from 1, or from the end if negative; "" if that worked.

    CLI Example:

    .. code-block:: bash

        salt '*' iptables.insert filter INPUT position=3 rule='-m state --state RELATED,ESTABLISHED -j ACCEPT'
    """
    if not chain:
        return _NO_CHAIN
    if not position:
        return "Error: Position needs to be specified or use append (-A)"
    if not rule:
        return _NO_RULE
    place = int(position)
    if place < 0:
        place = max(1, len(get_rules(family)[table][chain]["rules"]) + place + 1)
    if check(table, chain, rule, family) is True:
        return False
    return _complaint(_run(family, table, "-I", chain, str(place), *shlex.split(rule)))


def delete(
    table: str, chain: Optional[str] = None, position: Any = None, rule: Optional[str] = None, family: str = "ipv4"
) -> str:
    """Removes a rule, by its position or by its words; "" if that worked.

    CLI Example:

    .. code-block:: bash

        salt '*' iptables.delete filter INPUT position=3
        salt '*' iptables.delete filter INPUT rule='-m state --state RELATED,ESTABLISHED -j ACCEPT'
    """
    if position and rule:
        return "Error: Only specify a position or a rule, not both"
    words: List[str] = [str(position)] if position else shlex.split(str(rule or ""))
    return _complaint(_run(family, table, "-D", str(chain), *words))


def flush(table: str = "filter", chain: str = "", family: str = "ipv4") -> str:
    """Removes all rules of a chain, or of all chains of a table; "" if that worked.

    CLI Example:

    .. code-block:: bash

        salt '*' iptables.flush filter INPUT
    """
    return _complaint(_run(family, table, "-F", *([chain] if chain else [])))
