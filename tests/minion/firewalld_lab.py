"""firewall-cmd as a small program on PATH, which keeps zones and services in a file.

The real one needs a daemon on the system's bus. What this prints, and its refusals, were taken from firewalld 1.3 on
Debian 12; the modules and states were also run against that, in a network of its own.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, Dict

import pytest

_EMPTY: Dict[str, Any] = {
    "service": [], "port": [], "protocol": [], "masquerade": False, "forward-port": [], "icmp-block": [],
    "interface": [], "source": [], "rich-rule": [],
}  # fmt: skip
CONFIGURATION: Dict[str, Any] = {
    "default": "public",
    "zones": {name: dict(_EMPTY) for name in ("public", "work")},
    "services": {"http": {"port": ["80/tcp"], "protocol": []}, "ssh": {"port": ["22/tcp"], "protocol": []}},
    "empty": _EMPTY,
    "reloads": 0,
}
_COMMAND = """#!{python}
import json, re, sys
STATE = {state!r}
config = json.load(open(STATE))
words = [word for word in sys.argv[1:] if word != "--permanent"]


def refuse(message, code):
    print(f"Error: {{message}}", file=sys.stderr)
    sys.exit(code)


def named(option, things, error, default=None):
    name = next((word.split("=", 1)[1] for word in words if word.startswith(option)), default)
    words[:] = [word for word in words if not word.startswith(option)]
    if name is not None and name not in things:
        refuse(f"{{error}}: {{name}}", 112)
    return name


owned = named("--service=", config["services"], "INVALID_SERVICE")
zone = named("--zone=", config["zones"], "INVALID_ZONE", config["default"])
about = config["services"][owned] if owned else config["zones"][zone]
action, _, value = words[0][2:].partition("=")
verb, _, noun = action.partition("-")


def check(noun, value):
    if noun == "service" and value not in config["services"]:
        refuse(f"INVALID_SERVICE: {{value}}", 101)
    if noun == "port" and not re.fullmatch(r"\\d+(-\\d+)?/(tcp|udp)", value):
        refuse(f"INVALID_PORT: {{value}}", 102)


said = "success"
if action == "version":
    said = "1.3.3"
elif action == "reload":
    config["reloads"] += 1
elif action == "get-default-zone":
    said = config["default"]
elif action == "set-default-zone":
    config["default"] = value
elif action in ("get-zones", "get-services"):
    said = " ".join(config[noun])
elif action == "get-icmptypes":
    said = "echo-reply echo-request"
elif action in ("get-ports", "get-protocols"):
    said = " ".join(about[noun[:-1]])
elif action in ("new-zone", "new-service"):
    len(value) > 17 and refuse(f"INVALID_NAME: {{value}}", 116)
    config[f"{{noun}}s"][value] = dict(config["empty"])
elif action in ("delete-zone", "delete-service"):
    del config[f"{{noun}}s"][value]
elif action in ("list-all", "list-all-zones"):
    zones = config["zones"] if action == "list-all-zones" else {{zone: about}}
    said = "\\n\\n".join(
        f"{{name}}\\n  target: default\\n  ports: {{' '.join(one['port'])}}\\n"
        f"  masquerade: {{'yes' if one['masquerade'] else 'no'}}\\n  rich rules: "
        + "".join(f"\\n\\t{{rule}}" for rule in one["rich-rule"])
        for name, one in zones.items()
    )
elif verb == "list":
    said = ("\\n" if noun in ("forward-ports", "rich-rules") else " ").join(about[noun[:-1]])
elif noun == "masquerade":
    about[noun] = verb == "add"
else:
    check(noun, value)
    present = value in about[noun]
    if verb == "add" and not present:
        about[noun].append(value)
    elif verb == "remove" and present:
        about[noun].remove(value)
print(said)
json.dump(config, open(STATE, "w"))
"""


class Firewall:
    """The command and its configuration.

    Args:
        folder: a scratch folder.
        monkeypatch: ends with the test.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._state = folder / "firewall.json"
        self._state.write_text(json.dumps(CONFIGURATION))
        programs = folder / "bin"
        programs.mkdir()
        command = programs / "firewall-cmd"
        command.write_text(_COMMAND.format(python=sys.executable, state=str(self._state)))
        command.chmod(0o755)
        monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")

    @property
    def configuration(self) -> Dict[str, Any]:
        """What is configured now."""
        found: Dict[str, Any] = json.loads(self._state.read_text())
        return found
