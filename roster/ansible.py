"""Ansible inventories: INI, YAML, executables that print JSON, or a folder of these; groups become nodegroups."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

from roster.errors import RosterError
from roster.source import Roster, Source, roster_of

_FIELDS = {
    "ansible_host": "host", "ansible_ssh_host": "host", "ansible_port": "port", "ansible_ssh_port": "port",
    "ansible_user": "user", "ansible_ssh_user": "user", "ansible_password": "passwd", "ansible_ssh_pass": "passwd",
    "ansible_ssh_password": "passwd", "ansible_sudo_pass": "passwd", "ansible_become_pass": "passwd",
    "ansible_become_password": "passwd", "ansible_ssh_private_key_file": "priv",
    "ansible_private_key_file": "priv", "ansible_become": "sudo", "ansible_become_user": "sudo_user",
    "ansible_python_interpreter": "python", "ansible_ssh_timeout": "timeout", "ansible_timeout": "timeout",
}  # fmt: skip
_RANGE = re.compile(r"\[([0-9]+|[A-Za-z]):([0-9]+|[A-Za-z])(?::([0-9]+))?\]")
_SECTION = re.compile(r"\[([^:\]\s]+)(?::(vars|children|hosts))?\]\s*(?:#.*)?")
_LONGEST_RUN = 60.0


class _Inventory:
    """Groups with hosts, children and variables, collected from any of the formats."""

    def __init__(self) -> None:
        self.hosts: dict[str, dict[str, Any]] = {}
        self.members: dict[str, list[str]] = {}
        self.children: dict[str, list[str]] = {}
        self.variables: dict[str, dict[str, Any]] = {}

    def add(self, group: str, name: str, variables: Mapping[str, Any] | None = None) -> None:
        for host in _expanded(name):
            self.hosts.setdefault(host, {}).update(variables or {})
            self.members.setdefault(group, []).append(host)

    def all_members(self, group: str, above: tuple[str, ...] = ()) -> list[str]:
        if group in above:
            return []
        found = list(self.members.get(group, ()))
        for child in self.children.get(group, ()):
            found += self.all_members(child, (*above, group))
        return list(dict.fromkeys(found))

    def groups(self) -> list[str]:
        return sorted({*self.members, *self.children, *self.variables} - {"all"})

    def depth(self, group: str, above: tuple[str, ...] = ()) -> int:
        """How far below the top a group is; variables of lower groups win."""
        parents = [name for name, children in self.children.items() if group in children and name not in above]
        return 1 + max((self.depth(parent, (*above, group)) for parent in parents), default=0)

    def fields(self, name: str) -> dict[str, Any]:
        own = [group for group in self.groups() if name in self.all_members(group)]
        merged = dict(self.variables.get("all", {}))
        for group in sorted(own, key=lambda group: (self.depth(group), group)):
            merged.update(self.variables.get(group, {}))
        merged.update(self.hosts[name])
        return merged


def read(source: Source) -> Roster:
    """All hosts of an inventory, by default `ansible_inventory` of the configuration or /etc/ansible/hosts.

    Raises:
        RosterError: the inventory can't be read, or a host in it is wrong.
    """
    path = source.path or str(source.options.get("ansible_inventory") or "/etc/ansible/hosts")
    inventory = _Inventory()
    source.uses(path)
    for file in _files(path):
        source.uses(file)
        _read_file(file, inventory)
    hosts = [source.host(path, name, _as_fields(inventory.fields(name))) for name in inventory.hosts]
    groups = {name: tuple(inventory.all_members(name)) for name in inventory.groups()}
    return roster_of(hosts, {**groups, "all": tuple(inventory.hosts)})


def _as_fields(variables: Mapping[str, Any]) -> dict[str, Any]:
    """How the host is reached; its other variables are Ansible's own business."""
    fields = {_FIELDS[name]: value for name, value in variables.items() if name in _FIELDS}
    if fields.get("sudo_user") == "root":
        fields["sudo"] = fields.get("sudo", True)
        del fields["sudo_user"]
    return fields


def _files(path: str) -> list[str]:
    if not os.path.isdir(path):
        return [path]
    names = sorted(name for name in os.listdir(path) if not name.startswith(".") and not name.endswith(("~", ".pyc")))
    return [os.path.join(path, name) for name in names if os.path.isfile(os.path.join(path, name))]


def _read_file(path: str, inventory: _Inventory) -> None:
    if os.access(path, os.X_OK) and os.path.isfile(path):
        _from_json(_printed_by(path), path, inventory)
        return
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as exc:
        raise RosterError(f"the inventory {path} can't be read: {exc}") from None
    if path.endswith((".yml", ".yaml", ".json")):
        _from_yaml(text, path, inventory)
    else:
        _from_ini(text, path, inventory)


# -------------------------------------------------------------------- formats


def _from_ini(text: str, path: str, inventory: _Inventory) -> None:
    group, kind = "ungrouped", "hosts"
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line[0] in "#;":
            continue
        section = _SECTION.fullmatch(line)
        if section:
            group, kind = section[1], section[2] or "hosts"
            continue
        try:
            _ini_line(line, group, kind, inventory)
        except ValueError as exc:
            raise RosterError(f"{path}, line {number}: {exc}") from None


def _ini_line(line: str, group: str, kind: str, inventory: _Inventory) -> None:
    if kind == "children":
        inventory.children.setdefault(group, []).append(line.split("#")[0].strip())
    elif kind == "vars":
        name, _, value = line.partition("=")
        inventory.variables.setdefault(group, {})[name.strip()] = _unquoted(value.strip())
    else:
        words = shlex.split(line, comments=True)
        variables = dict(word.partition("=")[::2] for word in words[1:])
        name, port = _host_and_port(words[0])
        inventory.add(group, name, {**({"ansible_port": port} if port else {}), **variables})


def _host_and_port(word: str) -> tuple[str, str]:
    name, colon, port = word.rpartition(":")
    return (
        (name, port) if colon and port.isdecimal() and ":" not in name and not _RANGE.search(word[-9:]) else (word, "")
    )


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value


def _from_yaml(text: str, path: str, inventory: _Inventory) -> None:
    import yaml

    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as exc:
        raise RosterError(f"the inventory {path} is no YAML: {exc}") from None
    if not isinstance(data, dict):
        raise RosterError(f"the inventory {path} must be a map of groups")
    for name, group in data.items():
        _yaml_group(str(name), group, inventory)


def _yaml_group(name: str, group: Any, inventory: _Inventory) -> None:
    if not isinstance(group, dict):
        return
    for host, variables in (group.get("hosts") or {}).items():
        inventory.add(name, str(host), variables if isinstance(variables, dict) else {})
    inventory.variables.setdefault(name, {}).update(group.get("vars") or {})
    for child, content in (group.get("children") or {}).items():
        inventory.children.setdefault(name, []).append(str(child))
        _yaml_group(str(child), content, inventory)


def _printed_by(path: str) -> str:
    try:
        done = subprocess.run([path, "--list"], capture_output=True, text=True, timeout=_LONGEST_RUN, check=True)
    except subprocess.CalledProcessError as exc:
        raise RosterError(f"the inventory {path} --list ended with {exc.returncode}: {exc.stderr[-200:]}") from None
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError) as exc:
        raise RosterError(f"the inventory {path} can't be run: {exc}") from None
    return done.stdout


def _from_json(text: str, path: str, inventory: _Inventory) -> None:
    try:
        data = json.loads(text)
        variables = data.pop("_meta", {}).get("hostvars", {})
    except (ValueError, AttributeError):
        raise RosterError(f"the inventory {path} printed no JSON map") from None
    for name, group in data.items():
        content = {"hosts": group} if isinstance(group, list) else group
        for host in content.get("hosts") or ():
            inventory.add(name, str(host), variables.get(host))
        inventory.children.setdefault(name, []).extend(map(str, content.get("children") or ()))
        inventory.variables.setdefault(name, {}).update(content.get("vars") or {})


def _expanded(pattern: str) -> Iterator[str]:
    """`web[01:03]` is web01, web02, web03."""
    found = _RANGE.search(pattern)
    if not found:
        yield pattern
        return
    first, last, step = found[1], found[2], int(found[3] or 1)
    if first.isdecimal():
        numbers = range(int(first), int(last) + 1, step)
        values = [str(number).zfill(len(first)) for number in numbers]
    else:
        values = [chr(code) for code in range(ord(first), ord(last) + 1, step)]
    for value in values:
        yield from _expanded(pattern[: found.start()] + value + pattern[found.end() :])
