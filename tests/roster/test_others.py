"""Rosters made from what is there already: SSH's files, Ansible's inventories, folders, grains, open ports."""

from __future__ import annotations

import socket

import pytest

from roster.errors import RosterError


def test_dir(read, tmp_path) -> None:
    folder = tmp_path / "roster.d"
    folder.mkdir()
    (folder / "web").write_text("user: ann\n")
    (folder / "db").write_text("host: {{ 'db' }}.internal\n")
    (folder / ".swp").write_text("junk: [")
    hosts = read("dir", roster_domain="example.org").hosts
    assert {name: host.host for name, host in hosts.items()} == {"web": "web.example.org", "db": "db.internal"}
    (folder / "bad").write_text("prot: 22\n")
    with pytest.raises(RosterError, match=r"roster\.d/bad: host 'bad': there is no field 'prot'"):
        read("dir")


def test_sshconfig(read, tmp_path) -> None:
    path = tmp_path / "config"
    path.write_text(
        "Host web db\n  HostName 10.0.0.1\n  User ann\n  Port=2222\nHost *\n  User all\n"
        "Host web\n  User later\n  ProxyJump gate\nMatch host x\n  User nobody\n"
    )
    hosts = read("sshconfig", str(path)).hosts
    assert set(hosts) == {"web", "db"}
    assert (hosts["web"].host, hosts["web"].user, hosts["web"].port) == ("10.0.0.1", "ann", 2222)
    assert hosts["web"].jump == "gate"


def test_sshknownhosts(read, tmp_path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(
        "web,10.0.0.1 ssh-ed25519 AAAA\n[10.0.0.2]:2222 ssh-rsa AAAA\n|1|hash|hash ssh-rsa AAAA\n# no\n"
        "@revoked bad ssh-rsa AAAA\nshort\n"
    )
    hosts = read("sshknownhosts", str(path)).hosts
    assert {name: (host.host, host.port) for name, host in hosts.items()} == {
        "web": ("web", 0),
        "10.0.0.2": ("10.0.0.2", 2222),
    }


def test_cache(read) -> None:
    grains = {
        "web": {"ipv4": ["127.0.0.1", "8.8.8.8", "10.0.0.5"]},
        "six": {"ipv6": ["fe80::1", "2001:db8::7"]},
        "named": {"fqdn": "named.example"},
        "lost": {},
    }
    hosts = read("cache", grains=grains, roster_defaults={"user": "ann"}).hosts
    assert {name: host.host for name, host in hosts.items()} == {
        "web": "10.0.0.5", "six": "2001:db8::7", "named": "named.example",
    }  # fmt: skip
    assert hosts["web"].user == "ann"


def test_scan_finds_open_ports(read) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        hosts = read("scan", target="127.0.0.0/30", ssh_scan_ports=f"1,{port}").hosts
    assert {name: host.port for name, host in hosts.items()} == {"127.0.0.1": port}


@pytest.mark.parametrize("target", ["*", "10.0.0.0/8"])
def test_scan_refuses_what_is_no_range(read, target: str) -> None:
    with pytest.raises(RosterError, match=r"no address|more than"):
        read("scan", target=target)


INI = """\
# comment
lone ansible_host=10.0.0.9
[web]
web[01:03].example ansible_user=ann ansible_ssh_pass='pa ss'
gate:2222
[db]
db1 ansible_become=yes ansible_become_user=postgres
[all:vars]
ansible_user=everybody
[site:children]
web
db
[web:vars]
ansible_port=2022
http_port=80
"""


def test_ansible_ini(read, tmp_path) -> None:
    path = tmp_path / "hosts"
    path.write_text(INI)
    roster = read("ansible", str(path))
    web = roster.hosts["web02.example"]
    assert (web.user, web.passwd, web.port) == ("ann", "pa ss", 2022)
    assert (roster.hosts["gate"].port, roster.hosts["gate"].user) == (2222, "everybody")
    assert roster.hosts["db1"].sudo and roster.hosts["db1"].sudo_user == "postgres"
    assert roster.hosts["lone"].address == "10.0.0.9"
    assert set(roster.groups["site"]) == {"web01.example", "web02.example", "web03.example", "gate", "db1"}
    assert len(roster.groups["all"]) == 6


def test_ansible_yaml(read, tmp_path) -> None:
    path = tmp_path / "hosts.yml"
    path.write_text(
        "all:\n  hosts:\n    lone:\n  children:\n    web:\n      vars: {ansible_user: ann}\n"
        "      hosts:\n        web1: {ansible_host: 10.0.0.1}\n"
    )
    roster = read("ansible", str(path))
    assert (roster.hosts["web1"].host, roster.hosts["web1"].user) == ("10.0.0.1", "ann")
    assert roster.groups["web"] == ("web1",) and set(roster.groups["all"]) == {"web1", "lone"}


def test_ansible_executable(read, tmp_path) -> None:
    path = tmp_path / "inventory"
    path.write_text(
        '#!/bin/sh\n[ "$1" = --list ] && echo \'{"web": ["one"], "site": {"children": ["web"], "vars": '
        '{"ansible_user": "ann"}}, "_meta": {"hostvars": {"one": {"ansible_host": "10.0.0.1"}}}}\'\n'
    )
    path.chmod(0o755)
    roster = read("ansible", str(path))
    assert (roster.hosts["one"].host, roster.hosts["one"].user) == ("10.0.0.1", "ann")
    assert roster.groups["site"] == ("one",)
    path.write_text("#!/bin/sh\necho oops >&2; exit 3\n")
    with pytest.raises(RosterError, match="ended with 3: oops"):
        read("ansible", str(path))
