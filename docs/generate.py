"""Generates the reference of the configuration and of the modules from their declarations; called by bin/docs."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
from pathlib import Path
from typing import NamedTuple

import minion
from master.config import MasterSettings
from minion.config import MinionSettings
from minion.settings import BaseSettings, reference
from roster import host
from roster.checks import SSH_OPTIONS

DOCS = Path(__file__).parent
PACKAGE = Path(minion.__file__).parent


def options(title: str, kind: type[BaseSettings]) -> str:
    """One table of declared options."""
    lines = [f"## {title}", "", "| option | type | default | what it does |", "|---|---|---|---|"]
    for name, type_, default, doc in reference(kind):
        cells = (f"`{name}`", f"`{type_}`", f"`{default}`", doc)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def configuration() -> str:
    """docs/configuration.md."""
    head = (
        "# Configuration\n\n"
        "Made by `bin/docs` from the declarations in `master/config.py` and `minion/config.py`.\n\n"
        "Files are YAML: `/etc/salt/master` and `/etc/salt/master.d/*.conf`, `/etc/salt/minion` and\n"
        "`/etc/salt/minion.d/*.conf`; `-c FOLDER` or the variable `SALT_CONFIG_DIR` names another folder. Options\n"
        "that Saltern does not know are kept, so that `config.get` and templates find them, and are reported once.\n"
    )
    parts = (head, options("Master", MasterSettings), options("Minion", MinionSettings))
    return "\n".join(parts)


def modules() -> str:
    """docs/modules.md."""
    lines = [
        "# Execution modules",
        "",
        "Made by `bin/docs` from the docstrings. `salt TARGET sys.doc MODULE` prints the whole text.",
    ]
    for name, functions in _modules("modules").items():
        lines += ["", f"## {name}", ""]
        lines += [f"- `{name}.{function}`: {found.summary}" for function, found in functions.items()]
    return "\n".join(lines) + "\n"


def states() -> str:
    """docs/state-modules.md."""
    lines = [
        "# State modules",
        "",
        "Made by `bin/docs` from the docstrings. `salt TARGET sys.state_doc MODULE` prints the same. What every state",
        "takes (requisites, `unless`, `retry`, ...) is in [states.md](states.md). An argument without a default is",
        "needed; `name` is the ID of the state if it is not given.",
    ]
    for name, functions in _modules("states").items():
        lines += ["", f"## {name}"]
        for function, found in functions.items():
            lines += ["", f"### {name}.{function}", "", found.text]
            lines += ["", *found.arguments()] if found.defaults else []
    return "\n".join(lines) + "\n"


class Function(NamedTuple):
    """What the source of a function says of it."""

    doc: str
    defaults: dict[str, str]  # argument -> default as it is written, empty if there is none

    @property
    def summary(self) -> str:
        """The first line."""
        return self.doc.partition("\n")[0]

    @property
    def text(self) -> str:
        """What stands before the arguments."""
        return self.doc.partition("Args:\n")[0].partition("CLI Example:")[0].strip()

    def arguments(self) -> list[str]:
        """A list of the arguments, with what is said of them."""
        items: list[str] = []
        for line in self.doc.partition("Args:\n")[2].splitlines():
            if re.match(r" {4}\S", line):
                items.append(line.strip())
            elif items and line.startswith(" " * 8):
                items[-1] += " " + line.strip()
            else:
                break
        said = {names: text for names, _, text in (item.partition(": ") for item in items)}
        told = {name.strip(): names for names in said for name in names.split(",")}
        lines = [f"- {', '.join(self._shown(name) for name in names.split(','))}: {said[names]}" for names in said]
        rest = [self._shown(name) for name in self.defaults if name not in told]
        return lines + ([f"- {', '.join(rest)}"] if rest else [])

    def _shown(self, name: str) -> str:
        name = name.strip()
        default = self.defaults.get(name, "")
        return f"`{name}: {default}`" if default else f"`{name}`"


def _modules(kind: str) -> dict[str, dict[str, Function]]:
    """Module -> function -> what its source says, of execution modules or states."""
    found: dict[str, dict[str, Function]] = {}
    for path in sorted((PACKAGE / kind).glob("[!_]*.py")):
        name, functions = _read(path)
        found.setdefault(name, {}).update(functions)
    return {name: dict(sorted(found[name].items())) for name in sorted(found)}


def agentless() -> str:
    """docs/agentless.md, with the fields of hosts."""
    fields = ["| field | default | what it is for |", "|---|---|---|"]
    fields += [f"| `{name}` | {f'`{default}`' if default else ''} | {doc} |" for name, default, doc in host.reference()]
    keywords = [", ".join(f"`{keyword}`" for keyword in sorted(SSH_OPTIONS))]
    text = (DOCS / "agentless.md").read_text(encoding="utf-8")
    for mark, lines in (("fields", fields), ("keywords", keywords)):
        before, _, rest = text.partition(f"<!-- {mark} -->\n")
        after = rest.partition(f"<!-- end of {mark} -->\n")[2]
        text = before + "\n".join([f"<!-- {mark} -->", *lines, f"<!-- end of {mark} -->"]) + "\n" + after
    return text


def _read(path: Path) -> tuple[str, dict[str, Function]]:
    """The name of a module and its public functions.

    Read from the source, so that modules count which do not fit the machine that makes the documentation.
    """
    tree = ast.parse(path.read_text())
    assigned = [
        (target.id, node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]
    constants = {
        name: ast.literal_eval(value)
        for name, value in assigned
        if name in ("__virtualname__", "__func_alias__") and isinstance(value, (ast.Constant, ast.Dict))
    }
    aliases = constants.get("__func_alias__", {})
    functions = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            functions[node.name] = Function(ast.get_docstring(node) or "", _defaults(node.args))
    for name, value in assigned:  # other names of functions
        if isinstance(value, ast.Name) and value.id in functions and not name.startswith("_"):
            functions[name] = functions[value.id]
        elif isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id.startswith("_"):
            made = getattr(importlib.import_module(f"minion.{path.parent.name}.{path.stem}"), name)
            if inspect.isfunction(made) and not name.startswith("_"):
                functions[name] = Function(inspect.getdoc(made) or "", {})
    named = {aliases.get(name, name): function for name, function in functions.items()}
    return str(constants.get("__virtualname__", path.stem)), named


def _defaults(args: ast.arguments) -> dict[str, str]:
    """Argument -> its default as YAML has it, empty if there is none."""
    names = [arg.arg for arg in args.args]
    written = [ast.unparse(default).replace("None", "null") for default in args.defaults]
    defaults = dict(zip(names, [""] * (len(names) - len(written)) + written, strict=True))
    return {name: default.lower() if default in ("True", "False") else default for name, default in defaults.items()}


def main() -> int:
    """Writes or checks."""
    stale = 0
    for name, text in (
        ("agentless.md", agentless()),
        ("configuration.md", configuration()),
        ("modules.md", modules()),
        ("state-modules.md", states()),
    ):
        path = DOCS / name
        if "--check" in sys.argv:
            if not path.exists() or path.read_text() != text:
                print(f"docs/{name} is not up to date: run bin/docs")
                stale = 1
        else:
            path.write_text(text)
    return stale


if __name__ == "__main__":
    sys.exit(main())
