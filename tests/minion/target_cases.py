"""Minions and nodegroups; `targets.json` has targets, and for each the names of the minions that Salt 3008 matches."""

from __future__ import annotations

from typing import Any, Dict

MINIONS: Dict[str, Dict[str, Any]] = {
    "web1": {
        "grains": {
            "id": "web1",
            "os": "Debian",
            "os_family": "Debian",
            "osrelease": "12",
            "osmajorrelease": 12,
            "num_cpus": 4,
            "load": 0.5,
            "virtual": True,
            "gpu": False,
            "nothing": None,
            "empty": "",
            "empty_list": [],
            "empty_map": {},
            "roles": ["web", "Cache", "front end"],
            "ipv4": ["127.0.0.1", "10.1.2.3", "192.168.0.7"],
            "ipv6": ["::1", "fe80::1", "2001:db8::5"],
            "ip4_interfaces": {"lo": ["127.0.0.1"], "eth0": ["10.1.2.3", "192.168.0.7"], "eth0:1": ["10.9.9.9"]},
            "ec2": {"tags": {"env": "prod", "Team": "Shop"}, "zone": "eu-1a", "size": 2},
            "disks": [{"name": "sda", "size": 100}, {"name": "sdb", "parts": ["x", "y"]}],
            "a:b": "colon key",
            "url": "http://host:80/x",
            "nested": {"a": {"b": {"c": "deep"}}, "list": [1, 2, "three"], "1": "one", 2: "two"},
            "matrix": [["x", "y"], ["z"]],
            "tuple": "('a', 'b')",
            "path": "/srv/www",
            "version": [3008, 3],
            "weird [key]": "v",
        },
        "pillar": {
            "role": "web",
            "users": {"ann": {"uid": 1000, "groups": ["adm", "sudo"]}, "Bob": {"uid": 1001}},
            "flags": {"on": True, "off": False, "none": None},
            "list": ["a", "b:c", {"k": "v"}],
            "text": "Hello World",
            "number": 7,
            "time": "12:30",
        },
    },
    "db1.example.com": {
        "grains": {"id": "db1.example.com", "os": "Ubuntu", "roles": "db", "ipv4": ["10.1.9.9"], "num_cpus": 16},
        "pillar": {"role": "db"},
    },
    "bare": {"grains": {}, "pillar": {}},
}

NODEGROUPS: Dict[str, Any] = {
    "webs": "web*",
    "names": "web1 db1.example.com",
    "commas": "web1,bare",
    "regex": "web[0-9] db\\d+.*",
    "debian": "G@os:Debian",
    "both": "N@debian or N@dbs",
    "dbs": ["db*"],
    "list": ["G@os:Debian", "and", "web*"],
    "spaced": ["G@roles:front end", "or", "bare"],
    "either": "( web* or db* )",
    "nested": "N@both and not bare",
    "loop": "N@pool or bare",
    "pool": "N@loop",
    "selfish": "N@selfish",
    "broken": "web* db*",
    "dangling": "web* or",
    "missing": "N@nowhere",
    "or-missing": "web* or N@nowhere",
    "empty": "",
    "number": 5,
    "numbers": [1, 2],
    "range": "R@x",
    "query": "web?",
}
