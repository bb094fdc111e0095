"""Documentation of what can be called."""

from __future__ import annotations

import os
from typing import Any

from master.runners import _parts
from minion.loader import Loader

__opts__: dict[str, Any]
__salt__: Loader


def runner() -> dict[str, str]:
    """The documentation of all runners.

    CLI Example:

    .. code-block:: bash

        salt-run doc.runner
    """
    return _docs(__salt__)


def wheel() -> dict[str, str]:
    """The documentation of your own wheel modules, which lie in `wheel` below `extension_modules`.

    CLI Example:

    .. code-block:: bash

        salt-run doc.wheel
    """
    folder = os.path.join(str(__opts__["extension_modules"]), "wheel")
    return _docs(Loader("wheel", [folder], {"__opts__": __opts__}))


def execution() -> dict[str, str]:
    """The documentation of all functions that some minion has.

    CLI Example:

    .. code-block:: bash

        salt-run doc.execution
    """
    found: dict[str, str] = {}
    for docs in _parts.client(__opts__).cmd("*", "sys.doc", timeout=__opts__["timeout"]).values():
        for name, text in docs.items() if isinstance(docs, dict) else ():
            found.setdefault(name, text)
    return dict(sorted(found.items()))


def _docs(functions: Loader) -> dict[str, str]:
    from minion.modules import _listing

    return _listing.docs(functions, ())
