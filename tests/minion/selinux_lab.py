"""SELinux's tools as small programs on PATH: they keep a policy in a file and print what the real ones print.

The real ones need seconds for each change, and a kernel with SELinux for some. What they print was taken from
policycoreutils 3.4 on Debian 12; the modules were also run against these (booleans, modules, contexts, ports).
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, Dict

import pytest

POLICY: Dict[str, Any] = {
    "booleans": {"httpd_can_network_connect": ["off", "off"], "allow_cvs_read_shadow": ["off", "on"]},
    "modules": {"afs": True, "zabbix": False},
    "fcontexts": {"/srv": ["all files", "system_u:object_r:var_t:s0"]},
    "ports": [["http_port_t", "tcp", "80, 443, 488, 8008-8009"], ["http_port_t", "udp", "80"]],
}
_TOOL = """#!{python}
import json, sys
STATE, NAME = {state!r}, {name!r}
KINDS = {{"f": "regular file", "d": "directory"}}
policy = json.load(open(STATE))
words = sys.argv[1:]


def value(option, default=""):
    return words[words.index(option) + 1] if option in words else default


def refuse(message):
    print(message, file=sys.stderr)
    sys.exit(1)


def known_type(name):
    if name and not name.endswith("_t"):
        refuse(f"ValueError: Type {{name}} is invalid, must be a file or device type")
    return name


if NAME == "semanage" and words[0] == "boolean":
    print("SELinux boolean                State  Default Description\\n")
    for name, (state, default) in policy["booleans"].items():
        print(f"{{name:<30}} ({{state:<5}},{{default:>5}})  Allow {{name.replace('_', ' ')}}")
elif NAME == "semanage" and words[0] == "fcontext" and "--list" in words:
    print("SELinux fcontext                                   type               Context\\n")
    for name, (kind, context) in policy["fcontexts"].items():
        print(f"{{name:<50}} {{kind:<18}} {{context}} ")
elif NAME == "semanage" and words[0] == "fcontext":
    name = words[-1]
    if words[1] == "--delete":
        policy["fcontexts"].pop(name, None) or refuse(f"ValueError: File context for {{name}} is not defined")
    else:
        user, level = value("--seuser", "system_u"), value("--range", "s0")
        context = f"{{user}}:object_r:{{known_type(value('--type'))}}:{{level}}"
        policy["fcontexts"][name] = [KINDS.get(value("--ftype"), "all files"), context]
elif NAME == "semanage" and words[0] == "port" and "--list" in words:
    print("SELinux Port Type              Proto    Port Number\\n")
    for kind, protocol, ports in policy["ports"]:
        print(f"{{kind:<30}} {{protocol:<8}} {{ports}}")
elif NAME == "semanage" and words[0] == "port":
    own = [entry for entry in policy["ports"] if entry[1:] == [value("--proto"), words[-1]]]
    if words[1] != "--add":
        own or refuse(f"ValueError: Port {{value('--proto')}}/{{words[-1]}} is not defined")
    policy["ports"] = [entry for entry in policy["ports"] if entry not in own]
    if words[1] != "--delete":
        policy["ports"].append([known_type(value("--type")), value("--proto"), words[-1]])
elif NAME == "setsebool":
    for word in words[words.index("--") + 1:]:
        name, switch = word.split("=")
        if name == "allow_cvs_read_shadow":
            refuse(f"Could not change boolean {{name}}")
        policy["booleans"][name] = [switch, switch if "-P" in words else policy["booleans"][name][1]]
elif NAME == "semodule" and words == ["--list-modules=full"]:
    for name, enabled in policy["modules"].items():
        print(f"100 {{name:<15}} pp {{'' if enabled else 'disabled'}}")
elif NAME == "semodule":
    action, name = words[0].split("=")
    if action == "--install":
        open(name).close() if name.endswith(".pp") else refuse("Failed to read")
        policy["modules"][name.rsplit("/", 1)[1][:-3]] = True
    elif name == "base":
        refuse("semodule:  Failed!")
    elif action == "--remove":
        del policy["modules"][name]
    else:
        policy["modules"][name] = action == "--enable"
elif NAME == "restorecon":
    path = words[-1]
    kind, context = policy["fcontexts"].get(path, ["", ""])
    old = "unconfined_u:object_r:user_home_t:s0"
    if context and "-n" in words:
        print(f"Would relabel {{path}} from {{old}} to {{context}}")
    elif context:
        context.endswith("s9") and refuse(f"restorecon: Could not set context for {{path}}:  Invalid argument")
        print(f"Relabeled {{path}} from {{old}} to {{context}}")
        del policy["fcontexts"][path]
json.dump(policy, open(STATE, "w"))
"""


class Tools:
    """The tools and their policy.

    Args:
        folder: a scratch folder.
        monkeypatch: ends with the test.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._state = folder / "policy.json"
        self._state.write_text(json.dumps(POLICY))
        programs = folder / "bin"
        programs.mkdir()
        for name in ("semanage", "setsebool", "semodule", "restorecon"):
            path = programs / name
            path.write_text(_TOOL.format(python=sys.executable, state=str(self._state), name=name))
            path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")

    @property
    def policy(self) -> Dict[str, Any]:
        """The policy as it is now."""
        found: Dict[str, Any] = json.loads(self._state.read_text())
        return found
