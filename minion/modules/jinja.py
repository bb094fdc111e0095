"""Shows what Jinja makes of the state tree's files, for debugging on the command line."""

from __future__ import annotations

import io
import json
from typing import Any, Dict

__opts__: Dict[str, Any]
__loaders__: Any


def _rendered(template: str) -> Any:
    text = __loaders__.renderers["jinja"](io.StringIO(template), "base", "")
    return json.loads(text.read())


def load_map(path: str, value: str) -> Any:
    """A variable of a Jinja file, such as a formula's map.

    Args:
        path: of the file, relative to the file roots.
        value: name of the variable.

    CLI Example:

    .. code-block:: bash

        salt myminion jinja.load_map template/map.jinja mapdata
    """
    return _rendered(f'{{% from "{path}" import {value} with context %}}{{{{ {value} | tojson }}}}')


def import_yaml(path: str) -> Any:
    """What `import_yaml` reads from a file.

    Args:
        path: of the file, relative to the file roots.

    CLI Example:

    .. code-block:: bash

        salt myminion jinja.import_yaml template/defaults.yaml
    """
    return _rendered(f'{{% import_yaml "{path}" as imported %}}{{{{ imported | tojson }}}}')


def import_json(path: str) -> Any:
    """What `import_json` reads from a file.

    Args:
        path: of the file, relative to the file roots.

    CLI Example:

    .. code-block:: bash

        salt myminion jinja.import_json template/defaults.json
    """
    return _rendered(f'{{% import_json "{path}" as imported %}}{{{{ imported | tojson }}}}')


def render(template: str, **context: Any) -> str:
    """A text rendered with Jinja.

    Args:
        template: the text.
        context: its variables.

    CLI Example:

    .. code-block:: bash

        salt myminion jinja.render '{{ grains.os }} {{ x }}' x=1
    """
    names = {key: value for key, value in context.items() if not key.startswith("__")}
    return str(__loaders__.renderers["jinja"](io.StringIO(template), "base", "", context=names).read())
