"""iptables: rules as Salt builds them, and the real program in a network of its own."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Dict, Iterator

import pytest

from minion.errors import CommandExecutionError, SaltException
from minion.loader import Loader
from minion.modules import _iptables
from tests.minion.networks import network

SAVED = """\
# Generated
*filter
:INPUT DROP [1:2]
:X - [0:0]
-A INPUT ! -s 10.0.0.0/8 -i eth0 -p tcp -m state --state NEW,RELATED -m tcp --dport 22 -m comment --comment "a b" -j ACCEPT
-A X -p icmp -j LOG --log-prefix "a b "
-A X -p udp -m set ! --match-set foo src -j REJECT --reject-with icmp-port-unreachable
-A X -f -j ACCEPT
COMMIT
"""  # noqa: E501

# What real Salt 3008.3 makes of these arguments.
RULES = [
    (
        {"match": "state", "connstate": "RELATED,ESTABLISHED", "jump": "ACCEPT"},
        "-m state --state RELATED,ESTABLISHED --jump ACCEPT",
    ),
    (
        {"proto": "tcp", "dport": 22, "jump": "ACCEPT", "source": "10.0.0.0/8"},
        "-p tcp --dport 22 --source 10.0.0.0/8 --jump ACCEPT",
    ),
    ({"if": "!eth0", "of": "not eth1", "jump": "DROP"}, "! -i eth0 ! -o eth1 --jump DROP"),
    ({"proto": "tcp", "dports": "80,443", "jump": "ACCEPT"}, "-p tcp -m multiport --dports 80,443 --jump ACCEPT"),
    (
        {"protocol": "!udp", "sports": ["!1", 2], "jump": "LOG", "log-prefix": "a b", "log-level": 4},
        '! -p udp -m multiport ! --sports 1,2 --jump LOG --log-level 4 --log-prefix "a b"',
    ),
    (
        {"match": "policy", "proto": "esp", "jump": "ACCEPT", "dir": "in", "pol": "ipsec"},
        "-m policy --proto esp --dir in --pol ipsec --jump ACCEPT",
    ),
    (
        {"match": ["tcp", "recent"], "name_": "x", "proto": "tcp", "jump": "DROP", "set": ""},
        "-p tcp -m tcp -m recent --name x --set --jump DROP",
    ),
    (
        {"match-set": ["a src", "!b dst"], "jump": "DROP"},
        "-m set --match-set a src -m set ! --match-set b dst --jump DROP",
    ),
    ({"comment": "hello w", "jump": "ACCEPT"}, '-m comment --comment "hello w" --jump ACCEPT'),
    ({"dports": "1"}, "Error: protocol must be specified"),
    ({"i": "lo", "j": "ACCEPT"}, "-i lo --j ACCEPT"),
    ({"target": "ACCEPT", "syn": "", "proto": "tcp", "order": 3, "require": [1]}, "-p tcp --syn --jump ACCEPT"),
]


@pytest.mark.parametrize(("arguments", "expected"), RULES)
def test_build(arguments: Dict[str, Any], expected: str) -> None:
    try:
        assert _iptables.build(arguments) == expected
    except _iptables.RuleError as exc:
        assert str(exc) == expected


def test_parse() -> None:
    found = _iptables.parse(SAVED)
    assert found["filter"]["INPUT"]["policy"] == "DROP"
    assert (found["filter"]["INPUT"]["packet count"], found["filter"]["INPUT"]["byte count"]) == ("1", "2")
    rule = {
        "source": ["! 10.0.0.0/8"],
        "in-interface": ["eth0"],
        "protocol": ["tcp"],
        "match": ["state", "tcp", "comment"],
        "state": ["NEW,RELATED"],
        "destination_port": ["22"],
        "comment": ["a b"],
        "jump": ["ACCEPT"],
    }
    assert found["filter"]["INPUT"]["rules"] == [rule]
    assert found["filter"]["INPUT"]["rules_comment"] == {"a b": rule}
    assert found["filter"]["X"]["rules"] == [
        {"protocol": ["icmp"], "jump": ["LOG"], "log-prefix": ["a b "]},
        {
            "protocol": ["udp"],
            "match": ["set"],
            "match-set": ["! foo src"],
            "jump": ["REJECT"],
            "reject-with": ["icmp-port-unreachable"],
        },
        {"fragment": [""], "jump": ["ACCEPT"]},
    ]


@pytest.fixture(name="network")
def a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A network namespace in which the programs run that the module calls."""
    with network(tmp_path, monkeypatch, ["iptables", "iptables-save"]) as name:
        yield name


def test_real_iptables(salt: Loader, network: str, tmp_path: Path) -> None:
    rule = salt["iptables.build_rule"](proto="tcp", dport=22, comment="a b", jump="ACCEPT")
    place = ("filter", "INPUT")
    assert salt["iptables.check"](*place, rule) is False
    assert salt["iptables.append"](*place, rule) is True
    assert salt["iptables.append"](*place, rule) is False
    assert salt["iptables.check"](*place, rule) is True
    assert salt["iptables.insert"](*place, 1, "-p icmp -j DROP") == ""
    assert salt["iptables.insert"](*place, -1, "-p udp -j DROP") == ""
    rules = salt["iptables.get_rules"]()["filter"]["INPUT"]["rules"]
    assert [entry["protocol"] for entry in rules] == [["icmp"], ["udp"], ["tcp"]]
    assert "icmp" not in salt["iptables.delete"](*place, position=1)
    assert salt["iptables.delete"](*place, rule=rule) == ""
    assert salt["iptables.delete"](*place, rule=rule) != ""
    assert salt["iptables.new_chain"]("filter", "OWN") is True
    assert salt["iptables.new_chain"]("filter", "OWN") is not True
    assert salt["iptables.check_chain"]("filter", "OWN") is True
    assert salt["iptables.delete_chain"]("filter", "OWN") is True
    assert salt["iptables.check_chain"]("filter", "OWN") is False
    assert salt["iptables.set_policy"](*place, "DROP") == ""
    assert salt["iptables.get_policy"](*place) == "DROP"
    path = str(tmp_path / "new" / "rules")
    assert salt["iptables.save"](path).startswith("Wrote ")
    assert salt["iptables.get_saved_policy"](*place, conf_file=path) == "DROP"
    assert salt["iptables.get_saved_rules"](path)["filter"]["INPUT"]["rules"] == [
        {"protocol": ["udp"], "jump": ["DROP"]}
    ]
    assert salt["iptables.flush"](*place) == ""
    assert salt["iptables.get_rules"]()["filter"]["INPUT"]["rules"] == []
    assert salt["iptables.version"]().startswith("v")


@pytest.mark.skipif(not shutil.which("iptables"), reason="needs iptables")
def test_errors(salt: Loader, tmp_path: Path) -> None:
    assert salt["iptables.append"]("filter") == "Error: Chain needs to be specified"
    assert salt["iptables.append"]("filter", "INPUT") == "Error: Rule needs to be specified"
    assert salt["iptables.insert"]("filter", "INPUT").startswith("Error: Position")
    assert salt["iptables.delete"]("filter", "INPUT", 1, "x") == "Error: Only specify a position or a rule, not both"
    assert salt["iptables.build_rule"](full=True, chain="INPUT") == "Error: Command needs to be specified"
    assert salt["iptables.build_rule"]("filter", "INPUT", "A", full=True, jump="ACCEPT").endswith(
        "iptables --wait -t filter -A INPUT  --jump ACCEPT"
    )
    with pytest.raises(CommandExecutionError):
        salt["iptables.get_saved_rules"](str(tmp_path / "none"))
    salt.dunders["__grains__"].update(os="Odd", os_family="Odd")
    with pytest.raises(SaltException):
        salt["iptables.save"]()
