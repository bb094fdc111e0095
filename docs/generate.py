"""Generates the reference of the configuration and of the modules from their declarations; called by bin/docs."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

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
        "# Modules",
        "",
        "Made by `bin/docs` from the docstrings. `salt TARGET sys.doc MODULE` prints the whole text.",
    ]
    for title, kind in (("Execution modules", "modules"), ("State modules", "states")):
        by_module: dict[str, dict[str, str]] = {}
        for path in sorted((PACKAGE / kind).glob("[!_]*.py")):
            name, functions = _read(path)
            by_module.setdefault(name, {}).update(functions)
        lines += ["", f"## {title}"]
        for name in sorted(by_module):
            lines += ["", f"### {name}", ""]
            lines += [f"- `{name}.{function}`: {doc}" for function, doc in sorted(by_module[name].items())]
    return "\n".join(lines) + "\n"


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


def _read(path: Path) -> tuple[str, dict[str, str]]:
    """The name of a module and its public functions with the first lines of their docstrings.

    Read from the source, so that modules count which do not fit the machine that makes the documentation.
    """
    tree = ast.parse(path.read_text())
    constants = {
        target.id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, (ast.Constant, ast.Dict))
        for target in node.targets
        if isinstance(target, ast.Name) and target.id in ("__virtualname__", "__func_alias__")
    }
    aliases = constants.get("__func_alias__", {})
    functions = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            doc = ast.get_docstring(node) or ""
            functions[aliases.get(node.name, node.name)] = doc.partition("\n")[0]
    return str(constants.get("__virtualname__", path.stem)), functions


def main() -> int:
    """Writes or checks."""
    stale = 0
    for name, text in (
        ("agentless.md", agentless()),
        ("configuration.md", configuration()),
        ("modules.md", modules()),
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
